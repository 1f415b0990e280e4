"""Signs that a member who took part is leaving: a silence far beyond the member's own rhythm, and what came before it.

A sign is a reason to ask how somebody is, never a judgement. It is shown only where the same figures, worked out on the
community's own past, told who stayed silent (`check`).
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np
from scipy import stats

from moderation.corpus import Corpus
from topics.leaving import MIN_DAYS, MIN_SPAN_DAYS, Rhythm, TooFewGaps, learn_rhythm, own_gap

NEXT_DAYS = 90
MAX_SILENT_DAYS = 180
"""Who was silent for longer has left; that is no sign any more."""
MAX_P_GAP = 0.05
"""Of the silences of somebody with such a rhythm who comes back, at most one in twenty lasts so long."""
MIN_P_SILENT = 0.6
RARELY = 0.25
"""Fewer days with a post than this share of what the member's own past lets one expect."""
MAX_LOOKS = 4
"""So many times, 90 days apart, the past of the community is looked at to check the signs."""
MIN_CHECKED, MIN_SIGNS = 20, 10
N_LAST_POSTS = 5
MIN_TONE_FALL = 0.1

NoSign = Literal["too_few_days", "has_left", "within_rhythm", "too_few_gaps", "too_few_to_check", "did_not_hold"]
DAY = timedelta(days=1)
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True)
class Outlook:
    """How a member's silence compares with the member's own rhythm.

    Attributes
    ----------
    p_gap : chance that somebody with such a rhythm who is to come back stays away so long, in [0, 1].
    p_silent : chance of no post in the next 90 days either, in [0, 1].
    """

    author_id: str
    n_days: int
    usual_gap_days: float
    silent_days: int
    p_gap: float
    p_silent: float

    @property
    def is_sign(self) -> bool:
        """Whether the silence is far beyond the member's own rhythm and likely to last."""
        return self.p_gap <= MAX_P_GAP and self.p_silent >= MIN_P_SILENT


