import pytest
from episode_corpus import at, row, small_corpus, unhappy

from moderation.channel_comparison import MIN_EPISODES, Channel, comparison_json, outside_channel
from moderation.waits import measure_episodes

HOUR, DAY = 60, 24 * 60
END = 60 * DAY
CORRECTED = {"share": None, "interval": None, "n": 0}


def thread(n, *, wait, returns_after=None, prefix="q"):
    """A complaint, an answer after `wait` minutes, and its author's return with thanks so long after that."""
    start, name = n * DAY, f"{prefix}{n}"
    rows = [unhappy(name, start, f"author-{name}", thread=name), row(f"{name}a", start + wait, "bo", thread=name)]
    if returns_after is not None:
        thanks = "Thank you, that solved it completely for me!"
        rows.append(row(f"{name}b", start + wait + returns_after, f"author-{name}", thanks, thread=name))
    return rows


def channel(n=12, *, wait, returns_after=None):
    corpus = small_corpus([r for i in range(n) for r in thread(i, wait=wait + i, returns_after=returns_after)])
    return Channel(corpus, measure_episodes(corpus, end_at=at(END)), at(END))


def test_says_where_answers_come_sooner():
    fast, slow = channel(wait=20), channel(wait=10 * HOUR)
    assert comparison_json(fast, slow, CORRECTED)["answered"]["finding"] == "inside_faster"
    assert comparison_json(slow, fast, CORRECTED)["answered"]["finding"] == "outside_faster"
    assert comparison_json(fast, fast, CORRECTED)["answered"]["finding"] == "no_difference"


def test_nothing_is_said_of_corrections_where_nobody_comes_back():
    """As on a review site: an author who never returns cannot show that it was put right."""
    found = comparison_json(channel(wait=20, returns_after=5), channel(wait=20), CORRECTED)["correction"]
    assert (found["finding"], found["why"]) == ("cannot_be_said", "nobody_returns_outside")
    assert (found["inside"]["n_author_returns"], found["outside"]["n_author_returns"]) == (12, 0)


@pytest.mark.parametrize("side", ["inside", "outside"])
def test_nothing_is_said_with_few_episodes(side):
    few, many = channel(MIN_EPISODES - 1, wait=20, returns_after=5), channel(wait=20, returns_after=5)
    pair = (few, many) if side == "inside" else (many, few)
    found = comparison_json(*pair, CORRECTED)
    assert found["correction"]["why"] == f"too_few_{side}"
    assert found["answered"]["why"] == f"too_few_{side}"


def test_what_was_never_put_right_counts_as_open():
    found = comparison_json(channel(wait=20, returns_after=5), channel(wait=20), CORRECTED)["correction"]
    assert found["outside"]["n_answered"] == 0
    assert found["outside"]["n_open"] == 12


def test_another_channel_ends_with_its_newest_post():
    corpus = small_corpus(thread(0, wait=20))
    assert outside_channel(corpus, end_at=None).end_at == at(20)
