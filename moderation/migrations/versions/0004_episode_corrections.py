"""Who waits, kept up to date by thread, and what moderators corrected about episodes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

# As with decisions, only erasing a person may touch a row.
APPEND_ONLY = """
CREATE TRIGGER episode_corrections_are_append_only BEFORE UPDATE OR DELETE ON episode_corrections
    FOR EACH ROW EXECUTE FUNCTION decisions_are_append_only();
"""


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "waits",
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("post_id", sa.Text(), nullable=False),
        sa.Column("thread_id", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("topic_id", sa.BigInteger(), nullable=True),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("answer_post_id", sa.Text(), nullable=True),
        sa.Column("worked", sa.Text(), nullable=True),
        sa.Column("contents", postgresql.JSONB(), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("worked_out_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('episode', 'question')", name=op.f("ck_waits_kind")),
        sa.ForeignKeyConstraint(
            ["community_id", "post_id"],
            ["posts.community_id", "posts.id"],
            name=op.f("fk_waits_community_id_post_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("community_id", "kind", "post_id", name=op.f("pk_waits")),
    )
    op.create_index("ix_waits_time", "waits", ["community_id", "kind", "started_at", "post_id"], unique=False)
    op.create_index("ix_waits_thread", "waits", ["community_id", "thread_id"], unique=False)
    op.create_index("ix_waits_open", "waits", ["community_id"], unique=False, postgresql_where=sa.text("is_open"))
    op.create_table(
        "episode_corrections",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("episode_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("post_id", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("put_right_by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("before", postgresql.JSONB(), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("moderator_id", sa.BigInteger(), nullable=False),
        sa.Column("undoes", sa.BigInteger(), nullable=True),
        sa.Column("corrected_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "action IN ('episode', 'no_episode', 'other_start', 'reply_kind', 'amplifies', 'amplifies_not', "
            "'corrected', 'not_corrected', 'undo')",
            name=op.f("ck_episode_corrections_action"),
        ),
        sa.CheckConstraint(
            "(action = 'undo') = (undoes IS NOT NULL)", name=op.f("ck_episode_corrections_undo_names_a_correction")
        ),
        sa.CheckConstraint(
            "(action = 'reply_kind') = (kind IS NOT NULL)", name=op.f("ck_episode_corrections_kind_of_reply")
        ),
        sa.CheckConstraint(
            "(action = 'corrected') = (put_right_by IS NOT NULL)",
            name=op.f("ck_episode_corrections_put_right_by_somebody"),
        ),
        sa.CheckConstraint(
            "(action IN ('other_start', 'reply_kind', 'amplifies', 'amplifies_not', 'corrected')) "
            "= (post_id IS NOT NULL)",
            name=op.f("ck_episode_corrections_names_a_post"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_episode_corrections_community_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["moderator_id"], ["moderators.id"], name=op.f("fk_episode_corrections_moderator_id")),
        sa.ForeignKeyConstraint(["undoes"], ["episode_corrections.id"], name=op.f("fk_episode_corrections_undoes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_episode_corrections")),
        sa.UniqueConstraint("undoes", name=op.f("uq_episode_corrections_undoes")),
    )
    op.create_index(
        "ix_episode_corrections_episode", "episode_corrections", ["community_id", "episode_id", "id"], unique=False
    )
    op.execute(APPEND_ONLY)
