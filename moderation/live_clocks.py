"""The clocks of response_times.json as they stand this moment, from the episodes that are kept by thread."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.communities import community_of
from moderation.reports.wording import read_moment
from moderation.response_clocks import Wait, business_clock_json, clock_json, iso
from moderation.stored_corpus import end_of_data
from moderation.tables import CommunityRow, WaitRow

REPLY_AT: Mapping[str, str] = {
    "any": "first_answer_at",
    "staff": "first_staff_answer_at",
    "peer": "first_peer_answer_at",
    "touched": "first_touch_at",
}
"""By clock, the moment in a kept episode that stops it."""


def live_clocks(session: Session, community: CommunityRow) -> dict[str, Any]:
    """`end_at`, `clocks`, `touched` and `staff_business_hours`; empty where no episode is kept yet."""
    waiting = live_waiting(session, community)
    return {name: part for name, part in waiting.items() if name not in ("episodes", "n_episodes_without_author")}


def live_waiting(session: Session, community: CommunityRow) -> dict[str, Any]:
    """The clocks with the episodes that they are made of, as in response_times.json; empty where none is kept yet."""
    mine = WaitRow.community_id == community.id, WaitRow.kind == "episode"
    statement = select(WaitRow.contents).where(*mine).order_by(WaitRow.started_at, WaitRow.post_id)
    episodes = session.scalars(statement).all()
    end_at = end_of_data(session, community.id)
    if not episodes or end_at is None:
        return {}
    settings = community_of(community)
    waits = {
        clock: kept_waits(episodes, clock, end_at=end_at, watched_since=settings.watched_since) for clock in REPLY_AT
    }
    return {
        "end_at": iso(end_at),
        "episodes": list(episodes),
        "n_episodes_without_author": sum(episode["clocks_reason"] is not None for episode in episodes),
        "clocks": {clock: clock_json(waits[clock]) for clock in ("any", "staff", "peer")},
        "touched": clock_json(waits["touched"]),
        "staff_business_hours": business_clock_json(waits["staff"], settings, end_at),
    }


def kept_waits(
    episodes: Sequence[Mapping[str, Any]], clock: str, *, end_at: datetime, watched_since: datetime | None
) -> list[Wait]:
    """The wait of each episode with a known author on one clock, as `moderation.waits.episode_waits` has them.

    Parameters
    ----------
    episodes : the contents of kept rows, in time order.
    """
    known = [episode for episode in episodes if episode["clocks_reason"] is None]
    waits = [
        _wait(episode, row, REPLY_AT[clock], end_at=end_at, watched_since=watched_since)
        for row, episode in enumerate(known)
    ]
    return [wait for wait in waits if wait.was_watched]


def _wait(
    episode: Mapping[str, Any], row: int, reply_at: str, *, end_at: datetime, watched_since: datetime | None
) -> Wait:
    started_at = read_moment(episode["started_at"])
    replied_at = None if episode[reply_at] is None else read_moment(episode[reply_at])
    ended_at = None if episode["ended_at"] is None else read_moment(episode["ended_at"])
    stopped_at, code = (end_at, "end") if ended_at is None or ended_at > end_at else (ended_at, episode["ended_by"])
    return Wait(
        started_at=started_at,
        ended_at=replied_at or stopped_at,
        answered=replied_at is not None,
        code=None if replied_at is not None else code,
        watched_from=started_at if watched_since is None else max(started_at, watched_since),
        row=row,
    )
