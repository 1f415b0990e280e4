"""What a post repeats from others and what its mail program adds: quotes, who is quoted, forwards, signatures."""

import re
from collections.abc import Sequence

_MAX_LINE = 400

# A line that begins with > is quoted, but not an angry face (">:(") or a comparison (">= 5").
_QUOTED = re.compile(r"\s*(?:>(?![:;._=][()<\[/D_])(?!=\s?\d)|[A-Z]{2,3}>(?:\s|$))")
_WROTE = (
    r"\b(?:wrote|writes|said|says|schreef|schrijft|zei|schrieb|schreibt|sagte|a écrit|écrit|escribió|ha scritto|"
    r"escreveu)\b"
)
_ATTRIBUTION = re.compile(rf".{{0,300}}{_WROTE}[^:\n]{{0,120}}:\s*", re.IGNORECASE)
_ATTRIBUTION_BEGINS = re.compile(r"\s*(?:on|op|am|le|in|el|il|em|den|at)\b.{10,300}[^.!?]\s*", re.IGNORECASE)
_ARTICLE_WORDS = ("article", "message", "artikel", "bericht")
_ARTICLE = re.compile(rf"^[ \t>]*in (?:{'|'.join(_ARTICLE_WORDS)})\b.{{0,300}}{_WROTE}[ \t.:]*$", re.I | re.M)

_FORWARD = re.compile(
    r"^[ \t]*[-_*]{2,}[ \t]*(?:original message|forwarded message|oorspronkelijk bericht|doorgestuurd bericht|"
    r"ursprüngliche nachricht|weitergeleitete nachricht|message d.origine|message transféré)[ \t]*[-_*]{2,}[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
# A mail's header below the writer's own words; at the top of a post it may be anything.
_MAIL_HEADER = re.compile(
    r"\n(?:From|Van|Von|De): [^\n]{1,200}\n(?:Sent|Verzonden|Gesendet|Envoyé|Date|Datum): ",
)

_SIGNATURE = re.compile(r"^-- [ \t]*$", re.MULTILINE)
# A bare "--" is also used as a rule between paragraphs, so only a few short lines below it are a signature.
_BARE_SIGNATURE = re.compile(r"^--$", re.MULTILINE)
_MAX_SIGNATURE_CHARACTERS = 600
_MAX_SIGNATURE_LINES = 8
_DEVICE = r"(?:\s+[\w'’\-.]+){1,4}[.!]?"
_MAIL_PROGRAM = re.compile(
    rf"\s*(?:sent (?:from|via|with) (?:my|the|outlook|yahoo|mail for|samsung|tapatalk|proton|gmail)(?:{_DEVICE})?[.!]?"
    rf"|(?:verzonden|verstuurd|verstuurt|gestuurd) (?:vanaf|vanuit|via|met) "
    rf"(?:(?:mijn|m'n|een){_DEVICE}|(?:outlook|yahoo|samsung|tapatalk|proton|mail|gmail)(?:{_DEVICE})?[.!]?)"
    rf"|von (?:meinem|unterwegs){_DEVICE}"
    rf"|(?:gesendet|gesandt) (?:von|mit) (?:meinem|outlook|tapatalk|der)(?:{_DEVICE})?"
    rf"|envoyé (?:de|depuis|à partir de) mon{_DEVICE}|enviado desde (?:mi|el){_DEVICE}|inviato da(?:l mio)?{_DEVICE}"
    r"|(?:get|download|télécharger|obtenir) outlook (?:for|voor|für|pour) \w+|outlook voor \w+ (?:downloaden|ophalen)"
    r")\s*",
    re.IGNORECASE,
)


def drop_quotes(text: str) -> tuple[str, bool]:
    """Take out quoted lines, the line above them that says who is quoted, and everything below a forward's header.

    Returns
    -------
    The text that is left, and whether anything was quoted.
    """
    forward = _FORWARD.search(text) if "--" in text or "__" in text or "**" in text else None
    forward = forward or _MAIL_HEADER.search(text, len(text) - len(text.lstrip()))
    if forward is not None:
        text = text[: forward.start()]
    kept, has_quote = _without_quoted_lines(text) if ">" in text else (text, False)
    if any(word in kept for word in _ARTICLE_WORDS):
        kept = _ARTICLE.sub("", kept)
    return kept, has_quote or forward is not None


def _without_quoted_lines(text: str) -> tuple[str, bool]:
    kept: list[str] = []
    in_quote = has_quote = False
    for line in text.split("\n"):
        if _QUOTED.match(line):
            if not in_quote:
                _drop_attribution(kept)
            in_quote = has_quote = True
        else:
            in_quote = in_quote and not line.strip()
            kept.append(line)
    return "\n".join(kept), has_quote


def _drop_attribution(lines: list[str]) -> None:
    """Take "X wrote:" off the end of `lines`, also where a mail program broke it in two."""
    last = _last_with_text(lines, len(lines))
    if last is None or len(lines[last]) > _MAX_LINE or not _ATTRIBUTION.fullmatch(lines[last]):
        return
    before = last - 1
    is_broken = not _ATTRIBUTION_BEGINS.match(lines[last]) and before >= 0 and len(lines[before]) <= _MAX_LINE
    first = before if is_broken and _ATTRIBUTION_BEGINS.fullmatch(lines[before]) else last
    del lines[first:]


def _last_with_text(lines: Sequence[str], end: int) -> int | None:
    """Index of the last line with text, at most one blank line back; None if there is none."""
    return next((index for index in range(end - 1, max(end - 3, -1), -1) if lines[index].strip()), None)


def drop_signature(text: str, *, below_quote: bool) -> str:
    """Take out what stands below "-- ", and the line or two that a phone's mail program adds at the end.

    Parameters
    ----------
    below_quote : a quote was taken out of the text, so a signature may be all that is left; else it has words above.
    """
    if "--" in text:
        text = text[: _signature_begin(text, 0 if below_quote else len(text) - len(text.lstrip()) + 1)]
    for _ in range(2):
        head, line_break, last = text.rstrip().rpartition("\n")
        if not line_break or len(last) > _MAX_LINE or not _MAIL_PROGRAM.fullmatch(last):
            break
        text = head
    return text


def _signature_begin(text: str, earliest: int) -> int:
    """Where the signature begins; the end of the text if there is none."""
    mark = _SIGNATURE.search(text, earliest)
    if mark is not None:
        return mark.start()
    near_end = max(earliest, len(text) - _MAX_SIGNATURE_CHARACTERS)
    for bare in _BARE_SIGNATURE.finditer(text, near_end):
        if sum(bool(line.strip()) for line in text[bare.end() :].split("\n")) <= _MAX_SIGNATURE_LINES:
            return bare.start()
    return len(text)
