import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from moderation.assignments import assign_topics
from moderation.emergence import measure_emergence
from tests.moderation.topic_corpus import WORDS, corpus_of, talk

N = 900  # four hours apart: five months
RECENT = 780  # the last twenty days


def subject_of(place):
    return int(np.random.default_rng([3, place]).choice(3, p=[0.45, 0.5, 0.05] if place >= RECENT else [0.5, 0.5, 0.0]))


def text(place, about=subject_of):
    fillers = np.random.default_rng([4, place]).integers(0, 300, 6)
    return f"{WORDS['en'][('billing', 'app', 'lounge')[about(place)]]} {' '.join(f'w{n}ord' for n in fillers)}"


def burst_text(place):
    """In one day six members write of an outage, each in a thread of their own."""
    return f"{text(place)} payment outage" if place in range(N - 12, N - 6) else text(place)


def emergence_of(talked):
    corpus = corpus_of(talked)
    return corpus, measure_emergence(corpus, assign_topics(corpus).topic_of)


def test_a_subject_of_the_last_weeks_is_proposed_with_its_posts():
    corpus, found = emergence_of(talk(N, subject_of=subject_of, text=text))
    proposal = found["slow"][0]
    posts = [corpus.posts[corpus.row_of[id_]] for id_ in proposal["post_ids"]]
    assert np.mean(["lounge" in post.text for post in posts]) > 0.8
    assert proposal["n_posts"] >= len(posts) >= 4
    assert proposal["n_authors"] >= 4
    assert proposal["action"] == "topic"
    assert set(proposal["exemplar_ids"]) <= set(proposal["post_ids"])
    assert proposal["negative_share"] == 0


def test_wording_that_spreads_within_a_day_is_told():
    corpus, found = emergence_of(talk(N, subject_of=lambda place: place % 2, text=burst_text))
    (burst,) = found["fast"]
    assert burst["phrase"] in {"outage", "payment", "payment outage"}
    assert burst["n_authors"] == 6
    assert all("outage" in corpus.posts[corpus.row_of[id_]].text for id_ in burst["post_ids"])
    assert burst["p_false_per_day"] <= found["fast_false_alarms_per_day"]
    assert burst["since"] < burst["until"] <= found["fast_until"]


def test_a_new_member_who_is_often_addressed_is_no_subject():
    def addressed(place):
        greeting = " as devrich says" if place >= RECENT and place % 4 == 0 else ""
        return text(place, lambda each: each % 3) + greeting

    def author(place):
        return "devrich" if place % 40 == 1 else f"member {place % 50}"

    _, named = emergence_of(talk(N, text=addressed, author_id=author))
    assert named["slow"] == []
    _, unnamed = emergence_of(talk(N, text=addressed))
    assert unnamed["slow"][0]["terms"][0] == "devrich"


def test_nothing_comes_up_in_a_community_as_ever():
    _, found = emergence_of(talk(N, text=lambda place: text(place, lambda each: each % 3)))
    assert found["slow"] == []


def test_an_empty_community_has_nothing_coming_up():
    corpus = corpus_of(talk(30))
    assert measure_emergence(corpus, np.zeros(30, dtype=np.int64))["slow"] == []


def test_order_hash_seed_and_threads_change_nothing():
    script = (
        "import json, sys; from tests.moderation.test_community_emergence import *; "
        "talked = talk(N, subject_of=subject_of, text=burst_text); "
        "talked = talked[::-1] if sys.argv[1] == '1' else talked; "
        "print(json.dumps(emergence_of(talked)[1]))"
    )
    outputs = set()
    for seed, n_threads in (("1", "1"), ("2", "2")):
        env = os.environ | {"PYTHONHASHSEED": seed, "OMP_NUM_THREADS": n_threads, "OPENBLAS_NUM_THREADS": n_threads}
        done = subprocess.run(
            [sys.executable, "-c", script, seed],
            env=env,
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert json.loads(outputs.pop())["slow"]
