"""The share answered within a time, in words."""

from collections.abc import Mapping
from typing import Any

from moderation.reports.wording import DAY_SECONDS, HOUR_SECONDS, Wording

HORIZON_SECONDS = {"1h": HOUR_SECONDS, "4h": 4 * HOUR_SECONDS, "24h": DAY_SECONDS, "72h": 3 * DAY_SECONDS}

Contents = Mapping[str, Any]


def within_words(clock: Contents, horizon: str, wording: Wording) -> str:
    """The share answered within a time, with its interval or as "at least"."""
    share = clock["answered_within"][horizon]
    if share is None:
        return wording.say("unknown.no_waits")
    said = wording.share(share)
    curve = clock["curve"]
    if HORIZON_SECONDS[horizon] > curve[-1][0] and curve[-1][1] > 0:
        return wording.say("at_least", share=said)
    return wording.span(share, *clock["answered_within_ci"][horizon])
