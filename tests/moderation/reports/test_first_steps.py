"""Which actions are proposed, and on what grounds."""

import pytest
from report_fixtures import planted_corpus, post

from moderation.flags import Flag
from moderation.reports.first_steps import (
    first_steps,
    flag_action,
    question_action,
    root_cause_action,
    split_action,
    waiting_action,
)
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
        "p_negative_wom": 0.75,
        "first_answer_at": None,
        "deflected_at": None,
        "acknowledged_at": None,
        "n_amplifiers": 0,
        "topic_id": 1,
        "corrected": None,
        **changed,
    }


def times(episodes):
    return {"end_at": END, "episodes": episodes, "unanswered_questions": [], "worklist": []}


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


def quoted(action):
    return [[quote.post_id for quote in group.quotes] for group in action.groups]


def test_waits_of_the_last_two_weeks_lead_and_older_ones_are_counted_with_their_age():
    action = waiting_action(times([episode(1, 2), episode(2, 10), episode(3, 20), episode(4, 30)]), QUOTER)
    assert action.headline == "Beantwoord 2 ontevreden berichten van de laatste 14 dagen"
    assert action.why == (
        "1 daarvan wacht al langer dan 3 dagen. "
        "Daarnaast bleven 2 oudere berichten liggen, het oudste al 28 dagen. Die komen hierna."
    )
    assert quoted(action) == [["p3", "p4"]]


def test_short_waits_are_an_action_too():
    action = waiting_action(times([episode(3, 29)]), QUOTER)
    assert action.headline == "Beantwoord 1 ontevreden bericht van de laatste 14 dagen"
    assert [quote.note for quote in action.groups[0].quotes] == ["wacht 1 dag · waarschijnlijk ontevreden"]


def test_old_waits_are_not_called_fresh():
    action = waiting_action(times([episode(1, 2), episode(2, 10)]), QUOTER)
    assert action.headline == "2 oudere ontevreden berichten kregen nooit antwoord"
    assert action.why.startswith("Van de laatste 14 dagen wacht er niets. Het oudste staat al 28 dagen open")
    assert quoted(action) == [["p2", "p1"]]


def question(number, days):
    return {"post_id": f"p{number}", "waiting_seconds": days * 86_400.0, "p_question": 0.95}


@pytest.mark.parametrize(
    ("days", "headline", "why_ends", "ids"),
    [
        (
            [3, 40, 20],
            "Beantwoord 1 vraag van de laatste 14 dagen",
            "bleven 2 oudere vragen liggen, de oudste al 40 dagen.",
            ["p0"],
        ),
        (
            [40, 20],
            "2 oudere vragen kregen nooit antwoord",
            "De oudste staat al 40 dagen open; begin bij de nieuwste.",
            ["p1", "p0"],
        ),
        ([3], "Beantwoord 1 vraag van de laatste 14 dagen", "inhoudelijk antwoord op.", ["p0"]),
    ],
)
def test_questions_are_led_by_the_recent_ones(days, headline, why_ends, ids):
    contents = {**times([]), "unanswered_questions": [question(number, each) for number, each in enumerate(days)]}
    action = question_action(contents, QUOTER)
    assert action.headline == headline
    assert action.why.endswith(why_ends)
    assert quoted(action) == [ids]


def answered(number, day, *, corrected=None):
    return episode(number, day, censored=None, first_answer_at=END, corrected=corrected)


LASTING = [answered(1, 1), answered(2, 8), answered(3, 12), episode(4, 20), episode(5, 28)]
CORRECTED = {"by": "staff", "at": END}


def test_a_topic_that_answers_do_not_calm_is_a_cause():
    action = root_cause_action(times(LASTING), topics(), QUOTER)
    assert action.headline == "Pak de oorzaak aan achter “app”: 5 ontevreden berichten"
    assert "Van de 3 die antwoord kregen, zijn er 0 rechtgezet" in action.why
    assert quoted(action) == [["p5", "p4", "p3", "p2", "p1"]]
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


def test_surer_advertisements_do_not_hide_an_insult():
    spam = [(Flag("spam", 0.99, 0.5, {}),)] * 6
    action = flag_action("review", [*spam, (Flag("toxic", 0.75, 0.5, {}), Flag("off_thread", 0.99, 0.8, {}))], QUOTER)
    assert action.headline == "Beoordeel 7 berichten die mogelijk niet door de beugel kunnen"
    assert action.why.startswith("Het gaat om 1 belediging of bedreiging en 6 berichten met reclame of oplichting.")
    assert [group.heading for group in action.groups] == [
        "1 belediging of bedreiging",
        "6 berichten met reclame of oplichting; de 5 duidelijkste",
    ]
    assert quoted(action) == [["p6"], ["p0", "p1", "p2", "p3", "p4"]]
    assert action.groups[0].quotes[0].note == "waarschijnlijk een belediging of bedreiging"


def test_within_a_reason_the_surest_come_first():
    flags = [(), (Flag("toxic", 0.7, 0.5, {}),), (Flag("toxic", 0.9, 0.5, {}),)]
    assert quoted(flag_action("review", flags, QUOTER)) == [["p2", "p1"]]


def test_a_split_into_one_group_and_the_rest_names_only_the_group():
    group = {"n_authors": 52, "topic_ids": [1, 2], "terms": ["deeg", "brood", "oven", "meel"]}
    rest = {"n_authors": 104, "topic_ids": [3, 4, 5], "terms": ["app"]}
    splits = {"proposals": [{"action": "space", "parts": [rest, group]}]}
    action = split_action(splits, QUOTER.wording)
    assert action.headline == "Geef de 52 leden die vooral over “deeg”, “brood” en “oven” schrijven een eigen ruimte"
    assert action.why == "Zij praten vooral met elkaar, over andere dingen dan de overige 104 leden."


def test_people_who_wait_come_before_everything_and_placement_last():
    flags = [(Flag("off_thread", 0.99, 0.8, {}),), (Flag("spam", 0.7, 0.5, {}),)]
    contents = {"times": times(LASTING), "topics": topics(), "splits": NOTHING, "flags": flags, "quoter": QUOTER}
    anchors = [action.anchor for action in first_steps(**contents)]
    assert anchors == ["open", None, "topic-1", None]


def test_nothing_to_do_is_an_empty_list():
    assert first_steps(times=times([]), topics={"topics": []}, splits=NOTHING, flags=[], quoter=QUOTER) == ()
