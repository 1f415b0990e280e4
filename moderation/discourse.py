"""Discourse topics, as `/t/ID.json` gives them, turned into records of the import format."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

_LIKE = 2
# post_type: 1 regular, 2 moderator action, 3 small action, 4 whisper. A moderator action is a moderator's own post in
# the moderators' colour: members read it and answer it, so it counts as a post.
_KINDS = {1: "post", 2: "post", 4: "whisper"}
_LOCKING_ACTIONS = ("closed.enabled", "autoclosed.enabled", "archived.enabled")
_UNLOCKING_ACTIONS = ("closed.disabled", "autoclosed.disabled", "archived.disabled")


@dataclass(frozen=True, slots=True)
class TopicPost:
    """A record, and the name by which replies point at it: Discourse replies name a post's number in its topic."""

    record: object
    alias: str | None


def is_topic(content: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether a JSON value has the shape of a topic."""
    stream = content.get("post_stream") if isinstance(content, Mapping) else None
    return isinstance(stream, Mapping) and isinstance(stream.get("posts"), list)


def topic_posts(topic: Mapping[str, Any]) -> Iterator[TopicPost]:
    """Turn each post of a topic into a record; `parent_id` is the alias of the post that it answers.

    What is odd in a post is left for the record check to refuse or repair.
    """
    locked_at = _locked_at(topic)
    for post in topic["post_stream"]["posts"]:
        yield _topic_post(topic, post, locked_at) if isinstance(post, Mapping) else TopicPost(post, None)


def _topic_post(topic: Mapping[str, Any], post: Mapping[str, Any], locked_at: object) -> TopicPost:
    topic_id = _text_id(topic.get("id", post.get("topic_id")))
    number, reply_to = post.get("post_number"), post.get("reply_to_post_number")
    record: dict[str, object] = {
        "id": _text_id(post.get("id")),
        "thread_id": topic_id,
        "parent_id": None if reply_to is None else _alias(topic_id, reply_to),
        "space": _space(topic),
        "author_id": _text_id(post.get("user_id")),
        "author_name": post.get("username"),
        "role": _role(post),
        "created_at": post.get("created_at"),
        "updated_at": post.get("updated_at"),
        "deleted_at": _deleted_at(topic, post),
        "title": topic.get("title") if number == 1 else None,
        "likes": _likes(post),
        "language": post.get("locale"),
        "accepted": _is_accepted(topic, post),
        "locked_at": locked_at,
        "kind": _kind(topic, post),
    }
    # The member's own Markdown says more than the page made of it (which repeats quotes, link previews and sizes).
    markdown = post.get("raw")
    if isinstance(markdown, str):
        record["text"] = markdown
    else:
        record["html"] = post.get("cooked")
    return TopicPost(record, _alias(topic_id, number))


def _text_id(number: object) -> object:
    """Discourse numbers things, a record names them; what is neither is left for the record check to refuse."""
    return str(number) if isinstance(number, int) and not isinstance(number, bool) else number


def _alias(topic_id: object, number: object) -> str:
    return f"discourse topic {topic_id} post {number}"


def _space(topic: Mapping[str, Any]) -> object:
    named = topic.get("category_name") or topic.get("category_slug")
    if named or topic.get("category_id") is None:
        return named
    return f"category-{topic['category_id']}"


def _role(post: Mapping[str, Any]) -> str:
    user_id = post.get("user_id")
    # Discourse's own accounts (system, discobot) have negative numbers.
    if isinstance(user_id, int) and user_id < 0:
        return "bot"
    return "staff" if post.get("staff") or post.get("moderator") or post.get("admin") else "member"


def _deleted_at(topic: Mapping[str, Any], post: Mapping[str, Any]) -> object:
    deleted_at = post.get("deleted_at") or topic.get("deleted_at")
    if deleted_at is None and post.get("user_deleted"):
        return post.get("updated_at") or post.get("created_at")
    return deleted_at


def _kind(topic: Mapping[str, Any], post: Mapping[str, Any]) -> str:
    if "private_message" in (topic.get("archetype"), post.get("topic_archetype")):
        return "private"
    post_type = post.get("post_type", 1)
    # Small actions, and types that a plugin added, are not a member's words.
    return _KINDS.get(post_type, "system") if isinstance(post_type, int) else "system"


def _likes(post: Mapping[str, Any]) -> object:
    actions = post.get("actions_summary")
    counted = actions if isinstance(actions, list) else []
    return next((act.get("count") for act in counted if isinstance(act, Mapping) and act.get("id") == _LIKE), None)


def _is_accepted(topic: Mapping[str, Any], post: Mapping[str, Any]) -> bool:
    accepted = topic.get("accepted_answer")
    number = accepted.get("post_number") if isinstance(accepted, Mapping) else None
    return bool(post.get("accepted_answer")) or (number is not None and number == post.get("post_number"))


def _locked_at(topic: Mapping[str, Any]) -> object:
    """When the topic was closed for good, where its small actions tell; None for an open topic."""
    if not (topic.get("closed") or topic.get("archived")):
        return None
    locked_at = None
    for post in topic["post_stream"]["posts"]:
        action = post.get("action_code") if isinstance(post, Mapping) else None
        if action in _LOCKING_ACTIONS:
            locked_at = locked_at or post.get("created_at")
        elif action in _UNLOCKING_ACTIONS:
            locked_at = None
    return locked_at
