import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
from report_fixtures import START, analysed, planted_corpus, post, run_of

from moderation.config import Community
from moderation.reports.page import page_of, render, write_page
from moderation.reports.wording import REPORT_LANGUAGES, Wording

VOID = {"meta", "link", "br", "rect", "line", "path"}


class Reader(HTMLParser):
    """Collects what the tests look at: tags, ids, addresses, and text outside quotes."""

    def __init__(self):
        super().__init__()
        self.tags, self.ids, self.addresses, self.headings, self.open, self.own_words = [], [], [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        named = dict(attributes)
        if "id" in named:
            self.ids.append(named["id"])
        self.addresses += [address for name, address in attributes if name in {"src", "href", "xlink:href", "action"}]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        assert self.open.pop() == tag

    def handle_data(self, text):
        if not {"style", "blockquote", "bdi"} & set(self.open):
            self.own_words.append(text)


def read(html):
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    return reader


def html_of(analysis, language="nl"):
    wording = Wording(language, analysis.community.timezone)
    return render(page_of(analysis, run_of(analysis), wording), wording)


@pytest.fixture(scope="module", params=REPORT_LANGUAGES)
def page(request, sample):
    return html_of(sample, request.param)


def test_the_page_is_complete_well_formed_and_loads_nothing(page):
    reader = read(page)
    assert len(reader.ids) == len(set(reader.ids))
    assert all(address == "data:," or address.startswith("#") for address in reader.addresses)
    assert {address[1:] for address in reader.addresses if address.startswith("#")} <= set(reader.ids)
    assert not {"script", "iframe", "img", "form"} & set(reader.tags)
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)


def test_headings_go_down_one_level_at_a_time(page):
    levels = read(page).headings
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(deeper <= level + 1 for level, deeper in pairwise(levels))


def test_every_section_after_the_menu_leads_back_to_it(page):
    reader = read(page)
    assert "menu" in reader.ids
    assert reader.addresses.count("#menu") == reader.tags.count("section") - 1


def test_no_topic_is_hidden(sample):
    html = html_of(sample)
    assert all(f'id="topic-{topic["id"]}"' in html for topic in sample.topics["topics"])


def own_words(analysis, language):
    """What the page says itself: without quotes, names of people, topics and files."""
    said = " ".join(read(html_of(analysis, language)).own_words)
    said = re.sub(r"\w+\.jsonl?\b", "", said)
    for space in analysis.community.spaces:
        said = said.replace(space.name, "")
    for topic in analysis.topics["topics"]:
        for name in (topic["name"], *topic["terms"]):
            said = said.replace(name, "")
    return said


@pytest.mark.parametrize(
    ("language", "foreign"),
    [
        ("nl", "the|posts?|members?|waiting|answer|days|hours|unhappy"),
        ("en", "het|berichten|leden|wacht|antwoord|dagen|uur"),
    ],
)
def test_nothing_stays_untranslated(sample, language, foreign):
    said = own_words(sample, language)
    assert len(said) > 5_000
    assert not re.search(r"\bNone\b|\bnan\b|\bnull\b|[{}]", said)
    assert not re.search(r"\d{4}-\d\d-\d\d|\d\d:\d\dZ", said)
    assert not re.search(r"\b[a-z]+_[a-z]+\b", said)
    assert not re.search(rf"\b({foreign})\b", said, re.IGNORECASE)


def test_what_members_write_is_never_markup():
    nasty = "<script>alert(1)</script><img src=x onerror=alert(2)> & \"quoted\" 'text'"
    posts = [
        post("p1", f"De app is stuk. {nasty}", title=nasty, author_name=f"<b>Bep</b>{nasty}"),
        post("p2", f"Hoe werkt dat dan precies? {nasty}", hours=1, author="<i>m2</i>", thread="t2"),
    ]
    corpus = planted_corpus(posts, signals_of={"p1": ["negative", "negative_wom", "toxic"], "p2": ["question"]})
    community = Community(name=nasty)
    html = html_of(analysed(corpus, community=community))
    reader = read(html)
    assert not {"script", "img", "b", "i"} & set(reader.tags)
    assert "&lt;script&gt;" in html


