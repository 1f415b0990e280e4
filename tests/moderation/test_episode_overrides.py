from dataclasses import replace

import pytest
from episode_corpus import at, row, small_corpus, unhappy
from hypothesis import given
from hypothesis import strategies as st

from moderation.episode_overrides import Override, Overrides, standing_overrides
from moderation.waits import measure_episodes

THREAD = [
    unhappy("q", 0, "anna"),
    unhappy("amp", 1, "bo", parent_id="q"),
    row("sorry", 2, "webcare", "We are so sorry about this.", role="staff", parent_id="q"),
    row("answer", 3, "carl", parent_id="q"),
    row("back", 4, "anna", "Thanks, solved!", parent_id="answer"),
    row("late", 5, "dirk", kind="other"),
]


def episodes(rows, *said):
    """What is found once a moderator said something, as {start: what came of it}."""
    corpus = small_corpus(rows)
    found = {}
    for each in measure_episodes(corpus, end_at=at(100_000), overrides=standing_overrides(said)):
        times = each.times
        found[corpus.posts[each.row].id] = {
            "answer": None if times.answer is None else corpus.posts[times.answer].id,
            "deflected": None if times.deflected is None else corpus.posts[times.deflected].id,
            "amplifiers": [corpus.posts[r].id for r in each.amplifying_rows],
            "corrected": None if times.correction is None else (times.correction.by, times.correction.at),
            "rules": {corpus.posts[r].id: judged.evidence.rule for r, judged in each.replies},
        }
    return found


def test_without_a_word_of_a_moderator_nothing_changes():
    corpus = small_corpus(THREAD)
    assert measure_episodes(corpus, end_at=at(99), overrides=Overrides()) == measure_episodes(corpus, end_at=at(99))
    found = episodes(THREAD)
    assert found["q"]["answer"] == "answer"
    assert found["q"]["corrected"] == ("peer", at(4))
    assert found["q"]["amplifiers"] == ["amp"]


def test_no_episode_leaves_the_next_unhappy_post_as_one():
    found = episodes(THREAD, Override("q", "no_episode"))
    assert list(found) == ["amp"]
    assert episodes([THREAD[0], *THREAD[2:]], Override("q", "no_episode")) == {}


def test_a_post_that_was_missed_becomes_an_episode():
    rows = [row("calm", 0, "anna"), row("a", 1, "bo", parent_id="calm")]
    assert episodes(rows) == {}
    assert episodes(rows, Override("calm", "episode"))["calm"]["answer"] == "a"


def test_another_start_takes_the_episode_with_it():
    found = episodes(
        THREAD,
        Override("q", "reply_kind", "sorry", kind="deflected"),
        Override("q", "other_start", "amp"),
        Override("amp", "amplifies", "late"),
    )
    assert list(found) == ["amp"]
    rows = [row("first", 0, "anna"), *(replace(r, post=replace(r.post, parent_id="first")) for r in THREAD)]
    rows = [replace(r, post=replace(r.post, created_at=at(turn))) for turn, r in enumerate(rows)]
    moved = episodes(
        rows, Override("q", "reply_kind", "sorry", kind="deflected"), Override("q", "other_start", "first")
    )
    assert moved["first"]["deflected"] == "sorry"


def test_a_start_that_is_moved_back_is_where_it_was():
    said = [Override("q", "other_start", "late"), Override("late", "other_start", "q")]
    assert list(episodes(THREAD, *said)) == ["q"]


@pytest.mark.parametrize(
    ("kind", "answer", "deflected"), [("other", None, None), ("deflected", None, "answer"), ("answer", "answer", None)]
)
def test_a_reply_is_what_a_moderator_says(kind, answer, deflected):
    found = episodes(THREAD, Override("q", "reply_kind", "answer", kind=kind))["q"]
    assert (found["answer"], found["deflected"]) == (answer, deflected)
    assert found["rules"]["answer"] == "moderator"


def test_a_post_that_spoke_to_nothing_can_be_an_answer():
    complaints = [unhappy("q", 1, "anna", about="app"), unhappy("r", 2, "bo", about="points")]
    rows = [row("head", 0, "eva"), *complaints, row("y", 3, "dirk", parent_id="r")]
    assert "y" not in episodes(rows)["q"]["rules"]
    assert episodes(rows, Override("q", "reply_kind", "y", kind="answer"))["q"]["rules"]["y"] == "moderator"


def test_amplification_is_what_a_moderator_says():
    assert episodes(THREAD, Override("q", "amplifies_not", "amp"))["q"]["amplifiers"] == []
    assert episodes(THREAD, Override("q", "amplifies", "late"))["q"]["amplifiers"] == ["amp", "late"]


def test_put_right_or_not_is_what_a_moderator_says():
    assert episodes(THREAD, Override("q", "not_corrected"))["q"]["corrected"] is None
    by_staff = Override("q", "corrected", "late", put_right_by="staff")
    assert episodes(THREAD, by_staff)["q"]["corrected"] == ("staff", at(5))
    gone = Override("q", "corrected", "not there", put_right_by="staff")
    assert episodes(THREAD, gone)["q"]["corrected"] == ("peer", at(4))


def test_the_last_word_counts():
    said = [Override("q", "not_corrected"), Override("q", "corrected", "late", put_right_by="community")]
    assert episodes(THREAD, *said)["q"]["corrected"] == ("community", at(5))
    assert episodes(THREAD, *reversed(said))["q"]["corrected"] is None


IDS = st.sampled_from([r.post.id for r in THREAD])
SAID = st.one_of(
    st.builds(Override, IDS, st.sampled_from(["episode", "no_episode", "not_corrected"])),
    st.builds(Override, IDS, st.sampled_from(["other_start", "amplifies", "amplifies_not"]), IDS),
    st.builds(Override, IDS, st.just("reply_kind"), IDS, kind=st.sampled_from(["answer", "deflected", "other"])),
    st.builds(Override, IDS, st.just("corrected"), IDS, put_right_by=st.sampled_from(["staff", "peer"])),
)


@given(said=st.lists(SAID, max_size=8))
def test_whatever_is_said_every_episode_starts_at_one_post_of_a_member_and_ends_no_earlier(said):
    corpus = small_corpus(THREAD)
    overrides = standing_overrides(said)
    found = measure_episodes(corpus, end_at=at(100_000), overrides=overrides)
    starts = [each.row for each in found]
    assert starts == sorted(set(starts))
    for each in found:
        assert corpus.posts[each.row].role == "member"
        assert overrides.starts.get(corpus.posts[each.row].id, True)
        assert all(r not in starts or corpus.posts[r].id in {o.post_id for o in said} for r in each.amplifying_rows)
        assert all(corpus.posts[r].author_id != corpus.posts[each.row].author_id for r, _ in each.replies)
