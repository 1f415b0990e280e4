from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pytest

from moderation.contributions import NEWCOMER_AFTER
from moderation.members import MIN_SORTED_POSTS, member_ledger
from tests.moderation.episode_corpus import TRY_THIS, at, row, small_corpus, unhappy

LATER = int(NEWCOMER_AFTER / timedelta(minutes=1))


@dataclass(frozen=True)
class Sorted:
    topic_of: np.ndarray
    terms: dict


def ledger(rows, *, topic_of=None, episodes=()):
    corpus = small_corpus(rows)
    topics = Sorted(np.zeros(len(rows), dtype=np.int64) if topic_of is None else np.array(topic_of), {})
    return member_ledger(
        corpus,
        topics,
        {
            "episodes": [{"first_answer_at": None, "censored": None, **each} for each in episodes],
            "unanswered_questions": [],
        },
    )


def entry(contents, author_id, group="members"):
    return next(each for each in contents[group] if each["author_id"] == author_id)


def test_posts_threads_likes_and_dates_are_counted():
    contents = ledger(
        [
            row("a", 0, "ann", likes=2),
            row("b", 5, "bob"),
            row("c", 9, "ann", likes=1),
            row("d", 12, "ann", thread="u"),
        ]
    )
    ann = entry(contents, "ann")
    assert (ann["n_posts"], ann["n_threads_started"], ann["n_likes_received"]) == (3, 2, 3)
    assert ann["first_seen_at"] == "2025-03-03T09:00:00Z"
    assert ann["last_seen_at"] == "2025-03-03T09:12:00Z"
    assert entry(contents, "bob")["n_threads_started"] == 0


def test_members_come_by_id_and_names_are_left_out():
    contents = ledger([row("a", 0, "zoe", author_name="Zoe Z."), row("b", 1, "ann", author_name="Ann A.")])
    assert [each["author_id"] for each in contents["members"]] == ["ann", "zoe"]
    assert "Zoe Z." not in str(contents)


def test_an_answer_and_a_correction_are_credited_to_the_peer():
    episodes = [
        {"id": "a", "answer_post_id": "b", "corrected": {"by": "peer", "at": at(30)}},
        {"id": "c", "answer_post_id": "d", "corrected": {"by": "community", "at": at(30)}},
        {"id": "c", "answer_post_id": None, "corrected": None},
    ]
    rows = [
        unhappy("a", 0, "ann"),
        row("b", 5, "bob"),
        unhappy("c", 6, "cid", thread="u"),
        row("d", 9, "dan", thread="u"),
    ]
    contents = ledger(rows, episodes=episodes)
    assert (entry(contents, "bob")["n_answers"], entry(contents, "bob")["n_episodes_corrected"]) == (1, 1)
    assert (entry(contents, "dan")["n_answers"], entry(contents, "dan")["n_episodes_corrected"]) == (1, 0)


def test_answering_a_question_counts_and_thanking_does_not():
    rows = [
        row("a", 0, "ann", "How do I switch off the notifications?", signals={"question": 0.9}),
        row("b", 5, "bob", TRY_THIS),
        row("c", 6, "cid", "Same here!"),
    ]
    contents = ledger(rows)
    assert entry(contents, "bob")["n_answers"] == 1
    assert entry(contents, "cid")["n_answers"] == 0


def test_a_post_that_answers_twice_is_one_answer():
    rows = [
        row("a", 0, "ann", "Why do I lose points every week?", signals={"question": 0.9, "negative_wom": 0.9}),
        row("b", 5, "bob", TRY_THIS),
    ]
    contents = ledger(rows, episodes=[{"id": "a", "answer_post_id": "b", "corrected": None}])
    assert entry(contents, "bob")["n_answers"] == 1


def test_support_for_an_idea_counts_once_and_not_when_negative():
    rows = [
        row("a", 0, "ann", signals={"idea": 0.9}),
        row("b", 1, "bob"),
        row("c", 2, "bob"),
        row("d", 3, "cid", signals={"negative": 0.9}),
        row("e", 4, "ann"),
    ]
    contents = ledger(rows)
    supported = {each["author_id"]: each["n_ideas_supported"] for each in contents["members"]}
    assert supported == {"ann": 0, "bob": 1, "cid": 0}


