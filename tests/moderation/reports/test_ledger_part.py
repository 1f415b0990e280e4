"""What became of topics, in sentences."""

from datetime import UTC, datetime, timedelta

import pytest
from report_fixtures import run_of

from moderation.reports.ledger_part import ledger_entries
from moderation.reports.page import page
from moderation.reports.wording import Wording
from moderation.tables import TopicEventRow
from moderation.topic_history import Ledger

EN, NL = Wording("en", "Europe/Amsterdam"), Wording("nl", "Europe/Amsterdam")
NOW = datetime(2026, 8, 17, 10, 0, tzinfo=UTC)
FIRST = NOW - timedelta(days=60)


def event(topic_id, kind, **changed):
    known = {"happened_at": NOW, "name": f"now {topic_id}", "name_before": f"then {topic_id}"}
    sizes = {"n_posts_before": 120, "n_posts_after": 120, "other_ids": [], "went_to": [], "came_from": []}
    return TopicEventRow(topic_id=topic_id, kind=kind, **{**known, **sizes, **changed})


def flow(topic_id, n_posts):
    return {"topic_id": topic_id, "n_posts": n_posts, "share": 0.5}


def told(*events, wording=EN, names=None):
    (entry,) = ledger_entries(Ledger(events, {NOW: 3}, FIRST), names or {}, wording)
    return [line.words for line in entry.lines]


SPLIT = event(12, "split", other_ids=[31], went_to=[flow(31, 64), flow(12, 56)], n_posts_after=56)
PART = event(31, "split", other_ids=[12], n_posts_before=0, n_posts_after=64)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (SPLIT, "Topic 12 “now 12” was split: of its 120 posts, 64 are now in topic 31 “points”."),
        (PART, "Topic 31 “now 31” stands on its own, with 64 posts: it was split off from topic 12."),
        (
            event(9, "merged", other_ids=[31], came_from=[flow(9, 120), flow(31, 1)], n_posts_after=121),
            "Topic 9 “now 9” took in topic 31 “points”: 1 post came over, and it now has 121 posts.",
        ),
        (
            event(31, "merged", other_ids=[9], name=None, n_posts_after=0),
            "Topic 31 “then 31” is no more: it went on, with 120 posts, in topic 9.",
        ),
        (event(4, "renamed"), "Topic 4 “now 4” was called “then 4” before; it is the same topic, with 120 posts."),
        (
            event(5, "new", n_posts_before=0, came_from=[flow(0, 7)]),
            "Topic 5 “now 5” is new, with 120 posts. 7 of them belonged to no topic before.",
        ),
        (
            event(6, "retired", name=None, went_to=[flow(0, 90), flow(31, 1)]),
            "Topic 6 “then 6” is no more: of its 120 posts, 90 belong to no topic now and 1 is now in "
            "topic 31 “points”.",
        ),
        (event(6, "retired", name=None, name_before=None), "Topic 6 is no more; it had 120 posts."),
    ],
)
def test_each_kind_of_event_is_a_sentence_with_the_posts_that_moved(what, said):
    assert told(what, names={31: "points"}) == [said]
    assert "{" not in "".join(told(what, wording=NL))


def test_both_sides_of_a_split_and_of_a_merge_are_told_in_one_line():
    lines = told(SPLIT, PART)
    assert lines == ["Topic 12 “now 12” was split: of its 120 posts, 64 are now in topic 31 “now 31”."]
    into = event(9, "merged", other_ids=[8], came_from=[flow(8, 5)])
    gone = event(8, "merged", other_ids=[9], name=None, n_posts_after=0)
    assert len(told(gone, into)) == 1
    # What a moderator merges is written down from one side only.
    assert len(told(gone)) == 1


def test_the_dutch_sentence_reads_well():
    assert told(SPLIT, PART, wording=NL) == [
        "Onderwerp 12 “now 12” is gesplitst: van de 120 berichten zitten er 64 nu in onderwerp 31 “now 31”."
    ]


def test_moments_come_newest_first_and_the_first_look_is_one_line():
    events = [event(4, "renamed"), *(event(topic_id, "new", happened_at=FIRST) for topic_id in (4, 5, 6))]
    newest, first = ledger_entries(Ledger(events, {NOW: 2}, FIRST), {}, EN)
    assert newest.note == "2 other topics stayed as they were."
    assert (first.lines, first.note) == ((), "The first 3 topics were found.")
    assert first.heading.startswith("18 June 2026")


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_report_tells_it_where_there_was_an_earlier_look(sample, language):
    ledger = Ledger([SPLIT, PART], {NOW: 3}, FIRST)
    heading = Wording(language, "UTC").say("heading.ledger")
    told_page = page(sample, run_of(sample), language=language, ledger=ledger)
    assert f"<h3>{heading}</h3>" in told_page
    assert "now 31" in told_page
    assert heading not in page(sample, run_of(sample), language=language)


@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_change_of_the_report_folds_its_posts_out(sample, language):
    html = page(sample, run_of(sample), language=language)
    section = html.split('<section id="drift"')[1].split("</section>")[0]
    lines = section.split("<li>\n<h3>")[1:]
    assert len(lines) == len(sample.drift["lines"]) > 0
    assert all("<details" in line and "<blockquote" in line for line in lines)
