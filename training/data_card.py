"""The tables of the written posts' data card, and their places in the page."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from models.errors import KlankbordError
from models.signals import SIGNALS
from training.learning_curve import ALL_INDUSTRIES, CurvePoint, IndustryFigure
from training.real_posts import RealTexts
from training.vocabulary import WORD_COUNTS, Wording, count_distinct, describe_wording, words_of
from training.written_posts import NEAR_DUPLICATE_COSINE, WrittenPost, find_near_duplicates

LANGUAGES = ("nl", "en", "de", "fr")


class CardPlaceMissing(KlankbordError):
    """The page has no place for a table."""


def fill_card(page: Path, tables: Mapping[str, str]) -> None:
    """Write each table between `<!-- name -->` and `<!-- /name -->`; nothing else of the page changes.

    Raises
    ------
    CardPlaceMissing
        The page lacks one of the places.
    """
    text = page.read_text(encoding="utf-8")
    for name, table in tables.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        if begin not in text or end not in text:
            raise CardPlaceMissing(f"{page}: no place for the table {name}; add the lines {begin.strip()} and {end}")
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n{table}\n\n{end}{rest.partition(end)[2]}"
    page.write_text(text, encoding="utf-8")


def count_posts(posts: Sequence[WrittenPost]) -> dict[str, str]:
    """Tables of signals, industries and reasons why a post is hard, by language."""
    return {
        "signals": signals_table(posts),
        "industries": cross_table([(post.industry, post.language) for post in posts], columns=LANGUAGES),
        "hard-cases": cross_table(
            [(post.hard_case, post.language) for post in posts if post.hard_case], columns=LANGUAGES
        ),
    }


def signals_table(posts: Sequence[WrittenPost]) -> str:
    """How many posts of each language carry each signal, and other facts about them."""
    facts: list[tuple[str, Callable[[WrittenPost], bool]]] = [
        ("posts", lambda _: True),
        *((f"`{signal}`", lambda post, signal=signal: signal in post.labels) for signal in SIGNALS),
        ("no signal", lambda post: not post.labels),
        ("hard case", lambda post: post.hard_case is not None),
        ("by staff", lambda post: post.role == "staff"),
        ("with a title", lambda post: post.title is not None),
    ]
    entries = [(name, post.language) for name, holds in facts for post in posts if holds(post)]
    return cross_table(entries, columns=LANGUAGES, order=[name for name, _ in facts])


def cross_table(
    entries: Iterable[tuple[str, str]], *, columns: Sequence[str], order: Sequence[str] | None = None
) -> str:
    """How often each pair of row and column occurs.

    Parameters
    ----------
    order : of the rows; None = the most frequent first, ties by name.
    """
    counts = Counter(entries)
    totals = Counter[str]()
    for (row, _), count in counts.items():
        totals[row] += count
    rows = order or sorted(totals, key=lambda row: (-totals[row], row))
    return _table(
        ("", *columns, "all"),
        [(row, *(f"{counts[row, column]:,}" for column in columns), f"{totals[row]:,}") for row in rows],
    )


def duplicates_table(posts: Sequence[WrittenPost], vectors: NDArray[np.float32]) -> str:
    """Pairs within a language that are close, and how close posts are to their nearest neighbour.

    Parameters
    ----------
    vectors : shape (n, dim), unit rows, the rows of `posts`.
    """
    spoken, rows = np.array([post.language for post in posts]), []
    for language in LANGUAGES:
        own = np.flatnonzero(spoken == language)
        pairs = find_near_duplicates([posts[row].id for row in own.tolist()], vectors[own])
        share = len({name for pair in pairs for name in (pair.first, pair.second)}) / len(own)
        nearest = np.sort(vectors[own] @ vectors[own].T, axis=1)[:, -2]
        cells = (language, len(own), len(pairs), f"{share:.2%}", f"{nearest.max():.3f}", f"{np.median(nearest):.3f}")
        rows.append(tuple(map(str, cells)))
    pairs_above = f"pairs above {NEAR_DUPLICATE_COSINE}"
    return _table(("", "posts", pairs_above, "posts in them", "closest pair", "median nearest neighbour"), rows)


def wording_table(posts: Sequence[WrittenPost], real: Sequence[RealTexts]) -> str:
    """How the written posts are worded, beside what members really wrote."""
    rows = []
    for language in LANGUAGES:
        own = [post for post in posts if post.language == language]
        rows.append(_wording_row(language, "**written posts**", describe_wording([post.words for post in own])))
        rows += _industries_rows(language, own)
        rows += [
            _wording_row(language, texts.name, describe_wording(texts.texts))
            for texts in real
            if texts.language == language
        ]
    measures = ("texts", "words", "median words", "words per sentence", "with a question mark", "begin small")
    return _table(("", "", *measures, *(f"distinct in {count:,}" for count in WORD_COUNTS)), rows)


def _wording_row(language: str, name: str, wording: Wording) -> tuple[str, ...]:
    return (
        language,
        name,
        f"{wording.n_texts:,}",
        f"{wording.n_words:,}",
        f"{wording.median_words:.0f}",
        f"{wording.words_per_sentence:.1f}",
        f"{wording.share_asking:.0%}",
        f"{wording.share_uncapitalised:.0%}",
        *(_distinct(wording.distinct_words[count]) for count in WORD_COUNTS),
    )


def _industries_rows(language: str, posts: Sequence[WrittenPost]) -> list[tuple[str, ...]]:
    """The vocabulary within one industry, as a set about one company has it; no row where industries are small."""
    by_industry: dict[str, list[str]] = {}
    for post in posts:
        by_industry.setdefault(post.industry, []).append(post.words)
    means: list[float | None] = []
    for count in WORD_COUNTS:
        counted = [count_distinct(texts, n_words=count) for texts in by_industry.values()]
        known = [number for number in counted if number is not None]
        means.append(float(np.mean(known)) if len(known) == len(counted) else None)
    if means == [None] * len(means):
        return []
    return [(language, "… within one industry (mean)", *("",) * 6, *map(_distinct, means))]


def _distinct(number: float | None) -> str:
    return "–" if number is None else f"{number:,.0f}"


def length_table(posts: Sequence[WrittenPost]) -> str:
    """What the number of words alone gives away about each signal."""
    rows = []
    for signal in SIGNALS:
        cells = [f"`{signal}`"]
        for language in LANGUAGES[:2]:
            own = [post for post in posts if post.language == language]
            labels = np.array([signal in post.labels for post in own])
            n_words = np.array([len(words_of(post.words)) for post in own])
            medians = f"{np.median(n_words[labels]):.0f} / {np.median(n_words[~labels]):.0f}"
            cells += [medians, f"{roc_auc_score(labels, n_words):.2f}"]
        rows.append(tuple(cells))
    header = [
        f"{language}, {measure}" for language in LANGUAGES[:2] for measure in ("median words with / without", "AUC")
    ]
    return _table(("", *header), rows)


def curve_table(points: Sequence[CurvePoint], *, prefix: str, measure: str) -> str:
    """The figures whose name begins with a prefix, one column for each number of posts: mean and range of the draws."""
    sizes = sorted({point.n_posts for point in points})
    figures: dict[str, dict[int, list[float]]] = {}
    n_of: dict[str, int] = {}
    for point in points:
        for row in point.rows:
            if row.what.startswith(prefix) and row.measure == measure and row.figure is not None:
                figures.setdefault(row.what, {}).setdefault(point.n_posts, []).append(row.figure)
                n_of[row.what] = row.n
    rows = [(what, *(_spread(by_size[size]) for size in sizes), f"{n_of[what]:,}") for what, by_size in figures.items()]
    return _table((measure, *(f"{size:,} posts" for size in sizes), "n"), rows)


def _spread(figures: Sequence[float]) -> str:
    mean = f"{np.mean(figures):.3f}"
    return mean if len(figures) == 1 else f"{mean} ({min(figures):.3f}–{max(figures):.3f})"


def industries_table(figures: Sequence[IndustryFigure], *, language: str) -> str:
    """AUC, its 95 % interval and the number of posts with the signal, for industries that the head never saw."""
    of = {(figure.industry, figure.signal): figure for figure in figures if figure.language == language}
    industries = sorted({industry for industry, _ in of}, key=lambda industry: (industry == ALL_INDUSTRIES, industry))
    rows = [
        (f"{industry} ({of[industry, SIGNALS[0]].n:,})", *(_industry_cell(of[industry, signal]) for signal in SIGNALS))
        for industry in industries
    ]
    return _table(("industry left out (posts)", *(f"`{signal}`" for signal in SIGNALS)), rows)


def _industry_cell(figure: IndustryFigure) -> str:
    if figure.auc is None or figure.low is None or figure.high is None:
        return f"too few; {figure.n_positive}"
    return f"{figure.auc:.2f} ({figure.low:.2f}–{figure.high:.2f}); {figure.n_positive}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
