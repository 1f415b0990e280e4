"""The sample community's truth against an analysis of it, post by post: figures, and every mistake by name.

Calculation only: the contents of the files go in, and nothing is read or written here. The sample shows what the
program does; it is too small and too tidy to say how well it does it.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sklearn.metrics import roc_auc_score

from models.errors import KlankbordError
from models.signals import SIGNALS
from moderation.flags import PLACEMENT_THRESHOLD
from training.intervals import auc_interval, wilson_interval

QUOTED_CHARACTERS = 160
NOBODY = "nobody"

Outcome = Literal["missed", "wrong"]


class TruthIncomplete(KlankbordError):
    """The truth does not speak of the posts that were analysed."""


@dataclass(frozen=True)
class Run:
    """What an analysis wrote, as read from its files.

    Attributes
    ----------
    posts : lines of posts.jsonl by post id, in time order.
    thresholds : by (signal, language); None = the signal never counts as present.
    """

    posts: Mapping[str, Mapping[str, Any]]
    topics: Mapping[str, Any]
    response_times: Mapping[str, Any]
    splits: Mapping[str, Any]
    drift: Mapping[str, Any]
    thresholds: Mapping[tuple[str, str], float | None]


@dataclass(frozen=True)
class Sample:
    """The posts as they were imported and what was meant with each; both by post id."""

    records: Mapping[str, Mapping[str, Any]]
    truth: Mapping[str, Mapping[str, Any]]

    def quote(self, post_id: str) -> str:
        """The first characters of title and text, on one line."""
        record = self.records[post_id]
        words = " ".join(f"{record.get('title') or ''} {record.get('text') or record.get('html') or ''}".split())
        return words if len(words) <= QUOTED_CHARACTERS else f"{words[:QUOTED_CHARACTERS].rstrip()}…"


@dataclass(frozen=True)
class Share:
    """A share of `n` with its 95 % Wilson interval; all three None where `n` is 0."""

    n_hits: int
    n: int

    @property
    def figure(self) -> float | None:
        """In [0, 1]."""
        return self.n_hits / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both in [0, 1]."""
        return wilson_interval(self.n_hits, self.n) if self.n else None


@dataclass(frozen=True)
class Mistake:
    """One post on which truth and analysis differ.

    Attributes
    ----------
    probability : what the analysis gave; None = not scored, or nothing that has a probability.
    note : what the analysis made of it, or what was meant.
    """

    post_id: str
    language: str
    outcome: Outcome
    probability: float | None
    text: str
    note: str = ""


@dataclass(frozen=True)
class Detection:
    """How one yes-or-no figure did.

    Attributes
    ----------
    language : None = all together.
    n_true, n_found, n_right : posts that have it, posts above the threshold, and both.
    n_not_scored : posts without a probability; one that has it counts as missed.
    auc, auc_interval : over the scored posts; None without posts of both kinds.
    """

    name: str
    language: str | None
    n_posts: int
    n_true: int
    n_found: int
    n_right: int
    n_not_scored: int
    auc: float | None
    auc_interval: tuple[float, float] | None
    mistakes: tuple[Mistake, ...]

    @property
    def n_missed(self) -> int:
        """Posts that have it and were not found."""
        return self.n_true - self.n_right

    @property
    def precision(self) -> Share:
        """Right ones of those found."""
        return Share(self.n_right, self.n_found)

    @property
    def recall(self) -> Share:
        """Right ones of those that have it."""
        return Share(self.n_right, self.n_true)


@dataclass(frozen=True)
class Confusion:
    """What was meant (rows) against what was found (columns).

    Attributes
    ----------
    counts : by (meant, found); pairs that do not occur are left out.
    """

    name: str
    counts: Mapping[tuple[str, str], int]
    mistakes: tuple[Mistake, ...]

    @property
    def right(self) -> Share:
        """Those on which both agree, of all."""
        n_right = sum(count for (meant, found), count in self.counts.items() if meant == found)
        return Share(n_right, sum(self.counts.values()))


def check_truth(sample: Sample, run: Run) -> None:
    """Refuse a truth file that does not belong to the analysed posts.

    Raises
    ------
    TruthIncomplete
        An analysed post has no truth, or no record.
    """
    unknown = [post_id for post_id in run.posts if post_id not in sample.truth or post_id not in sample.records]
    if unknown:
        raise TruthIncomplete(
            f"{len(unknown)} analysed posts have no truth, {unknown[0]} first; analyse the sample itself"
        )


