"""Replay posts week by week and count what is proposed: a planted group, a planted wording, and nothing at all.

Example: python -m benchmarks.emergence.replay newsgroups --data ../shared/data --vectors vectors
"""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Annotated

import numpy as np
import typer

import moderation.emergence
from benchmarks.topics.measure import NoThresholds
from models.signals import SIGNALS
from moderation.corpus import Corpus
from moderation.emergence import emerging_groups, measure_emergence, wording_bursts
from moderation.exports import read_exports
from moderation.posts import Post
from moderation.reading import Reading, read_words
from moderation.scoring import read_posts

START = datetime(2026, 1, 5, tzinfo=UTC)
N_DAYS, ARRIVAL_DAY, FIRST_REFIT_DAY, WEEK = 180, 90, 28, 7
ARRIVING_SHARE = 0.01
SAME_GROUP = 0.5
PAST = timedelta(days=240)
N_WORDED = (3, 4, 6, 8)
PLANTED = "Storing zegelkaart"

# Twenty-two refits read the same posts; reading them once changes nothing but the time.
moderation.emergence.wordings = cache(moderation.emergence.wordings)

app = typer.Typer()
Data = Annotated[Path, typer.Option(help="Folder with threads/.")]
Vectors = Annotated[Path, typer.Option(help="Folder with the vectors, as benchmarks.topics.measure leaves them.")]


@app.command()
def newsgroups(
    data: Data,
    vectors: Vectors,
    every_weeks: Annotated[int, typer.Option(help="Weeks from one refit to the next.")] = 1,
    step: Annotated[int, typer.Option(help="Hold back only each n-th group.")] = 1,
    share: Annotated[float, typer.Option(help="Of the volume, what the late group makes up.")] = ARRIVING_SHARE,
) -> None:
    """Twenty times: nineteen groups at random times over six months, the twentieth from month four on, at 1 %."""
    corpus = load(data / "threads" / "newsgroups20.jsonl.gz", vectors / "newsgroups20.npz", languages=("en",))
    spaces = sorted({post.space for post in corpus.posts})
    for number, space in list(enumerate(spaces))[::step]:
        replayed, arrived = arriving_group(corpus, space, np.random.default_rng(number), share=share)
        found = replay_of_group(replayed, arrived, every_days=WEEK * every_weeks)
        print(json.dumps({"group": space, **found}), flush=True)


@app.command()
def urho3d(data: Data, vectors: Vectors) -> None:
    """Eight real years, refitted every four weeks: every proposal, once, to be read."""
    archive = data / "threads" / "urho3d-discourse-topics.tar.gz"
    corpus = load(archive, vectors / "urho3d.npz", languages=("en",))
    first, last = corpus.posts[0].created_at, corpus.posts[-1].created_at
    known: list[set[str]] = []
    moment = first + timedelta(days=26 * WEEK)
    while moment <= last:
        part = until(corpus, moment)
        for proposal in measure_emergence(part, np.zeros(len(part), dtype=np.int64))["slow"]:
            ids = set(proposal["post_ids"])
            if not is_known(ids, known):
                known.append(ids)
                print(json.dumps({"at": moment.date().isoformat(), **proposal}), flush=True)
        moment += timedelta(days=4 * WEEK)


@app.command()
def bursts(data: Data) -> None:
    """Fast alarms on Urho3D as it was, and with a wording that some people write within three hours."""
    archive = data / "threads" / "urho3d-discourse-topics.tar.gz"
    corpus = load(archive, None, languages=("en",))
    years: dict[int, list[dict[str, object]]] = {}
    for rows, words, burst in wording_bursts(corpus, replayed=corpus.posts[-1].created_at - corpus.posts[0].created_at):
        posts = [corpus.posts[row] for row in rows]
        told = {"at": posts[0].created_at.date().isoformat(), "wordings": words[:3], "n_authors": burst.n_authors}
        n_threads = len({post.thread_id for post in posts})
        years.setdefault(posts[0].created_at.year, []).append({**told, "n_posts": len(posts), "n_threads": n_threads})
    for year, alarms in years.items():
        print(json.dumps({"year": year, "n_alarms": len(alarms), "alarms": alarms}), flush=True)
    for n_authors in N_WORDED:
        for one_thread in (False, True):
            found = [planted_wording(corpus, n_authors, draw, one_thread=one_thread) for draw in range(20)]
            line = {"n_authors": n_authors, "one_thread": one_thread, "n_draws": len(found), "n_found": sum(found)}
            print(json.dumps(line), flush=True)


def load(export_path: Path, vectors_path: Path | None, *, languages: tuple[str, ...]) -> Corpus:
    read = read_posts(read_exports([export_path]).posts, languages=languages)
    rows = np.zeros((len(read.posts), 1), dtype=np.float32)
    if vectors_path is not None:
        kept = np.load(vectors_path)
        place = {id_: row for row, id_ in enumerate(kept["ids"].tolist())}
        rows = kept["vectors"][[place[post.id] for post in read.posts]].astype(np.float32)
        rows[[not reading.words for reading in read.readings]] = np.nan
    signals = np.full((len(rows), len(SIGNALS)), np.nan)
    return Corpus(read.posts, read.readings, read.languages, rows, signals, NoThresholds())


