"""Measure the clocks on real data: who waits, since when answers come, and whether the figures and alarms are right.

Example: python -m benchmarks.response_times.run --data ../shared/data --kept encodings
"""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from lifelines import KaplanMeierFitter
from lifelines.utils import qth_survival_times

from benchmarks.response_times.bias import draw_bias
from benchmarks.response_times.corpora import FILES, scored_corpus
from models.heads import HeadSet
from models.registry import load_encoder
from moderation.assignments import assign_topics
from moderation.config import Community
from moderation.corpus import Corpus
from moderation.response_clocks import Wait, calendar_seconds, clock_json, counts_of
from moderation.response_times import measure_response_times
from moderation.response_trend import changes_json
from moderation.survival import wait_curve
from moderation.wait_tests import compare_groups
from moderation.waits import MeasuredEpisode, episode_waits, measure_episodes

CLOCKS = ("any", "staff", "peer", "touched")
N_PERMUTATIONS = 100
HOUR = 3600
Line = dict[str, Any]


def main(
    data: Annotated[Path, typer.Option(help="Folder with threads/.")],
    kept: Annotated[Path, typer.Option(help="Folder for the encodings; made where missing (an hour).")],
    figure: Annotated[Path, typer.Option(help="Where the figure of the bias goes.")] = Path("docs/response-times.svg"),
) -> None:
    """Print one JSON line per measurement and draw the figure."""
    encoder = load_encoder()
    heads = HeadSet.load(encoder_version=encoder.version)
    waits: dict[str, list[Wait]] = {}
    for name in FILES:
        corpus = scored_corpus(name, data, kept, encoder, heads)
        episodes = measure_episodes(corpus, end_at=corpus.posts[-1].created_at)
        waits[name] = episode_waits(corpus, episodes, "touched")
        say(name, "against lifelines", against_lifelines(corpus, episodes))
        say(name, "false alarms", false_alarms(corpus, episodes))
        found = measure_response_times(
            corpus,
            topic_of=assign_topics(corpus).topic_id_of,
            community=Community(),
            end_at=corpus.posts[-1].created_at,
        )
        say(name, "clocks", {clock: short(found["clocks"][clock]) for clock in ("any", "staff", "peer")})
        say(name, "replies", replies(found))
        say(name, "changes", [short_change(change) for change in found["changes"]])
        say(name, "expected reply", {kind: expectation(each) for kind, each in found["expected_reply"].items()})
        MORE[name](corpus, episodes, found, data)
    say("simulated", "false alarms", {"answers in batches": batch_alarms()})
    say("bias", "mean and medians", draw_bias(waits, figure))


def say(name: str, what: str, found: object) -> None:
    print(json.dumps({"data": name, "what": what, "found": found}), flush=True)


def short(clock: Mapping[str, Any]) -> Line:
    return {
        "n": clock["n"],
        "answered": clock["n_answered"],
        "open": clock["n_open"],
        "median_hours": None if clock["median_seconds"] is None else round(clock["median_seconds"] / HOUR, 2),
        "median_ci_hours": [edge and round(edge / HOUR, 2) for edge in clock["median_ci"] or ()],
        "within": {name: share and round(share, 3) for name, share in clock["answered_within"].items()},
    }


def short_change(change: Mapping[str, Any]) -> Line:
    sides = {side: change[side] and change[side]["n_answers"] for side in ("before", "after")}
    named = {name: change[name] for name in ("clock", "by", "from", "p", "first_answer_at")}
    return {**named, **{f"answers_{side}": n for side, n in sides.items()}}


def expectation(found: Mapping[str, Any]) -> Line:
    return {name: found[name] for name in ("n_waits", "median_seconds", "range_seconds", "reason", "check")}


