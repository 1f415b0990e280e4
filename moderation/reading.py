"""Reduce a post to the words that count: its writer's own, without quotes, code, addresses and signatures."""

import html
import re
from dataclasses import dataclass

from moderation.html_text import TextParts, html_text
from moderation.markup import drop_code_and_regions, drop_urls, plain_words
from moderation.posts import Post
from moderation.quoting import drop_quotes, drop_signature

_TAG_NAMES = (
    "a|abbr|aside|b|big|blockquote|br|center|code|dd|del|details|div|dl|dt|em|font|h[1-6]|hr|i|img|ins|kbd|li|mark|ol|p|"
    "pre|q|s|small|span|strike|strong|sub|summary|sup|table|tbody|td|th|thead|tr|tt|u|ul|iframe|script|style|html|body"
)
_HTML_TAG = re.compile(rf"</?(?:{_TAG_NAMES})(?:\s[^<>]*)?/?>", re.IGNORECASE)
# Whatever else stands in angle brackets is text: an address, a comparison, a heart.
_NOT_A_TAG = re.compile(rf"<(?!/?(?:{_TAG_NAMES})(?:\s[^<>]*)?/?>)", re.IGNORECASE)
# No stage reads further than the first few hundred words; this bounds the time that one post can take.
_MAX_CHARACTERS = 1_000_000
_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad\x00-\x08\x0e-\x1f\x7f]")
_HOST = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//(?:[^/?#\s@]*@)?([^/?#:\s@]+)", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]\S*")
_SHORTCODE = re.compile(r":[a-z0-9_+-]{1,60}:")
_ELLIPSIS = re.compile(r"\s*(?:…|\.\.\.+)$")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a post's writer says in it.

    Attributes
    ----------
    words : title and text, one paragraph a line; empty when nothing is left. Emoji and mentions stay.
    n_words : how many of the words have a letter.
    has_quote : another's words were taken out.
    only_quote : nothing but a quote was in the text; a title does not count.
    n_links : links in the writer's own text, not in what is quoted.
    link_hosts : where they lead, in lower case without "www.", each once, sorted.
    has_code : code was taken out.
    has_image : an image (not an emoji) was taken out.
    """

    words: str
    n_words: int
    has_quote: bool
    only_quote: bool
    n_links: int
    link_hosts: tuple[str, ...]
    has_code: bool
    has_image: bool


def read_words(post: Post) -> Reading:
    """Read the title and text of a post.

    Takes time linear in the length of the text, however deeply quotes, tags or brackets are nested in it. Of a text
    over a million characters the first million are read.
    """
    text = post.text[:_MAX_CHARACTERS]
    parts, has_quote = _read_html(text) if post.is_html else _read_markdown(text)
    body = _tidy(parts.text)
    hosts = [host for host in map(_host, parts.links) if host]
    words = _with_title(_tidy(drop_urls(html.unescape(post.title), parts)) if post.title else "", body)
    return Reading(
        words=words,
        n_words=len(_WORD.findall(_SHORTCODE.sub(" ", words) if ":" in words else words)),
        has_quote=has_quote,
        only_quote=has_quote and not (body or hosts or parts.has_code or parts.has_image),
        n_links=len(hosts),
        link_hosts=tuple(sorted(set(hosts))),
        has_code=parts.has_code,
        has_image=parts.has_image,
    )


def _read_html(text: str) -> tuple[TextParts, bool]:
    parts = html_text(text)
    kept, has_quote = drop_quotes(parts.text)
    parts.text = drop_urls(drop_signature(kept, below_quote=has_quote), parts)
    return parts, has_quote


def _read_markdown(text: str) -> tuple[TextParts, bool]:
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    parts = drop_code_and_regions(text)
    kept, has_quote = drop_quotes(parts.text)
    parts.text = drop_signature(kept, below_quote=has_quote)
    if "<" in text and _HTML_TAG.search(parts.text):
        within, has_inner_quote = _read_html(_NOT_A_TAG.sub("&lt;", parts.text))
        within.has_code |= parts.has_code
        parts, has_quote = within, has_quote or has_inner_quote
        plain_words(parts)
    else:
        plain_words(parts)
        parts.text = html.unescape(parts.text)
    return parts, has_quote


def _tidy(text: str) -> str:
    """Single spaces, no blank lines, nothing invisible."""
    visible = _INVISIBLE.sub("", text)
    lines = (" ".join(line.split()) for line in visible.split("\n"))
    return "\n".join(line for line in lines if line)


def _with_title(title: str, body: str) -> str:
    """Title and text; review sites make a title of the first words, which count once."""
    title = " ".join(title.split())
    start = _ELLIPSIS.sub("", title)
    opening = body[: len(start) + 1].replace("\n", " ").casefold()
    is_cut = start != title
    repeats = bool(start) and opening.startswith(start.casefold())
    if repeats and (is_cut or not opening[len(start) :].isalnum()):
        return body
    return f"{title}\n{body}" if title and body else title or body


def _host(link: str) -> str:
    """The host that a link leads to; empty for a link within the site or to a mail box."""
    target = link if "//" in link[:20] else f"//{link}" if link[:4].lower() == "www." else ""
    found = _HOST.match(target)
    return found[1].lower().removeprefix("www.").rstrip(".") if found else ""
