"""HTML to text, leaving out what is not the writer's own: quotes, code and previews of linked pages."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

QUOTE_LINE = "\n>\n"
"""What stands in the text where a quote was, in the form of an e-mail quote: the line above may say whose it is."""

_BLOCKS = frozenset(
    {
        "address",
        "article",
        "aside",
        "br",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "section",
        "summary",
        "table",
        "tr",
        "ul",
    }
)
_CELLS = frozenset({"td", "th"})
_CODE = frozenset({"pre", "code", "samp", "tt"})
_UNREAD = frozenset(
    {
        "audio",
        "button",
        "head",
        "map",
        "noscript",
        "object",
        "script",
        "select",
        "style",
        "svg",
        "template",
        "textarea",
        "title",
    }
)
_EMBEDS = frozenset({"iframe", "video", "embed"})
_QUOTE_CLASSES = frozenset({"quote", "gmail_quote", "yahoo_quoted", "moz-cite-prefix", "protonmail_quote"})
_SIGNATURE_CLASSES = frozenset({"gmail_signature", "moz-signature", "gmail_signature_prefix"})
# The page that a link leads to, as the forum shows it: another's words.
_PREVIEW_CLASSES = frozenset({"onebox", "inline-onebox", "inline-onebox-loading", "lazyYT", "lightbox-wrapper"})
_CLASSED = frozenset({"a", "aside", "blockquote", "div", "img", "span", "section"})

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*>")
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)
# Styling says nothing about the words, and a parser must reopen every open one in each paragraph.
_STYLING = frozenset({"b", "big", "em", "font", "i", "nobr", "s", "small", "span", "strike", "strong", "tt", "u"})
_MANY_TAGS = 1_000
_MAX_DEPTH = 200


@dataclass(slots=True)
class TextParts:
    """Text of a post and what was seen on the way to it."""

    text: str
    links: list[str] = field(default_factory=list)
    has_code: bool = False
    has_image: bool = False


def html_text(html: str) -> TextParts:
    """Reduce HTML to the writer's text; each quote leaves a `QUOTE_LINE`, blocks end in a line break."""
    if html.count("<") > _MANY_TAGS:
        html = _tame(html)
    root = LexborHTMLParser(html).body
    parts = TextParts("")
    if root is None:
        return parts
    pieces: list[str] = []
    above: list[LexborNode] = []
    node = root.child
    # Walked by hand: recursion would fail on deep nesting, and a quote is left out with all that is in it.
    while node is not None:
        if _enter(node, pieces, parts):
            above.append(node)
            node = node.child
            continue
        while node.next is None and above:
            node = above.pop()
            pieces.append(_break_after(node.tag))
        node = node.next
    parts.text = "".join(pieces)
    return parts


def _enter(node: LexborNode, pieces: list[str], parts: TextParts) -> bool:
    """Take in one node; True when what is in it is to be read too."""
    tag = node.tag or ""
    if tag == "-text":
        pieces.append(node.text_content or "")
        return False
    classes = _classes(node) if tag in _CLASSED else frozenset()
    if tag == "blockquote" or classes & _QUOTE_CLASSES:
        pieces.append(QUOTE_LINE)
        return False
    if tag in _CODE:
        parts.has_code = True
        pieces.append(" ")
        return False
    if tag in _UNREAD or tag.startswith(("-", "_", "!")) or classes & _SIGNATURE_CLASSES:
        return False
    if tag == "img":
        pieces.append(_image_words(node.attributes, classes, parts))
        return False
    if tag in _EMBEDS or classes & _PREVIEW_CLASSES:
        _note_preview(node, classes, parts)
        return False
    if tag == "a":
        parts.links.append(node.attributes.get("href") or "")
    pieces.append(_break_before(tag))
    return node.child is not None


def _classes(node: LexborNode) -> frozenset[str]:
    return frozenset((node.attributes.get("class") or "").split())


def _image_words(attributes: Mapping[str, str | None], classes: frozenset[str], parts: TextParts) -> str:
    """An emoji drawn as an image is the writer's; any other image has no words."""
    if "emoji" in classes:
        return f" {attributes.get('alt') or ''} "
    parts.has_image = parts.has_image or "site-icon" not in classes
    return " "


def _note_preview(node: LexborNode, classes: frozenset[str], parts: TextParts) -> None:
    if "lightbox-wrapper" in classes:
        parts.has_image = True
        return
    attributes = node.attributes
    source = attributes.get("data-onebox-src") or attributes.get("href") or attributes.get("src")
    if source is None:
        link = node.css_first("a[href]")
        source = link.attributes.get("href") if link is not None else None
    parts.links.append(source or "")


def _break_before(tag: str) -> str:
    if tag in _BLOCKS:
        return "\n"
    return " " if tag in _CELLS else ""


def _break_after(tag: str | None) -> str:
    return "\n" if tag in _BLOCKS else ""


def _tame(html: str) -> str:
    """Take out styling, and tags nested so deeply that parsing them would take time quadratic in their number."""
    depth = 0

    def kept(match: re.Match[str]) -> str:
        nonlocal depth
        closes, tag = match[1], match[2].lower()
        if tag in _STYLING:
            return ""
        if tag in _VOID:
            return match[0]
        if closes:
            depth = max(depth - 1, 0)
            return match[0] if depth < _MAX_DEPTH else "\n"
        depth += 1
        return match[0] if depth <= _MAX_DEPTH else "\n"

    return _TAG.sub(kept, html)
