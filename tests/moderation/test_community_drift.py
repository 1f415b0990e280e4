import json
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from moderation.assignments import assign_topics
from moderation.config import Community
from moderation.drift import NO_MATERIAL_CHANGE, TOO_FEW_POSTS, UNKNOWN_AUTHORS, measure_drift
from moderation.word_shifts import WordUse, word_z
from tests.moderation.topic_corpus import START, corpus_of, talk

N = 1200  # four hours apart: 28 weeks of 42 posts; months of about 180
LAST_MONTH = 1080


def drawn(place, shares):
    return int(np.random.default_rng([11, place]).choice(3, p=shares))


def steady(place):
    return drawn(place, [0.4, 0.4, 0.2])


def lounge_doubles(place):
    return drawn(place, [0.3, 0.3, 0.4]) if place >= LAST_MONTH else steady(place)


def drift_of(talked, **options):
    corpus = corpus_of(talked, **options)
    topics = assign_topics(corpus)
    return corpus, topics, measure_drift(corpus, topics, community=Community())


def test_nothing_changed_is_said_plainly():
    _, _, drift = drift_of(talk(N, subject_of=steady))
    assert drift["lines"] == []
    assert drift["reason"] == NO_MATERIAL_CHANGE
    assert drift["unit"] == "month"
    assert len(drift["divergence"]) == len(drift["periods"]) - 1


def test_a_topic_that_grew_is_the_first_line_with_its_posts():
    corpus, topics, drift = drift_of(talk(N, subject_of=lounge_doubles))
    line = drift["lines"][0]
    lounge = int(topics.topic_of[corpus.row_of[next(p.id for p in corpus.posts if "lounge" in p.text)]])
    assert (line["kind"], line["topic_id"]) == ("topic_share", lounge)
    assert line["from"] == pytest.approx(0.2, abs=0.05)
    assert line["to"] == pytest.approx(0.4, abs=0.1)
    assert 0 < line["interval"][0] < line["to"] - line["from"] < line["interval"][1]
    assert line["p_adjusted"] <= 0.05
    assert line["since"][:10] in {"2025-06-29", "2025-06-30", "2025-07-06"}
    assert line["n_posts"] > line["n_authors"] > 10
    assert len(line["exemplar_ids"]) == 3
    assert all("lounge" in corpus.posts[corpus.row_of[id_]].text for id_ in line["exemplar_ids"])
    contributions = drift["divergence"][-1]["contributions"]
    assert contributions[0]["topic_id"] == lounge


def test_a_subject_that_ended_long_ago_is_told_with_its_week():
    def lounge_ends(place):
        return drawn(place, [0.4, 0.4, 0.2] if place < 500 else [0.5, 0.5, 0.0])

    corpus, _, drift = drift_of(talk(N, subject_of=lounge_ends))
    line = next(line for line in drift["lines"] if line["kind"] == "topic_turn")
    ended = corpus.posts[499].created_at
    assert abs(datetime.fromisoformat(line["since"]) - ended) < timedelta(days=8)
    assert line["to"] == 0
    assert line["from"] == pytest.approx(0.2, abs=0.05)
    assert all("lounge" in corpus.posts[corpus.row_of[id_]].text for id_ in line["exemplar_ids"])
    of_topic = next(each for each in drift["history"]["topics"] if each["topic_id"] == line["topic_id"])
    assert len(of_topic["n_posts"]) == len(drift["history"]["first_days"])
    assert len(of_topic["change_points"]) == 1


def test_a_word_that_went_out_of_use_is_told_where_no_topic_tells_it():
    def text(place):
        plain = ("the invoice holds an annual fee", "the boarding pass left the app", "the lounge was crowded")
        return plain[steady(place)] + (" near the hamper" if place < 400 and place % 7 == 0 else "")

    _, _, drift = drift_of(talk(N, subject_of=steady, text=text))
    line = next(line for line in drift["lines"] if line["kind"] == "word_turn")
    assert (line["word"], line["topic_id"]) == ("hamper", None)
    assert line["to"] == 0


