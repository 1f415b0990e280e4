"""The post record: one post as it was imported, before anything is read into it."""

import hashlib
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from typing import Literal

Role = Literal["member", "staff", "bot"]
Kind = Literal["post", "system", "whisper"]


@dataclass(frozen=True, slots=True)
class Post:
    """One post of a community; the fields are those of the import format.

    Times are aware UTC. `parent_id` None means that the post answers the thread's first post, or is it.
    `text` is Markdown or plain text unless `is_html` is set.
    """

    id: str
    thread_id: str
    created_at: datetime
    text: str
    parent_id: str | None = None
    space: str | None = None
    author_id: str | None = None
    author_name: str | None = None
    role: Role = "member"
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    title: str | None = None
    is_html: bool = False
    likes: int = 0
    language: str | None = None
    accepted: bool = False
    locked_at: datetime | None = None
    kind: Kind = "post"


def content_hash(post: Post) -> str:
    """Name what the post says, whether or not it was deleted; SHA-256 in hexadecimal."""
    return hashlib.sha256(repr(astuple(replace(post, deleted_at=None))).encode()).hexdigest()
