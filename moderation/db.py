"""The database: one engine, and the only place that commits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from psycopg.conninfo import make_conninfo
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from moderation.errors import DatabaseUnavailable
from moderation.server import bundled_server
from moderation.settings import Settings

MIGRATIONS = Path(__file__).parent / "migrations"
MIN_POSTGRES = 150000
MIN_PGVECTOR = (0, 7)
N_CONNECTIONS = 10


class Database:
    """An open PostgreSQL database with pgvector; use `open_database` to get one.

    Attributes
    ----------
    url : with its password; never shown.
    revive : starts the bundled server again if something killed it; does nothing for a server of somebody else.
    """

    def __init__(self, url: URL, *, revive: Callable[[], None] = lambda: None) -> None:
        self.revive = revive
        self.url = url.set(drivername="postgresql+psycopg")
        # A plan that was prepared for other settings would stick; a server that restarted must not break the pool.
        self.engine: Engine = create_engine(
            self.url,
            pool_size=N_CONNECTIONS,
            pool_pre_ping=True,
            hide_parameters=True,  # errors are logged, posts are not
            connect_args={"prepare_threshold": None},
        )
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """All or nothing: commits when the block ends, rolls back when it raises."""
        with self._sessions() as session, session.begin():
            yield session

    @property
    def conninfo(self) -> str:
        """The same database for libraries that speak to psycopg themselves."""
        # Not the URL as text: that writes a space in the query as "+", which libpq takes literally.
        parts = self.url.translate_connect_args(username="user", database="dbname")
        return make_conninfo("", **{name: str(part) for name, part in {**parts, **self.url.query}.items()})

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


@contextmanager
def open_database(settings: Settings, *, report: Callable[[str], None] | None = None) -> Iterator[Database]:
    """Open the configured server, or start the bundled one; it stops when its last user leaves.

    Raises
    ------
    DatabaseUnavailable
        The server cannot be started or reached, is too old or has no pgvector.
    """
    if settings.database_url is not None:
        yield from _opened(Database(_parsed(settings.database_url)))
        return

    def revive() -> None:
        # Its other users keep it running when this block ends.
        with bundled_server(settings.home, report=report):
            pass

    with bundled_server(settings.home, report=report) as server:
        yield from _opened(Database(server.url, revive=revive))


def _opened(database: Database) -> Iterator[Database]:
    try:
        _check_server(database)
        yield database
    finally:
        database.close()


def _parsed(database_url: str) -> URL:
    try:
        url = make_url(database_url)
    except ArgumentError as error:
        raise DatabaseUnavailable(
            "KLANKBORD_DATABASE_URL is no URL; write it as postgresql://user:password@host:5432/name"
        ) from error
    if not url.drivername.startswith("postgres"):
        raise DatabaseUnavailable(f"KLANKBORD_DATABASE_URL names {url.drivername}; only postgresql:// can be used")
    return url


def _check_server(database: Database) -> None:
    try:
        with database.engine.connect() as connection:
            version = int(connection.execute(text("SHOW server_version_num")).scalar_one())
            available = connection.execute(
                text("SELECT default_version FROM pg_available_extensions WHERE name = 'vector'")
            ).scalar_one_or_none()
    except OperationalError as error:
        where = database.url.render_as_string(hide_password=True)
        first_line = str(error.orig).strip().splitlines()[0]
        raise DatabaseUnavailable(f"no database at {where}: {first_line}") from error
    if version < MIN_POSTGRES:
        raise DatabaseUnavailable(f"PostgreSQL {version // 10000} is too old; use {MIN_POSTGRES // 10000} or later")
    if available is None or tuple(int(part) for part in available.split(".")[:2]) < MIN_PGVECTOR:
        found = "no pgvector" if available is None else f"pgvector {available}"
        needed = ".".join(map(str, MIN_PGVECTOR))
        raise DatabaseUnavailable(
            f"the database server has {found}; install pgvector {needed} or later, or leave KLANKBORD_DATABASE_URL out"
        )


def migrate(database: Database) -> None:
    """Bring the tables up to date; a second process that does so at the same time waits for the first.

    Raises
    ------
    DatabaseUnavailable
        The user of the database may not make tables, or the tables were made by a newer version.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["engine"] = database.engine
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise DatabaseUnavailable("the tables were made by a newer version of Klankbord; install that one") from error
    except DBAPIError as error:
        raise DatabaseUnavailable(f"the tables cannot be made: {str(error.orig).strip().splitlines()[0]}") from error
