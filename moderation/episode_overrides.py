"""What moderators said of episodes and questions, laid over what the software finds; pure functions.

A correction names posts, never rows, so it holds for whatever the software finds later: after a new post, an edit, a
move to another thread, a refit. Of several about the same thing the last one counts.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np

from moderation.corpus import Corpus
from moderation.corrections import Correction, Corrector
from moderation.episodes import EpisodeTimes, Opening, is_reply
from moderation.replies import Evidence, ReplyJudgement, ReplyKind

Action = Literal[
    "episode",
    "no_episode",
    "other_start",
    "reply_kind",
    "amplifies",
    "amplifies_not",
    "corrected",
    "not_corrected",
    "question",
    "no_question",
]
BY_MODERATOR: Final = "moderator"
"""The rule of a judgement that a person gave."""


@dataclass(frozen=True)
class Override:
    """One thing that a moderator said and that nobody took back.

    Attributes
    ----------
    episode_id : the post that opened the episode when it was said, or that asks.
    post_id : the reply, the amplifying post, the post that shows the correction, or the new start.
    """

    episode_id: str
    action: Action
    post_id: str | None = None
    kind: ReplyKind | None = None
    put_right_by: Corrector | None = None


@dataclass(frozen=True)
class Overrides:
    """What stands of many corrections; posts are named by id, pairs are (start of the episode or question, other post).

    Attributes
    ----------
    starts : whether a post may (True = does) start an episode.
    asks : whether a post is a question.
    kinds : what a reply is.
    amplifies : whether a post amplifies an episode.
    put_right : by whom and as which post shows; None = it was not.
    """

    starts: Mapping[str, bool] = field(default_factory=dict)
    kinds: Mapping[tuple[str, str], ReplyKind] = field(default_factory=dict)
    amplifies: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    put_right: Mapping[str, tuple[Corrector, str] | None] = field(default_factory=dict)
    asks: Mapping[str, bool] = field(default_factory=dict)


NONE = Overrides()


def standing_overrides(said: Sequence[Override]) -> Overrides:
    """What stands of corrections in the order in which they were given.

    What was said of an episode goes with it when its start is moved to another post.
    """
    starts: dict[str, bool] = {}
    moved: dict[str, str] = {}
    for one in said:
        if one.action in ("episode", "no_episode"):
            starts[one.episode_id] = one.action == "episode"
        elif one.action == "other_start" and one.post_id is not None:
            starts |= {one.episode_id: False, one.post_id: True}
            moved[one.episode_id] = one.post_id
            moved.pop(one.post_id, None)
    kinds: dict[tuple[str, str], ReplyKind] = {}
    amplifies: dict[tuple[str, str], bool] = {}
    put_right: dict[str, tuple[Corrector, str] | None] = {}
    for one in said:
        start = _start_now(one.episode_id, moved)
        if one.action == "reply_kind" and one.post_id is not None and one.kind is not None:
            kinds[start, one.post_id] = one.kind
        elif one.action in ("amplifies", "amplifies_not") and one.post_id is not None:
            amplifies[start, one.post_id] = one.action == "amplifies"
        elif one.action == "corrected" and one.post_id is not None and one.put_right_by is not None:
            put_right[start] = one.put_right_by, one.post_id
        elif one.action == "not_corrected":
            put_right[start] = None
    asks = {one.episode_id: one.action == "question" for one in said if one.action in ("question", "no_question")}
    return Overrides(starts, kinds, amplifies, put_right, asks)


def _start_now(episode_id: str, moved: Mapping[str, str]) -> str:
    """Where an episode starts after every move; a post that was moved to last points nowhere, so this ends."""
    while episode_id in moved:
        episode_id = moved[episode_id]
    return episode_id


def ruled_starts(corpus: Corpus, overrides: Overrides) -> dict[int, bool]:
    """The rows that a moderator said start an episode, or start none."""
    return _ruled(corpus, overrides.starts, "negative_wom")


def ruled_questions(corpus: Corpus, overrides: Overrides) -> dict[int, bool]:
    """The rows that a moderator said are a question, or are none."""
    return _ruled(corpus, overrides.asks, "question")


def _ruled(corpus: Corpus, ruled: Mapping[str, bool], signal: str) -> dict[int, bool]:
    """What was said, by row; a post opens nothing before it is scored, because its place in the list hangs on that."""
    is_scored = ~np.isnan(corpus.p(signal))
    rows = {corpus.row_of[post_id]: opens for post_id, opens in ruled.items() if post_id in corpus.row_of}
    return {row: opens for row, opens in rows.items() if is_scored[row] or not opens}


def with_ruled_replies(corpus: Corpus, episode: Opening, overrides: Overrides) -> Opening:
    """The episode with the posts of its thread that only a moderator knows to speak to it."""
    post = corpus.posts[episode.row]
    named = {other for start, other in (*overrides.kinds, *overrides.amplifies) if start == post.id}
    rows = {corpus.row_of[post_id] for post_id in named if post_id in corpus.row_of}
    added = {row for row in rows if corpus.posts[row].thread_id == post.thread_id and is_reply(corpus.posts[row], post)}
    if added <= set(episode.replies):
        return episode
    return replace(episode, replies=tuple(sorted({*episode.replies, *added})))


def apply_to_judgements(
    corpus: Corpus, episode: Opening, judged: Sequence[ReplyJudgement], overrides: Overrides
) -> list[ReplyJudgement]:
    """The judgement of each reply, that of a moderator before that of the model."""
    start = corpus.posts[episode.row].id
    ruled = [overrides.kinds.get((start, corpus.posts[row].id)) for row in episode.replies]
    return [
        judgement if kind is None else ReplyJudgement(kind, Evidence(BY_MODERATOR))
        for judgement, kind in zip(judged, ruled, strict=True)
    ]


def apply_to_amplification(
    corpus: Corpus, episode: Opening, amplifying: Collection[int], overrides: Overrides
) -> tuple[int, ...]:
    """The amplifying rows in time order, as a moderator has them."""
    start = corpus.posts[episode.row].id
    ruled = {row: overrides.amplifies.get((start, corpus.posts[row].id)) for row in episode.replies}
    return tuple(row for row in episode.replies if (row in amplifying if ruled[row] is None else ruled[row]))


def apply_to_correction(corpus: Corpus, episode: Opening, times: EpisodeTimes, overrides: Overrides) -> EpisodeTimes:
    """The episode's times with the correction that a moderator gave; one that names a post that is gone is none."""
    start = corpus.posts[episode.row].id
    if start not in overrides.put_right:
        return times
    said = overrides.put_right[start]
    if said is None:
        return replace(times, correction=None)
    by, post_id = said
    if post_id not in corpus.row_of:
        return times
    row = corpus.row_of[post_id]
    return replace(times, correction=Correction(by, corpus.posts[row].created_at, row, BY_MODERATOR, {}))