def selection(corpus: Corpus, posts: list[Post], rows: np.ndarray, readings: list[Reading] | None = None) -> Corpus:
    """The rows with posts of their own, in the order of time."""
    order = sorted(range(len(posts)), key=lambda place: (posts[place].created_at, posts[place].id))
    read = readings or [corpus.readings[row] for row in rows]
    return Corpus(
        posts=tuple(posts[place] for place in order),
        readings=tuple(read[place] for place in order),
        languages=tuple(corpus.languages[rows[place]] for place in order),
        vectors=corpus.vectors[rows[order]],
        signals=corpus.signals[rows[order]],
        thresholds=corpus.thresholds,
    )


def until(corpus: Corpus, moment: datetime) -> Corpus:
    n = sum(post.created_at <= moment for post in corpus.posts)
    return selection(corpus, list(corpus.posts[:n]), np.arange(n))


def arriving_group(corpus: Corpus, space: str, rng: np.random.Generator, *, share: float) -> tuple[Corpus, set[str]]:
    """The stream with new times, and the ids of the posts that arrive late; a thread keeps together within a day."""
    late = [rows for rows in corpus.threads.values() if corpus.posts[rows[0]].space == space]
    early = [rows for rows in corpus.threads.values() if corpus.posts[rows[0]].space != space]
    n_wanted = round(share * sum(map(len, early)) * (N_DAYS - ARRIVAL_DAY) / N_DAYS)
    chosen, n = [], 0
    for number in rng.permutation(len(late)).tolist():
        if n + len(late[number]) <= n_wanted:
            chosen.append(late[number])
            n += len(late[number])
    begins = [rng.uniform(0, N_DAYS - 1) for _ in early] + [rng.uniform(ARRIVAL_DAY, N_DAYS - 1) for _ in chosen]
    rows = np.array([row for thread in (*early, *chosen) for row in thread])
    days = np.concatenate(
        [
            begin + np.sort(rng.uniform(0, 1, len(thread)))
            for begin, thread in zip(begins, (*early, *chosen), strict=True)
        ]
    )
    posts = [
        replace(corpus.posts[row], created_at=START + timedelta(days=float(day)))
        for row, day in zip(rows.tolist(), days, strict=True)
    ]
    return selection(corpus, posts, rows), {corpus.posts[row].id for thread in chosen for row in thread}


def replay_of_group(corpus: Corpus, arrived: set[str], *, every_days: int) -> dict[str, object]:
    """Refit again and again: what was proposed before the group came, and when the group was."""
    false_before: list[set[str]] = []
    false_after: list[set[str]] = []
    start = perf_counter()
    for day in range(FIRST_REFIT_DAY, N_DAYS + 1, every_days):
        part = until(corpus, START + timedelta(days=day))
        n_arrived = sum(post.id in arrived for post in part.posts)
        for group in emerging_groups(part):
            ids = {part.posts[row].id for row in group.rows}
            if len(ids & arrived) > SAME_GROUP * len(ids):
                return {
                    "found_day": day - ARRIVAL_DAY,
                    "found_after_posts": n_arrived,
                    "found_by": group.found_by,
                    "terms": group.terms[:5],
                    "n_proposed": len(ids),
                    "n_right": len(ids & arrived),
                    "n_false_before": len(false_before),
                    "n_false_after": len(false_after),
                    "seconds": round(perf_counter() - start, 1),
                }
            known = false_before if day <= ARRIVAL_DAY else false_after
            if not is_known(ids, false_before + false_after):
                known.append(ids)
                print(json.dumps({"false": group.terms[:5] or group.found_by, "day": day, "n": len(ids)}), flush=True)
    return {
        "found_day": None,
        "n_arrived": len(arrived),
        "n_false_before": len(false_before),
        "n_false_after": len(false_after),
        "seconds": round(perf_counter() - start, 1),
    }


def is_known(ids: set[str], known: list[set[str]]) -> bool:
    return any(len(ids & other) > SAME_GROUP * min(len(ids), len(other)) for other in known)


def planted_wording(corpus: Corpus, n_authors: int, draw: int, *, one_thread: bool) -> bool:
    """Whether a made-up wording is found when it is added to posts that some people write within three hours."""
    rng = np.random.default_rng([n_authors, draw])
    end = int(rng.integers(len(corpus) // 4, len(corpus)))
    at = corpus.posts[end].created_at
    rows = np.array([row for row in range(end + 1) if corpus.posts[row].created_at >= at - PAST])
    thread = corpus.posts[end].thread_id
    added = [
        Post(
            id=f"planted{number}",
            thread_id=thread if one_thread else f"planted thread {number}",
            created_at=at + timedelta(minutes=180 * (number + 1) / n_authors),
            text=PLANTED,
            author_id=f"planted author {number}",
        )
        for number in range(n_authors)
    ]
    readings = [corpus.readings[row] for row in rows] + [read_words(post) for post in added]
    posts = [corpus.posts[row] for row in rows] + added
    part = selection(corpus, posts, np.concatenate([rows, np.full(n_authors, end)]), readings)
    return any(part.posts[burst_rows[-1]].id.startswith("planted") for burst_rows, _, _ in wording_bursts(part))


if __name__ == "__main__":
    app()
