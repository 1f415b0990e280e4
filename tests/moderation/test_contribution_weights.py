import pytest

from moderation.contribution_weights import weigh_contributions
from moderation.contributions import Contribution
from moderation.second_accounts import SecondAccount
from moderation.thanking_rings import Ring
from tests.moderation.episode_corpus import TRY_THIS, row, small_corpus

DAY = 24 * 60
ASKERS = {"q": "asker"}


def weigh(rows, contributions, *, rings=(), accounts=()):
    return weigh_contributions(small_corpus(rows), contributions, rings, accounts)


def answers(texts, *, same_thread=False, minutes=1, to="asker"):
    """A first post by the asker and answers by ann, in time order."""
    rows = [row("q", 0, to)]
    rows += [
        row(f"a{number:02d}", 10 + number * minutes, "ann", text, thread="t" if same_thread else f"t{number}")
        for number, text in enumerate(texts)
    ]
    return rows


def made(n, *, kind="answer", to="asker"):
    recipients = [to] * n if isinstance(to, str) else to
    return [Contribution(kind, number + 1, 0, "ann", recipient) for number, recipient in enumerate(recipients)]


def weights(weighed):
    return [each.weight for each in weighed]


def test_the_first_of_everything_counts_in_full():
    weighed = weigh(answers([TRY_THIS]), made(1))
    assert weights(weighed) == [1.0]
    assert weighed[0].lowered_by == {}


def test_the_nth_answer_in_one_thread_counts_one_nth():
    weighed = weigh(answers([TRY_THIS] * 3, same_thread=True), made(3, to=["x", "y", "z"]))
    assert weights(weighed) == [1.0, 0.5, 0.333333]
    assert weighed[2].lowered_by == {"same_thread": {"nth_in_thread": 3, "weight": 0.333333}}


def test_three_answers_for_one_member_are_free_and_then_each_counts_less():
    weighed = weigh(answers([TRY_THIS] * 5), made(5))
    assert weights(weighed) == [1.0, 1.0, 1.0, 0.75, 0.6]
    assert weighed[4].lowered_by["same_member"]["nth_within_30_days"] == 5


def test_a_month_later_the_count_for_one_member_begins_anew():
    assert weights(weigh(answers([TRY_THIS] * 4, minutes=11 * DAY), made(4))) == [1.0] * 4


def test_many_tiny_answers_of_one_day_count_less_and_long_ones_do_not():
    others = [f"m{number}" for number in range(4)]
    tiny = weigh(answers(["Yes it does."] * 4), made(4, to=others))
    assert weights(tiny) == [1.0, 0.5, 0.333333, 0.25]
    assert tiny[1].lowered_by["tiny_answers"] == {"n_words": 3, "nth_tiny_of_the_day": 2, "weight": 0.5}
    assert weights(weigh(answers([TRY_THIS] * 4), made(4, to=others))) == [1.0] * 4
    assert weights(weigh(answers(["Yes it does."] * 4, minutes=DAY), made(4, to=others))) == [1.0] * 4


def test_a_tiny_answer_that_put_somebody_right_counts_in_full():
    contributions = [*made(4), Contribution("correction", 4, 0, "ann", "asker")]
    weighed = weigh(answers(["Yes it does."] * 4), contributions)
    assert weights(weighed)[3:] == [1.0, 1.0]


@pytest.mark.parametrize("kind", ["correction", "accepted_answer"])
def test_what_others_found_good_is_not_lowered_for_being_short_or_many(kind):
    assert weights(weigh(answers(["Yes it does."] * 6, same_thread=True), made(6, kind=kind))) == [1.0] * 6


def test_rules_do_not_add_up():
    weighed = weigh(answers(["Yes it does."] * 3, same_thread=True), made(3))
    assert weighed[2].weight == 0.333333
    assert set(weighed[2].lowered_by) == {"same_thread", "tiny_answers"}


def test_within_a_ring_everything_counts_for_what_chance_gives():
    ring = Ring(("ann", "asker"), 20, 4.0, 22, 23, 6, (1, 2), 0.001)
    weighed = weigh(answers([TRY_THIS]), made(1, kind="correction"), rings=[ring])
    assert weights(weighed) == [0.2]
    assert weighed[0].lowered_by["ring"]["n_exchanged"] == 20
    assert weights(weigh(answers([TRY_THIS]), made(1, to="somebody"), rings=[ring])) == [1.0]


@pytest.mark.parametrize(
    ("hours", "wording", "weight"), [(0.02, 0.01, 0.5), (0.3, 0.01, 1.0), (0.02, 0.3, 1.0), (None, None, 1.0)]
)
def test_for_an_account_that_may_be_ones_own_half_counts(hours, wording, weight):
    account = SecondAccount("ann", "asker", 9, 0.9, (1,), hours, wording, None)
    assert weights(weigh(answers([TRY_THIS]), made(1), accounts=[account])) == [weight]


def test_the_own_post_counts_for_nothing():
    assert weights(weigh(answers([TRY_THIS]), made(1, to="ann"))) == [0.0]
