"""What the sections say of contents written by hand, in both languages."""

import re

import pytest
from report_fixtures import START, planted_corpus, post

from moderation.reports.coverage_section import accuracy_table
from moderation.reports.drift_section import drift_section
from moderation.reports.emergence_section import emergence_section
from moderation.reports.member_section import member_section
from moderation.reports.quotes import Quoter, shortened
from moderation.reports.root_cause_section import root_cause_section
from moderation.reports.split_section import refusal_sentence, split_section
from moderation.reports.topic_section import main_spaces, topic_section
from moderation.reports.waiting_section import (
    answered_table,
    corrected_sentences,
    median_sentence,
    recent_and_older,
    still_waiting,
    wait_quote,
)
from moderation.reports.wording import Wording
from moderation.subcommunities import REFUSAL_REASONS

NL, EN = Wording("nl", "Europe/Amsterdam"), Wording("en", "Europe/Amsterdam")
HOUR = 3600


def clock(**changed):
    return {
        "n": 10,
        "n_answered": 6,
        "n_open": 4,
        "median_seconds": 5 * HOUR,
        "median_ci": [2 * HOUR, 30 * HOUR],
        "answered_within": {"1h": 0.0, "4h": 0.4, "24h": 0.6, "72h": 0.6},
        "answered_within_ci": {"1h": [0, 0], "4h": [0.15, 0.75], "24h": [0.3, 0.9], "72h": [0.3, 0.9]},
        "curve": [[0, 1, 1, 1], [4 * HOUR, 0.6, 0.25, 0.85], [20 * HOUR, 0.4, 0.1, 0.7], [30 * HOUR, 0.4, 0.1, 0.7]],
        **changed,
    }


def test_median_is_told_with_its_interval():
    assert median_sentence(clock(), NL, "any") == (
        "De helft van de ontevreden berichten kreeg binnen 5 uur een antwoord. "
        "(Met 95% zekerheid ligt dat tussen 2 uur en 1 dag en 6 uur.)"
    )
    assert median_sentence(clock(median_seconds=None, median_ci=[None, None]), EN, "staff") == (
        "Fewer than half had an answer from staff."
    )
    assert "flink langer" in median_sentence(clock(median_ci=[HOUR, None]), NL, "any")


def test_shares_beyond_the_longest_wait_are_a_lower_bound():
    table = answered_table({"any": clock(), "staff": clock(), "peer": clock()}, NL)
    cells = {row[0]: row[1].replace("\u2060", "") for row in table.rows}
    assert cells == {
        "1 uur": "0%",
        "4 uur": "40% (15–75%)",
        "1 dag": "60% (30–90%)",
        "3 dagen": "ten minste 60%",
    }


def test_nothing_measured_is_not_zero():
    empty = clock(n=0, answered_within=dict.fromkeys(("1h", "4h", "24h", "72h")), curve=[])
    table = answered_table({"any": empty, "staff": empty, "peer": empty}, EN)
    assert {cell for row in table.rows for cell in row[1:]} == {"nothing measured"}


def test_still_waiting_is_read_off_the_last_step():
    curve = [[0, 1, 1, 1], [10, 0.5, 0, 1], [20, 0.25, 0, 1]]
    assert [still_waiting(curve, at) for at in (0, 9, 10, 99)] == [1, 1, 0.5, 0.25]


def corrected(**changed):
    return {
        "n": 12,
        "n_corrected": 4,
        "n_undecided": 1,
        "share": 0.333,
        "interval": [0.14, 0.61],
        "by": {"staff": 1, "peer": 3, "community": 0},
        **changed,
    }


def test_corrections_are_told_with_who_did_it():
    said = corrected_sentences(corrected(), NL)
    assert said[0] == (
        "Van 12 ontevreden berichten is de afloop bekend; daarvan zijn er 4 rechtgezet: 33% (tussen 14% en 61%)."
    )
    assert said[1].startswith("Dat kwam 1 keer door een medewerker, 3 keer door een ander lid")
    assert said[2].startswith("Van 1 bericht is de afloop nog niet bekend")


def test_too_few_outcomes_give_no_percentage():
    said = corrected_sentences(corrected(n=1, share=None, interval=None, reason="not enough data"), EN)
    assert said[0] == (
        "The outcome of 1 unhappy post is known. That is too few for a percentage, which needs at least 5."
    )
    assert not any("%" in sentence for sentence in said)


