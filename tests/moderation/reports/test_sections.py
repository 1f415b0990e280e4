"""What the sections say of contents written by hand, in both languages."""

import re

import pytest
from report_fixtures import START, planted_corpus, post

from moderation.reports.drift_section import drift_section
from moderation.reports.quotes import Quoter, shortened
from moderation.reports.split_section import refusal_sentence, split_section
from moderation.reports.topic_section import topic_section
from moderation.reports.waiting_section import (
    answered_table,
    corrected_sentences,
    median_sentence,
    recent_first,
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
        "De helft had binnen 5 uur een antwoord. (Met 95% zekerheid ligt dat tussen 2 uur en 1 dag en 6 uur.)"
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
        "deflected_at": None,
        "acknowledged_at": None,
        "n_amplifiers": 0,
        **changed,
    }


def test_the_longest_wait_of_the_last_month_comes_first_and_old_ones_last():
    times = {
        "end_at": "2026-06-30T12:00:00Z",
        "episodes": [
            episode("old", "2026-01-01T12:00:00Z"),
            episode("older", "2025-12-01T12:00:00Z"),
            episode("long", "2026-06-10T12:00:00Z"),
            episode("answered", "2026-06-02T12:00:00Z", censored=None),
            episode("short", "2026-06-29T12:00:00Z"),
        ],
    }
    assert [each["id"] for each in recent_first(times)] == ["long", "short", "older", "old"]


@pytest.mark.parametrize(
    ("changed", "note"),
    [
        ({}, "wacht 3 dagen"),
        (
            {"acknowledged_at": "x", "n_amplifiers": 1},
            "wacht 3 dagen · alleen een bevestiging gekregen · 1 ander lid sluit zich aan",
        ),
        (
            {"acknowledged_at": "x", "deflected_at": "x", "n_amplifiers": 2},
            "wacht 3 dagen · alleen doorverwezen · 2 andere leden sluiten zich aan",
        ),
    ],
)
def test_a_wait_says_what_has_come_of_it(changed, note):
    quoter = Quoter(planted_corpus([post("p1", "De app doet het weer niet.")]), NL)
    times = {"end_at": "2026-06-30T12:00:00Z"}
    assert wait_quote(times, episode("p1", "2026-06-27T12:00:00Z", **changed), quoter).note == note


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


def test_a_proposal_shows_its_parts_and_who_would_be_cut_off():
    corpus = planted_corpus([post("p1", "Hallo allemaal hier", author="m1", author_name="Bep")])
    part = {"topic_ids": [1], "n_authors": 40, "n_posts": 1030, "terms": ["desem"]}
    proposal = {
        "action": "space",
        "parts": [part, {**part, "topic_ids": [], "terms": []}],
        "stability": 0.91,
        "modularity": 0.41,
        "null_modularity_p99": 0.2,
        "conductance": 0.12,
        "language_divide": 0.05,
        "bridging_author_ids": ["m1"],
    }
    section = split_section({"proposals": [proposal], "refused": []}, {1: "desem, brood"}, Quoter(corpus, NL))
    card = section.proposals[0]
    assert card.headline == "Geef 2 groepen leden elk een eigen ruimte"
    assert card.parts[0].details == (
        "40 leden, 1.030 berichten",
        "Gaat vooral over “desem, brood”",
        "Kenmerkende woorden: desem",
    )
    assert card.parts[1].details[-1] == "Heeft geen onderwerp voor zichzelf"
    assert card.proof[-1] == "1 actief lid is in meer dan één groep thuis en zou contacten kwijtraken: Bep."


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
        "topic_id": 1,
        "word": None,
        "from": 0.04,
        "to": 0.18,
        "interval": [0.05, 0.22],
        "n_posts": 9,
        "n_authors": 8,
        "exemplar_ids": [],
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
        **{"from": 0.22, "to": 0.14},
    )
    change = drift_section(drift([fall]), {}, QUOTER).changes[0]
    assert change.headline == "Er is minder onvrede over de organisatie: van 22% naar 14% van de berichten"
    assert change.details == (
        "Een verschil van 8,0 procentpunt, met 95% zekerheid tussen 1,0 en 12,0.",
        "Het gaat om 1 bericht; de schrijvers zijn niet bekend.",
    )


@pytest.mark.parametrize("kind", ["topic_share", "negative_share", "topic_words"])
@pytest.mark.parametrize("to", [0.01, 0.3])
@pytest.mark.parametrize("wording", [NL, EN])
def test_every_kind_of_change_has_words(kind, to, wording):
    quoter = Quoter(QUOTER.corpus, wording)
    headline = drift_section(drift([line(kind=kind, to=to, word="leeg")]), {1: "app"}, quoter).changes[0].headline
    assert "app" in headline
    assert "_" not in headline


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


def test_topics_without_words_or_tone_say_so():
    topic = {
        "id": 3,
        "name": "",
        "terms": [],
        "size": 12,
        "share": 0.25,
        "exemplar_ids": ["p1"],
        "negative_share": None,
        "negative_share_interval": None,
        "negative_share_n_posts": 0,
        "negative_share_reason": "x",
    }
    unsorted = {"count": 1, "share": 0.02, "reasons": {"too short": 1}}
    section = topic_section({"topics": [topic], "unsorted": unsorted}, QUOTER, chart=None)
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
