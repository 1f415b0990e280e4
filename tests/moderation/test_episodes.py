from dataclasses import replace

import pytest
from episode_corpus import TRY_THIS, at, row, small_corpus, unhappy
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.episodes import find_episodes, find_questions
from moderation.waits import measure_episodes

CALM = {"negative_wom": 0.05, "negative": 0.05}
QUESTION = {"question": 0.9}


def measured(rows, *, end=100_000):
    """The episodes of a corpus as {id: (times by name as post ids, the rest)}."""
    corpus = small_corpus(rows)
    found = {}
    for episode in measure_episodes(corpus, end_at=at(end)):
        names = ("touch", "answer", "staff_answer", "peer_answer", "deflected", "acknowledged")
        rows_of = {name: getattr(episode.times, name) if episode.times else None for name in names}
        ids = {name: None if r is None else corpus.posts[r].id for name, r in rows_of.items()}
        ids["corrected"] = episode.times.correction.by if episode.times and episode.times.correction else None
        ids["end"] = None if episode.end is None else episode.end.code
        ids["amplifiers"] = [corpus.posts[r].id for r in episode.amplifying_rows]
        found[corpus.posts[episode.row].id] = ids
    return found


def test_a_complaint_with_a_bot_a_self_reply_a_like_and_a_real_answer():
    rows = [
        unhappy("q", 0, "anna", likes=40),
        row("bot", 1, "robot", role="bot", parent_id="q"),
        row("self", 2, "anna", parent_id="q"),
        row("dm", 3, "webcare", "Please send us a DM with your email address.", role="staff", parent_id="q"),
        row("sorry", 4, "webcare", "We are so sorry about this.", role="staff", parent_id="q"),
        row("same", 5, "bo", "Same here!", parent_id="q"),
        row("peer", 6, "carl", parent_id="q"),
        row("staff", 7, "webcare", role="staff", parent_id="peer"),
    ]
    times = measured(rows)["q"]
    assert times["touch"] == "dm"
    assert times["deflected"] == "dm"
    assert times["acknowledged"] == "sorry"
    assert times["answer"] == times["peer_answer"] == "peer"
    assert times["staff_answer"] == "staff"


def test_nobody_answers():
    times = measured([unhappy("q", 0, "anna"), row("self", 9, "anna", parent_id="q")])["q"]
    assert all(times[name] is None for name in ("touch", "answer", "corrected"))


def test_an_answer_just_after_midnight_counts():
    assert measured([unhappy("q", 890, "anna"), row("a", 905, "bo", parent_id="q")])["q"]["answer"] == "a"


def test_an_answer_in_the_same_second_counts_and_one_before_does_not():
    """Ids sort the answer before the complaint here, which must not matter."""
    rows = [unhappy("q", 10, "anna", thread="1"), row("a", 10, "bo", parent_id="q", thread="1")]
    assert measured(rows)["q"]["answer"] == "a"
    rows = [unhappy("q", 10, "anna"), row("a", 9, "bo", parent_id="q")]
    assert measured(rows)["q"]["touch"] is None


def test_staff_and_bots_never_start_an_episode():
    assert measured([unhappy("s", 0, "webcare", role="staff"), unhappy("b", 1, "robot", role="bot")]) == {}


def test_later_negative_posts_in_the_subtree_amplify():
    rows = [
        unhappy("q", 0, "anna"),
        unhappy("p1", 1, "bo", parent_id="q"),
        unhappy("p2", 2, "carl", parent_id="p1"),
        unhappy("p3", 3, "carl"),
        unhappy("own", 4, "anna", parent_id="p2"),
    ]
    found = measured(rows)
    assert list(found) == ["q"]
    assert found["q"]["amplifiers"] == ["p1", "p2", "p3"]
    assert found["q"]["touch"] == "p1"
    assert found["q"]["answer"] is None


def test_subtrees_of_a_calm_thread_hold_episodes_of_their_own():
    rows = [
        row("first", 0, "host", "What do you think of the new app?"),
        row("left", 1, "bo", parent_id="first"),
        unhappy("q1", 2, "anna", parent_id="left"),
        unhappy("q2", 3, "carl", parent_id="first"),
        row("a1", 4, "bo", parent_id="q1"),
        row("a2", 5, "webcare", role="staff", parent_id="q2"),
    ]
    found = measured(rows)
    assert {id_: times["answer"] for id_, times in found.items()} == {"q1": "a1", "q2": "a2"}


def test_an_author_starts_at_most_one_episode_a_thread():
    rows = [
        row("first", 0, "host"),
        unhappy("q1", 1, "anna", parent_id="first"),
        unhappy("amp", 2, "bo", parent_id="q1"),
        unhappy("again", 3, "anna", parent_id="first"),
        unhappy("bo2", 4, "bo", parent_id="first"),
        unhappy("else", 5, "anna", thread="other"),
    ]
    assert list(measured(rows)) == ["q1", "else"]


def flat_thread(*more):
    return [
        row("first", 0, "host", "What do you think of the new summer programme?", about="parking"),
        unhappy("bill", 1, "anna", about="billing"),
        unhappy("app", 2, "bo", about="app"),
        *more,
    ]