def episode(id_, started_at, **changed):
    return {
        "id": id_,
        "started_at": started_at,
        "censored": "end",
        "p_negative_wom": 0.95,
        "deflected_at": None,
        "acknowledged_at": None,
        "n_amplifiers": 0,
        **changed,
    }


def test_recent_waits_lead_with_the_longest_and_older_ones_with_the_newest():
    times = {
        "end_at": "2026-06-30T12:00:00Z",
        "worklist": [],
        "episodes": [
            episode("old", "2026-01-01T12:00:00Z"),
            episode("older", "2025-12-01T12:00:00Z"),
            episode("long", "2026-06-17T12:00:00Z"),
            episode("answered", "2026-06-20T12:00:00Z", censored=None),
            episode("short", "2026-06-29T12:00:00Z"),
        ],
    }
    recent, older = recent_and_older(times)
    assert [each["id"] for each in recent] == ["long", "short"]
    assert [each["id"] for each in older] == ["old", "older"]


@pytest.mark.parametrize(
    ("changed", "note"),
    [
        ({}, "wacht 3 dagen · zeer waarschijnlijk ontevreden"),
        ({"p_negative_wom": 0.7}, "wacht 3 dagen · waarschijnlijk ontevreden"),
        (
            {"p_negative_wom": 0.69, "acknowledged_at": "x", "n_amplifiers": 1},
            "wacht 3 dagen · mogelijk ontevreden · alleen een bevestiging gekregen · 1 ander lid sluit zich aan",
        ),
        (
            {"acknowledged_at": "x", "deflected_at": "x", "n_amplifiers": 2},
            "wacht 3 dagen · zeer waarschijnlijk ontevreden · alleen doorverwezen · 2 andere leden sluiten zich aan",
        ),
    ],
)
def test_a_wait_says_how_sure_it_is_and_what_has_come_of_it(changed, note):
    quoter = Quoter(planted_corpus([post("p1", "De app doet het weer niet.")]), NL)
    times = {"end_at": "2026-06-30T12:00:00Z", "worklist": []}
    assert wait_quote(times, episode("p1", "2026-06-27T12:00:00Z", **changed), quoter).note == note


def test_a_wait_says_who_may_answer_and_what_worked_before():
    posts = [post("p1", "De app doet het weer niet."), post("p2", "Zet hem uit en weer aan.", author="m2")]
    placed = {"who": "peer", "members": [{"author_id": "m2"}]}
    item = {"post_id": "p1", "best_placed": placed, "earlier_answers": [{"answer_post_id": "p2"}]}
    times = {"end_at": "2026-06-30T12:00:00Z", "worklist": [item]}
    note = wait_quote(times, episode("p1", "2026-06-27T12:00:00Z"), Quoter(planted_corpus(posts), NL)).note
    assert "zulke berichten zijn eerder beantwoord door" in note
    assert "wat eerder hielp:" in note
    assert "Zet hem uit en weer aan." in note


THREAD = [
    post("p1", "Wie heeft dat ook?", title="Coupons weg", space="app", author_name="Bep"),
    post("p2", "Ik heb nergens last van, wat een gezeur " + "steeds " * 40, hours=1, author="m2", space="app"),
    post("p3", "Bij mij ook", hours=2, author="m3", parent_id="p2", space="app"),
    post("p4", "Bij mij ook", hours=3, author="m4", space="app"),
]


def test_a_reply_is_shown_with_its_thread_and_what_it_answers():
    quoter = Quoter(planted_corpus(THREAD), NL, {"app": "App en scanner"})
    to_a_reply, to_the_first = quoter.quote_in_thread("p3"), quoter.quote_in_thread("p4")
    assert to_a_reply.where == "in “Coupons weg” · App en scanner"
    assert to_a_reply.answers.startswith("Antwoord op lid m2: “Ik heb nergens last van, wat een gezeur")
    assert len(to_a_reply.answers) < 160
    assert to_the_first.answers == "Antwoord op Bep: “Wie heeft dat ook?”"


def test_a_first_post_answers_nothing_and_its_title_is_not_told_twice():
    quote = Quoter(planted_corpus(THREAD), EN).quote_in_thread("p1")
    assert (quote.title, quote.where, quote.answers) == ("Coupons weg", "in app", None)


