"""What keeps an erased member from coming back with a later import: a hash of the author id, never the id."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.posts import Post
from moderation.tables import ErasureRow

SALT_BYTES = 16


@dataclass(frozen=True)
class Tombstones:
    """The erased members of one community.

    Attributes
    ----------
    salt : None while nobody was erased.
    hashes : of their author ids.
    """

    salt: str | None
    hashes: frozenset[str]

    def has(self, author_id: str | None) -> bool:
        """Whether that author was erased; an unknown author never was."""
        if self.salt is None or author_id is None:
            return False
        return hash_author(author_id, self.salt) in self.hashes

    def without_erased(self, posts: Iterable[Post]) -> list[Post]:
        """The posts of everybody else."""
        return [post for post in posts if not self.has(post.author_id)]


def load_tombstones(session: Session, community_id: int) -> Tombstones:
    """Who was erased from a community."""
    rows = session.execute(
        select(ErasureRow.salt, ErasureRow.author_hash)
        .where(ErasureRow.community_id == community_id)
        .order_by(ErasureRow.id)
    ).all()
    return Tombstones(rows[0].salt if rows else None, frozenset(row.author_hash for row in rows))


def new_salt() -> str:
    """A salt for the first erasure of a community; the later ones take the same."""
    return secrets.token_hex(SALT_BYTES)


def hash_author(author_id: str, salt: str) -> str:
    """HMAC-SHA-256 in hexadecimal.

    Whoever has both the database and a list of author ids can still try them one by one; without the list, the hash
    says nothing.
    """
    return hmac.new(salt.encode(), author_id.encode(), hashlib.sha256).hexdigest()
