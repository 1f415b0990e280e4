from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from moderation.communities import save_community
from moderation.config import Community
from moderation.partner_channel import outside_partner


def pair(session: Session, inside: dict, outside: dict):
    """Two communities; "other" in their settings stands for the slug of the other one."""
    slugs = f"in-{uuid4().hex[:8]}", f"out-{uuid4().hex[:8]}"
    rows = []
    for slug, other, settings in ((slugs[0], slugs[1], inside), (slugs[1], slugs[0], outside)):
        named = {key: other if given == "other" else given for key, given in settings.items()}
        rows.append(save_community(session, slug, Community(name=slug, **named)))
    return rows


def test_an_outside_channel_that_names_the_community_is_its_partner(session: Session) -> None:
    inside, outside = pair(session, {"compared_with": "other"}, {"channel": "outside", "compared_with": "other"})
    assert outside_partner(session, inside).id == outside.id
    assert outside_partner(session, outside) is None


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ({"compared_with": "other"}, {"channel": "outside"}),  # it did not agree
        ({"compared_with": "other"}, {"channel": "outside", "compared_with": "another"}),
        ({}, {"channel": "outside", "compared_with": "other"}),  # nobody asked
        ({"compared_with": "other"}, {"compared_with": "other"}),  # both inside
        ({"compared_with": "nobody"}, {"channel": "outside", "compared_with": "other"}),
    ],
)
def test_no_community_reads_another_unless_both_agreed(session: Session, inside: dict, outside: dict) -> None:
    row, _ = pair(session, inside, outside)
    assert outside_partner(session, row) is None