def visible_posts(sample: Sample, run: Run) -> list[str]:
    """The analysed posts that are still there, in time order."""
    return [post_id for post_id in run.posts if not sample.records[post_id].get("deleted_at")]


# Signals and placement


def compare_signals(sample: Sample, run: Run, *, language: str | None = None) -> tuple[Detection, ...]:
    """Each signal's labels against its probabilities, at the threshold of each post's language.

    Parameters
    ----------
    language : as the analysis detected it; None = all.
    """
    return tuple(_compare_signal(sample, run, signal, language) for signal in SIGNALS)


def _compare_signal(sample: Sample, run: Run, signal: str, language: str | None) -> Detection:
    return _detect(
        sample,
        run,
        name=signal,
        language=language,
        is_true=lambda post_id: signal in sample.truth[post_id]["labels"],
        probability=lambda post: post["signals"][signal],
        threshold=lambda post: run.thresholds[signal, post["language"]],
    )


def compare_placement(sample: Sample, run: Run) -> tuple[Detection, ...]:
    """`off_purpose` and `off_thread` against their probabilities, at the threshold of the placement queue."""
    return tuple(_compare_relevance(sample, run, name) for name in ("off_purpose", "off_thread"))


def _compare_relevance(sample: Sample, run: Run, name: str) -> Detection:
    return _detect(
        sample,
        run,
        name=name,
        language=None,
        is_true=lambda post_id: sample.truth[post_id][name],
        probability=lambda post: post[name],
        threshold=lambda _: PLACEMENT_THRESHOLD,
    )


def _detect(
    sample: Sample,
    run: Run,
    *,
    name: str,
    language: str | None,
    is_true: Callable[[str], bool],
    probability: Callable[[Mapping[str, Any]], float | None],
    threshold: Callable[[Mapping[str, Any]], float | None],
) -> Detection:
    posts = [post for post in run.posts.values() if language in (None, post["language"])]
    truths = [is_true(post["id"]) for post in posts]
    p = [probability(post) for post in posts]
    limits = [threshold(post) for post in posts]
    found = [
        each is not None and limit is not None and each >= round(limit, 6)
        for each, limit in zip(p, limits, strict=True)
    ]
    auc, interval = _auc(truths, p)
    mistakes = [
        _mistake(sample, post, "missed" if truth else "wrong", each, _why_null(post, name, each))
        for post, truth, is_found, each in zip(posts, truths, found, p, strict=True)
        if truth != is_found
    ]
    return Detection(
        name=name,
        language=language,
        n_posts=len(posts),
        n_true=sum(truths),
        n_found=sum(found),
        n_right=sum(truth and is_found for truth, is_found in zip(truths, found, strict=True)),
        n_not_scored=sum(each is None for each in p),
        auc=auc,
        auc_interval=interval,
        mistakes=tuple(mistakes),
    )


def _auc(truths: Sequence[bool], p: Sequence[float | None]) -> tuple[float | None, tuple[float, float] | None]:
    scored = [(truth, each) for truth, each in zip(truths, p, strict=True) if each is not None]
    n_true = sum(truth for truth, _ in scored)
    if n_true in (0, len(scored)):
        return None, None
    auc = float(roc_auc_score([truth for truth, _ in scored], [each for _, each in scored]))
    return auc, auc_interval(auc, n_positive=n_true, n_negative=len(scored) - n_true)


def _why_null(post: Mapping[str, Any], name: str, probability: float | None) -> str:
    if probability is not None:
        return ""
    reasons = post["null_reasons"]
    return str(reasons.get(name, reasons.get("signals", "")))


def _mistake(
    sample: Sample, post: Mapping[str, Any], outcome: Outcome, probability: float | None, note: str = ""
) -> Mistake:
    return Mistake(post["id"], post["language"], outcome, probability, sample.quote(post["id"]), note)


def wrong_spaces(sample: Sample, run: Run) -> tuple[Mistake, ...]:
    """Posts that belong in another space and were not told so, and posts that were sent elsewhere and belong here."""
    mistakes = []
    for post_id, post in run.posts.items():
        meant, found = sample.truth[post_id]["belongs_in"], better_space(post)
        if meant != found:
            note = f"{sample.records[post_id]['space']} → {meant or 'stays'}, found {found or 'none'}"
            mistakes.append(_mistake(sample, post, "wrong" if found else "missed", None, note))
    return tuple(mistakes)


