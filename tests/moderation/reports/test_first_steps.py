"""Which actions are proposed, and on what grounds."""

import pytest
from report_fixtures import planted_corpus, post

from moderation.flags import Flag
from moderation.reports.first_steps import first_steps, flag_action, root_cause_action, waiting_action
from moderation.reports.quotes import Quoter
from moderation.reports.wording import Wording

END = "2026-06-30T12:00:00Z"
POSTS = [post(f"p{n}", f"Bericht nummer {n} over de app.", hours=n, author=f"m{n}") for n in range(8)]
QUOTER = Quoter(planted_corpus(POSTS), Wording("nl", "Europe/Amsterdam"))


def episode(number, day, **changed):
    return {
        "id": f"p{number}",
        "started_at": f"2026-06-{day:02}T12:00:00Z",
        "censored": "end",
        "first_answer_at": None,
        "deflected_at": None,
        "acknowledged_at": None,
        "n_amplifiers": 0,
        "topic_id": 1,
        "corrected": None,
        **changed,
    }


def times(episodes):
    return {"end_at": END, "episodes": episodes, "unanswered_questions": []}


def topics(share=0.6, interval=(0.4, 0.8)):
    quiet = {
        "id": 2,
        "name": "brood",
        "size": 300,
        "negative_share": 0.0,
        "negative_share_interval": [0.0, 0.01],
        "negative_share_n_posts": 300,
    }
    upset = {
        "id": 1,
        "name": "app",
        "size": 20,
        "negative_share": share,
        "negative_share_interval": list(interval),
        "negative_share_n_posts": 20,
    }
    return {"topics": [upset, quiet]}


NOTHING = {"proposals": [], "refused": []}


def test_late_waits_are_counted_apart_and_only_they_are_quoted():
    action = waiting_action(times([episode(1, 20), episode(2, 26), episode(3, 30)]), QUOTER)
    assert action.headline == "2 ontevreden berichten wachten al langer dan 3 dagen op antwoord"
    assert action.why.endswith("De langste wachttijd van allemaal is 10 dagen. Nog 1 ander bericht wacht korter.")
    assert [quote.post_id for quote in action.quotes] == ["p1", "p2"]


def test_short_waits_are_an_action_too():
    action = waiting_action(times([episode(3, 29)]), QUOTER)
    assert action.headline == "Beantwoord 1 ontevreden bericht"
    assert [quote.note for quote in action.quotes] == ["wacht 1 dag"]


def answered(number, day, *, corrected=None):
    return episode(number, day, censored=None, first_answer_at=END, corrected=corrected)


LASTING = [answered(1, 1), answered(2, 8), answered(3, 12), episode(4, 20), episode(5, 28)]
CORRECTED = {"by": "staff", "at": END}


def test_a_topic_that_answers_do_not_calm_is_a_cause():
    action = root_cause_action(times(LASTING), topics(), QUOTER)
    assert action.headline == "Pak de oorzaak aan achter “app”: 5 ontevreden berichten"
    assert "Van de 3 die antwoord kregen, zijn er 0 rechtgezet" in action.why
    assert [quote.post_id for quote in action.quotes] == ["p5", "p4", "p3", "p2", "p1"]
    assert action.anchor == "topic-1"


@pytest.mark.parametrize(
    ("episodes", "of_topics"),
    [
        (LASTING[:4], topics()),
        ([answered(n, 1 + n) for n in range(1, 6)], topics()),
        ([episode(n, 5 * n) for n in range(1, 6)], topics()),
        ([*(answered(n, 5 * n, corrected=CORRECTED) for n in range(1, 4)), episode(4, 20), episode(5, 28)], topics()),
        (LASTING, topics(share=0.05, interval=(0.0, 0.2))),
    ],
    ids=["too few", "too short a time", "never answered", "answers help", "no more unhappy than the rest"],
)
def test_a_topic_is_no_cause_when(episodes, of_topics):
    assert root_cause_action(times(episodes), of_topics, QUOTER) is None


def test_flags_are_ranked_by_probability_and_counted_by_reason():
    flags = [(), (Flag("spam", 0.7, 0.5, {}),), (Flag("toxic", 0.9, 0.5, {}), Flag("off_thread", 0.99, 0.8, {}))]
    action = flag_action("review", flags, QUOTER)
    assert action.headline == "Beoordeel 2 berichten die mogelijk niet door de beugel kunnen"
    assert action.why.startswith("Het gaat om 1 bericht met reclame of oplichting en 1 belediging of bedreiging.")
    assert [quote.post_id for quote in action.quotes] == ["p2", "p1"]
    assert action.quotes[0].note == "mogelijk een belediging of bedreiging (kans 90%)"


def test_people_who_wait_come_before_everything_and_placement_last():
    flags = [(Flag("off_thread", 0.99, 0.8, {}),), (Flag("spam", 0.7, 0.5, {}),)]
    contents = {"times": times(LASTING), "topics": topics(), "splits": NOTHING, "flags": flags, "quoter": QUOTER}
    anchors = [action.anchor for action in first_steps(**contents)]
    assert anchors == ["open", None, "topic-1", None]


def test_nothing_to_do_is_an_empty_list():
    assert first_steps(times=times([]), topics={"topics": []}, splits=NOTHING, flags=[], quoter=QUOTER) == ()