def test_a_flat_reply_answers_the_complaint_that_it_resembles():
    found = measured(flat_thread(row("a", 5, "carl", about="app"), row("b", 6, "dora", about="parking")))
    assert found["app"]["answer"] == "a"
    assert found["bill"]["touch"] is None


def test_one_flat_reply_answers_two_complaints_alike():
    rows = flat_thread(
        unhappy("bill2", 3, "eva", about="billing"), row("a", 5, "webcare", about="billing", role="staff")
    )
    found = measured(rows)
    assert [found[id_]["staff_answer"] for id_ in ("bill", "bill2", "app")] == ["a", "a", None]


def test_a_flat_complaint_is_an_episode_and_no_amplification():
    found = measured(flat_thread(unhappy("bill2", 3, "eva", about="billing"), unhappy("bill3", 4, "eva")))
    assert list(found) == ["bill", "app", "bill2"]
    assert found["bill"]["amplifiers"] == ["bill3"]


def test_a_name_decides_over_likeness():
    assert measured(flat_thread(row("a", 5, "carl", f"@anna {TRY_THIS}", about="app")))["bill"]["answer"] == "a"


def test_everything_flat_under_a_complaint_answers_it():
    assert measured([unhappy("q", 0, "anna"), row("a", 5, "bo", about=None)])["q"]["answer"] == "a"


def test_unknown_authors():
    rows = [unhappy("q", 0, None), row("a", 1, "bo", parent_id="q")]
    assert measured(rows)["q"]["answer"] is None
    rows = [unhappy("q", 0, "anna"), row("x", 1, None, parent_id="q"), row("s", 2, None, role="staff", parent_id="q")]
    assert measured(rows)["q"]["touch"] == "s"


@pytest.mark.parametrize(
    ("fields", "reply_fields", "code", "answer"),
    [
        ({"deleted_at": at(3)}, {}, "deleted", None),
        ({"deleted_at": at(9)}, {}, "deleted", "a"),
        ({"locked_at": at(3)}, {}, "locked", None),
        ({"locked_at": at(9)}, {}, "locked", "a"),
        ({"locked_at": at(-3)}, {}, None, "a"),
        ({"deleted_at": at(3), "locked_at": at(2)}, {}, "locked", None),
        ({"locked_at": at(500)}, {}, None, "a"),
        ({}, {"deleted_at": at(30)}, None, None),
    ],
)
def test_deletion_and_lock_end_the_wait(fields, reply_fields, code, answer):
    rows = [unhappy("q", 0, "anna", **fields), row("a", 5, "bo", parent_id="q", **reply_fields)]
    times = measured(rows, end=400)["q"]
    assert (times["end"], times["answer"]) == (code, answer)


def test_posts_after_the_end_of_the_data_do_not_count():
    assert measured([unhappy("q", 0, "anna"), row("a", 50, "bo", parent_id="q")], end=40)["q"]["touch"] is None


def correction(*later, answer_role="member", **fields):
    rows = [unhappy("q", 0, "anna", **fields), row("a", 10, "bo", parent_id="q", role=answer_role), *later]
    return measured(rows)["q"]["corrected"]


@pytest.mark.parametrize(("answer_role", "by"), [("member", "peer"), ("staff", "staff")])
def test_the_author_comes_back_calmer(answer_role, by):
    back = row("back", 20, "anna", "Right, it shows the balance again now.", signals=CALM)
    assert correction(back, answer_role=answer_role) == by


@pytest.mark.parametrize(
    "later",
    [
        row("back", 20, "anna", "Thanks, that was it!"),
        row("solved", 10, "carl", "It is under the second tab of the menu.", accepted=True),
    ],
)
def test_thanks_and_a_solution_mark_correct(later):
    assert correction(later) == "peer"


@pytest.mark.parametrize(
    "later",
    [
        [],
        [row("back", 20, "anna", "Thanks in advance for that.", signals={"negative_wom": 0.4, "negative": 0.8})],
        [row("back", 5, "anna", "Thanks, that was it!")],  # before the answer
        [row("back", 10 + 72 * 60 + 1, "anna", "Thanks, that was it!")],
        [unhappy("back", 20, "anna", "Thanks for nothing, it still fails.")],
        [row("back", 20, "anna", "It is still like that here.", signals={"negative_wom": 0.45, "negative": 0.8})],
        [row("b", 20, "carl", signals=CALM)],  # one member is not a turn
        [row("b", 20, "carl", signals=CALM), row("c", 21, "carl", signals=CALM)],
        [row("b", 20, "w1", signals=CALM, role="staff"), row("c", 21, "w2", signals=CALM, role="staff")],
        [unhappy("x", 19, "d"), unhappy("y", 19, "e"), row("b", 20, "carl"), row("c", 21, "dora")],
    ],
)
def test_what_does_not_correct(later):
    assert correction(*later) is None


def test_two_other_members_turn_the_tone():
    assert correction(row("b", 20, "carl"), row("c", 21, "dora")) == "community"
    assert correction(row("b", 20, "carl"), row("c", 20 + 72 * 60 + 1, "dora")) is None