def test_most_urgent_comes_first_and_at_most_five(sample):
    page = page_of(sample, run_of(sample), Wording("nl", "Europe/Amsterdam"))
    assert 1 <= len(page.actions) <= 5
    assert "ontevreden" in page.actions[0].headline
    assert all(action.why and re.search(r"\d", action.headline) for action in page.actions)
    assert all(action.groups for action in page.actions if action.anchor != "splits")


def test_a_quiet_community_is_told_so():
    posts = [post(f"p{n}", f"Lekker gekookt met prei en kaas, dag {n}.", hours=n) for n in range(3)]
    analysis = analysed(planted_corpus(posts))
    page = page_of(analysis, run_of(analysis), Wording("nl", "UTC"))
    assert page.actions == ()
    assert page.actions_lead.startswith("Er is nu niets dat voorgaat: niemand wacht")
    assert page.waiting.lead.startswith("Er zijn geen berichten gevonden waarin iemand ontevreden is")
    assert page.waiting.chart is None
    assert page.waiting.table is None


def test_what_cannot_be_recognised_is_not_called_absent():
    posts = [post(f"p{n}", f"Lekker gekookt met prei en kaas, dag {n}.", hours=n, language="nl") for n in range(3)]
    corpus = planted_corpus(posts, unreachable={("negative_wom", "nl")})
    analysis = analysed(corpus)
    page = page_of(analysis, run_of(analysis), Wording("nl", "UTC"))
    assert page.waiting.lead.startswith("Ontevreden berichten zijn in de talen van deze community niet")
    assert page.actions_lead.startswith("Er is nu niets gevonden dat voorgaat. Lees wel")
    assert any("onvrede over de organisatie" in limit for limit in page.coverage.limits)
    assert not any("wachten op antwoord" in key.meaning for key in page.key_figures)


@pytest.mark.parametrize("language", REPORT_LANGUAGES)
@pytest.mark.parametrize(
    "posts",
    [
        [post("p1", "Eén bericht en verder niets.")],
        [post("p1", "", author=None)],
        [post("p1", "De app is stuk en niemand doet iets.", author=None), post("p2", "Klopt", hours=2, author=None)],
        [post("p1", "Weg ermee allemaal", deleted_at=START), post("p2", "En dit ook", hours=1, deleted_at=START)],
        [post("p1", "مرحبا بكم في المجتمع", language="ar"), post("p2", "x" * 5000, hours=1)],
    ],
    ids=["one post", "no words, no author", "no authors", "all deleted", "right to left, long word"],
)
def test_thin_data_still_make_a_page(posts, language):
    corpus = planted_corpus(posts, signals_of={"p1": ["negative", "negative_wom"]})
    reader = read(html_of(analysed(corpus), language))
    assert not re.search(r"\bNone\b|\bnan\b", " ".join(reader.own_words))


def test_a_community_without_settings_hears_what_that_costs():
    analysis = analysed(planted_corpus([post("p1", "Hallo daar")]))
    page = page_of(analysis, run_of(analysis), Wording("nl", "UTC"))
    limits = " ".join(page.coverage.limits)
    assert page.title == "Wat er speelt in de community"
    assert "geen doel van de community" in limits
    assert "geen ander kanaal" in limits
    assert "geen openingstijden" in limits
    assert "geen medewerkers herkend" in limits


def test_the_same_analysis_gives_the_same_bytes(sample, tmp_path):
    for name in ("a.html", "b.html"):
        write_page(sample, run_of(sample), tmp_path / name, language="nl")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_a_large_community_still_gives_a_small_page(sample):
    """Thousands of open waits, questions, topics and members must not swell the page."""
    corpus, times = sample.corpus, sample.response_times
    episodes = [each for each in times["episodes"] if each["censored"] == "end"] * 500
    questions = times["unanswered_questions"] * 500
    members = {**sample.members, "members": sample.members["members"] * 200}
    topics = [{**topic, "id": 1000 * n + topic["id"]} for n in range(20) for topic in sample.topics["topics"]]
    large = replace(
        sample,
        response_times={**times, "episodes": episodes, "unanswered_questions": questions},
        members=members,
        topics={**sample.topics, "topics": topics},
        topics_of_rows=replace(sample.topics_of_rows, topic_of=np.zeros(len(corpus), dtype=np.int64)),
    )
    html = html_of(large)
    assert len(html.encode()) < 500_000
    assert "En nog" in html
    assert re.search(r"Nog \d\.\d{3} andere staan in response_times\.json", html)
