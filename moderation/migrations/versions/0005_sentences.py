"""Which sentences carry a post's signals, kept with its scores."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make it."""
    op.add_column("scores", sa.Column("sentences", postgresql.JSONB(), nullable=True))