def leaving_signs(
    corpus: Corpus, author_ids: Sequence[str], response_times: Mapping[str, Any]
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """For each member the sign of leaving or why there is none, and what the signs rest on.

    Parameters
    ----------
    author_ids : of the members, in order.
    response_times : contents of response_times.json.

    Returns
    -------
    By author id: `leaving` (the figures and what happened last; None = no sign) and `leaving_reason`. And the summary
    for members.json: how many were looked at, the rhythm of the community, and the check on its past.
    """
    days_of = days_written(corpus, author_ids)
    if not days_of:
        return {}, _summary(None, None, [], "too_few_gaps")
    today = max(days[-1] for days in days_of.values())
    check = check_on_the_past(days_of, today=today)
    try:
        rhythm = learn_rhythm([days_of[author_id] for author_id in sorted(days_of)], today=today)
    except TooFewGaps:
        return _nobody(author_ids, "too_few_gaps"), _summary(None, check, [], "too_few_gaps")
    outlooks = {author_id: _outlook(author_id, days_of.get(author_id, ()), rhythm, today) for author_id in author_ids}
    looked_at = [each for each in outlooks.values() if isinstance(each, Outlook)]
    if check["reason"] is not None:
        reason: NoSign = check["reason"]
        silenced = {author_id: reason if isinstance(each, Outlook) else each for author_id, each in outlooks.items()}
        nobody = {author_id: {"leaving": None, "leaving_reason": why} for author_id, why in silenced.items()}
        return nobody, _summary(rhythm, check, looked_at, reason)
    last = _LastSeen(corpus, response_times)
    entries = {author_id: _entry(each, last) for author_id, each in outlooks.items()}
    return entries, _summary(rhythm, check, looked_at, None)


def days_written(corpus: Corpus, author_ids: Collection[str]) -> dict[str, list[int]]:
    """The numbers of the days (UTC) on which each author wrote, rising."""
    known = frozenset(author_ids)
    days: dict[str, list[int]] = defaultdict(list)
    for row in np.flatnonzero(corpus.visible).tolist():
        post = corpus.posts[row]
        if post.author_id in known:
            assert post.author_id is not None
            day = (post.created_at - EPOCH) // DAY
            if not days[post.author_id] or days[post.author_id][-1] != day:
                days[post.author_id].append(day)
    return dict(days)


def check_on_the_past(days_of: Mapping[str, Sequence[int]], *, today: int, n_looks: int = MAX_LOOKS) -> dict[str, Any]:
    """Look from earlier days, with what was known then, and compare with the 90 days after.

    Returns
    -------
    n_looks, n_checked (members looked at, once for each look), base_share (of them silent for 90 days), n_signs,
    precision (of the signs silent) with its Wilson interval, n_rarely (silent, or less than a quarter of their own
    past), and `reason`: why the signs are not to be shown, None = they held.
    """
    found: list[tuple[bool, bool, bool]] = []
    looks = [today - NEXT_DAYS * step for step in range(1, n_looks + 1)]
    n_used = 0
    for then in looks:
        judged = _look_from(days_of, then)
        n_used += bool(judged)
        found += judged
    silent_after_sign = [silent for is_sign, silent, _ in found if is_sign]
    n_silent = sum(silent for _, silent, _ in found)
    interval = _wilson(sum(silent_after_sign), len(silent_after_sign))
    base = n_silent / len(found) if found else None
    reason: NoSign | None = None
    if len(found) < MIN_CHECKED or len(silent_after_sign) < MIN_SIGNS:
        reason = "too_few_to_check"
    elif interval is not None and base is not None and interval[0] <= base:
        reason = "did_not_hold"
    return {
        "n_looks": n_used,
        "n_checked": len(found),
        "base_share": _rounded(base),
        "n_signs": len(silent_after_sign),
        "n_silent": sum(silent_after_sign),
        "n_rarely": sum(rarely for is_sign, _, rarely in found if is_sign),
        "precision": _rounded(sum(silent_after_sign) / len(silent_after_sign) if silent_after_sign else None),
        "precision_ci": None if interval is None else [_rounded(bound) for bound in interval],
        "reason": reason,
    }


def _look_from(days_of: Mapping[str, Sequence[int]], then: int) -> list[tuple[bool, bool, bool]]:
    """For each member who had a rhythm by then: whether there was a sign, and who was silent or rare afterwards."""
    before = {author_id: [day for day in days if day <= then] for author_id, days in sorted(days_of.items())}
    try:
        rhythm = learn_rhythm([days for days in before.values() if days], today=then)
    except TooFewGaps:
        return []
    found = []
    for author_id, days in before.items():
        outlook = _outlook(author_id, days, rhythm, then)
        if isinstance(outlook, Outlook):
            n_after = sum(then < day <= then + NEXT_DAYS for day in days_of[author_id])
            expected = len(days) / (days[-1] - days[0] + 1) * NEXT_DAYS
            found.append((outlook.is_sign, n_after == 0, n_after < RARELY * expected))
    return found


def _outlook(author_id: str, days: Sequence[int], rhythm: Rhythm, today: int) -> Outlook | NoSign:
    if len(days) < MIN_DAYS or days[-1] - days[0] < MIN_SPAN_DAYS:
        return "too_few_days"
    silent_days = today - days[-1]
    if silent_days > MAX_SILENT_DAYS:
        return "has_left"
    usual = own_gap(days)
    return Outlook(
        author_id=author_id,
        n_days=len(days),
        usual_gap_days=round(usual, 1),
        silent_days=silent_days,
        p_gap=round(rhythm.p_gap_longer(usual, silent_days), 3),
        p_silent=round(rhythm.p_silent(usual, silent_days, next_days=NEXT_DAYS), 3),
    )


class _LastSeen:
    """What happened around a member's last posts."""

    def __init__(self, corpus: Corpus, response_times: Mapping[str, Any]) -> None:
        self._corpus = corpus
        unanswered = [each["post_id"] for each in response_times["unanswered_questions"]]
        unanswered += [each["id"] for each in response_times["episodes"] if _is_unanswered(each)]
        self._unanswered: dict[str, list[str]] = defaultdict(list)
        self._rows: dict[str, list[int]] = defaultdict(list)
        for row in sorted({corpus.row_of[post_id] for post_id in unanswered}):
            self._unanswered[corpus.posts[row].author_id or ""].append(corpus.posts[row].id)
        for row in np.flatnonzero(corpus.visible).tolist():
            self._rows[corpus.posts[row].author_id or ""].append(row)

    def tell(self, author_id: str) -> dict[str, Any]:
        rows = self._rows[author_id]
        unanswered = self._unanswered.get(author_id, [])
        last_ids = [self._corpus.posts[row].id for row in rows[-N_LAST_POSTS:]]
        return {
            "last_post_id": last_ids[-1],
            "unanswered_post_ids": unanswered,
            "last_was_unanswered": any(post_id in unanswered for post_id in last_ids),
            "tone": self._tone(rows),
        }

    def _tone(self, rows: Sequence[int]) -> dict[str, Any] | None:
        """How negative the last posts are against those before; None = too few of either were scored."""
        p = self._corpus.p("negative")[list(rows)]
        earlier, last = p[:-N_LAST_POSTS], p[-N_LAST_POSTS:]
        earlier, last = earlier[~np.isnan(earlier)], last[~np.isnan(last)]
        if len(earlier) < N_LAST_POSTS or len(last) < N_LAST_POSTS:
            return None
        before, after = round(float(earlier.mean()), 3), round(float(last.mean()), 3)
        return {"negative_before": before, "negative_last": after, "is_falling": after - before >= MIN_TONE_FALL}


def _is_unanswered(episode: Mapping[str, Any]) -> bool:
    return episode["first_answer_at"] is None and episode["censored"] == "end"


def _entry(outlook: Outlook | NoSign, last: _LastSeen) -> dict[str, Any]:
    if not isinstance(outlook, Outlook):
        return {"leaving": None, "leaving_reason": outlook}
    if not outlook.is_sign:
        return {"leaving": None, "leaving_reason": "within_rhythm"}
    figures = {
        "n_days": outlook.n_days,
        "usual_gap_days": outlook.usual_gap_days,
        "silent_days": outlook.silent_days,
        "p_gap": outlook.p_gap,
        "p_silent_90_days": outlook.p_silent,
    }
    return {"leaving": {**figures, "what_happened_last": last.tell(outlook.author_id)}, "leaving_reason": None}


def _nobody(author_ids: Sequence[str], reason: NoSign) -> dict[str, dict[str, Any]]:
    return {author_id: {"leaving": None, "leaving_reason": reason} for author_id in author_ids}


def _summary(
    rhythm: Rhythm | None, check: Mapping[str, Any] | None, looked_at: Sequence[Outlook], reason: NoSign | None
) -> dict[str, Any]:
    return {
        "n_looked_at": len(looked_at),
        "n_signs": None if reason is not None else sum(each.is_sign for each in looked_at),
        "reason": reason,
        "check": None if check is None else dict(check),
        "rhythm": None
        if rhythm is None
        else {
            "shape": rhythm.shape,
            "left": rhythm.left,
            "base": rhythm.base,
            "slope": rhythm.slope,
            "n_gaps": rhythm.n_gaps,
        },
        "limits": {
            "days_at_least": MIN_DAYS,
            "span_days_at_least": MIN_SPAN_DAYS,
            "silent_days_at_most": MAX_SILENT_DAYS,
            "p_gap_at_most": MAX_P_GAP,
            "p_silent_at_least": MIN_P_SILENT,
        },
    }


def _wilson(n_hits: int, n: int) -> tuple[float, float] | None:
    if not n:
        return None
    interval = stats.binomtest(n_hits, n).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 3)
