import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from models.heads import Threshold
from models.signals import SIGNALS
from moderation.corpus import Corpus
from moderation.posts import Post
from moderation.reading import read_words
from moderation.subcommunities import propose_subcommunities, read_membership
from tests.topics.planted import planted_activity


@dataclass(frozen=True)
class Sorted:
    topic_of: np.ndarray
    terms: dict


TERMS = {1: ("gears", "chain"), 2: ("engine", "chain")}
START = datetime(2025, 3, 3, 9, 0, tzinfo=UTC)


def corpus_of(posts, vectors=None, languages=None):
    order = sorted(range(len(posts)), key=lambda place: (posts[place].created_at, posts[place].id))
    posts = tuple(posts[place] for place in order)
    n_posts = len(posts)
    return Corpus(
        posts=posts,
        readings=tuple(read_words(post) for post in posts),
        languages=languages or ("en",) * n_posts,
        vectors=np.ones((n_posts, 2), dtype=np.float32) if vectors is None else vectors[order],
        signals=np.full((n_posts, len(SIGNALS)), np.nan),
        thresholds={(signal, "en"): Threshold(0.5, "validated", 0.9, 0.6, 400) for signal in SIGNALS},
    )


def planted_corpus(*, seed=0, shuffled=False, author_id="m{:04d}"):
    activity, group = planted_activity(n_groups=2, group_size=50, inside=0.97, seed=seed)
    posts = [
        Post(
            id=f"p{row:05d}",
            thread_id=f"t{activity.thread[row]}",
            created_at=START + timedelta(seconds=int(activity.posted_at[row])),
            text="some words to read",
            parent_id=f"p{activity.parent[row]:05d}" if activity.parent[row] >= 0 else None,
            author_id=author_id and author_id.format(activity.author[row]),
        )
        for row in range(len(activity))
    ]
    order = np.random.default_rng(1).permutation(len(posts)) if shuffled else np.arange(len(posts))
    corpus = corpus_of([posts[place] for place in order], activity.vectors[order])
    topic_of = np.array([activity.topic[int(post.id[1:])] + 1 for post in corpus.posts])
    return corpus, Sorted(topic_of, TERMS), group


def test_a_proposal_names_its_members_topics_and_proof():
    corpus, topics, group = planted_corpus()
    splits = propose_subcommunities(corpus, topics)
    [proposal] = splits["proposals"]
    assert splits["refused"] == []
    assert proposal["action"] in ("split", "space")
    for part in proposal["parts"]:
        groups = {int(group[int(author_id[1:])]) for author_id in part["author_ids"]}
        assert len(groups) == 1
        assert part["topic_ids"] == [groups.pop() + 1]
        assert part["n_authors"] == len(part["author_ids"]) == 50
        assert part["terms"] == list(TERMS[part["topic_ids"][0]])
    assert sum(part["n_posts"] for part in proposal["parts"]) == len(corpus)
    assert proposal["stability"] >= 0.7
    assert proposal["modularity"] > proposal["null_modularity_p99"]
    assert proposal["conductance"] <= 0.3
    assert proposal["language_divide"] == 0
    held = proposal["evidence"]["gates"][-1]
    assert held["gate"] == "held_over_time"
    assert held["passed"] is None


def test_splits_are_plain_json_and_the_same_for_shuffled_posts():
    one = propose_subcommunities(*planted_corpus()[:2])
    other = propose_subcommunities(*planted_corpus(shuffled=True)[:2])
    assert json.dumps(one, allow_nan=False) == json.dumps(other, allow_nan=False)


def test_an_export_without_authors_is_refused_with_the_number():
    corpus, topics, _ = planted_corpus(author_id=None)
    splits = propose_subcommunities(corpus, topics)
    assert splits["proposals"] == []
    [refusal] = splits["refused"]
    assert refusal["reason"] == "no_authors_known"
    assert refusal["figures"]["n_posts_unknown_author"] == len(corpus)


def test_no_posts_are_no_error():
    empty = corpus_of([], np.empty((0, 2), dtype=np.float32))
    splits = propose_subcommunities(empty, Sorted(np.empty(0, dtype=np.int64), {}))
    assert splits["refused"][0]["reason"] == "no_authors_known"


def post(id_, hours, author_id, **fields):
    return Post(
        id=id_, thread_id="t", created_at=START + timedelta(hours=hours), text="hi", author_id=author_id, **fields
    )


def test_a_small_community_is_refused_with_what_it_needs():
    posts = [post(f"p{number}", number, f"m{number % 12}") for number in range(36)]
    splits = propose_subcommunities(corpus_of(posts), Sorted(np.zeros(36, dtype=np.int64), {}))
    [refusal] = splits["refused"]
    assert (refusal["reason"], refusal["figures"]) == ("too_few_active_members", {"n_active": 12, "n_needed": 60})
    assert refusal["lacking"] == {"measure": "n_active", "now": 12, "needed": 60, "direction": "at_least"}


def test_staff_bots_strangers_and_deleted_posts_are_no_members():
    posts = [
        post("a", 0, "ann"),
        post("b", 1, "bob", role="staff"),
        post("c", 2, "bob"),  # staff once, staff throughout
        post("d", 3, "robot", role="bot"),
        post("e", 4, None),
        post("f", 5, "eve", deleted_at=START),
        post("g", 6, "cid", parent_id="a"),
        post("h", 7, "dan", parent_id="f"),
        post("i", 8, "dan", parent_id="a system message"),
    ]
    corpus = corpus_of(posts)
    membership = read_membership(corpus, np.array([1, 0, 0, 0, 0, 3, 3, -1, 0]))
    assert membership.author_ids == ("ann", "cid", "dan")
    assert membership.activity.author.tolist() == [0, -1, -1, -1, -1, 1, 2, 2]
    assert membership.activity.parent.tolist() == [-1, 0, 0, 0, 0, 0, -1, 0]
    assert membership.activity.topic.tolist() == [0, -1, -1, -1, -1, 1, -1, -1]
    assert membership.topic_ids == (1, 3)
    counted = propose_subcommunities(corpus, Sorted(np.zeros(9, dtype=np.int64), {}))["looked_at"]
    assert (counted["n_staff"], counted["n_bots"], counted["n_posts_unknown_author"]) == (1, 1, 1)


@pytest.mark.parametrize("shift", [0, 1])
def test_languages_are_numbered_by_name_and_unknown_stays_unknown(shift):
    names = ("nl", "unknown", "en")[shift:]
    corpus = corpus_of([post(str(number), number, "ann") for number in range(len(names))], languages=names)
    activity = read_membership(corpus, np.zeros(len(names), dtype=np.int64)).activity
    assert activity.language.tolist() == [[1, -1, 0], [-1, 0]][shift]
