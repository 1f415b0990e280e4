"""Which language each text is written in, or "unknown" where it is too short, mixed or not clear."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, repeat

import numpy as np
from numpy.typing import NDArray
from py3langid.langid import MODEL_FILE, LanguageIdentifier, visit_counts
from scipy.sparse import csr_array

UNKNOWN = "unknown"
DEFAULT_LANGUAGES = ("nl", "en", "de", "fr")

# Checked on the SIB-200 sentences, whole and cut to 2 to 12 words: at five words 97.7 % of Dutch and 97.5 % of English
# are named, at eight 99.7 % and 100 %; of eight other languages at most 8 % are taken for one of four wanted ones.
MIN_WORDS = 3
MIN_WORDS_FOREIGN = 8
MIN_P_FOREIGN = 0.9
MIN_P_WANTED = 0.5
MIN_P_WANTED_SHORT = 0.8
SHORT_WORDS = 5
MIN_RATIO_TO_TOP = 0.05
MIN_HINT_RATIO_TO_TOP = 0.2

MIN_SEGMENT_WORDS = 6
MIN_P_SEGMENT = 0.9
MIN_SEGMENT_RATIO_TO_TOP = 0.5
MIN_MIXED_SHARE = 0.25

_BATCH_SIZE = 2_048
_WINDOW_CHARACTERS = 200
_MAX_SEGMENTS = 5
_P_DECIMALS = 6

_NOT_PROSE = re.compile(r"[@#]\w+|:\w+:|\d+")
_WORD = re.compile(r"[^\W\d_]\S*")
# Thai, Lao, kana and Han are written without spaces; two signs count as one word.
_UNSPACED_SIGN = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")
_SENTENCE_END = re.compile(r"(?<=[.!?…。！？])\s+|\n+")


@dataclass(frozen=True, slots=True)
class _Segment:
    """A few sentences of one text with how often each feature of the identifier occurs in them."""

    n_words: int
    n_bytes: int
    counts: Counter[int]


@dataclass(frozen=True, slots=True)
class _Odds:
    """What speaks for each language in one text.

    Attributes
    ----------
    top, p_top : the likeliest of all labels and its probability; 0 where there is nothing to go by.
    rival, p_rival : the likeliest of the wanted and the four default languages.
    p_among_rivals : the probability of `rival` if it had to be one of those.
    probabilities : shape (n_labels,).
    """

    top: str
    p_top: float
    rival: str
    p_rival: float
    p_among_rivals: float
    probabilities: NDArray[np.float64]

    def of(self, code: str) -> float:
        """The probability of one language, 0 where the identifier does not know it."""
        column = _columns().get(code)
        return 0.0 if column is None else float(self.probabilities[column])


def detect_languages(
    texts: Sequence[str], *, languages: Sequence[str], hints: Sequence[str | None] | None = None
) -> list[str]:
    """Name the language of each text.

    A text is named after a language outside `languages` only when it is long enough to be sure, so that a short text
    is not lost to a look-alike (Afrikaans for Dutch). A text in several languages is "unknown".

    Parameters
    ----------
    languages : ISO 639-1 codes that the community writes in; they get the benefit of the doubt.
    hints : per text, the language that the source claims, None = no claim. Sources are often wrong: a hint decides
        only where the text itself leaves room for it.

    Returns
    -------
    ISO 639-1 codes or "unknown", in the order of `texts`; each depends on its own text and hint alone.
    """
    claims = list(hints) if hints is not None else list(repeat(None, len(texts)))
    detected: list[str] = []
    for begin in range(0, len(texts), _BATCH_SIZE):
        batch = [_segments(text) for text in texts[begin : begin + _BATCH_SIZE]]
        detected += _detect_batch(batch, languages=languages, hints=claims[begin : begin + _BATCH_SIZE])
    return detected


def _detect_batch(
    batch: Sequence[Sequence[_Segment]], *, languages: Sequence[str], hints: Sequence[str | None]
) -> list[str]:
    segments = [segment for text in batch for segment in text]
    rows = np.repeat(np.arange(len(batch)), [len(text) for text in batch])
    counts, n_bytes = _feature_counts(segments), np.array([segment.n_bytes for segment in segments], dtype=np.float64)
    n_words = np.array([segment.n_words for segment in segments], dtype=np.int64)
    # Row t adds up the segments of text t.
    gather = csr_array((np.ones(len(rows)), (rows, np.arange(len(rows)))), shape=(len(batch), len(rows)))
    odds = _rank(_probabilities(csr_array(gather @ counts), gather @ n_bytes), languages)
    telling = np.flatnonzero((n_words >= MIN_SEGMENT_WORDS) & (np.bincount(rows, minlength=len(batch))[rows] > 1))
    odds_of_parts = _rank(_probabilities(counts[telling], n_bytes[telling]), languages)
    mixed = _mixed_rows(list(zip(rows[telling].tolist(), n_words[telling].tolist(), strict=True)), odds_of_parts)
    return [
        UNKNOWN if row in mixed else _name_language(text_odds, int(n), languages=languages, hint=hint)
        for row, (text_odds, n, hint) in enumerate(zip(odds, gather @ n_words, hints, strict=True))
    ]


def _rank(probabilities: NDArray[np.float64], languages: Sequence[str]) -> list[_Odds]:
    """Reduce each row of probabilities to what the decisions need."""
    columns = _columns()
    rivals = [code for code in dict.fromkeys((*languages, *DEFAULT_LANGUAGES)) if code in columns]
    p_rivals = probabilities[:, [columns[code] for code in rivals]]
    best = np.argmax(p_rivals, axis=1)
    p_best = p_rivals[np.arange(len(best)), best]
    share = np.round(p_best / np.maximum(p_rivals.sum(axis=1), 10.0**-_P_DECIMALS), _P_DECIMALS)
    tops = np.argmax(probabilities, axis=1)
    return [
        _Odds(_labels()[top], float(row[top]), rivals[rival], float(p), float(p_among), row)
        for row, top, rival, p, p_among in zip(probabilities, tops, best, p_best, share, strict=True)
    ]


def _name_language(odds: _Odds, n_words: int, *, languages: Sequence[str], hint: str | None) -> str:
    if odds.p_top == 0.0:
        return UNKNOWN
    claimed = _base_code(hint)
    if n_words < MIN_WORDS:
        return _iso_code(odds.top) if claimed == odds.top else UNKNOWN
    if odds.top not in languages and odds.p_top >= MIN_P_FOREIGN and n_words >= MIN_WORDS_FOREIGN:
        return _iso_code(odds.top)
    needed = MIN_P_WANTED_SHORT if n_words < SHORT_WORDS else MIN_P_WANTED
    is_clear = odds.p_among_rivals >= needed and odds.p_rival >= MIN_RATIO_TO_TOP * odds.p_top
    if is_clear and odds.rival in languages:
        return odds.rival
    return _iso_code(claimed) if odds.of(claimed) >= MIN_HINT_RATIO_TO_TOP * odds.p_top else UNKNOWN


def _mixed_rows(parts: Sequence[tuple[int, int]], odds_of_parts: Sequence[_Odds]) -> set[int]:
    """Rows of which a good part of the words is in a second language; `parts` holds (row, words) per segment."""
    words: dict[int, Counter[str]] = {}
    for (row, n_words), odds in zip(parts, odds_of_parts, strict=True):
        language = _segment_language(odds)
        if language is not None:
            words.setdefault(row, Counter())[language] += n_words
    return {
        row
        for row, by_language in words.items()
        if 1 - max(by_language.values()) / by_language.total() >= MIN_MIXED_SHARE
    }


def _segment_language(odds: _Odds) -> str | None:
    """The language of a stretch, None unless it is beyond doubt."""
    if odds.p_among_rivals >= MIN_P_SEGMENT and odds.p_rival >= MIN_SEGMENT_RATIO_TO_TOP * odds.p_top:
        return odds.rival
    return odds.top if odds.p_top >= MIN_P_SEGMENT else None


def _segments(text: str) -> list[_Segment]:
    """Cut the text into stretches of at least a few words that end where a sentence or a line does."""
    prose = _NOT_PROSE.sub(" ", _windows(text))
    return [_count_features(stretch, n_words) for stretch, n_words in _stretches(prose)]


def _windows(text: str) -> str:
    """The text, or its begin, middle and end when it is long: enough to know it by, at a bounded cost."""
    if len(text) <= 3 * _WINDOW_CHARACTERS:
        return text
    middle = (len(text) - _WINDOW_CHARACTERS) // 2
    windows = (text[:_WINDOW_CHARACTERS], text[middle : middle + _WINDOW_CHARACTERS], text[-_WINDOW_CHARACTERS:])
    return "\n".join(windows)


def _stretches(text: str) -> Iterator[tuple[str, int]]:
    held, n_held = "", 0
    needed = max(MIN_SEGMENT_WORDS, _n_words(text) // _MAX_SEGMENTS)
    for sentence in _SENTENCE_END.split(text):
        held = f"{held} {sentence}" if held else sentence
        n_held += _n_words(sentence)
        if n_held >= needed:
            yield held, n_held
            held, n_held = "", 0
    if n_held:
        yield held, n_held


def _n_words(text: str) -> int:
    return len(_WORD.findall(text)) + (0 if text.isascii() else len(_UNSPACED_SIGN.findall(text)) // 2)


def _count_features(text: str, n_words: int) -> _Segment:
    # Shouting is read as plain text: the identifier knows few words in capitals.
    plain = unicodedata.normalize("NFC", text.lower() if text.isupper() else text)
    encoded = plain.encode("utf-8", errors="replace")
    model = _identifier()
    counts = visit_counts(model.tk_nextmove, _row_starts(), model.tk_output, encoded)
    return _Segment(n_words, len(encoded), counts or Counter())


def _feature_counts(segments: Sequence[_Segment]) -> csr_array:
    """How often each feature of the identifier occurs in each segment; shape (n, n_features)."""
    n_entries = sum(len(segment.counts) for segment in segments)
    features = np.fromiter(chain.from_iterable(s.counts.keys() for s in segments), dtype=np.intp, count=n_entries)
    counts = np.fromiter(chain.from_iterable(s.counts.values() for s in segments), dtype=np.float64, count=n_entries)
    ends = np.cumsum([0, *(len(segment.counts) for segment in segments)])
    return csr_array((counts, features, ends), shape=(len(segments), len(_identifier().nb_ptc)))


def _probabilities(counts: csr_array, n_bytes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of each label for each text, zeros where there is nothing to go by; shape (n, n_labels).

    The identifier's own formula: naive Bayes over log(1 + count), softened by the square root of the length in
    bytes. Done for a batch at once, with sums in a fixed order, so that a text's figures never depend on its batch.
    """
    model = _identifier()
    counts.sort_indices()
    used, columns = np.unique(counts.indices, return_inverse=True)
    occurrences = csr_array((np.log1p(counts.data), columns, counts.indptr), shape=(counts.shape[0], len(used)))
    log_p = occurrences @ model.nb_ptc[used].astype(np.float64) + model.nb_pc.astype(np.float64)
    log_p /= np.sqrt(np.maximum(n_bytes, 1.0))[:, None]
    p = np.exp(log_p - log_p.max(axis=1, keepdims=True, initial=-np.inf))
    p /= p.sum(axis=1, keepdims=True)
    p[np.diff(counts.indptr) == 0] = 0.0
    return _merge_scripts(np.round(p, _P_DECIMALS))


