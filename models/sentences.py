"""Where the sentences of a forum post begin and end, in Dutch, English and their neighbours."""

import re
from dataclasses import dataclass
from itertools import pairwise

_EMOJI = r"[\u2600-\u27bf\u2b50\u2b55\U0001f000-\U0001faff][\ufe0f\u200d\U0001f3fb-\U0001f3ff]*"
_EMOTICON = r"[:;=]['o-]?[()\[\]DPp/|](?![\w/])"
_FACES = rf"(?:{_EMOJI}|{_EMOTICON})"
_PAUSE = re.compile(
    rf"(?P<marks>(?<![.!?…])[.!?…]++)(?P<closing>[\"'”’»)\]]*)(?P<faces>(?:\s?{_FACES})*)(?=\s|$)"
    rf"|(?P<glued>(?<=[^\W\d_]{{2}})[.!?]+(?=[A-ZÀ-ÖØ-Þ][^\W\d_A-ZÀ-ÖØ-Þ]))"
    rf"|(?<=\s)(?P<face_alone>{_FACES}(?:\s?{_FACES})*)(?=\s)"
)
_CAPITALISED = re.compile(r"[.!?]\s+[A-ZÀ-ÖØ-Þ]")
_MARKED_END = re.compile(r"[.!?…:;][\"'”’»)\]]*$")
_LIST_MARK = re.compile(r"\s*(?:[-*•·–]|\(?\d{1,3}[.)]|[a-z][.)])\s")
_LAST_TOKEN = re.compile(r"[\w.&'’/-]*$")

_TOKEN_CHARACTERS = 30
_WRAPPED_LINE_CHARACTERS = 55
"""E-mail programs wrap between 60 and 80; a line that somebody ended sooner is a line of its own."""


def _tokens(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What stands before a name or goes on in the sentence, whatever comes next.
_NEVER_LAST = _tokens(
    "approx b.v bijv bijvb bv ca d.w.z dhr dr drs e.g eg excl i.e i.p.v i.t.t i.v.m incl ir jhr m.b.t m.b.v mevr mr mrs"
    " ms mvr mw n.a.v o.a o.b.v prof resp t.a.v t.b.v t.n.v t.o.v vs z.g.n zgn"
)
# Words of their own, unless a number follows.
_BEFORE_A_NUMBER = _tokens("afb art blz fig no nos nr nrs p pag pp tel v vol")
# May end a sentence: only a capital shows that it did.
_MAYBE_LAST = _tokens(
    "a.m a.u.b apr aub aug co corp dec e.d enz etc evt feb ft gem hrs inc inl jan jl jr jul jun kg km ltd max min mnd"
    " mrt n.v nov o.i.d oct okt p.m pct sec sep sept sr st tov wk yrs"
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """Characters `begin` to `end` of a text, without the white space around them."""

    begin: int
    end: int


def split_sentences(text: str) -> tuple[Sentence, ...]:
    """Find the sentences of a post, in order; together they hold every character that is not white space.

    A line break ends a sentence, unless the line was wrapped by a program. Marks, emoji and brackets that close a
    sentence belong to it; what has no letter or digit belongs to the sentence before it.
    """
    found: list[Sentence] = []
    for begin, end in _lines(text):
        for sentence in _split_line(text, begin, end):
            has_words = any(character.isalnum() for character in text[sentence.begin : sentence.end])
            if has_words or not found:
                found.append(sentence)
            else:
                found[-1] = Sentence(found[-1].begin, sentence.end)
    return tuple(found)


def _lines(text: str) -> list[tuple[int, int]]:
    """Begin and end of each line, wrapped ones joined."""
    is_capitalised = _CAPITALISED.search(text) is not None
    lines: list[tuple[int, int]] = []
    begin, last = 0, ""
    for line in text.splitlines(keepends=True):
        end = begin + len(line)
        if is_capitalised and _goes_on(last, line):
            lines[-1] = (lines[-1][0], end)
        else:
            lines.append((begin, end))
        begin, last = end, line
    return lines


def _goes_on(line: str, following: str) -> bool:
    """Whether a line ends for want of room, in a text whose sentences begin with capitals."""
    written = line.rstrip()
    begins_small = following.lstrip()[:1].islower() and not _LIST_MARK.match(following)
    return begins_small and len(written) >= _WRAPPED_LINE_CHARACTERS and not _MARKED_END.search(written)


def _split_line(text: str, begin: int, end: int) -> list[Sentence]:
    listed = _LIST_MARK.match(text, begin, end)
    searched_from = begin if listed is None else listed.end()
    cuts = [
        pause.end() for pause in _PAUSE.finditer(text, searched_from, end) if _is_end(text, pause, searched_from, end)
    ]
    bounds = [begin, *cuts, end]
    spans = (_trimmed(text, left, right) for left, right in pairwise(bounds))
    return [span for span in spans if span.begin < span.end]


def _is_end(text: str, pause: re.Match[str], line_begin: int, line_end: int) -> bool:
    if pause["glued"] is not None:
        return True
    following = text[pause.end() : min(pause.end() + _TOKEN_CHARACTERS, line_end)].lstrip()[:1]
    begins_big = following.isupper() or following in {'"', "“", "‘", "«", "("}
    if pause["face_alone"] is not None:
        return begins_big
    marks = pause["marks"]
    if "!" in marks or "?" in marks:
        return not (pause["closing"] and following.islower())
    if len(marks) > 1 or marks == "…":
        return begins_big
    before = text[max(pause.start() - _TOKEN_CHARACTERS, line_begin) : pause.start()]
    return _full_stop_ends(before, following, begins_big=begins_big or bool(pause["faces"]))


def _full_stop_ends(before: str, following: str, *, begins_big: bool) -> bool:
    """Whether a single full stop ends a sentence, from what stands before it and the next character."""
    found = _LAST_TOKEN.search(before)
    token = found[0].lower().strip("'’-/") if found else ""
    if token in _NEVER_LAST:
        return False
    if token in _BEFORE_A_NUMBER:
        return not following.isdigit()
    if token in _MAYBE_LAST or "." in token:
        return begins_big
    is_initial = len(token) == 1 and token.isalpha() and found is not None and found[0].isupper()
    is_ordinal = token.isdigit() and following.islower()
    return not (is_initial or is_ordinal)


def _trimmed(text: str, begin: int, end: int) -> Sentence:
    part = text[begin:end]
    left = len(part) - len(part.lstrip())
    return Sentence(begin + left, begin + max(len(part.rstrip()), left))
