"""What each post would be as a reply or a return, kept with its scores."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make it."""
    op.add_column("scores", sa.Column("talk", sa.ARRAY(sa.Double()), nullable=True))
