"""Proposals of sub-communities and niches with their identity, and what people decided on them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"

# As with decisions, only erasing a person may touch a row.
APPEND_ONLY = """
CREATE TRIGGER proposal_events_are_append_only BEFORE UPDATE OR DELETE ON proposal_events
    FOR EACH ROW EXECUTE FUNCTION decisions_are_append_only();
"""


def upgrade() -> None:
    """Make it."""
    op.create_table(
        "proposals",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("first_found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("parts", postgresql.JSONB(), nullable=False),
        sa.Column("contents", postgresql.JSONB(), nullable=False),
        sa.Column("followed", postgresql.JSONB(), nullable=True),
        sa.CheckConstraint("kind IN ('split', 'niche', 'merge', 'revive')", name=op.f("ck_proposals_kind")),
        sa.CheckConstraint(
            "state IN ('proposed', 'declined', 'accepted', 'withdrawn', 'returned')", name=op.f("ck_proposals_state")
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_proposals_community_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposals")),
    )
    op.create_index("ix_proposals_community", "proposals", ["community_id", "kind", "id"], unique=False)
    op.create_table(
        "proposal_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("proposal_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("moderator_id", sa.BigInteger(), nullable=True),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('proposed', 'withdrawn', 'returned', 'declined', 'accepted', 'reopened')",
            name=op.f("ck_proposal_events_kind"),
        ),
        sa.CheckConstraint(
            "(kind IN ('declined', 'accepted', 'reopened')) = (moderator_id IS NOT NULL)",
            name=op.f("ck_proposal_events_decided_by_somebody"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_proposal_events_community_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["moderator_id"], ["moderators.id"], name=op.f("fk_proposal_events_moderator_id")),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposals.id"], name=op.f("fk_proposal_events_proposal_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal_events")),
    )
    op.create_index("ix_proposal_events_proposal", "proposal_events", ["proposal_id", "id"], unique=False)
    op.execute(APPEND_ONLY)