def replies(found: Mapping[str, Any]) -> Line:
    episodes = found["episodes"]
    kinds = ("first_touch_at", "first_answer_at", "deflected_at", "acknowledged_at")
    counts = {kind.removesuffix("_at"): sum(each[kind] is not None for each in episodes) for kind in kinds}
    only = {
        f"{kind}_only": sum(each[f"{kind}_at"] is not None and each["first_answer_at"] is None for each in episodes)
        for kind in ("deflected", "acknowledged")
    }
    return {"episodes": len(episodes), **counts, **only, "touched": short(found["touched"])}


def against_lifelines(corpus: Corpus, episodes: Sequence[MeasuredEpisode]) -> Line:
    """The largest difference to lifelines over curve, band and median of every clock."""
    largest = 0.0
    for clock in CLOCKS:
        waits = episode_waits(corpus, episodes, clock)
        seconds = [calendar_seconds(wait.started_at, wait.ended_at) for wait in waits]
        theirs = KaplanMeierFitter().fit(seconds, [wait.answered for wait in waits])
        ours = wait_curve(counts_of(waits))
        band = theirs.confidence_interval_.to_numpy()
        for mine, other in (
            (ours.waiting, theirs.survival_function_.iloc[:, 0]),
            (ours.low, band[:, 0]),
            (ours.high, band[:, 1]),
        ):
            largest = max(largest, float(np.abs(mine - other).max()))
        median = qth_survival_times(0.5, theirs.survival_function_.round(12))
        assert (ours.median().seconds or np.inf) == median
    return {"largest_difference": largest, "medians": "equal"}


def false_alarms(corpus: Corpus, episodes: Sequence[MeasuredEpisode]) -> Line:
    """Changes named after the starts were dealt out anew: nothing can have changed then."""
    end_at = corpus.posts[-1].created_at
    clocks = {clock: episode_waits(corpus, episodes, clock) for clock in CLOCKS}
    per_report = []
    for seed in range(N_PERMUTATIONS):
        shuffled = {clock: dealt(waits, end_at, seed) for clock, waits in clocks.items()}
        per_report.append(len(changes_json(shuffled, timezone="UTC", end_at=end_at)))
    n_series = 2 * len(CLOCKS)
    return {
        "reports": len(per_report),
        "with_a_change": sum(n > 0 for n in per_report),
        "changes_per_series": round(sum(per_report) / (n_series * len(per_report)), 5),
    }


def dealt(waits: Sequence[Wait], end_at: datetime, seed: int) -> list[Wait]:
    """The same starts and the same waits in new pairs; what would end after the data is open then."""
    order = np.random.default_rng(seed).permutation(len(waits))
    paired = []
    for wait, other in zip(waits, (waits[place] for place in order), strict=True):
        until = wait.started_at + (other.ended_at - other.started_at)
        is_answered = other.answered and until <= end_at
        ended_at = min(until, end_at) if other.answered else end_at
        code = None if is_answered else "end"
        paired.append(replace(wait, ended_at=ended_at, answered=is_answered, code=code))
    return paired


def batch_alarms() -> Line:
    """Staff who answer everything in one go every other Friday, and some weeks later: no lasting change."""
    named = 0
    for seed in range(N_PERMUTATIONS):
        rng = np.random.default_rng(seed)
        week = 7 * 24 * HOUR
        start = datetime(2024, 1, 1, tzinfo=UTC).timestamp()
        started = start + np.sort(rng.uniform(0, 80 * week, 600))
        fridays = start + np.cumsum(rng.choice([1, 2, 3], 60)) * week
        answered_at = fridays[np.searchsorted(fridays, started)] + rng.uniform(0, 8 * HOUR, len(started))
        end = start + 80 * week
        waits = [
            Wait(
                started_at=datetime.fromtimestamp(begin, UTC),
                ended_at=datetime.fromtimestamp(min(at, end), UTC),
                answered=bool(at <= end),
                code=None if at <= end else "end",
                watched_from=datetime.fromtimestamp(begin, UTC),
                row=row,
            )
            for row, (begin, at) in enumerate(zip(started, answered_at, strict=True))
        ]
        named += bool(changes_json({"any": waits}, timezone="UTC", end_at=datetime.fromtimestamp(end, UTC)))
    return {"reports": N_PERMUTATIONS, "with_a_change": named}


