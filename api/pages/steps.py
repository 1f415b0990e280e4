"""What came after a complaint or a question, post by post, and what people corrected about it: for their pages."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from api.pages.queue_view import CONTEXT_CHARACTERS, Reader, ShownPost, show_post
from moderation.episode_corrections import LoggedCorrection
from moderation.episode_overrides import BY_MODERATOR
from moderation.replies import ReplyKind
from moderation.tables import PostRow, WaitRow

MAX_THREAD_POSTS = 200


@dataclass(frozen=True)
class ShownStep:
    """A post of the thread after a complaint or a question, and what it is to that.

    Attributes
    ----------
    kind : what it was judged to be; None = it does not speak to it, or is by its author.
    why : what the judgement rests on.
    is_own : by the one who complains or asks.
    """

    post: ShownPost
    kind: ReplyKind | None
    kind_words: str
    why: str
    amplifies: bool
    is_own: bool


@dataclass(frozen=True)
class ShownCorrection:
    """What somebody corrected; `undone` says who took it back and when."""

    id: int
    line: str
    note: str | None
    undone: str | None


def shown_steps(start: PostRow, thread: Iterable[PostRow], row: WaitRow, reader: Reader) -> Iterable[ShownStep]:
    """Every later post of the thread with what it is to the complaint or the question that is kept."""
    contents = row.contents
    # Questions that were last judged by an earlier version of Klankbord hold no replies.
    judged = {reply["post_id"]: reply for reply in contents.get("replies", ())}
    amplifying = frozenset(contents.get("amplifying_post_ids", ()))
    later = [post for post in thread if post.created_at >= start.created_at and post.id != start.id]
    for post in later[:MAX_THREAD_POSTS]:
        reply, texts = judged.get(post.id), reader.texts
        is_own = post.author_id is not None and post.author_id == start.author_id
        nothing = f"step.own.{row.kind}" if is_own else f"step.nothing.{row.kind}"
        yield ShownStep(
            post=show_post(post, reader, n_characters=CONTEXT_CHARACTERS),
            kind=None if reply is None else reply["kind"],
            kind_words=texts.say(nothing if reply is None else f"kind.{reply['kind']}"),
            why="" if reply is None else _why(reply, reader),
            amplifies=post.id in amplifying,
            is_own=is_own,
        )


def _why(reply: Mapping[str, Any], reader: Reader) -> str:
    """What a judgement rests on, in words."""
    texts = reader.texts
    if reply["rule"] == BY_MODERATOR:
        return texts.say("why.moderator")
    if reply["rule"] == "model" and reply["p"] is not None:
        return texts.say("why.model", p=texts.wording.share(reply["p"]))
    known = f"why.{reply['rule']}"
    return texts.say(known) if texts.knows(known) else texts.say("why.rule", rule=reply["rule"])


def shown_correction(one: LoggedCorrection, thread: Iterable[PostRow], reader: Reader) -> ShownCorrection:
    """Who said what, in words, and who took it back."""
    texts, row = reader.texts, one.row
    post = next((post for post in thread if post.id == row.post_id), None)
    of_whom = "" if post is None else show_post(post, reader).author
    what = texts.say(
        f"correction.{row.action}",
        author=of_whom,
        kind="" if row.kind is None else texts.say(f"kind.{row.kind}"),
        by="" if row.put_right_by is None else texts.say(f"by.{row.put_right_by}"),
    )
    undone = None
    if one.undone_at is not None and one.undone_by is not None:
        undone = texts.say("decisions.undone_by", name=one.undone_by, at=texts.wording.minute(one.undone_at))
    at = texts.wording.minute(row.corrected_at)
    line = texts.say("correction.line", name=one.moderator, at=at, what=what)
    return ShownCorrection(row.id, line, row.note, undone)
