"""Proposals of sub-communities and niches with their identity, and what people decided on them."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make it."""
