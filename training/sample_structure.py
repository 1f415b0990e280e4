"""The sample community's truth against the structure that an analysis finds: topics, splits and changes over time."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from topics.agreement import TopicAgreement, compare_with_labels
from training.sample_check import Run, Sample, Share, visible_posts

MIN_SUBJECT_POSTS = 15
"""A subject with fewer posts is not expected to be a topic."""

MIN_WINDOW_POSTS = 5
"""A subject with fewer posts in the window of the splits does not show who writes about it."""

MIN_MEMBER_POSTS = 2
"""Posts that make somebody active in a window, as for splits."""


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
    posts = [run.posts[post_id] for post_id in visible_posts(sample, run)]
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
    for post_id in visible_posts(sample, run):
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
        for post_id in visible_posts(sample, run)
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
    is_about_it = line["kind"] in {"topic_share", "topic_turn"} and subject == change.subject
    return is_about_it and (line["to"] > line["from"]) == change.rises


def _posts_by_period(sample: Sample, run: Run) -> Mapping[tuple[str, str], int]:
    starts = [(datetime.fromisoformat(period["start"]), period["first_day"]) for period in run.drift["periods"]]
    counts: Counter[tuple[str, str]] = Counter()
    for post_id in visible_posts(sample, run):
        at = datetime.fromisoformat(sample.records[post_id]["created_at"])
        begun = [first_day for start, first_day in starts if start <= at]
        if begun:
            counts[sample.truth[post_id]["subject"], begun[-1]] += 1
    return counts
