"""History of topics, and what moderators asked of them."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make them."""
