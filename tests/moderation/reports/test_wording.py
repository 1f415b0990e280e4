import re
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import moderation.reports
from moderation.reports.wording import REPORT_LANGUAGES, Wording, messages

NL, EN = (Wording(language, "Europe/Amsterdam") for language in REPORT_LANGUAGES)
HOUR = 3600
SOURCES = Path(moderation.reports.__file__).parent


@pytest.mark.parametrize(
    ("seconds", "dutch", "english"),
    [
        (0, "minder dan een minuut", "less than a minute"),
        (29, "minder dan een minuut", "less than a minute"),
        (61, "1 minuut", "1 minute"),
        (59.7 * 60, "1 uur", "1 hour"),
        (1.5 * HOUR, "1 uur en 30 minuten", "1 hour and 30 minutes"),
        (7.2 * HOUR, "7 uur", "7 hours"),
        (23.9 * HOUR, "1 dag", "1 day"),
        (76 * HOUR, "3 dagen en 4 uur", "3 days and 4 hours"),
        (7 * 24 * HOUR, "7 dagen", "7 days"),
        (26.2 * 24 * HOUR, "26 dagen", "26 days"),
        (160 * 24 * HOUR, "5 maanden", "5 months"),
        (3 * 365.25 * 24 * HOUR, "3 jaar", "3 years"),
    ],
)
def test_duration_is_told_in_at_most_two_units(seconds, dutch, english):
    assert NL.duration(seconds) == dutch
    assert EN.duration(seconds) == english


@given(st.floats(min_value=0, max_value=1e9), st.sampled_from(REPORT_LANGUAGES))
def test_every_duration_has_words_and_at_most_two_numbers(seconds, language):
    said = Wording(language, "UTC").duration(seconds)
    assert said
    assert len(re.findall(r"\d+", said)) <= 2
    assert " 0 " not in f" {said} "


@pytest.mark.parametrize(
    ("share", "dutch"),
    [(0, "0%"), (0.0001, "minder dan 0,1%"), (0.004, "0,4%"), (0.01, "1%"), (0.429, "43%"), (1, "100%")],
)
def test_shares_keep_a_decimal_only_where_they_are_small(share, dutch):
    assert NL.share(share) == dutch


@pytest.mark.parametrize(
    ("probability", "dutch", "english"),
    [
        (0.5, "mogelijk", "possibly"),
        (0.7, "waarschijnlijk", "probably"),
        (0.9, "zeer waarschijnlijk", "very probably"),
    ],
)
def test_a_probability_is_told_in_words(probability, dutch, english):
    assert NL.likelihood(probability) == dutch
    assert EN.likelihood(probability) == english


def test_numbers_and_dates_follow_the_language():
    moment = datetime(2026, 8, 17, 16, 12, tzinfo=UTC)
    assert (NL.number(1030), EN.number(1030)) == ("1.030", "1,030")
    assert (NL.number(0.516, decimals=2), EN.number(0.516, decimals=2)) == ("0,52", "0.52")
    assert (NL.minute(moment), EN.minute(moment)) == ("17 augustus 2026, 18:12", "17 August 2026, 18:12")


def test_a_range_of_days_names_the_year_once_and_the_day_once_where_it_is_one():
    first, last = datetime(2026, 3, 6, tzinfo=UTC), datetime(2026, 8, 17, tzinfo=UTC)
    assert NL.days(first, last) == "6 maart tot en met 17 augustus 2026"
    assert EN.days(first.replace(year=2025), last) == "6 March 2025 to 17 August 2026"
    assert NL.days(first, first) == "6 maart 2026"


def test_days_are_those_of_the_community():
    late = datetime(2026, 8, 17, 22, 30, tzinfo=UTC)
    assert NL.day(late) == "18 augustus 2026"
    assert Wording("nl", "UTC").day(late) == "17 augustus 2026"


def test_table_cell_leaves_out_an_interval_that_is_a_point():
    assert NL.span(0.0, 0.0, 0.0) == "0%"
    assert NL.span(0.09, 0.04, 0.22).replace("\u2060", "") == "9% (4–22%)"


def test_an_unknown_language_is_said_in_words():
    assert (NL.language_name("en"), EN.language_name("nl")) == ("Engels", "Dutch")
    assert NL.language_name("unknown") == "taal niet herkend"


def _forms(text):
    return (text,) if isinstance(text, str) else text


def _blanks(text):
    return {name for form in _forms(text) for _, name, _, _ in Formatter().parse(form) if name is not None} - {"n"}


def test_both_languages_say_the_same_things():
    assert messages("nl").keys() == messages("en").keys()
    for key, dutch in messages("nl").items():
        english = messages("en")[key]
        assert len(_forms(dutch)) == len(_forms(english)), key
        assert _blanks(dutch) == _blanks(english), key
        assert all((*_forms(dutch), *_forms(english))), key


def test_every_sentence_is_used():
    source = "".join(path.read_text("utf-8") for path in SOURCES.rglob("*.*") if path.suffix in {".py", ".j2"})
    used = set(re.findall(r"[\"']([\w. ]+)[\"']", source))
    patterns = [
        re.sub(r"\\\{[^}]*\\\}", r"[^.]+", re.escape(form)) for form in re.findall(r"f\"([\w.{}'\[\] ]+)\"", source)
    ]
    patterns += [re.escape(start) + ".+" for start in re.findall(r"\"([\w.]+\.)\" ~", source)]
    unused = [key for key in messages("nl") if key not in used and not any(re.fullmatch(p, key) for p in patterns)]
    assert unused == []
