from datetime import UTC, datetime
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.posts import Post
from moderation.reading import Reading, read_words


def read(text: str, **fields: Any) -> Reading:
    return read_words(Post(id="a", thread_id="t", created_at=datetime(2024, 5, 1, tzinfo=UTC), text=text, **fields))


def words(text: str, **fields: Any) -> str:
    return read(text, **fields).words


def test_plain_text_stays_as_it_is() -> None:
    reading = read("Dit is   gewoon tekst.\r\n\r\n\r\nMet 2 alinea's.")
    assert reading == Reading(
        words="Dit is gewoon tekst.\nMet 2 alinea's.",
        n_words=6,
        has_quote=False,
        only_quote=False,
        n_links=0,
        link_hosts=(),
        has_code=False,
        has_image=False,
    )


QUOTES = {
    "markdown": "> Jullie zijn oplichters!\n\nDat vind ik niet.",
    "directly below": "> Jullie zijn oplichters!\nDat vind ik niet.",
    "nested": "> > Jullie zijn\n>> oplichters!\n> ja\n\nDat vind ik niet.",
    "e-mail, Dutch": "Op 3 mei 2024 om 10:12 schreef Jan Jansen:\n\n> Jullie zijn oplichters!\n\nDat vind ik niet.",
    "e-mail, English": "On Fri, May 3, 2024 at 10:12 Jan <jan@example.nl> wrote:\n> Jullie zijn!\nDat vind ik niet.",
    "e-mail, broken in two": "On Fri, May 3, 2024 Jan Jansen\n<jan@example.nl> wrote:\n> Jullie\n\nDat vind ik niet.",
    "news": "In article <1993@example.com> jan@example.com (Jan) writes:\n>Jullie zijn oplichters!\nDat vind ik niet.",
    "news, quote gone": "In article <1993@example.com> jan@example.com (Jan) writes:\nDat vind ik niet.",
    "initials": "JJ> Jullie zijn oplichters!\nJJ> Echt waar.\nDat vind ik niet.",
    "discourse": '[quote="jan, post:3, topic:7"]\nJullie zijn oplichters!\n[/quote]\n\nDat vind ik niet.',
    "discourse, nested": '[quote="jan"][quote="piet"]Jullie[/quote] zijn oplichters![/quote]Dat vind ik niet.',
    "html in markdown": "<blockquote>Jullie zijn oplichters!</blockquote>\nDat vind ik niet.",
    "below": "Dat vind ik niet.\n\n-----Oorspronkelijk bericht-----\nVan: Jan\nJullie zijn oplichters!",
    "mail header below": "Dat vind ik niet.\n\nVan: Jan <jan@example.nl>\nVerzonden: 3 mei\nJullie zijn oplichters!",
}


@pytest.mark.parametrize("text", QUOTES.values(), ids=QUOTES)
def test_what_is_quoted_never_counts_for_the_one_who_quotes(text: str) -> None:
    reading = read(text)
    assert reading.words == "Dat vind ik niet."
    assert not reading.only_quote
    assert reading.has_quote != text.startswith("In article <1993@example.com> jan@example.com (Jan) writes:\nDat")


HTML_QUOTES = {
    "blockquote": "<blockquote><p>Jullie zijn oplichters!</p></blockquote><p>Dat vind ik niet.</p>",
    "discourse": '<aside class="quote no-group" data-post="3"><div class="title">jan:</div><blockquote>Jullie zijn '
    "oplichters!</blockquote></aside><p>Dat vind ik niet.</p>",
    "mail": '<div>Dat vind ik niet.</div><div class="gmail_quote"><div>Op 3 mei schreef Jan:</div>Jullie zijn</div>',
    "attribution": "<p>Jan schreef op 3 mei:</p><blockquote>Jullie zijn oplichters!</blockquote>Dat vind ik niet.",
    "escaped": "&gt; Jullie zijn oplichters!<br>Dat vind ik niet.",
}


@pytest.mark.parametrize("html", HTML_QUOTES.values(), ids=HTML_QUOTES)
def test_quotes_in_html_never_count_either(html: str) -> None:
    reading = read(html, is_html=True)
    assert (reading.words, reading.has_quote, reading.only_quote) == ("Dat vind ik niet.", True, False)