def test_a_deleted_post_is_not_shown_as_what_is_answered():
    first = post("p1", "Mijn telefoonnummer is 06", title="Bel mij", deleted_at=START)
    quote = Quoter(planted_corpus([first, post("p2", "Doe dat niet", hours=1)]), NL).quote_in_thread("p2")
    assert (quote.where, quote.answers) == (None, "Antwoord op lid m1: “Dit bericht is verwijderd.”")


REFUSED_FIGURES = {
    "too_few_active_members": {"n_active": 21, "n_needed": 60},
    "no_parts_large_enough": {"n_active": 90, "n_needed_per_part": 30, "n_active_second_part": 1},
    "parts_not_stable": {"agreement": 0.523, "at_least": 0.7},
    "parts_too_much_connected": {"conductance": 0.42, "at_most": 0.3},
    "topics_do_not_differ": {"divergence_bits": None, "reason": "no_sorted_posts"},
    "only_a_language_divide": {"explained": 0.9, "at_most": 0.4},
    "only_a_time_zone_divide": {"explained": 0.9, "at_most": 0.4},
    "only_a_single_thread": {"share": 0.8, "at_most": 0.5},
    "no_more_structure_than_chance": {"modularity": 0.31, "null_modularity_p99": 0.33, "z": 1.2},
    "not_held_over_time": {"n_windows_needed": 3, "n_days": 400, "n_active_least_window": 70, "n_windows_held": 1},
    "no_authors_known": {"n_posts": 3, "n_posts_unknown_author": 3, "n_staff": 0, "n_bots": 0},
}


@pytest.mark.parametrize("reason", [*REFUSAL_REASONS.values(), "no_authors_known"])
@pytest.mark.parametrize("wording", [NL, EN])
def test_each_refusal_is_a_sentence(reason, wording):
    said = refusal_sentence({"reason": reason, "figures": REFUSED_FIGURES[reason]}, wording)
    assert said.endswith(".")
    assert not re.search("[{_]|None", said)


def test_a_refusal_names_the_figure_and_what_it_needs():
    refusal = {"reason": "no_parts_large_enough", "figures": REFUSED_FIGURES["no_parts_large_enough"]}
    assert refusal_sentence(refusal, NL) == (
        "De op één na grootste groep die vooral met elkaar praat, telt 1 actief lid; "
        "voor een eigen plek zijn er 30 nodig."
    )


PART = {"topic_ids": [1], "n_authors": 40, "n_posts": 1030, "terms": ["desem"], "author_ids": ["m1"]}


def proposal(parts, **changed):
    return {
        "action": "space",
        "parts": parts,
        "stability": 0.914,
        "modularity": 0.41,
        "null_modularity_p99": 0.2,
        "conductance": 0.12,
        "language_divide": 0.05,
        "bridging_author_ids": ["m1"],
        "evidence": {"limits": {"conductance_at_most": 0.3, "stability_at_least": 0.7}},
        **changed,
    }


def split_card(parts, wording=NL, **changed):
    corpus = planted_corpus([post("p1", "Hallo allemaal hier", author="m1", author_name="Bep", space="recepten")])
    contents = {"proposals": [proposal(parts, **changed)], "refused": []}
    quoter = Quoter(corpus, wording, {"recepten": "Recepten"})
    return split_section(contents, {1: "desem, brood", 2: "app", 3: "punten"}, quoter).proposals[0]


def test_a_proposal_shows_its_groups():
    card = split_card([PART, {**PART, "topic_ids": [], "terms": [], "author_ids": []}])
    assert card.headline == "Geef 2 groepen leden elk een eigen ruimte"
    assert card.parts[0].details == (
        "40 leden, 1.030 berichten",
        "100% van hun berichten staat nu in Recepten.",
        "Gaat vooral over “desem, brood”",
        "Kenmerkende woorden: desem",
    )
    assert card.parts[1].details[-1] == "Heeft geen onderwerp voor zichzelf"


def test_a_part_that_is_everybody_else_is_not_called_a_group():
    card = split_card([{**PART, "n_authors": 100, "topic_ids": [2, 3], "terms": ["app"]}, PART])
    assert card.headline == "Geef de 40 leden die vooral over “desem” schrijven een eigen ruimte"
    assert [part.heading for part in card.parts] == ["Deze groep", "Alle anderen"]
    assert card.parts[1].details == ("100 leden, 1.030 berichten",)


def test_a_large_group_with_one_subject_is_a_group():
    card = split_card([{**PART, "n_authors": 100}, PART], EN)
    assert card.headline == "Give 2 groups of members a space each"