def keytrade(corpus: Corpus, episodes: Sequence[MeasuredEpisode], _: Mapping[str, Any], data: Path) -> None:
    with gzip.open(data / "threads" / FILES["keytrade"][0], "rt", encoding="utf-8") as file:
        stars = {line["id"]: line["stars"] for line in map(json.loads, file) if line.get("stars")}
    is_episode = {episode.row for episode in episodes}
    for language in ("nl", "fr", "en", "all"):
        rows = [
            row
            for row, post in enumerate(corpus.posts)
            if post.id in stars and language in ("all", corpus.languages[row])
        ]
        hits = sum(row in is_episode and stars[corpus.posts[row].id] <= 2 for row in rows)
        n_found, n_true = sum(row in is_episode for row in rows), sum(stars[corpus.posts[row].id] <= 2 for row in rows)
        neutral = sum(row in is_episode and stars[corpus.posts[row].id] == 3 for row in rows)
        line = {"reviews": len(rows), "one_or_two_stars": n_true, "episodes": n_found, "three_stars": neutral}
        say("keytrade", f"episodes against stars, {language}", {**line, **shares(hits, n_found, n_true)})
    for clock in ("staff", "touched"):
        waits = episode_waits(corpus, episodes, clock)
        since = datetime(2023, 9, 1, tzinfo=UTC)
        parts = (
            [wait for wait in waits if wait.started_at < since],
            [wait for wait in waits if wait.started_at >= since],
        )
        test = compare_groups([counts_of(part) for part in parts])
        figures = {name: short(clock_json(part)) for name, part in zip(("before", "since"), parts, strict=True)}
        said = None if test is None else {"statistic": test.statistic, "p": test.p}
        say("keytrade", f"{clock} clock before and since September 2023", {**figures, "logrank": said})


def shares(hits: int, n_found: int, n_true: int) -> Line:
    return {"precision": round(hits / n_found, 3), "recall": round(hits / n_true, 3)}


def twcs(corpus: Corpus, episodes: Sequence[MeasuredEpisode], found: Mapping[str, Any], _: Path) -> None:
    """Each thread is the brand's whose staff wrote in it first."""
    brand_of: dict[str, str] = {}
    for post in corpus.posts:
        if post.role == "staff" and post.author_id is not None:
            brand_of.setdefault(post.thread_id, post.author_id)
    by_brand: dict[str, list[int]] = {}
    for episode in episodes:
        brand = brand_of.get(corpus.posts[episode.row].thread_id, "no brand wrote")
        by_brand.setdefault(brand, []).append(episode.row)
    json_of = {each["id"]: each for each in found["episodes"]}
    waits = {wait.row: wait for wait in episode_waits(corpus, episodes, "staff")}
    for brand, rows in sorted(by_brand.items(), key=lambda item: (-len(item[1]), item[0])):
        if len(rows) < 15:
            continue
        told = [json_of[corpus.posts[row].id] for row in rows]
        line = {
            "deflected": sum(each["deflected_at"] is not None for each in told),
            "deflected_only": sum(
                each["deflected_at"] is not None and not each["first_staff_answer_at"] for each in told
            ),
            "staff": short(clock_json([waits[row] for row in rows if row in waits])),
        }
        say("twcs", f"brand {brand}", line)


def urho3d(corpus: Corpus, _: Sequence[MeasuredEpisode], __: Mapping[str, Any], ___: Path) -> None:
    """Topics that no other member ever touched, and the wait of the others' first posts for any reply."""
    untouched = 0
    for rows in corpus.threads.values():
        first = corpus.posts[rows[0]]
        untouched += all(corpus.posts[row].author_id == first.author_id for row in rows)
    say("urho3d", "topics that nobody else touched", {"topics": len(corpus.threads), "untouched": untouched})


MORE = {"keytrade": keytrade, "twcs": twcs, "urho3d": urho3d}

if __name__ == "__main__":
    typer.run(main)