@pytest.mark.parametrize(
    ("text", "only_quote"),
    [
        ("> Jullie zijn oplichters!", True),
        ("[quote]Jullie zijn oplichters![/quote]", True),
        ("On Friday, May 3, Jan wrote:\n> Jullie zijn oplichters!\n\n-- \nPiet", True),
        ("> Jullie zijn oplichters!\n\n😡", False),
        ("> Hoe dan?\n\nhttps://example.nl/uitleg", False),
        ("> Hoe dan?\n\n```\npip install\n```", False),
        ("> Hoe dan?\n\n![zo](upload://abc.png)", False),
        ("", False),
    ],
)
def test_a_post_with_nothing_but_a_quote_says_so(text: str, only_quote: bool) -> None:
    reading = read(text, title="Re: Oplichters")
    assert reading.only_quote == only_quote
    assert reading.words.startswith("Re: Oplichters")


@pytest.mark.parametrize(
    "text",
    [
        ">:( dit kan echt niet",
        "Prijs was 5 > 3, dus te duur",
        ">= 3 weken wachten",
        "[quote] hoort hier te staan, maar sluit nooit",
        "Zij schreef: dat komt goed.\nMaar niet dus.",
        "Van: ik wil\nDatum: prikken",
    ],
)
def test_what_only_looks_like_a_quote_stays(text: str) -> None:
    reading = read(text)
    assert (reading.words, reading.has_quote) == (text, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Zo:\n```python\nprint('boos')\n```\nKlaar.", "Zo:\nKlaar."),
        ("Zo:\n~~~\nboos\n~~~", "Zo:"),
        ("Roep `GetScene()` of ``a`` aan.", "Roep of aan."),
        ("Zo: [code]\nboos\n[/code] klaar", "Zo: klaar"),
        ("Zo <code>boos</code> klaar", "Zo klaar"),
        ("<pre>boos</pre>", ""),
    ],
)
def test_code_does_not_count(text: str, expected: str) -> None:
    reading = read(text)
    assert (reading.words, reading.has_code) == (expected, True)


@pytest.mark.parametrize(
    "text",
    [
        "Een `aanhaling' zoals vroeger, en nog `een'.",
        "    Deze alinea springt in.",
        "```\nnooit gesloten, en hieronder staat de klacht",
        "~~~~~~~~~~~~~~~~\n~ Een kader ~\n~~~~~~~~~~~~~~~~",
    ],
)
def test_what_only_looks_like_code_stays(text: str) -> None:
    reading = read(text)
    assert not reading.has_code
    assert [word for word in text.split() if word.isalpha()] == [w for w in reading.words.split() if w.isalpha()]


@pytest.mark.parametrize(
    ("text", "expected", "hosts"),
    [
        ("Kijk op https://www.Example.nl/pad?x=1.", "Kijk op .", ("example.nl",)),
        ("Kijk op www.example.nl, echt.", "Kijk op , echt.", ("example.nl",)),
        ("Lees [de uitleg](https://example.nl/a_(b)) eens", "Lees de uitleg eens", ("example.nl",)),
        ("Lees [hier](/t/7) eens", "Lees hier eens", ()),
        ("Zie <https://example.nl> en [x][1].\n\n[1]: http://b.example 'B'", "Zie en x.", ("example.nl", "b.example")),
        ("[url=http://spam.example/x]Gratis[/url] punten", "Gratis punten", ("spam.example",)),
        ("a http://u:p@Example.com:80/ b http://example.com c", "a b c", ("example.com",)),
        ("fout: http://[1 en https://", "fout: http://[1 en https://", ()),
    ],
)
def test_addresses_do_not_count_as_words(text: str, expected: str, hosts: tuple[str, ...]) -> None:
    reading = read(text)
    assert (reading.words, reading.link_hosts) == (expected, tuple(sorted(hosts)))


def test_links_are_counted_in_the_writers_own_text_only() -> None:
    reading = read(
        "> https://quoted.example\n\nhttps://a.example https://a.example [b](https://b.example)\n`http://c.example`"
    )
    assert (reading.n_links, reading.link_hosts) == (3, ("a.example", "b.example"))