@pytest.mark.parametrize(
    ("action", "said"),
    [("space", "Niemand raakt contacten kwijt"), ("tag", "Niemand raakt contacten kwijt"), ("split", "zou contacten")],
)
def test_only_a_split_costs_contacts(action, said):
    assert said in split_card([PART, PART], action=action).proof[-1]


def test_the_proof_is_in_words_and_its_figures_stand_apart():
    card = split_card([PART, PART])
    assert not any(re.search(r"\d,\d", sentence) for sentence in card.proof)
    figures = [figure for _, figure in card.figures]
    assert figures[:3] == [
        "0,91; nodig is 0,70",
        "0,41; willekeurige netwerken halen hoogstens 0,20",
        "0,12; mag hoogstens 0,30 zijn",
    ]


def drift(lines, **changed):
    period = {"first_day": "2026-07-01", "last_day": "2026-07-31", "n_posts": 80, "is_partial": False}
    return {
        "unit": "month",
        "periods": [period, period, {**period, "first_day": "2026-08-01", "is_partial": True}],
        "lines": lines,
        "divergence": [{"p": 0.01}],
        "coverage": {"n_posts": 1, "scored_share": 1.0, "sorted_share": 0.7},
        **changed,
    }


def line(**changed):
    return {
        "kind": "topic_share",
        "since": "2026-08-01T22:00:00Z",
        "before_since": None,
        "topic_id": 1,
        "word": None,
        "from": 0.04,
        "to": 0.18,
        "interval": [0.05, 0.22],
        "n_posts": 9,
        "n_authors": 8,
        "exemplar_ids": [],
        "posts_from": "latest",
        "words": None,
        **changed,
    }


QUOTER = Quoter(planted_corpus([post("p1", "Hallo allemaal hier")]), NL)


def test_a_change_says_what_how_much_and_by_whom():
    section = drift_section(drift([line(words={"rising": ["coupons", "app"], "falling": []})]), {1: "app"}, QUOTER)
    assert section.lead == "In augustus 2026 veranderde 1 ding wezenlijk ten opzichte van de 2 maanden daarvoor."
    change = section.changes[0]
    assert change.headline == "Er gaat meer over “app”: van 4% naar 18% van de berichten"
    assert change.details == (
        "Een verschil van 14 procentpunt, met 95% zekerheid tussen 5 en 22.",
        "Het gaat om 9 berichten van 8 schrijvers.",
        "Woorden die nu vaker vallen: “coupons” en “app”.",
    )


def test_a_fall_is_told_without_minus_signs():
    fall = line(
        kind="negative_share",
        topic_id=None,
        interval=[-0.12, -0.01],
        n_posts=1,
        n_authors=None,
        posts_from="earlier",
        **{"from": 0.22, "to": 0.14},
    )
    change = drift_section(drift([fall]), {}, QUOTER).changes[0]
    assert change.headline == "Er is minder onvrede over de organisatie: van 22% naar 14% van de berichten"
    assert change.details == (
        "Een verschil van 8,0 procentpunt, met 95% zekerheid tussen 1,0 en 12,0.",
        "Het gaat om oudere berichten, van vóór de daling: 1 bericht; de schrijvers zijn niet bekend.",
    )


@pytest.mark.parametrize(
    ("lines", "p", "said"),
    [
        ([line()], 0.3, "Dit zijn losse veranderingen"),
        ([line()], 0.01, "Ook als geheel verschilt"),
        ([], 0.01, "Geen onderwerp veranderde op zichzelf genoeg"),
        ([], 0.3, "niet meer van die ervoor dan toeval verklaart"),
    ],
)
def test_the_whole_does_not_contradict_the_changes(lines, p, said):
    section = drift_section(drift(lines, divergence=[{"p": p}]), {1: "app"}, QUOTER)
    assert sum(said in note for note in section.notes) == 1


@pytest.mark.parametrize("kind", ["topic_share", "negative_share", "topic_words", "topic_turn"])
@pytest.mark.parametrize("to", [0.01, 0.3])
@pytest.mark.parametrize("wording", [NL, EN])
def test_every_kind_of_change_has_words(kind, to, wording):
    quoter = Quoter(QUOTER.corpus, wording)
    headline = drift_section(drift([line(kind=kind, to=to, word="leeg")]), {1: "app"}, quoter).changes[0].headline
    assert "app" in headline
    assert "_" not in headline


