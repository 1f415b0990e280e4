import pytest

from moderation.config import Community
from moderation.ideas import find_ideas
from tests.moderation.episode_corpus import row, small_corpus
from tests.moderation.test_faq import DAY, other_talk


def wishes(id_, day, author, text="Could the shopping list be shared between two phones?", **fields):
    return row(id_, day * DAY, author, text, thread=f"t-{id_}", signals={"idea": 0.9}, **fields)


def replies(id_, day, author, to, text, **fields):
    return row(id_, day * DAY + 60, author, text, thread=f"t-{to}", parent_id=to, **fields)


def ideas_of(rows):
    corpus = small_corpus([*rows, *other_talk()])
    return find_ideas(corpus, topic_of=[None] * len(corpus), community=Community())["ideas"]


def test_the_same_idea_of_two_members_is_one_with_two_supporters():
    (idea,) = ideas_of([wishes("i1", 0, "a", likes=3), wishes("i2", 40, "b", likes=4)])
    assert (idea["id"], idea["post_ids"]) == ("i1", ["i1", "i2"])
    assert (idea["n_supporters"], idea["n_authors"], idea["n_likes"]) == (2, 2, 7)
    assert idea["supporters_by_month"] == [{"month": "2025-03", "n_new": 1}, {"month": "2025-04", "n_new": 1}]


def test_other_ideas_stay_apart_and_the_most_supported_leads():
    found = ideas_of(
        [wishes("i1", 0, "a"), wishes("i2", 9, "b", about="parking"), replies("r", 9, "c", "i2", "Good idea!")]
    )
    assert [(idea["id"], idea["n_supporters"]) for idea in found] == [("i2", 2), ("i1", 1)]


@pytest.mark.parametrize(
    "text",
    [
        "Good idea!",
        "Goed idee, doen!",
        "Ja graag.",
        "+1",
        "Helemaal mee eens",
        "I would love that",
        "Lijkt me ook handig",
    ],
)
def test_agreement_in_words_is_support(text):
    (idea,) = ideas_of([wishes("i1", 0, "a"), replies("r", 1, "b", "i1", text)])
    assert (idea["n_supporters"], idea["agreeing_post_ids"]) == (2, ["r"])


@pytest.mark.parametrize(
    "text",
    [
        "Not a good idea if you ask me.",
        "Geen goed idee.",
        "Ik ben het daar niet mee eens",
        "Which phones do you mean?",
        "You can do that already in the menu, under sharing.",
    ],
)
def test_other_replies_are_none(text):
    (idea,) = ideas_of([wishes("i1", 0, "a"), replies("r", 1, "b", "i1", text)])
    assert idea["n_supporters"] == 1


def test_nobody_supports_twice_and_staff_never():
    rows = [wishes("i1", 0, "a"), wishes("i2", 9, "a")]
    rows += [replies("r1", 1, "b", "i1", "Good idea!"), replies("r2", 9, "b", "i2", "Good idea!")]
    rows += [replies("r3", 1, "a", "i1", "Good idea!"), replies("r4", 1, "s1", "i1", "Good idea!", role="staff")]
    (idea,) = ideas_of(rows)
    assert (idea["n_supporters"], idea["agreeing_post_ids"]) == (2, ["r1", "r2"])


def test_a_community_without_ideas_says_so():
    corpus = small_corpus(other_talk())
    assert (
        find_ideas(corpus, topic_of=[None] * 12, community=Community())["reason"] == "no thread was opened with an idea"
    )
