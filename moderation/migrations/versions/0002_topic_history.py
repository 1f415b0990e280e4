"""History of topics, and what moderators asked of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

# As with decisions, only erasing a person may touch a row.
APPEND_ONLY = """
CREATE TRIGGER topic_orders_are_append_only BEFORE UPDATE OR DELETE ON topic_orders
    FOR EACH ROW EXECUTE FUNCTION decisions_are_append_only();
"""


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "topic_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("topic_id", sa.BigInteger(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("name_before", sa.Text(), nullable=True),
        sa.Column("n_posts_before", sa.BigInteger(), nullable=False),
        sa.Column("n_posts_after", sa.BigInteger(), nullable=False),
        sa.Column("other_ids", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("went_to", postgresql.JSONB(), nullable=False),
        sa.Column("came_from", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('kept', 'renamed', 'split', 'merged', 'new', 'retired')", name=op.f("ck_topic_events_kind")
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_topic_events_community_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topic_events")),
    )
    op.create_index("ix_topic_events_time", "topic_events", ["community_id", "happened_at", "topic_id"], unique=False)
    op.create_index("ix_topic_events_topic", "topic_events", ["community_id", "topic_id", "happened_at"], unique=False)
    op.create_table(
        "topic_states",
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("topic_id", sa.BigInteger(), nullable=False),
        sa.Column("fitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("named_by_moderator", sa.Boolean(), nullable=False),
        sa.Column("terms", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("n_posts", sa.BigInteger(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("exemplar_ids", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("theme_id", sa.BigInteger(), nullable=True),
        sa.Column("theme_name", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_topic_states_community_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("community_id", "topic_id", "fitted_at", name=op.f("pk_topic_states")),
    )
    op.create_table(
        "topic_orders",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("topic_id", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("other_topic_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("before", postgresql.JSONB(), nullable=False),
        sa.Column("moderator_id", sa.BigInteger(), nullable=False),
        sa.Column("undoes", sa.BigInteger(), nullable=True),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "action IN ('rename', 'merge', 'pin', 'unpin', 'keep_apart', 'undo')", name=op.f("ck_topic_orders_action")
        ),
        sa.CheckConstraint(
            "(action = 'undo') = (undoes IS NOT NULL)", name=op.f("ck_topic_orders_undo_names_an_order")
        ),
        sa.CheckConstraint(
            "(action IN ('merge', 'keep_apart')) = (other_topic_id IS NOT NULL) OR action = 'undo'",
            name=op.f("ck_topic_orders_other_topic"),
        ),
        sa.CheckConstraint("action <> 'rename' OR name IS NOT NULL", name=op.f("ck_topic_orders_new_name")),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_topic_orders_community_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["moderator_id"], ["moderators.id"], name=op.f("fk_topic_orders_moderator_id")),
        sa.ForeignKeyConstraint(["undoes"], ["topic_orders.id"], name=op.f("fk_topic_orders_undoes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topic_orders")),
        sa.UniqueConstraint("undoes", name=op.f("uq_topic_orders_undoes")),
    )
    op.create_index("ix_topic_orders_topic", "topic_orders", ["community_id", "topic_id", "id"], unique=False)
    op.execute(APPEND_ONLY)