def test_what_turned_in_the_past_is_told_with_its_week():
    turned = {"since": "2026-01-11T23:00:00Z", "before_since": "2025-11-16T23:00:00Z", "posts_from": "earlier"}
    ended = line(kind="topic_turn", to=0.0, **turned)
    gone = line(
        kind="word_turn", topic_id=None, word="pakket", words={"rising": [], "falling": ["kerst"]}, to=0.0, **turned
    )
    dated = line(since="2026-07-26T22:00:00Z", before_since="2025-11-16T23:00:00Z")
    section = drift_section(drift([dated, ended, gone]), {1: "app"}, QUOTER)
    assert "waar een week bij staat" in section.lead
    assert section.changes[0].details[-1] == "Het begon in de week van 27 juli 2026."
    assert section.changes[1].headline.startswith("“app” is voorbij: sinds de week van 12 januari 2026")
    assert section.changes[2].headline.startswith("Het woord “pakket” is verdwenen")
    assert section.changes[2].details[-1] == "In dezelfde berichten staat ook: “kerst”."


def emerging(**changed):
    group = {
        "action": "topic",
        "terms": ["coupons", "update"],
        "exemplar_ids": ["p1"],
        "n_posts": 9,
        "n_threads": 6,
        "n_authors": 8,
        "since": "2026-07-22T12:00:00Z",
        "new_share": 0.9,
        "topic_id": None,
        "negative_share": 0.5,
    }
    burst = {
        "phrase": "app storing",
        "other_phrases": ["inloggen"],
        "post_ids": ["p1"],
        "n_authors": 5,
        "n_posts": 6,
        "since": "2026-08-02T08:00:00Z",
        "until": "2026-08-02T11:00:00Z",
        "topic_id": 1,
        "negative_share": None,
    }
    return {"slow": [group], "fast": [burst], "fast_false_alarms_per_day": 1 / 30, **changed}


def test_what_comes_up_is_told_with_its_posts_and_its_false_alarms():
    section = emergence_section(emerging(), {1: "app"}, QUOTER)
    (group,), (burst,) = section.groups, section.bursts
    assert group.headline == "Voorgesteld als onderwerp: “coupons” en “update”"
    assert "8 schrijvers" in group.details[0]
    assert group.details[-1] == "50% van deze berichten is ontevreden."
    assert [quote.post_id for quote in group.groups[0].quotes] == ["p1"]
    assert "30 dagen" in section.bursts_lead
    assert burst.headline == "“app storing”"
    assert "“inloggen”" in burst.details[1]


def test_nothing_coming_up_is_said_too():
    section = emergence_section(emerging(slow=[], fast=[]), {}, QUOTER)
    assert section.groups == section.bursts == ()
    assert "Geen groep berichten" in section.lead
    assert "30 dagen" in section.bursts_lead


def test_a_root_cause_is_told_with_its_episodes():
    cause = {
        "topic_id": 1,
        "n_episodes": 12,
        "n_authors": 9,
        "n_weeks": 6,
        "first_at": "2026-03-02T12:00:00Z",
        "last_at": "2026-05-02T12:00:00Z",
        "n_answered": 10,
        "n_decided": 9,
        "n_corrected": 1,
        "corrected_interval": [0.02, 0.4],
        "negative_share": 0.4,
        "community_negative_share": 0.1,
        "episode_ids": ["p1"],
    }
    (told,) = root_cause_section({"causes": [cause], "reason": None}, {1: "app"}, QUOTER).causes
    assert told.headline == "“app” blijft negatief"
    assert told.details[0].startswith("12 klachten van 9 schrijvers in 6 verschillende weken")
    assert told.groups[0].quotes[0].post_id == "p1"
    assert (
        root_cause_section({"causes": [], "reason": "x"}, {}, QUOTER).lead
        != root_cause_section({"causes": [], "reason": None}, {}, QUOTER).lead
    )


def test_no_change_is_an_answer_with_its_reason():
    section = drift_section(drift([]), {}, QUOTER)
    assert section.lead == "In augustus 2026 veranderde er niets wezenlijks ten opzichte van de 2 maanden daarvoor."
    assert any("groter is dan toeval" in note for note in section.notes)


def test_too_short_data_are_not_called_unchanged():
    section = drift_section(drift([], periods=[], unit=None, divergence=[]), {}, QUOTER)
    assert section.lead == (
        "Er zijn te weinig berichten, of ze beslaan een te korte tijd, om te zeggen wat er verandert."
    )


