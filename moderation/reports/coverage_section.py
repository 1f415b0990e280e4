"""What the page rests on and what it cannot know."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.signals import SIGNALS
from moderation.corpus import Corpus
from moderation.relevance import Relevance
from moderation.reports.content import CoverageSection, Table
from moderation.reports.wording import Wording

MAIN_LANGUAGE_SHARE = 0.05
"""Languages with a smaller share of the posts are counted, but their limits are not spelled out."""
TOLD_SIGNALS = ("negative_wom", "question", "idea", "toxic", "spam")
"""The signals that the page rests on."""

Contents = Mapping[str, Any]


def coverage_section(
    run: Contents, corpus: Corpus, relevance: Relevance, *, limits: Sequence[str], wording: Wording
) -> CoverageSection:
    """Say what was read and scored, how sure the signals are, and what is not known.

    Parameters
    ----------
    limits : further limits, in words, from what the community told us.
    """
    return CoverageSection(
        sentences=tuple(_sentences(run, corpus, wording)),
        accuracy=accuracy_table(corpus, wording),
        limits=(*signal_limits(corpus, wording), *_relevance_limits(relevance, wording), *limits),
        facts=_facts(run, wording),
    )


def main_languages(corpus: Corpus) -> list[str]:
    """Languages of at least 5 % of the posts, the largest first; texts of no known language are left out."""
    counts = Counter(corpus.languages)
    counts.pop("unknown", None)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [language for language, n in ranked if n >= MAIN_LANGUAGE_SHARE * len(corpus)]


def can_tell(corpus: Corpus, signal: str) -> bool:
    """Whether a signal can be recognised in any of the main languages."""
    return any(corpus.thresholds[signal, language].probability is not None for language in main_languages(corpus))


def signal_limits(corpus: Corpus, wording: Wording) -> list[str]:
    """For each main language: which signals cannot be recognised."""
    said = []
    for language in main_languages(corpus):
        unreachable = [signal for signal in SIGNALS if corpus.thresholds[signal, language].probability is None]
        if unreachable:
            named = wording.listed([wording.say(f"signal.{signal}") for signal in unreachable])
            said.append(wording.say("limits.unreachable", language=wording.language_name(language), signals=named))
    return said


def accuracy_table(corpus: Corpus, wording: Wording) -> Table | None:
    """How much each signal found and how often it was right when it was checked, by language; None = never checked."""
    rows = [
        _accuracy_row(corpus, signal, language, wording)
        for signal in TOLD_SIGNALS
        for language in main_languages(corpus)
        if corpus.thresholds[signal, language].probability is not None
    ]
    columns = ("signal", "language", "found", "right", "checked")
    head = tuple(wording.say(f"accuracy.{column}") for column in columns)
    return Table(wording.say("accuracy.caption"), head, tuple(rows)) if rows else None


def _accuracy_row(corpus: Corpus, signal: str, language: str, wording: Wording) -> tuple[str, ...]:
    threshold = corpus.thresholds[signal, language]
    n_checked = wording.number(threshold.n)
    if threshold.basis == "pooled":
        n_checked = wording.say("accuracy.pooled", n=n_checked)
    shares = (
        wording.say("accuracy.unmeasured") if share is None else wording.share(share)
        for share in (threshold.recall, threshold.precision)
    )
    return (wording.say(f"signal.{signal}"), wording.language_name(language), *shares, n_checked)


def _relevance_limits(relevance: Relevance, wording: Wording) -> list[str]:
    said = []
    for name, p in (("off_purpose", relevance.p_off_purpose), ("off_thread", relevance.p_off_thread)):
        if np.isnan(p).all():
            said.append(wording.say(f"limits.{name}"))
    return said


def _sentences(run: Contents, corpus: Corpus, wording: Wording) -> list[str]:
    posts = run["posts"]
    if posts["rejected"]:
        said = [wording.count("coverage.read", posts["read"], rejected=wording.count("lines", posts["rejected"]))]
    else:
        said = [wording.count("coverage.all_read", posts["read"])]
    if posts["duplicates"]:
        said.append(wording.count("coverage.duplicates", posts["duplicates"]))
    not_read = sum(n for kind, n in posts["by_kind"].items() if kind != "post")
    if not_read:
        said.append(wording.count("coverage.other_kinds", not_read))
    said.append(_scored(posts, wording))
    if posts["by_language"]:
        said.append(wording.say("coverage.languages", languages=_languages(posts["by_language"], wording)))
    unknown = sum(post.author_id is None for post in corpus.posts)
    if unknown:
        said.append(wording.count("coverage.no_author", unknown))
    return said


def _scored(posts: Contents, wording: Wording) -> str:
    left = posts["analysed"] - posts["scored"]
    if left == 0:
        return wording.count("coverage.all_scored", posts["analysed"])
    return wording.count("coverage.not_scored", left, analysed=wording.number(posts["analysed"]))


def _languages(by_language: Mapping[str, int], wording: Wording) -> str:
    total = sum(by_language.values())
    ranked = sorted(by_language.items(), key=lambda item: (item[0] == "unknown", -item[1], item[0]))
    return wording.listed(
        [
            wording.say("coverage.language", language=wording.language_name(code), share=wording.share(n / total))
            for code, n in ranked
        ]
    )


def _facts(run: Contents, wording: Wording) -> tuple[tuple[str, str], ...]:
    heads = sorted(set(run["head_versions"].values()))
    return (
        (wording.say("facts.version"), run["klankbord_version"]),
        (wording.say("facts.encoder"), run["encoder_version"]),
        (wording.say("facts.heads"), ", ".join(heads) or wording.say("facts.none")),
        (wording.say("facts.run_hash"), run["run_hash"]),
    )
