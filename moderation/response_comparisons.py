"""Who waits longer than whom: languages, topics and periods against each other."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from moderation.corpus import Corpus
from moderation.response_clocks import Wait, counts_of, group_json, logrank_json, rounded
from moderation.response_trend import TrendPeriod
from moderation.wait_tests import LogRank, adjust_p, compare_groups

MIN_WAITS = 10
"""Groups with fewer waits are counted but not compared: their curves would span most of 0 to 1."""
SIGNIFICANT_P = 0.05
NO_ANSWERS = "nobody was answered while two of the groups had people waiting"
FEW_GROUPS = f"fewer than two groups of {MIN_WAITS} waits"


def comparisons_json(
    corpus: Corpus, waits: Sequence[Wait], *, topic_of: Sequence[int | None], periods: Sequence[TrendPeriod]
) -> dict[str, Any]:
    """Whether languages, topics and periods wait equally long for any answer."""
    by_period = {period.first_day: period.waits for period in periods}
    return {
        "languages": _groups_json("language", _grouped([corpus.languages[wait.row] for wait in waits], waits)),
        "topics": _topics_json(_grouped([topic_of[wait.row] for wait in waits], waits)),
        "periods": _groups_json("from", {first.isoformat(): list(held) for first, held in by_period.items()}),
    }


def _grouped(keys: Sequence[Hashable], waits: Sequence[Wait]) -> dict[Any, list[Wait]]:
    groups: dict[Any, list[Wait]] = {}
    for key, wait in zip(keys, waits, strict=True):
        groups.setdefault(key, []).append(wait)
    return groups


def _large(groups: Mapping[Any, list[Wait]]) -> dict[Any, list[Wait]]:
    return {key: groups[key] for key in sorted(groups, key=str) if len(groups[key]) >= MIN_WAITS}


def _groups_json(name: str, groups: Mapping[str, list[Wait]]) -> dict[str, Any]:
    """Every group that is large enough, and one test over all of them."""
    large = _large(groups)
    test = compare_groups([counts_of(waits) for waits in large.values()]) if len(large) > 1 else None
    return {
        "groups": [{name: key, **group_json(waits)} for key, waits in large.items()],
        "n_left_out": sum(map(len, groups.values())) - sum(map(len, large.values())),
        "logrank": logrank_json(test, NO_ANSWERS if len(large) > 1 else FEW_GROUPS),
    }


def _topics_json(groups: Mapping[int | None, list[Wait]]) -> dict[str, Any]:
    """Every topic against all other waits; p holds for all topics together (Benjamini-Hochberg)."""
    large = {topic: waits for topic, waits in _large(groups).items() if topic is not None}
    everyone = [wait for waits in groups.values() for wait in waits]
    tests = {topic: _against_the_rest(waits, everyone) for topic, waits in large.items()}
    tested = {topic: test for topic, test in tests.items() if test is not None}
    adjusted = dict(zip(tested, adjust_p([test.p for test in tested.values()]), strict=True))
    return {
        "groups": [
            {"topic_id": topic, **group_json(large[topic]), **_topic_test(tests[topic], adjusted.get(topic))}
            for topic in sorted(large)
        ],
        "n_left_out": len(everyone) - sum(map(len, large.values())),
    }


def _against_the_rest(waits: Sequence[Wait], everyone: Sequence[Wait]) -> LogRank | None:
    inside = {wait.row for wait in waits}
    rest = [wait for wait in everyone if wait.row not in inside]
    return compare_groups([counts_of(waits), counts_of(rest)]) if rest else None


def _topic_test(test: LogRank | None, p_adjusted: float | None) -> dict[str, Any]:
    differs = p_adjusted is not None and p_adjusted < SIGNIFICANT_P
    than_rest = None if test is None or not differs else "faster" if test.first_less_expected > 0 else "slower"
    return {**logrank_json(test, NO_ANSWERS), "p_adjusted": rounded(p_adjusted), "than_the_rest": than_rest}
