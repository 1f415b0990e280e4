"""Markdown and BBCode to text: markers go, link texts stay, code and quotes are left out.

Not a CommonMark parser, on purpose. Members' posts are as often plain text, and a strict reading of those loses the
writer's own words: it takes the line below a quote for more quote, an indented paragraph for code, and everything
after a stray fence for code. Every step takes time linear in the length of the text, however it is nested.
"""

import re
from collections.abc import Iterator

from moderation.html_text import QUOTE_LINE, TextParts

# A longer row of tildes is drawn as a line or a box around a signature.
_FENCE = re.compile(r" {0,3}(`{3,6}|~{3,6})(?!~)([^`]*)$")
# Not across lines, not around spaces: `quoted' is an old way to quote, not code.
_CODE_SPAN = re.compile(r"(?<!`)(`{1,2})(?!`)(?=\S)[^`\n]{1,500}(?<=\S)\1(?!`)")
_BBCODE_REGION = re.compile(r"\[(/?)(quote|code|pre)\b[^\]\n]{0,500}\]", re.IGNORECASE)
_BBCODE = re.compile(
    r"\[/?(?:b|i|u|s|url|img|color|size|font|list|li|left|center|right|spoiler|details|email|hide|\*)"
    r"(?:[= ][^\]\n]{0,300})?\]",
    re.IGNORECASE,
)
_BBCODE_IMAGE = re.compile(r"\[img[^\]\n]{0,100}\]", re.IGNORECASE)

_TARGET = r"\(\s?<?((?:[^()\s<>]|\([^()\s<>]{0,200}\)){0,2000})>?(?:\s[^()\n]{0,300})?\)"
_IMAGE = re.compile(rf"!\[[^\[\]\n]{{0,300}}\]{_TARGET}")
_LINK = re.compile(rf"\[([^\[\]\n]{{0,500}})\]{_TARGET}")
_REFERENCE = re.compile(r"^ {0,3}\[[^\[\]\n]{1,200}\]:[ \t]*<?(\S{1,2000})[^\n]*$", re.MULTILINE)
_REFERRING = re.compile(r"\[([^\[\]\n]{1,500})\]\[[^\[\]\n]{0,200}\]")
_URL = re.compile(r"<?((?:\bhttps?://|\bftp://|\bwww\.)[^\s<>\"\[\]]*[^\s<>\"\[\].,;:!?)'*_])>?", re.IGNORECASE)

_EMPHASIS = re.compile(r"(?<![\w*_~\\])([*_]{1,3}|~~)(?=[^\s*_~])([^*_~\n]{1,300})(?<=[^\s*_~\\])\1(?![\w*_~])")
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*([-*_=~+#])(?:[ \t]*\1){2,}[ \t]*$", re.MULTILINE)
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+.!>~|-])")


def drop_code_and_regions(text: str) -> TextParts:
    """Take out fenced, inline and BBCode code, and turn BBCode quotes into a `QUOTE_LINE`."""
    parts = TextParts(text)
    if "```" in text or "~~~" in text:
        _drop_fences(parts)
    if "[" in text:
        _drop_regions(parts)
    if "`" in parts.text:
        parts.text, n_spans = _CODE_SPAN.subn(" ", parts.text)
        parts.has_code = parts.has_code or n_spans > 0
    return parts


def plain_words(parts: TextParts) -> None:
    """Reduce Markdown links, images and emphasis in `parts` to their words; note links and images."""
    text = parts.text
    if "](" in text:
        parts.has_image = parts.has_image or _IMAGE.search(text) is not None
        text = _LINK.sub(lambda match: _note(parts, match[2], match[1]), _IMAGE.sub(" ", text))
    if "]:" in text and _REFERENCE.search(text):
        text = _REFERENCE.sub(lambda match: _note(parts, match[1], " "), text)
        text = _REFERRING.sub(r"\1", text)
    if "[" in text:
        parts.has_image = parts.has_image or _BBCODE_IMAGE.search(text) is not None
    text = drop_urls(text, parts)
    if "[" in text:
        text = _BBCODE.sub("", text)
    if "*" in text or "_" in text or "~~" in text:
        text = _EMPHASIS.sub(r"\2", _EMPHASIS.sub(r"\2", text))
    if "#" in text:
        text = _HEADING.sub("", text)
    if "\\" in text:
        text = _ESCAPED.sub(r"\1", text)
    parts.text = _RULE.sub("", text)


def drop_urls(text: str, parts: TextParts) -> str:
    """Take out bare addresses and note them as links."""
    if "://" not in text and "www." not in text and "WWW." not in text:
        return text
    return _URL.sub(lambda match: _note(parts, match[1], " "), text)


def _note(parts: TextParts, link: str, words: str) -> str:
    parts.links.append(link)
    return words


def _drop_fences(parts: TextParts) -> None:
    kept: list[str] = []
    opened_at, mark = 0, ""
    for line in parts.text.split("\n"):
        fence = _FENCE.match(line)
        if not mark and fence:
            opened_at, mark = len(kept), fence[1]
        elif mark and fence and fence[1].startswith(mark) and not fence[2].strip():
            del kept[opened_at:]
            mark, parts.has_code = "", True
            continue
        kept.append(line)
    # A fence that never closes is left as it is: the member's words may well stand below it.
    parts.text = "\n".join(kept)


def _drop_regions(parts: TextParts) -> None:
    pieces, position = [], 0
    for begin, end, tag in _outermost(_regions(parts.text)):
        pieces += [parts.text[position:begin], QUOTE_LINE if tag == "quote" else " "]
        parts.has_code = parts.has_code or tag != "quote"
        position = end
    if pieces:
        parts.text = "".join([*pieces, parts.text[position:]])


def _regions(text: str) -> Iterator[tuple[int, int, str]]:
    """Begin, end and tag of every [quote] or [code] that closes; one that does not is left alone."""
    opened: list[tuple[int, str]] = []
    n_opened = {"quote": 0, "code": 0, "pre": 0}
    for match in _BBCODE_REGION.finditer(text):
        tag = match[2].lower()
        if not match[1]:
            opened.append((match.start(), tag))
            n_opened[tag] += 1
        while match[1] and n_opened[tag]:
            begin, innermost = opened.pop()
            n_opened[innermost] -= 1
            if innermost == tag:
                yield begin, match.end(), tag
                break


def _outermost(regions: Iterator[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    reached = 0
    for begin, end, tag in sorted(regions):
        if begin >= reached:
            yield begin, end, tag
            reached = end