def test_the_first_reply_to_a_newcomer_is_a_welcome():
    rows = [
        row("a", 0, "ann"),
        row("b", 1, "bob"),  # to ann, who may have been there for years
        row("c", LATER, "new", thread="u"),
        row("d", LATER + 1, "bob", thread="u"),
        row("e", LATER + 2, "ann", thread="u"),
    ]
    contents = ledger(rows)
    welcomed = {each["author_id"]: each["n_newcomers_welcomed"] for each in contents["members"]}
    assert welcomed == {"ann": 0, "bob": 1, "new": 0}
    assert contents["newcomers_reason"] is None


def test_in_short_data_nobody_is_known_to_be_new():
    contents = ledger([row("a", 0, "ann"), row("b", 1, "bob")])
    assert entry(contents, "bob")["n_newcomers_welcomed"] is None
    assert contents["newcomers_from"] is None
    assert contents["newcomers_reason"] == "data_too_short"


def test_a_solution_counts_only_in_somebody_elses_thread():
    rows = [
        row("a", 0, "ann"),
        row("b", 1, "bob", accepted=True),
        row("c", 2, "cid", thread="u"),
        row("d", 3, "cid", thread="u", accepted=True),
    ]
    contents = ledger(rows)
    assert entry(contents, "bob")["n_accepted_answers"] == 1
    assert entry(contents, "cid")["n_accepted_answers"] == 0


def test_staff_stand_apart_and_bots_and_strangers_are_counted():
    rows = [
        row("a", 0, "ann"),
        row("b", 1, "sue", role="staff"),
        row("c", 2, "robot", role="bot"),
        row("d", 3, None),
        row("e", 4, "eve", deleted_at=at(5)),
    ]
    contents = ledger(rows)
    assert [each["author_id"] for each in contents["members"]] == ["ann"]
    assert [each["author_id"] for each in contents["staff"]] == ["sue"]
    assert contents["left_out"] == {
        "n_posts_unknown_author": 1,
        "n_posts_by_bots": 1,
        "n_bots": 1,
        "n_members_at_own_wish": 0,
        "n_posts_at_own_wish": 0,
    }


def test_interests_are_a_mixture_with_intervals():
    rows = [row(f"a{number}", number, "ann") for number in range(6)] + [row("b", 9, "bob")]
    contents = ledger(rows, topic_of=[4, 4, 4, 4, 7, 0, 7])
    ann = entry(contents, "ann")
    assert ann["interests_reason"] is None
    assert [(each["topic_id"], each["n_posts"]) for each in ann["interests"]] == [(4, 4), (7, 1)]
    assert sum(each["share"] for each in ann["interests"]) == pytest.approx(1)
    for each in ann["interests"]:
        low, high = each["interval"]
        assert 0 <= low < each["share"] < high <= 1


@pytest.mark.parametrize(
    ("n_posts", "topic", "reason"), [(MIN_SORTED_POSTS - 1, 1, "too_few_posts"), (8, 0, "too_few_sorted_posts")]
)
def test_too_little_is_said_to_be_too_little(n_posts, topic, reason):
    rows = [row(f"a{number}", number, "ann") for number in range(n_posts)]
    ann = entry(ledger(rows, topic_of=[topic] * n_posts), "ann")
    assert ann["interests"] is None
    assert ann["interests_reason"] == reason


def test_a_corpus_without_posts_has_an_empty_ledger():
    contents = ledger([row("a", 0, None)])
    assert contents["members"] == contents["staff"] == []


def test_what_somebody_writes_about_lately_stands_beside_the_whole():
    year = 365 * 24 * 60
    rows = [row(f"a{number}", number, "ann") for number in range(6)]
    rows += [row(f"b{number}", year + number, "ann") for number in range(5)]
    rows += [row(f"c{number}", year + 20 + number, "bob") for number in range(5)]
    contents = ledger(rows, topic_of=[4] * 6 + [7] * 10)
    ann, bob = entry(contents, "ann"), entry(contents, "bob")
    assert [(each["topic_id"], each["n_posts"]) for each in ann["interests"]] == [(4, 6), (7, 5)]
    assert [(each["topic_id"], each["n_posts"]) for each in ann["interests_lately"]] == [(7, 5)]
    assert ann["interests_lately_reason"] is None
    assert (bob["interests_lately"], bob["interests_lately_reason"]) == (None, "too_few_posts_before")


def test_who_wrote_little_lately_has_no_interests_of_late():
    rows = [row(f"a{number}", number, "ann") for number in range(9)] + [row("z", 365 * 24 * 60, "bob")]
    assert entry(ledger(rows, topic_of=[4] * 10), "ann")["interests_lately_reason"] == "too_few_posts_lately"