def test_what_is_written_at_weekends_has_not_gone_on_a_wednesday():
    n = 1450  # half an hour apart: a month that ends on a Wednesday

    def lounge_at_weekends(place):
        is_weekend = (START + timedelta(hours=0.5 * place)).weekday() >= 5
        return drawn(place, [0.3, 0.3, 0.4] if is_weekend else [0.45, 0.5, 0.05])

    corpus, _, drift = drift_of(talk(n, subject_of=lounge_at_weekends, hours=0.5))
    assert drift["unit"] == "week"
    assert corpus.posts[-1].created_at.weekday() == 2
    assert [line for line in drift["lines"] if line["kind"] == "topic_share"] == []


def test_one_busy_thread_is_not_a_change():
    talked = talk(N, subject_of=steady)
    post, about = talked[LAST_MONTH + 5]
    busy = [(replace(post, id=f"busy{n}", parent_id=post.id), about) for n in range(60)]
    _, _, drift = drift_of(talked + busy)
    assert drift["lines"] == []


def test_more_unhappy_members_are_found_in_their_topic():
    def negative(post):
        place = int(post.id[2:])
        if "lounge" in post.text and place >= LAST_MONTH:
            return 0.9 if place % 2 else 0.1
        return 0.9 if place % 12 == 0 else 0.1

    corpus, topics, drift = drift_of(talk(N, subject_of=steady), negative=negative)
    line = next(line for line in drift["lines"] if line["kind"] == "negative_share" and line["topic_id"])
    assert "lounge" in topics.terms[line["topic_id"]]
    assert line["to"] > line["from"] + 0.2
    assert all(corpus.above_threshold("negative_wom")[corpus.row_of[id_]] for id_ in line["exemplar_ids"])


def test_a_word_that_came_up_inside_a_topic_is_named():
    def text(place):
        subject = steady(place)
        plain = ("the invoice holds an annual fee", "the boarding pass left the app", "the lounge was crowded")[subject]
        return f"{plain} since the renovation" if subject == 2 and place >= LAST_MONTH and place % 2 else plain

    _, _, drift = drift_of(talk(N, subject_of=steady, text=text))
    line = next(line for line in drift["lines"] if line["kind"] == "topic_words")
    assert line["word"] == "renovation"
    assert line["words"]["rising"] == ["renovation"]
    assert line["from"] == 0


def test_unknown_authors_are_said_to_be_unknown():
    _, _, drift = drift_of(talk(N, subject_of=lounge_doubles, author_id=lambda place: None))
    assert drift["lines"][0]["n_authors"] is None
    assert drift["lines"][0]["n_authors_reason"] == UNKNOWN_AUTHORS


@pytest.mark.parametrize("n", [1, 40])
def test_too_few_posts_to_compare(n):
    _, _, drift = drift_of(talk(n))
    assert drift["periods"] == drift["lines"] == drift["divergence"] == []
    assert drift["reason"] == TOO_FEW_POSTS
    assert drift["coverage"]["n_posts"] == n


def test_no_topics_still_leaves_the_mood_of_the_whole_community():
    corpus = corpus_of(
        talk(N, subject_of=steady),
        negative=lambda post: (
            0.9 if int(post.id[2:]) % 9 == 0 or (int(post.id[2:]) >= LAST_MONTH and int(post.id[2:]) % 2) else 0.1
        ),
    )
    topics = assign_topics(corpus_of(talk(12)))
    nothing = replace(
        topics,
        topic_of=np.zeros(N, dtype=np.int64),
        cosine=np.full(N, np.nan),
        unsorted_reasons=("too few posts",) * N,
    )
    drift = measure_drift(corpus, nothing, community=Community())
    assert [(line["kind"], line["topic_id"]) for line in drift["lines"]] == [("negative_share", None)]
    assert drift["coverage"]["sorted_share"] == 0


def test_the_contents_are_plain_json_and_repeat():
    first = json.dumps(drift_of(talk(400, subject_of=steady))[2], allow_nan=False)
    assert json.dumps(drift_of(talk(400, subject_of=steady)[::-1])[2], allow_nan=False) == first


def test_a_topic_without_a_post_in_the_compared_periods_has_no_shift_of_words():
    word_use = WordUse({"punten": 0}, ("punten",), sparse.csr_array((0, 1)))
    timeline = SimpleNamespace(piece=np.empty(0, dtype=np.int64))
    assert word_z(word_use, np.zeros(0, dtype=bool), timeline).tolist() == [0.0]
