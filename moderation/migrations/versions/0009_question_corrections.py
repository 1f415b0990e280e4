"""Moderators may say of a post that it is a question, or none."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Allow it."""
    name = op.f("ck_episode_corrections_action")
    op.drop_constraint(name, "episode_corrections")
    op.create_check_constraint(
        name,
        "episode_corrections",
        "action IN ('episode', 'no_episode', 'other_start', 'reply_kind', 'amplifies', 'amplifies_not', "
        "'corrected', 'not_corrected', 'question', 'no_question', 'undo')",
    )
