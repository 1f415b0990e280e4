from typing import Any

import pytest

from moderation.reports.group_words import alone_sentence, group_sentences, lacking_sentence
from moderation.reports.niche_part import niche_headline, niche_sentences, tidy_headline, tidy_sentence
from moderation.reports.wording import Wording

EN, NL = Wording("en", "Europe/Amsterdam"), Wording("nl", "Europe/Amsterdam")


def share(figure: float | None) -> dict[str, Any]:
    return {"share": figure, "interval": None, "n": 20, "reason": None if figure else "too_few"}


GROUP = {
    "posts_a_week": 18.2,
    "trend": {"posts": {"direction": "up", "ratio": 1.5, "interval": [1.2, 1.9]}},
    "stayed": share(0.9),
    "newcomers": share(None),
    "answered": share(0.75),
    "languages": [
        {"language": "nl", "share": 0.7},
        {"language": "en", "share": 0.26},
        {"language": "unknown", "share": 0.04},
    ],
}
PLACE = {
    "name": "Goor",
    "n_members": 3,
    "evidence": [{"post_id": "p1", "author_id": "m1", "quote": "Ik woon in Goor."}],
}
NICHE = {
    **GROUP,
    "terms": ["deeg", "soep", "koelkast", "mandje"],
    "n_authors": 51,
    "on_subject": 0.78,
    "cohesion": 0.98,
    "cohesion_by_chance": 0.46,
    "is_part": True,
    "spaces": {"space": "recepten", "share_of_niche": 0.99, "share_of_space": 0.7},
    "meeting": {"is_candidate": True, "n_members_active": 42, "place": PLACE},
}


def test_a_group_is_told_by_what_is_known_of_it() -> None:
    said = group_sentences(GROUP, EN)
    assert said[0].startswith("18 posts a week, and more than before")
    assert "1.50 times as many as in the first (1.20 to 1.90)" in said[0]
    assert said[1:] == [
        "90% of those who wrote in the first half of the period wrote in the second half too.",
        "75% of their questions had an answer within three days.",
        "Languages: Dutch 70% and English 26%.",
    ]


def test_a_trend_that_is_not_known_is_not_told() -> None:
    assert group_sentences({**GROUP, "trend": {"posts": None}}, NL)[0] == "18 berichten per week."


def test_files_of_an_earlier_version_have_no_such_figures() -> None:
    assert group_sentences({"n_authors": 3}, EN) == []
    assert alone_sentence({"n_authors": 3}, EN) is None


def test_what_is_left_of_a_group_alone() -> None:
    alone = {
        "posts_a_week": {"now": 18.2, "then": 17.9},
        "active_members": {"now": 51, "then": 50},
        "answered": {"now": share(0.75), "then": share(0.5)},
    }
    said = alone_sentence({"if_it_goes": {"group": alone}}, EN)
    assert said is not None
    assert "18 (now 18) posts a week, 50 (now 51) active members" in said
    assert said.endswith("Of their questions 50% would have had an answer within three days (now 75%).")
    unknown = {**alone, "answered": {"now": share(None), "then": share(None)}}
    assert "questions" not in str(alone_sentence({"if_it_goes": {"group": unknown}}, EN))


def test_a_niche_says_why_and_where_it_could_meet() -> None:
    assert niche_headline(NICHE, EN) == "51 members around “deeg”, “soep” and “koelkast”"
    said = niche_sentences(NICHE, EN, space_name="Recepten")
    assert said[0].startswith("78% of their posts are on this subject, and 98% of their contacts stay among them")
    assert "99% of their posts on it are in Recepten, of which they fill 70%." in said
    assert said[-1] == (
        "They could meet in Goor: 42 active members in the last four weeks, and 3 members named the place in public. "
        "“Ik woon in Goor.”"
    )
    assert any("also a group of the proposal" in sentence for sentence in said)


def test_without_a_place_none_is_named_and_without_activity_there_is_no_meeting() -> None:
    nowhere = {**NICHE, "meeting": {**NICHE["meeting"], "place": None}}  # type: ignore[dict-item]
    assert "Waar is niet te zeggen" in niche_sentences(nowhere, NL, space_name=None)[-1]
    quiet = {**NICHE, "meeting": {**NICHE["meeting"], "is_candidate": False}}  # type: ignore[dict-item]
    assert not any("meet" in sentence for sentence in niche_sentences(quiet, EN, space_name=None))


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        (
            {"measure": "n_active_smallest_part", "now": 31, "needed": 40, "direction": "at_least"},
            "To pass: 40 active members in the smallest group; now 31.",
        ),
        (
            {"measure": "conductance", "now": 0.412, "needed": 0.3, "direction": "at_most"},
            "To pass: at most 30% of a group’s ties lead to the others; now 41%.",
        ),
        (
            {"measure": "agreement", "now": 0.5555, "needed": 0.7, "direction": "at_least"},
            "To pass: an agreement of 0.70 or more between repetitions; now 0.56.",
        ),
        ({"measure": "divergence_low", "now": None, "needed": 0, "direction": "above"}, None),
        (None, None),
    ],
)
def test_what_is_lacking_is_told_with_both_figures(lacking: dict[str, Any] | None, said: str | None) -> None:
    assert lacking_sentence(lacking, EN) == said


def test_merging_and_reviving_are_told_with_their_figures() -> None:
    quiet = {
        "of": "spaces",
        "spaces": ["a"],
        "n_members": 10,
        "figures": {"n_posts_last_block": 3, "usual_posts_a_block": 18.0, "n_days_a_block": 56},
    }
    twins = {"of": "spaces", "spaces": ["a", "b"], "figures": {"shared_members": 0.4}}
    threads = {"of": "threads", "thread_ids": ["1", "2"], "figures": {"cosine_highest": 0.71, "n_days_apart": 2.6}}
    assert tidy_headline(quiet, EN, names=["Stamps"]) == "Stamps has gone quiet"
    assert tidy_sentence(quiet, EN).startswith("3 posts in the last 56 days, where 18 were usual")
    assert tidy_headline(twins, EN, names=["A", "B"]) == "A and B seem to double each other"
    assert "40% or more" in tidy_sentence(twins, EN)
    assert tidy_headline(threads, EN, names=[]) == "2 threads seem to be about the same"
    assert "likeness 0.71) within 3 days" in tidy_sentence(threads, EN)
