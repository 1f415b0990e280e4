"""Members' own choices: who is left out of member statistics, and which accounts are one person's."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make it."""