@pytest.mark.parametrize(
    "signature",
    [
        "-- \nJan Jansen\nTel. 06",
        "--\nJan Jansen",
        "Sent from my iPhone",
        "Verzonden vanaf mijn iPhone",
        "Verstuurd vanaf mijn Samsung Galaxy S21.",
        "Von meinem iPhone gesendet",
        "Envoyé de mon iPhone",
        "Get Outlook for iOS",
        "Verzonden met Outlook voor Android",
    ],
)
def test_signatures_do_not_count(signature: str) -> None:
    assert words(f"Waar blijft mijn pakket?\n\n{signature}\n") == "Waar blijft mijn pakket?"


@pytest.mark.parametrize(
    "text",
    [
        "Verzonden met PostNL op 3 mei en nog steeds niets ontvangen.",
        "Eerste deel\n--\n" + "\n".join(f"Regel {n} van het tweede deel." for n in range(20)),
        "Sent from my iPhone",
    ],
)
def test_what_only_looks_like_a_signature_stays(text: str) -> None:
    assert "iPhone" in words(text) or "ontvangen" in words(text) or "Regel 19" in words(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Punten &amp; prijzen &lt;3", "Punten & prijzen <3"),
        ("# Kop\n\n**Erg** _boos_ en ~~blij~~ \\*niet\\*\n\n---\n- een", "Kop\nErg boos en blij *niet*\n- een"),
        ("snake_case_name en 2*3*4 = 24", "snake_case_name en 2*3*4 = 24"),
        ("Hoi @bank 😀 #boos :smile:", "Hoi @bank 😀 #boos :smile:"),
        ("Mail <jan@example.nl> maar, I <3 u", "Mail <jan@example.nl> maar, I <3 u"),
        ("Eén<br>twee <b>drie</b> &amp; a < b <jan@example.nl>", "Eén\ntwee drie & a < b <jan@example.nl>"),
        ("zacht\u00adkens on\u200bzichtbaar\x07", "zachtkens onzichtbaar"),
        ("שלום לכולם", "שלום לכולם"),
    ],
)
def test_markup_goes_and_the_words_stay(text: str, expected: str) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>Een</p><p>twee<br>drie</p><ul><li>vier</li><li>vijf</li></ul>", "Een\ntwee\ndrie\nvier\nvijf"),
        ("on<b>ge</b>loof<i>lijk</i>", "ongelooflijk"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
        ('boos <img class="emoji" alt=":rage:" src="x"> <img src="foto.jpg">', "boos :rage:"),
        ('<a class="mention" href="/u/jan">@jan</a> zie <a href="https://example.nl/x">hier</a>', "@jan zie hier"),
        (
            '<aside class="onebox" data-onebox-src="https://news.example/1"><p>Schandaal!</p></aside>Zie boven',
            "Zie boven",
        ),
        ("<script>boos()</script><style>b{}</style><!-- weg -->&eacute;&eacute;n", "één"),
        ("", ""),
        ("geen html", "geen html"),
    ],
)
def test_html_becomes_text(html: str, expected: str) -> None:
    assert words(html, is_html=True) == expected


def test_links_and_images_in_html_are_noted() -> None:
    reading = read(
        '<a href="https://www.a.example/x">a</a><a href="mailto:b@b.example">b</a><img src="c.png">'
        '<aside class="onebox"><a href="//d.example/y">Kop</a></aside><blockquote><a href="http://e.example">e</a></blockquote>',
        is_html=True,
    )
    assert (reading.link_hosts, reading.n_links, reading.has_image) == (("a.example", "d.example"), 2, True)


@pytest.mark.parametrize(
    ("title", "text", "expected"),
    [
        ("Slechte service", "Al weken wachten.", "Slechte service\nAl weken wachten."),
        ("Slechte service", "Slechte service\nAl weken wachten.", "Slechte service\nAl weken wachten."),
        ("Al weken wachten op …", "Al weken wachten op mijn pakket", "Al weken wachten op mijn pakket"),
        ("Al weken wachten o...", "Al weken\nwachten op mijn pakket", "Al weken\nwachten op mijn pakket"),
        ("Help", "Helpdesk is slecht", "Help\nHelpdesk is slecht"),
        ("Re: Punten", "Dank!", "Re: Punten\nDank!"),
        ("Tom &amp; Jerry", "", "Tom & Jerry"),
        ("Slechte service", "> Slechte service", "Slechte service"),
        ("…", "Al weken wachten.", "…\nAl weken wachten."),
        (None, "Al weken wachten.", "Al weken wachten."),
    ],
)
def test_a_title_counts_once(title: str | None, text: str, expected: str) -> None:
    assert words(text, title=title) == expected