@pytest.mark.parametrize("unit", ["day", "week", "month", "quarter", "year"])
@pytest.mark.parametrize("wording", [NL, EN])
def test_every_unit_of_time_has_words(unit, wording):
    assert drift_section(drift([], unit=unit), {}, Quoter(QUOTER.corpus, wording)).lead.endswith(".")


def topic(id_, **changed):
    return {
        "id": id_,
        "name": f"naam {id_}",
        "terms": [],
        "size": 12,
        "share": 0.25,
        "exemplar_ids": ["p1"],
        "negative_share": None,
        "negative_share_interval": None,
        "negative_share_n_posts": 0,
        "negative_share_reason": "x",
        **changed,
    }


NO_UNSORTED = {"count": 0, "share": 0.0, "reasons": {}}


def test_smaller_topics_stand_together_by_space_and_none_is_left_out():
    topics = [topic(id_, size=100 - id_) for id_ in range(1, 12)]
    topics[8]["negative_share"] = 0.25
    spaces = {9: "Winkels", 10: "Recepten", 11: "Winkels"}
    section = topic_section({"topics": topics, "unsorted": NO_UNSORTED}, QUOTER, chart=None, spaces=spaces)
    assert section.smaller_heading == "De andere 3 onderwerpen, per ruimte"
    assert [group.heading for group in section.smaller] == [
        "Winkels: 2 onderwerpen, 180 berichten",
        "Recepten: 1 onderwerp, 90 berichten",
    ]
    assert [(line.name, line.facts) for line in section.smaller[0].lines] == [
        ("naam 9", "91 berichten, ontevreden: 25%"),
        ("naam 11", "89 berichten, ontevreden: niet bekend"),
    ]
    assert section.more is None


def test_without_spaces_smaller_topics_are_one_list():
    topics = [topic(id_) for id_ in range(1, 11)]
    section = topic_section({"topics": topics, "unsorted": NO_UNSORTED}, QUOTER, chart=None, spaces={})
    assert section.smaller_heading == "De andere 2 onderwerpen"
    assert [(group.heading, len(group.lines)) for group in section.smaller] == [(None, 2)]


def test_a_topic_is_at_home_where_most_of_its_visible_posts_are():
    posts = [
        post("p1", "Een", space="b"),
        post("p2", "Twee", hours=1, space="a"),
        post("p3", "Drie", hours=2, space="a"),
        post("p4", "Vier", hours=3, space="b"),
        post("p5", "Vijf", hours=4, space="b", deleted_at=START),
        post("p6", "Zes", hours=5),
    ]
    quoter = Quoter(planted_corpus(posts), NL, {"a": "Appels"})
    assert main_spaces(quoter.corpus, [1, 1, 1, 1, 1, 2], quoter) == {1: "Appels"}


def test_a_single_space_is_not_told():
    quoter = Quoter(planted_corpus([post("p1", "Een", space="b"), post("p2", "Twee", hours=1)]), NL)
    assert main_spaces(quoter.corpus, [1, 1], quoter) == {}


def member(id_, **changed):
    columns = ("n_answers", "n_episodes_corrected", "n_accepted_answers", "n_ideas_supported", "n_posts")
    counted = {"author_id": id_, **dict.fromkeys(columns, 0), **changed}
    nothing_less = {"weighted": {"n_answers": counted["n_answers"]}, "lowered": {}, "leaving": None}
    return {**nothing_less, **counted}


def members_json(*members, **changed):
    left_out = {"n_posts_unknown_author": 0, "n_posts_by_bots": 0, "n_members_at_own_wish": 0}
    check = {"precision": 0.74, "base_share": 0.48}
    return {
        "members": list(members),
        "left_out": left_out,
        "needs_a_look": {"rings": [], "second_accounts": []},
        "leaving": {"reason": None, "check": check},
        **changed,
    }


def test_what_no_member_did_is_no_column():
    contents = members_json(member("m1", n_answers=2, n_posts=3), member("m2", n_answers=1, n_posts=1))
    table = member_section(contents, QUOTER).table
    assert list(table.head) == ["Lid", "Antwoorden", "Berichten"]
    assert table.rows == (("lid m1", "2", "3"), ("lid m2", "1", "1"))