def better_space(post: Mapping[str, Any]) -> str | None:
    """The other space that the analysis names for a post; None = none."""
    placement = post.get("placement")
    return None if placement is None else placement["space"]


# Episodes


@dataclass(frozen=True)
class EpisodeCheck:
    """True episodes against those found; the confusions are over the episodes that both start at the same post.

    Attributes
    ----------
    same_answer : of the episodes that both say are answered, those with the same answering post.
    joined_as_answer : of the answers that were found, those whose post truly joins an episode.
    amplifying : of the true amplifications, those counted in the same episode.
    n_amplifying_wrong : posts counted as amplification that are none, or of another episode.
    """

    n_true: int
    n_found: int
    n_both: int
    mistakes: tuple[Mistake, ...]
    confusions: tuple[Confusion, ...]
    same_answer: Share
    joined_as_answer: Share
    amplifying: Share
    n_amplifying_wrong: int
    amplifying_mistakes: tuple[Mistake, ...]

    @property
    def precision(self) -> Share:
        """Found ones that are true."""
        return Share(self.n_both, self.n_found)

    @property
    def recall(self) -> Share:
        """True ones that are found."""
        return Share(self.n_both, self.n_true)


def compare_episodes(sample: Sample, run: Run) -> EpisodeCheck:
    """Episodes by their first post, then what became of those that both know."""
    meant = {post_id: truth["episode"] for post_id, truth in sample.truth.items() if truth["episode"] is not None}
    found = {episode["id"]: episode for episode in run.response_times["episodes"]}
    both = [post_id for post_id in run.posts if post_id in meant and post_id in found]
    answered = [post_id for post_id in both if meant[post_id]["answer_post_id"] and found[post_id]["answer_post_id"]]
    same = sum(meant[post_id]["answer_post_id"] == found[post_id]["answer_post_id"] for post_id in answered)
    answers = [episode["answer_post_id"] for episode in found.values() if episode["answer_post_id"] is not None]
    true_amplifiers = {(i, truth["amplifies"]) for i, truth in sample.truth.items() if truth["amplifies"] is not None}
    counted = {(i, episode["id"]) for episode in found.values() for i in episode["amplifying_post_ids"]}
    return EpisodeCheck(
        n_true=len(meant),
        n_found=len(found),
        n_both=len(both),
        mistakes=tuple(_episode_mistakes(sample, run, meant, found)),
        confusions=tuple(
            _confuse_episodes(sample, run, name, {i: (truly(meant[i]), seen(found[i])) for i in both}, meant, found)
            for name, (truly, seen) in _EPISODE_FACTS.items()
        ),
        same_answer=Share(same, len(answered)),
        joined_as_answer=Share(sum(sample.truth[i]["amplifies"] is not None for i in answers), len(answers)),
        amplifying=Share(len(true_amplifiers & counted), len(true_amplifiers)),
        n_amplifying_wrong=len(counted - true_amplifiers),
        amplifying_mistakes=tuple(_amplifying_mistakes(sample, run, dict(true_amplifiers), dict(counted))),
    )


def _answered_by(episode: Mapping[str, Any]) -> str:
    """Whose answer was first, by the episode's own clocks."""
    if episode["first_answer_at"] is None:
        return NOBODY
    return "staff" if episode["first_answer_at"] == episode["first_staff_answer_at"] else "peer"


def _yes_or_no(fact: bool) -> str:
    return "yes" if fact else "no"


def _censored(episode: Mapping[str, Any]) -> str:
    """By what the wait was cut short; the end of the data is not something that was meant with a post."""
    return str(episode["censored"]) if episode["censored"] in ("deleted", "locked") else "no"


_EpisodeFact = Callable[[Mapping[str, Any]], str]
_EPISODE_FACTS: Mapping[str, tuple[_EpisodeFact, _EpisodeFact]] = {
    "answered by": (lambda meant: meant["answered_by"] or NOBODY, _answered_by),
    "acknowledged": (
        lambda meant: _yes_or_no(meant["acknowledged"]),
        lambda found: _yes_or_no(found["acknowledged_at"] is not None),
    ),
    "deflected": (
        lambda meant: _yes_or_no(meant["deflected"]),
        lambda found: _yes_or_no(found["deflected_at"] is not None),
    ),
    "corrected by": (
        lambda meant: meant["corrected_by"] or NOBODY,
        lambda found: found["corrected"]["by"] if found["corrected"] else NOBODY,
    ),
    "cut short": (_censored, _censored),
}