@pytest.mark.parametrize(
    ("text", "n_words"),
    [("", 0), ("😀😀 !!! 12", 0), (":smile: :+1:", 0), ("foto's 4you @bank naar-huis", 4), ("één שלום", 2)],
)
def test_words_with_letters_are_counted(text: str, n_words: int) -> None:
    assert read(text).n_words == n_words


HOSTILE = {
    "nested quotes": (">" * 200_000, False),
    "nested quotes with spaces": ("> " * 200_000, False),
    "quoted lines": ("> boos\n" * 200_000, False),
    "braces": ("{" * 100_000, False),
    "brackets": ("[" * 100_000, False),
    "links that never close": ("[x](" * 100_000, False),
    "quote tags that never close": ("[quote]" * 100_000, False),
    "quote tags in code tags": ("[quote]" * 50_000 + "[/code]" * 50_000, False),
    "fences that never close": ("```a\n~~~b\n" * 50_000, False),
    "signature marks": ("--\n" * 200_000, False),
    "who wrote": ("Jan schreef:\n>" * 50_000, False),
    "emphasis": ("*a _b " * 100_000, False),
    "ticks": ("`a " * 200_000, False),
    "angles": ("<" * 500_000, False),
    "tags": ("<a " * 200_000, False),
    "ten megabytes": ("slechte service " * 625_000, False),
    "ten megabytes without a space": ("a" * 10_000_000, False),
    "ten megabytes of line breaks": ("\n" * 10_000_000, False),
    "nested blockquotes": ("<blockquote>" * 200_000, True),
    "nested paragraphs": ("<div><p>boos" * 100_000, True),
    "nested lists": ("<ul><li>" * 100_000, True),
    "nested tables": ("<table><tr><td>" * 60_000, True),
    "styles that never close": ("".join(f"<font a={n}>" for n in range(5_000)) + "</p><p>x" * 20_000, True),
    "ten megabytes of HTML": ("<p>slechte service</p>" * 450_000, True),
}


@pytest.mark.parametrize(("text", "is_html"), HOSTILE.values(), ids=HOSTILE)
def test_no_text_takes_long(text: str, is_html: bool) -> None:
    started = process_time()
    read(text, is_html=is_html)
    assert process_time() - started < 2


def test_deeply_nested_html_keeps_its_words() -> None:
    assert words("<div>" * 5_000 + "boos" + "</div>" * 5_000 + "<p>en klaar</p>", is_html=True) == "boos\nen klaar"
    assert words("<blockquote>" * 5_000 + "boos" + "</blockquote>" * 5_000 + "klaar", is_html=True) == "klaar"


marks = st.text(st.sampled_from("ab >\n`*_[]()!<>/&;:-\\#~|\"'é😀\0\ud7ff\u0301"), max_size=80)


@given(text=marks, title=marks | st.none(), is_html=st.booleans())
def test_any_text_can_be_read(text: str, title: str | None, is_html: bool) -> None:
    reading = read(text, title=title, is_html=is_html)
    assert all(line and line == " ".join(line.split()) for line in reading.words.split("\n") if reading.words)
    assert 0 <= reading.n_words <= len(reading.words.split())
    assert reading.n_links >= len(reading.link_hosts)
    assert not (reading.only_quote and not reading.has_quote)


@given(quoted=st.text(st.sampled_from("abc .!?😀"), min_size=1), own=st.text(st.sampled_from("xyz "), min_size=1))
def test_a_quote_leaves_no_trace_in_the_words(quoted: str, own: str) -> None:
    alone, quoting = read(own), read(f"> {quoted}\n\n{own}")
    assert (quoting.words, quoting.n_words) == (alone.words, alone.n_words)
    assert quoting.has_quote
