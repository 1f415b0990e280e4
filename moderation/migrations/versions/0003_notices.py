"""Alarms, webhooks and who gets a digest."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make them."""
