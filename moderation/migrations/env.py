"""Runs the migrations one process at a time, each run in one transaction."""

from alembic import context
from sqlalchemy import Engine, text

from moderation.tables import Base

#: Any number that nobody else locks in this database.
MIGRATION_LOCK = 7_225_662


def is_ours(name: str | None, type_: str, _parents: object) -> bool:
    """Leave the tables of the job queue to the job queue."""
    return not (type_ == "table" and name is not None and name.startswith("procrastinate_"))


engine: Engine = context.config.attributes["engine"]
with engine.connect() as connection, connection.begin():
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
    context.configure(connection=connection, target_metadata=Base.metadata, include_name=is_ours, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()