def _episode_mistakes(
    sample: Sample, run: Run, meant: Mapping[str, Any], found: Mapping[str, Any]
) -> Iterable[Mistake]:
    joined = {i: episode["id"] for episode in found.values() for i in episode["amplifying_post_ids"]}
    for post_id, post in run.posts.items():
        p = post["signals"]["negative_wom"]
        if post_id in meant and post_id not in found:
            threshold = run.thresholds["negative_wom", post["language"]]
            below = threshold is None or p is None or p < round(threshold, 6)
            taken = f"counted in the episode of {joined[post_id]}" if post_id in joined else "begins no episode"
            yield _mistake(sample, post, "missed", p, "not seen as negative" if below else taken)
        elif post_id in found and post_id not in meant:
            yield _mistake(sample, post, "wrong", p, _what_it_is(sample.truth[post_id]))


def _what_it_is(truth: Mapping[str, Any]) -> str:
    if truth["amplifies"] is not None:
        return f"joins the episode of {truth['amplifies']}"
    if "negative_wom" in truth["labels"]:
        return "negative word of mouth, but no first post"
    return "no negative word of mouth: " + (", ".join(truth["labels"]) or "no signal")


def _confuse_episodes(
    sample: Sample,
    run: Run,
    name: str,
    pairs: Mapping[str, tuple[str, str]],
    meant: Mapping[str, Any],
    found: Mapping[str, Any],
) -> Confusion:
    mistakes = [
        _mistake(
            sample,
            run.posts[post_id],
            "missed" if seen in (NOBODY, "no") else "wrong",
            None,
            f"meant {truly}{_post_named(name, meant[post_id])}, found {seen}{_post_named(name, found[post_id])}",
        )
        for post_id, (truly, seen) in pairs.items()
        if truly != seen
    ]
    return Confusion(name, Counter(pairs.values()), tuple(mistakes))


def _post_named(name: str, episode: Mapping[str, Any]) -> str:
    """The post that an answer or a correction rests on, where the episode names one."""
    key = {"answered by": "answer_post_id", "corrected by": "corrected_post_id"}.get(name)
    post_id = episode.get(key) if key else None
    return f" ({post_id})" if post_id else ""


def _amplifying_mistakes(
    sample: Sample, run: Run, meant: Mapping[str, str], counted: Mapping[str, str]
) -> Iterable[Mistake]:
    for post_id, post in run.posts.items():
        truly, seen = meant.get(post_id), counted.get(post_id)
        if truly != seen:
            note = f"meant {truly or 'none'}, counted {f'in {seen}' if seen else 'nowhere'}"
            yield _mistake(sample, post, "wrong" if seen else "missed", post["signals"]["negative_wom"], note)


# Questions


def compare_questions(sample: Sample, run: Run) -> Confusion:
    """What became of each post: answered, waiting or no question, against the list of those that wait.

    The analysis lists the waiting questions only; one above the threshold that is not listed was answered, solved,
    locked or deleted. Staff's own questions never wait.
    """
    waiting = {question["post_id"] for question in run.response_times["unanswered_questions"]}
    counts: Counter[tuple[str, str]] = Counter()
    mistakes = []
    for post_id, post in run.posts.items():
        truly, seen = _question_meant(sample.truth[post_id]), _question_found(run, post, waiting)
        counts[truly, seen] += 1
        if (truly == "waiting") != (seen == "waiting"):
            outcome: Outcome = "missed" if truly == "waiting" else "wrong"
            p = post["signals"]["question"]
            mistakes.append(_mistake(sample, post, outcome, p, f"meant {truly}, found {seen}"))
    return Confusion("question", counts, tuple(mistakes))


def _question_meant(truth: Mapping[str, Any]) -> str:
    return {True: "answered", False: "waiting", None: "no question"}[truth["question_answered"]]


def _question_found(run: Run, post: Mapping[str, Any], waiting: Collection[str]) -> str:
    if post["id"] in waiting:
        return "waiting"
    p, threshold = post["signals"]["question"], run.thresholds["question", post["language"]]
    is_question = p is not None and threshold is not None and p >= round(threshold, 6)
    return "answered" if is_question else "no question"