def test_what_answers_count_for_stands_beside_them():
    lowered = member("m1", n_answers=3, n_posts=3, weighted={"n_answers": 1.833}, lowered={"same_thread": 2})
    section = member_section(members_json(lowered), QUOTER)
    assert section.table.head[:3] == ("Lid", "Antwoorden", "Telt als")
    assert section.table.rows == (("lid m1", "3", "1,8", "3"),)
    assert any("telt half" in note for note in section.notes)


def test_what_needs_a_look_is_told_with_its_figures():
    ring = {"author_ids": ["m1", "m2"], "n_exchanged": 24, "n_expected": 1.24}
    account = {"author_id": "m3", "other_author_id": "m1", "share": 0.9}
    looks = {"rings": [ring], "second_accounts": [account]}
    notes = member_section(members_json(member("m1"), needs_a_look=looks), QUOTER).notes
    assert any("lid m1 en lid m2 gaven elkaar 24" in note and "1,2" in note for note in notes)
    assert any("90% van wat lid m3 voor anderen deed was voor lid m1" in note for note in notes)


def test_who_may_be_leaving_is_told_with_how_often_it_was_right():
    silent = {"silent_days": 60, "p_silent_90_days": 0.8}
    notes = member_section(members_json(member("m1", leaving=silent), member("m2")), QUOTER).notes
    assert "1 lid dat meedeed is veel langer stil dan gewoonlijk: lid m1 (60 dagen)." in notes[-1]
    assert "74%" in notes[-1]
    assert "48%" in notes[-1]


@pytest.mark.parametrize("reason", ["too_few_gaps", "too_few_to_check", "did_not_hold"])
def test_why_nothing_is_said_of_leaving(reason):
    notes = member_section(members_json(member("m1"), leaving={"reason": reason, "check": None}), QUOTER).notes
    assert notes[-1].startswith("Of leden vertrekken")


def test_how_good_the_signals_are_is_one_row_for_each_signal_and_language():
    posts = [post("p1", "Dit is een bericht", language="nl"), post("p2", "This is a post", hours=1, language="en")]
    table = accuracy_table(planted_corpus(posts, unreachable={("idea", "en")}), NL)
    assert len(table.rows) == 2 * 5 - 1
    assert table.rows[0] == ("onvrede over de organisatie", "Engels", "61%", "82%", "400")
    assert not any(row[:2] == ("ideeën", "Engels") for row in table.rows)


def test_topics_without_words_or_tone_say_so():
    nameless = topic(3, name="")
    unsorted = {"count": 1, "share": 0.02, "reasons": {"too short": 1}}
    section = topic_section({"topics": [nameless], "unsorted": unsorted}, QUOTER, chart=None, spaces={})
    card = section.cards[0]
    assert (card.name, card.size, card.terms, card.bar) == ("Onderwerp 3", "12 berichten, 25% van alles", None, None)
    assert card.negative.startswith("Hoeveel hiervan ontevreden is, is niet te bepalen")
    assert section.unsorted == (
        "1 bericht (2%) hoort bij geen enkel onderwerp.",
        "1 bericht: te kort om te zeggen waar het over gaat",
    )


def test_a_quote_shows_the_title_once_and_stops_at_a_word():
    corpus = planted_corpus(
        [post("p1", "Coupons weg. " + "lang verhaal " * 40, title="Coupons weg", author_name="Bep")]
    )
    quote = Quoter(corpus, NL).quote("p1")
    assert quote.title == "Coupons weg"
    assert quote.words.startswith("lang verhaal")
    assert quote.words.endswith(("lang…", "verhaal…"))
    assert (quote.author, quote.written) == ("Bep", "2 maart 2026, 10:00")


def test_writers_are_named_as_well_as_they_are_known():
    posts = [
        post("a", "Een twee drie"),
        post("b", "Een twee vier", author=None),
        post("c", "Vier", author="s1", role="staff"),
    ]
    quoter = Quoter(planted_corpus(posts), NL)
    assert [quoter.quote(id_).author for id_ in "abc"] == ["lid m1", "onbekend lid", "lid s1 (medewerker)"]


def test_a_very_long_word_is_cut_too():
    assert shortened("x" * 500, 100) == "x" * 100 + "…"


def test_a_deleted_post_is_not_quoted():
    deleted = post("p1", "Mijn telefoonnummer is 06", title="Bel mij", deleted_at=START)
    quote = Quoter(planted_corpus([deleted]), NL).quote("p1")
    assert (quote.title, quote.words) == (None, "Dit bericht is verwijderd.")
