"""Who may do what: the API keys of a community's platform, and the people who work its queue.

A key or a cookie is a random token that is shown once; only its SHA-256 is stored, so that a copy of the database opens
nothing. Passwords are stored with Argon2.
"""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from threading import Lock
from typing import Literal

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Select, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from moderation.errors import (
    KeyRefused,
    KeyUnknown,
    ModeratorDisabled,
    ModeratorUnknown,
    NameInvalid,
    PasswordTooShort,
    SignInRefused,
    TooManySignIns,
)
from moderation.tables import ApiKeyRow, ModeratorRow, SignInRow

Scope = Literal["ingest", "read", "moderate", "admin"]
SCOPES_THAT_MAY: Mapping[Scope, frozenset[Scope]] = {
    "ingest": frozenset({"ingest", "admin"}),
    "read": frozenset({"read", "moderate", "admin"}),
    "moderate": frozenset({"moderate", "admin"}),
    "admin": frozenset({"admin"}),
}
"""What an endpoint asks for, and the scopes of the keys that have it."""

KEY_PREFIX = "kb_"
SHOWN_CHARACTERS = 9
"""Of a key in lists: the prefix and six more, 36 of its 256 random bits."""
NOTED_EVERY = timedelta(minutes=1)
"""How exact `last_used_at` is, so that not every request writes."""
SIGNED_IN_FOR = timedelta(hours=12)
MAX_FAILED_SIGN_INS = 10
FAILED_WITHIN = timedelta(minutes=15)
MAX_NAMES_WATCHED = 10_000
MAX_NAME_CHARACTERS = 100
MIN_PASSWORD_CHARACTERS = 10
"""Length is what counts (NIST SP 800-63B asks for 8 beside a second factor and 15 alone); 10 with limited attempts."""

_PASSWORDS = PasswordHash((Argon2Hasher(),))


@dataclass(frozen=True)
class NewKey:
    """A key at the one moment at which it can be seen.

    Attributes
    ----------
    token : what the caller sends; it is stored nowhere.
    """

    row: ApiKeyRow
    token: str


@dataclass(frozen=True)
class SignIn:
    """A browser that was let in.

    Attributes
    ----------
    token : for the cookie; it is stored nowhere.
    csrf_token : for the forms of that browser.
    """

    moderator: ModeratorRow
    token: str
    csrf_token: str
    expires_at: datetime


@dataclass(frozen=True)
class SignedIn:
    """Who a cookie belongs to, and what the forms of that browser must carry."""

    moderator: ModeratorRow
    csrf_token: str


class SignInAttempts:
    """Counts failed sign-ins by community and name; one for the whole process, safe to share between threads.

    A name that nobody has is counted like any other, so that the waiting tells nothing about who exists.
    """

    def __init__(self) -> None:
        self._failed_at: OrderedDict[tuple[int, str], list[datetime]] = OrderedDict()
        self._lock = Lock()

    def check(self, community_id: int, name: str, *, now: datetime) -> None:
        """Let an attempt pass.

        Raises
        ------
        TooManySignIns
            Ten failed in the last fifteen minutes.
        """
        with self._lock:
            recent = self._recent(community_id, name, now)
        if len(recent) >= MAX_FAILED_SIGN_INS:
            wait = recent[-MAX_FAILED_SIGN_INS] + FAILED_WITHIN - now
            raise TooManySignIns(max(1, int(wait.total_seconds())))

    def failed(self, community_id: int, name: str, *, now: datetime) -> None:
        """Count a failure."""
        with self._lock:
            recent = self._recent(community_id, name, now)
            self._failed_at[_watched(community_id, name)] = [*recent, now][-MAX_FAILED_SIGN_INS:]
            if len(self._failed_at) > MAX_NAMES_WATCHED:
                self._failed_at.popitem(last=False)

    def succeeded(self, community_id: int, name: str) -> None:
        """Forget the failures of somebody who got in."""
        with self._lock:
            self._failed_at.pop(_watched(community_id, name), None)

    def _recent(self, community_id: int, name: str, now: datetime) -> list[datetime]:
        failed_at = self._failed_at.get(_watched(community_id, name), [])
        return [at for at in failed_at if at > now - FAILED_WITHIN]


