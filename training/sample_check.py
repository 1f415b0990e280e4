"""The sample community's truth against an analysis of it: tables of figures, and every mistake by name.

Calculation only: the contents of the files go in, and nothing is read or written here. The sample shows what the
program does; it is too small and too tidy to say how well it does it.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
from sklearn.metrics import roc_auc_score

from models.errors import KlankbordError
from models.signals import SIGNALS
from moderation.flags import PLACEMENT_THRESHOLD
from topics.agreement import TopicAgreement, compare_with_labels
from training.intervals import auc_interval, wilson_interval

MIN_SUBJECT_POSTS = 15
"""A subject with fewer posts is not expected to be a topic."""

MIN_WINDOW_POSTS = 5
"""A subject with fewer posts in the window of the splits does not show who writes about it."""

MIN_MEMBER_POSTS = 2
"""Posts that make somebody active in a window, as for splits."""

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


def _visible(sample: Sample, run: Run) -> list[str]:
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
    """The posts that belong in another space; the analysis does not say so, so that every one is missed."""
    moves = {
        post_id: f"{sample.records[post_id]['space']} → {sample.truth[post_id]['belongs_in']}"
        for post_id in run.posts
        if sample.truth[post_id]["belongs_in"] is not None
    }
    return tuple(_mistake(sample, run.posts[post_id], "missed", None, move) for post_id, move in moves.items())


# Episodes


@dataclass(frozen=True)
class EpisodeCheck:
    """True episodes against those found; the confusions are over the episodes that both start at the same post.

    Attributes
    ----------
    same_answer : of the episodes that both say are answered, those with the same answering post.
    amplifying : of the true amplifications, those counted in the same episode.
    n_amplifying_wrong : posts counted as amplification that are none, or of another episode.
    """

    n_true: int
    n_found: int
    n_both: int
    mistakes: tuple[Mistake, ...]
    confusions: tuple[Confusion, ...]
    same_answer: Share
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


# Topics


@dataclass(frozen=True)
class SubjectCheck:
    """Where the posts of one subject went.

    Attributes
    ----------
    topic_id, topic_name : the topic with most of them, the smaller id at a tie; None = all unsorted.
    found : of the subject's posts, those in that topic.
    pure : of that topic's posts, those of the subject.
    n_own_topics : topics whose most frequent subject this is.
    in_own_topics : of the subject's posts, those in such topics.
    """

    subject: str
    topic_id: int | None
    topic_name: str
    found: Share
    pure: Share
    n_own_topics: int
    in_own_topics: Share

    @property
    def is_found(self) -> bool:
        """Whether any topic is mostly about the subject."""
        return self.n_own_topics > 0


@dataclass(frozen=True)
class TopicCheck:
    """One topic and what its posts are about: (subject, posts), the most frequent first."""

    topic_id: int
    name: str
    language: str
    n_posts: int
    subjects: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class TopicsCheck:
    """Subjects against topics.

    Attributes
    ----------
    agreement : over the posts of the subjects that are listed.
    """

    subjects: tuple[SubjectCheck, ...]
    topics: tuple[TopicCheck, ...]
    agreement: TopicAgreement


def compare_topics(sample: Sample, run: Run) -> TopicsCheck:
    """Each subject with enough posts against the topics; deleted posts are in neither."""
    posts = [run.posts[post_id] for post_id in _visible(sample, run)]
    subject_of = {post["id"]: sample.truth[post["id"]]["subject"] for post in posts}
    sizes = Counter(subject_of.values())
    large = [subject for subject, n_posts in _most_frequent_first(sizes) if n_posts >= MIN_SUBJECT_POSTS]
    names = {topic["id"]: topic["name"] for topic in run.topics["topics"]}
    in_topic = _subjects_in_topics(sample, run)
    judged = [post for post in posts if subject_of[post["id"]] in large]
    return TopicsCheck(
        subjects=tuple(_check_subject(subject, sizes[subject], names, in_topic) for subject in large),
        topics=check_topics(sample, run),
        agreement=compare_with_labels(
            np.array([post["topic_id"] or 0 for post in judged], dtype=np.int64) - 1,
            [subject_of[post["id"]] for post in judged],
        ),
    )


def check_topics(sample: Sample, run: Run) -> tuple[TopicCheck, ...]:
    """What each topic is about, in the order of the topics."""
    in_topic = _subjects_in_topics(sample, run)
    return tuple(
        TopicCheck(
            topic["id"],
            topic["name"],
            topic["language"],
            in_topic[topic["id"]].total(),
            tuple(_most_frequent_first(in_topic[topic["id"]])),
        )
        for topic in run.topics["topics"]
    )


def _subjects_in_topics(sample: Sample, run: Run) -> Mapping[int, Counter[str]]:
    in_topic: dict[int, Counter[str]] = {}
    for post_id in _visible(sample, run):
        topic_id = run.posts[post_id]["topic_id"]
        if topic_id is not None:
            in_topic.setdefault(topic_id, Counter())[sample.truth[post_id]["subject"]] += 1
    return in_topic


def _most_frequent_first(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _check_subject(
    subject: str, n_posts: int, names: Mapping[int, str], in_topic: Mapping[int, Counter[str]]
) -> SubjectCheck:
    holding = {topic: counts[subject] for topic, counts in in_topic.items() if counts[subject]}
    best = min(holding, key=lambda topic: (-holding[topic], topic), default=None)
    own = [topic for topic, counts in in_topic.items() if _most_frequent_first(counts)[0][0] == subject]
    n_best = holding.get(best, 0) if best is not None else 0
    return SubjectCheck(
        subject=subject,
        topic_id=best,
        topic_name=names[best] if best is not None else "",
        found=Share(n_best, n_posts),
        pure=Share(n_best, in_topic[best].total() if best is not None else 0),
        n_own_topics=len(own),
        in_own_topics=Share(sum(holding[topic] for topic in own), n_posts),
    )


# Splits


@dataclass(frozen=True)
class SplitCheck:
    """Whether a group that lives by itself is proposed as a part, and whether others are left together.

    Attributes
    ----------
    n_members : active members of the group in the window.
    part : (proposal, part) with most of them, from 0; None = no proposal.
    precision, recall : members of that part that are in the group, and the reverse.
    missed, wrong : author ids.
    shares : subject → share of its posts in the window by members of each part of that proposal; the rest is by
        people in no part.
    """

    subject: str
    n_members: int
    part: tuple[int, int] | None
    precision: Share
    recall: Share
    missed: tuple[str, ...]
    wrong: tuple[str, ...]
    shares: Mapping[str, tuple[Share, ...]]


def compare_split(sample: Sample, run: Run, *, subject: str) -> SplitCheck:
    """The members with two posts about a subject in the analysed window against the best part of any proposal."""
    window = _posts_in_window(sample, run)
    counts = Counter(author for author, about in window if about == subject)
    group = {author for author, n_posts in counts.items() if n_posts >= MIN_MEMBER_POSTS}
    parts = {
        (row, place): set(part["author_ids"])
        for row, proposal in enumerate(run.splits["proposals"])
        for place, part in enumerate(proposal["parts"])
    }
    best = min(parts, key=lambda key: (-len(parts[key] & group), len(parts[key]), key), default=None)
    members = parts[best] if best is not None else set()
    together = [parts[key] for key in parts if best is not None and key[0] == best[0]]
    return SplitCheck(
        subject=subject,
        n_members=len(group),
        part=best,
        precision=Share(len(members & group), len(members)),
        recall=Share(len(members & group), len(group)),
        missed=tuple(sorted(group - members)),
        wrong=tuple(sorted(members - group)),
        shares=_shares_of_parts(window, together),
    )


def _posts_in_window(sample: Sample, run: Run) -> list[tuple[str, str]]:
    """(author, subject) of each post by a member in the window that the splits were looked for in."""
    start, end = (datetime.fromisoformat(run.splits["looked_at"]["window"][side]) for side in ("start", "end"))
    return [
        (sample.records[post_id]["author_id"], sample.truth[post_id]["subject"])
        for post_id in _visible(sample, run)
        if sample.records[post_id].get("role", "member") == "member"
        and sample.records[post_id].get("author_id")
        and start <= datetime.fromisoformat(sample.records[post_id]["created_at"]) <= end
    ]


def _shares_of_parts(
    window: Sequence[tuple[str, str]], parts: Sequence[Collection[str]]
) -> dict[str, tuple[Share, ...]]:
    sizes = Counter(subject for _, subject in window)
    return {
        subject: tuple(
            Share(sum(about == subject and author in part for author, about in window), n_posts) for part in parts
        )
        for subject, n_posts in _most_frequent_first(sizes)
        if n_posts >= MIN_WINDOW_POSTS
    }


# Drift


@dataclass(frozen=True)
class PlantedChange:
    """A change over time that was written into the sample; `rises` = it begins, else it ends."""

    subject: str
    rises: bool
    description: str


@dataclass(frozen=True)
class LineCheck:
    """One line of the drift report.

    Attributes
    ----------
    about : the subjects of its topic, the most frequent first; empty for a line about the whole community.
    truly_before, truly_now : of all posts, those about the most frequent of them: before the latest period, and in it.
    planted : the change that it tells, None = none was planted.
    """

    line: Mapping[str, Any]
    topic_name: str
    about: tuple[tuple[str, int], ...]
    truly_before: Share
    truly_now: Share
    planted: PlantedChange | None


@dataclass(frozen=True)
class DriftCheck:
    """Planted changes against the lines.

    Attributes
    ----------
    n_posts : by (subject, first day of the period), the posts that there were to see it in.
    """

    lines: tuple[LineCheck, ...]
    not_told: tuple[PlantedChange, ...]
    n_posts: Mapping[tuple[str, str], int]


def compare_drift(sample: Sample, run: Run, planted: Sequence[PlantedChange]) -> DriftCheck:
    """Give each line the planted change that it tells: the same direction, in a topic mostly about the same subject."""
    topics = {topic.topic_id: topic for topic in check_topics(sample, run)}
    n_posts = _posts_by_period(sample, run)
    lines = [_check_line(line, topics.get(line["topic_id"]), n_posts, run, planted) for line in run.drift["lines"]]
    told = [line.planted for line in lines]
    return DriftCheck(tuple(lines), tuple(change for change in planted if change not in told), n_posts)


def _check_line(
    line: Mapping[str, Any],
    topic: TopicCheck | None,
    n_posts: Mapping[tuple[str, str], int],
    run: Run,
    planted: Sequence[PlantedChange],
) -> LineCheck:
    about = topic.subjects if topic else ()
    subject = about[0][0] if about else ""
    latest = run.drift["periods"][-1]["first_day"]
    now, before = (
        Share(
            sum(n for (of, day), n in n_posts.items() if of == subject and (day == latest) == is_now),
            sum(n for (_, day), n in n_posts.items() if (day == latest) == is_now),
        )
        for is_now in (True, False)
    )
    told = [change for change in planted if _tells(line, subject, change)]
    return LineCheck(line, topic.name if topic else "", about, before, now, told[0] if told else None)


def _tells(line: Mapping[str, Any], subject: str, change: PlantedChange) -> bool:
    return line["kind"] == "topic_share" and subject == change.subject and (line["to"] > line["from"]) == change.rises


def _posts_by_period(sample: Sample, run: Run) -> Mapping[tuple[str, str], int]:
    starts = [(datetime.fromisoformat(period["start"]), period["first_day"]) for period in run.drift["periods"]]
    counts: Counter[tuple[str, str]] = Counter()
    for post_id in _visible(sample, run):
        at = datetime.fromisoformat(sample.records[post_id]["created_at"])
        begun = [first_day for start, first_day in starts if start <= at]
        if begun:
            counts[sample.truth[post_id]["subject"], begun[-1]] += 1
    return counts