def _merge_scripts(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add up the columns of a language that the identifier knows in two scripts."""
    for column, label in enumerate(_identifier().nb_classes):
        first = _columns()[label]
        if first != column:
            p[:, first] += p[:, column]
            p[:, column] = 0.0
    return p


def _base_code(hint: str | None) -> str:
    """`nl` from a tag such as `nl-BE` or `NL_be`; empty without a hint."""
    return re.split("[-_]", hint.strip().lower(), maxsplit=1)[0] if hint else ""


def _iso_code(label: str) -> str:
    """The ISO 639-1 code of a label; the identifier also knows languages (and no language) that have none."""
    return label if len(label) == 2 else UNKNOWN


# The model takes over a second to load and nothing writes to it, so every caller shares one.
@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE)


@cache
def _row_starts() -> list[int]:
    return [row << 8 for row in _identifier().tk_row]


@cache
def _labels() -> tuple[str, ...]:
    return tuple(_identifier().nb_classes)


@cache
def _columns() -> dict[str, int]:
    """The first column of each label."""
    columns: dict[str, int] = {}
    for column, label in enumerate(_labels()):
        columns.setdefault(label, column)
    return columns


@cache
def known_languages() -> frozenset[str]:
    """ISO 639-1 codes of the languages that can be detected."""
    return frozenset(label for label in _labels() if len(label) == 2)