def create_key(
    session: Session, community_id: int, *, name: str, scope: Scope, expires_at: datetime | None = None
) -> NewKey:
    """Make an API key; its token is in the answer and nowhere else.

    Parameters
    ----------
    name : what it is for; also the moderator whose decisions it takes where a request names none.
    expires_at : None = it works until it is revoked.

    Raises
    ------
    NameInvalid
    """
    token = KEY_PREFIX + secrets.token_urlsafe(32)
    row = ApiKeyRow(
        community_id=community_id,
        key_hash=_hashed(token),
        prefix=token[:SHOWN_CHARACTERS],
        name=_checked_name(name),
        scope=scope,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    return NewKey(row, token)


def find_key(session: Session, token: str, *, now: datetime) -> ApiKeyRow:
    """The key of a token, noted as used.

    Raises
    ------
    KeyRefused
        Nobody has that key, or it works no more.
    """
    row = session.scalar(select(ApiKeyRow).where(ApiKeyRow.key_hash == _hashed(token)))
    if row is None:
        raise KeyRefused("this key is not known; klankbord keys create makes one")
    if row.revoked_at is not None and row.revoked_at <= now:
        raise KeyRefused("this key was revoked; klankbord keys create makes another")
    if row.expires_at is not None and row.expires_at <= now:
        raise KeyRefused("this key has expired; klankbord keys create makes another")
    if row.last_used_at is None or row.last_used_at < now - NOTED_EVERY:
        # Asked again in the statement: of many requests at once, one writes.
        is_stale = or_(ApiKeyRow.last_used_at.is_(None), ApiKeyRow.last_used_at < now - NOTED_EVERY)
        session.execute(update(ApiKeyRow).where(ApiKeyRow.id == row.id, is_stale).values(last_used_at=now))
    return row


def list_keys(session: Session, community_id: int) -> list[ApiKeyRow]:
    """Every key of a community, also those that work no more, oldest first."""
    return list(session.scalars(select(ApiKeyRow).where(ApiKeyRow.community_id == community_id).order_by(ApiKeyRow.id)))


def revoke_key(session: Session, community_id: int, key_id: int, *, at: datetime) -> None:
    """Let a key work no more; a second time changes nothing.

    Raises
    ------
    KeyUnknown
    """
    row = session.scalar(select(ApiKeyRow).where(ApiKeyRow.community_id == community_id, ApiKeyRow.id == key_id))
    if row is None:
        raise KeyUnknown(f"there is no key {key_id} in this community; klankbord keys list shows them")
    row.revoked_at = row.revoked_at or at


def may(scope: str, needed: Scope) -> bool:
    """Whether a key of one scope may do what asks for another."""
    return scope in SCOPES_THAT_MAY[needed]


def make_moderator(session: Session, community_id: int, *, name: str, password: str) -> ModeratorRow:
    """Let a person sign in with a password; who is there already gets this one, and every browser is signed out.

    Raises
    ------
    NameInvalid, PasswordTooShort
    """
    if len(password) < MIN_PASSWORD_CHARACTERS:
        raise PasswordTooShort(f"use a password of at least {MIN_PASSWORD_CHARACTERS} characters")
    row = _moderator(session, community_id, _checked_name(name))
    row.password_hash, row.disabled_at = _PASSWORDS.hash(_encodable(password)), None
    session.execute(delete(SignInRow).where(SignInRow.moderator_id == row.id))
    return row


def moderator_named(session: Session, community_id: int, name: str) -> ModeratorRow:
    """The moderator of that name; a new name becomes one who has no password and works through the API only.

    Raises
    ------
    NameInvalid, ModeratorDisabled
    """
    row = _moderator(session, community_id, _checked_name(name))
    if row.disabled_at is not None:
        raise ModeratorDisabled(f"{row.name} does not moderate this community any more")
    return row


def disable_moderator(session: Session, community_id: int, name: str, *, at: datetime) -> None:
    """Keep a person out and sign every browser out; the decisions stay.

    Raises
    ------
    ModeratorUnknown
    """
    row = _find_moderator(session, community_id, name)
    if row is None:
        raise ModeratorUnknown(f"there is no moderator {name!r} in this community")
    row.disabled_at = row.disabled_at or at
    session.execute(delete(SignInRow).where(SignInRow.moderator_id == row.id))


def sign_in(
    session: Session, community_id: int, *, name: str, password: str, now: datetime, attempts: SignInAttempts
) -> SignIn:
    """Let a person in who knows the password.

    Takes as long for a name that nobody has as for a wrong password.

    Parameters
    ----------
    attempts : of the whole process.

    Raises
    ------
    SignInRefused
        The name and the password do not belong together, or the person may not work here any more.
    TooManySignIns
        For this name; also the right password has to wait then.
    """
    attempts.check(community_id, name, now=now)
    moderator = _find_moderator(session, community_id, name)
    stored = moderator.password_hash if moderator is not None else None
    is_right, renewed = _PASSWORDS.verify_and_update(_encodable(password), stored or _hash_of_nobody())
    if moderator is None or stored is None or moderator.disabled_at is not None or not is_right:
        attempts.failed(community_id, name, now=now)
        raise SignInRefused("the name or the password is wrong")
    attempts.succeeded(community_id, name)
    if renewed is not None:
        moderator.password_hash = renewed
    return _let_in(session, moderator, now)


def sign_out(session: Session, token: str) -> None:
    """End what a cookie stands for."""
    session.execute(delete(SignInRow).where(SignInRow.token_hash == _hashed(token)))


def moderator_of_cookie(session: Session, token: str, *, now: datetime) -> SignedIn | None:
    """Who a cookie belongs to; None = nobody, or not any more."""
    found = session.execute(
        select(ModeratorRow, SignInRow.csrf_token)
        .join(SignInRow, SignInRow.moderator_id == ModeratorRow.id)
        .where(SignInRow.token_hash == _hashed(token), SignInRow.expires_at > now, ModeratorRow.disabled_at.is_(None))
    ).one_or_none()
    return None if found is None else SignedIn(*found)


def forget_sign_ins(session: Session, *, now: datetime) -> None:
    """Delete the sign-ins that have ended by themselves."""
    session.execute(delete(SignInRow).where(SignInRow.expires_at <= now))


def _let_in(session: Session, moderator: ModeratorRow, now: datetime) -> SignIn:
    token, csrf_token, expires_at = secrets.token_urlsafe(32), secrets.token_urlsafe(32), now + SIGNED_IN_FOR
    session.add(
        SignInRow(token_hash=_hashed(token), moderator_id=moderator.id, csrf_token=csrf_token, expires_at=expires_at)
    )
    return SignIn(moderator, token, csrf_token, expires_at)


def _moderator(session: Session, community_id: int, name: str) -> ModeratorRow:
    """The row of that name, made if it is missing, whoever else makes it at the same time."""
    found = _find_moderator(session, community_id, name)
    if found is None:
        made = insert(ModeratorRow).values(community_id=community_id, name=name)
        session.execute(made.on_conflict_do_nothing(index_elements=[ModeratorRow.community_id, ModeratorRow.name]))
        found = session.scalars(_moderators(community_id, name)).one()
    return found


def _find_moderator(session: Session, community_id: int, name: str) -> ModeratorRow | None:
    # No name holds what cannot be printed, and the database refuses some of it.
    return session.scalar(_moderators(community_id, name.strip())) if name.isprintable() else None


def _moderators(community_id: int, name: str) -> Select[ModeratorRow]:
    return select(ModeratorRow).where(ModeratorRow.community_id == community_id, ModeratorRow.name == name)


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > MAX_NAME_CHARACTERS or not name.isprintable():
        raise NameInvalid(f"use a name of 1 to {MAX_NAME_CHARACTERS} printable characters")
    return name


def _watched(community_id: int, name: str) -> tuple[int, str]:
    return community_id, name[:MAX_NAME_CHARACTERS].casefold()


def _hashed(token: str) -> str:
    return hashlib.sha256(_encodable(token)).hexdigest()


def _encodable(text: str) -> bytes:
    """Half a character pair, which a form can send, has no UTF-8; it must be a wrong token and not a fault."""
    return text.encode(errors="surrogatepass")


@cache
def _hash_of_nobody() -> str:
    return _PASSWORDS.hash(secrets.token_urlsafe(32))