def test_an_answer_later_on_opens_the_window_again():
    late = 5 * 24 * 60
    assert correction(row("a2", late, "carl"), row("back", late + 5, "anna", "Thanks, that was it!")) == "peer"


def test_a_solution_mark_of_somebody_else_does_not_correct():
    rows = [
        row("first", 0, "host"),
        unhappy("q", 1, "anna", parent_id="first"),
        row("a", 10, "bo", parent_id="q", accepted=True),
    ]
    assert measured(rows)["q"]["corrected"] is None


def test_questions_are_found_under_questions():
    rows = [
        row("q", 0, "anna", "How do I do this?", signals=QUESTION),
        row("back", 1, "bo", "Which version?", signals=QUESTION, parent_id="q"),
        row("a", 2, "anna", "The latest version of all.", parent_id="back"),
        row("s", 3, "webcare", "Anything else?", signals=QUESTION, role="staff", parent_id="q"),
    ]
    corpus = small_corpus(rows)
    assert [(corpus.posts[q.row].id, [corpus.posts[r].id for r in q.replies]) for q in find_questions(corpus)] == [
        ("q", ["back", "s"]),
        ("back", ["a"]),
    ]


def test_very_deep_and_very_flat_threads():
    deep = [unhappy("d0", 0, "anna", thread="deep")]
    deep += [row(f"d{i}", i, f"u{i % 7}", parent_id=f"d{i - 1}", thread="deep") for i in range(1, 3000)]
    flat = [row("f0", 0, "host", thread="flat")]
    flat += [unhappy(f"f{i}", i, f"v{i}", thread="flat", about=("billing", "app")[i % 2]) for i in range(1, 2000)]
    found = measured([*deep, *flat])
    assert found["d0"]["answer"] == "d1"
    assert len(found) > 1


@st.composite
def threads(draw):
    n = draw(st.integers(1, 14))
    rows = []
    for i in range(n):
        earlier = [r.post.id for r in rows]
        make = unhappy if draw(st.booleans()) else row
        rows.append(
            make(
                f"p{i:02}",
                draw(st.integers(0, 6)) * 700,
                draw(st.sampled_from(["anna", "bo", "carl", "dora", None])),
                draw(st.sampled_from([TRY_THIS, "Same here", "Thanks, that was it!", "Sorry about this!"])),
                parent_id=draw(st.sampled_from([None, *earlier])),
                role=draw(st.sampled_from(["member", "member", "member", "staff", "bot"])),
                about=draw(st.sampled_from(["billing", "app", "parking"])),
            )
        )
    return rows


@settings(deadline=None, max_examples=150)
@given(threads(), st.randoms(use_true_random=False))
def test_the_order_of_the_posts_does_not_matter(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert measured(rows) == measured(shuffled)


@settings(deadline=None, max_examples=150)
@given(threads())
def test_episodes_keep_their_definition(rows):
    corpus = small_corpus(rows)
    episodes = find_episodes(corpus)
    starts = {corpus.posts[e.row].id for e in episodes}
    parents = {post.id: post.parent_id for post in corpus.posts}
    for episode in episodes:
        post = corpus.posts[episode.row]
        assert post.role == "member"
        assert corpus.p("negative_wom")[episode.row] > 0.5
        ancestor = parents[post.id]
        while ancestor is not None:
            assert ancestor not in starts
            ancestor = parents[ancestor]
        for reply in episode.replies:
            assert corpus.posts[reply].author_id not in (None, post.author_id) or corpus.posts[reply].role == "staff"
            assert corpus.posts[reply].role != "bot"
            assert corpus.posts[reply].created_at >= post.created_at
    authors = [corpus.posts[e.row].author_id for e in episodes]
    known = [author for author in authors if author is not None]
    assert len(known) == len(set(known))


@settings(deadline=None, max_examples=150)
@given(threads(), st.data())
def test_a_later_reply_never_lengthens_a_wait(rows, data):
    parent = data.draw(st.sampled_from([r.post.id for r in rows]))
    role = data.draw(st.sampled_from(["member", "staff"]))
    more = row("zz", 4300, "newcomer", TRY_THIS, parent_id=parent, role=role, about="billing")
    before, after = small_corpus(rows), small_corpus([*rows, more])
    for old, new in zip(
        measure_episodes(before, end_at=at(5000)), measure_episodes(after, end_at=at(5000)), strict=True
    ):
        assert new.row == old.row
        for name in ("touch", "answer", "staff_answer", "peer_answer"):
            first = getattr(old.times, name) if old.times else None
            if first is not None:
                assert getattr(new.times, name) == first


def test_a_deleted_amplifier_does_not_count():
    rows = [unhappy("q", 0, "anna"), unhappy("p", 1, "bo", parent_id="q")]
    rows[1] = replace(rows[1], post=replace(rows[1].post, deleted_at=at(8)))
    found = measured(rows)
    assert found["q"]["amplifiers"] == []
    assert list(found) == ["q"]
