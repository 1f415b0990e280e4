from pathlib import Path

import pytest

from moderation.config import Community, load_community
from moderation.errors import CommunityFileInvalid


def load(folder: Path, toml: str) -> Community:
    path = folder / "community.toml"
    path.write_text(toml, encoding="utf-8")
    return load_community(path)


def test_every_setting_is_read(tmp_path: Path) -> None:
    community = load(
        tmp_path,
        """
        name = "Air Miles"
        languages = ["nl", "en", "nl"]
        timezone = "Europe/Brussels"
        purpose = "Sparen en inwisselen."
        staff = ["u1", "u2"]
        review_budget_per_day = 15
        channel = "outside"
        opening_hours = { sat = "10:00-14:00", mon = "09:00-12:30, 13:00-17:30" }
        holidays = "BE"
        [[spaces]]
        slug = "sparen"
        name = "Sparen"
        purpose = "Hoe je punten spaart."
        [[spaces]]
        slug = "reizen"
        name = "Reizen"
        """,
    )
    assert (community.name, community.languages, community.timezone) == ("Air Miles", ("nl", "en"), "Europe/Brussels")
    assert (community.purpose, community.staff) == ("Sparen en inwisselen.", ("u1", "u2"))
    assert (community.review_budget_per_day, community.channel, community.holidays) == (15, "outside", "BE")
    assert list(community.opening_hours.items()) == [("mon", "09:00-12:30, 13:00-17:30"), ("sat", "10:00-14:00")]
    assert [(space.slug, space.name, space.purpose) for space in community.spaces] == [
        ("sparen", "Sparen", "Hoe je punten spaart."),
        ("reizen", "Reizen", None),
    ]


def test_an_empty_file_is_the_same_as_none(tmp_path: Path) -> None:
    assert load(tmp_path, "") == Community()
    assert (Community().languages, Community().timezone) == (("nl", "en"), "Europe/Amsterdam")


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ('nme = "x"', "nme is not a known key; did you mean 'name'?"),
        (
            '[[spaces]]\nslug = "a"\nname = "A"\npurpse = "p"',
            "spaces.0.purpse is not a known key; did you mean 'purpose'?",
        ),
        ('languages = ["nld"]', "languages: 'nld' is not an ISO 639-1 code of a known language"),
        ("languages = []", "languages: name at least one language"),
        (
            'timezone = "Europe/Amsterdm"',
            "timezone: 'Europe/Amsterdm' is not a known time zone; did you mean 'Europe/Amsterdam'?",
        ),
        ("staff = [1]", "staff.0: "),
        ("review_budget_per_day = 0", "review_budget_per_day: "),
        ('review_budget_per_day = "4"', "review_budget_per_day: "),
        ('channel = "in"', "channel: Input should be 'inside' or 'outside'"),
        ('opening_hours = { mo = "09:00-17:30" }', "opening_hours: 'mo' is not a known weekday; did you mean 'mon'?"),
        ('opening_hours = { mon = "9-17" }', "opening_hours: write '9-17' as \"09:00-17:30\""),
        ('holidays = "nl"', "holidays: 'nl' is not a known country; did you mean 'NL'?"),
        ('holidays = "DE-XX"', "holidays: 'XX' is not a known part of DE"),
        ('[[spaces]]\nslug = "a"', "spaces.0.name: Field required"),
        (
            '[[spaces]]\nslug = "a"\nname = "A"\n[[spaces]]\nslug = "a"\nname = "B"',
            "spaces: 'a' is the slug of two spaces",
        ),
        ("name = ", "is not TOML: "),
    ],
)
def test_a_mistake_is_one_line_with_the_file_and_the_key(tmp_path: Path, toml: str, words: str) -> None:
    with pytest.raises(CommunityFileInvalid) as caught:
        load(tmp_path, toml)
    assert words in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "community.toml"))
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommunityFileInvalid, match=r"nowhere\.toml cannot be read"):
        load_community(tmp_path / "nowhere.toml")
    (tmp_path / "latin.toml").write_bytes(b'name = "caf\xe9"')
    with pytest.raises(CommunityFileInvalid, match=r"latin\.toml is not UTF-8"):
        load_community(tmp_path / "latin.toml")
