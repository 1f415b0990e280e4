from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.accounts import (
    FAILED_WITHIN,
    MAX_FAILED_SIGN_INS,
    MAX_NAMES_WATCHED,
    SIGNED_IN_FOR,
    SignInAttempts,
    create_key,
    disable_moderator,
    find_key,
    forget_sign_ins,
    list_keys,
    make_moderator,
    may,
    moderator_named,
    moderator_of_cookie,
    revoke_key,
    sign_in,
    sign_out,
)
from moderation.communities import save_community
from moderation.config import Community
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

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSWORD = "een lang wachtwoord"


@pytest.fixture
def community_id(session: Session) -> int:
    return save_community(session, "accounts", Community()).id


@pytest.fixture
def attempts() -> SignInAttempts:
    return SignInAttempts()


def test_a_key_is_stored_as_a_hash_only(session: Session, community_id: int) -> None:
    key = create_key(session, community_id, name="platform", scope="ingest")
    row = session.scalars(select(ApiKeyRow).where(ApiKeyRow.id == key.row.id)).one()
    assert key.token.startswith("kb_")
    assert len(key.token) > 40
    stored = " ".join(str(getattr(row, column.key)) for column in ApiKeyRow.__table__.columns)
    assert key.token not in stored
    assert key.token.startswith(row.prefix)


def test_a_key_is_found_by_its_token_and_noted_as_used(session: Session, community_id: int) -> None:
    key = create_key(session, community_id, name="platform", scope="read")
    assert find_key(session, key.token, now=NOW).id == key.row.id
    session.refresh(key.row)
    assert key.row.last_used_at == NOW


def test_use_is_noted_once_a_minute(session: Session, community_id: int) -> None:
    key = create_key(session, community_id, name="platform", scope="read")
    for seconds in (0, 30, 90):
        find_key(session, key.token, now=NOW + timedelta(seconds=seconds))
        session.refresh(key.row)
        assert key.row.last_used_at == NOW + timedelta(seconds=90 if seconds == 90 else 0)


@pytest.mark.parametrize("token", ["", "kb_", "kb_unknown", "\0", "\ud800", "x" * 100_000])
def test_an_unknown_key_is_refused(session: Session, token: str) -> None:
    with pytest.raises(KeyRefused, match="not known"):
        find_key(session, token, now=NOW)


def test_an_expired_key_is_refused(session: Session, community_id: int) -> None:
    key = create_key(session, community_id, name="platform", scope="read", expires_at=NOW)
    assert find_key(session, key.token, now=NOW - timedelta(seconds=1)).id == key.row.id
    with pytest.raises(KeyRefused, match="expired"):
        find_key(session, key.token, now=NOW)


def test_a_revoked_key_is_refused(session: Session, community_id: int) -> None:
    key = create_key(session, community_id, name="platform", scope="read")
    revoke_key(session, community_id, key.row.id, at=NOW)
    revoke_key(session, community_id, key.row.id, at=NOW + timedelta(days=1))
    assert key.row.revoked_at == NOW
    with pytest.raises(KeyRefused, match="revoked"):
        find_key(session, key.token, now=NOW)


def test_a_key_of_another_community_cannot_be_revoked(session: Session, community_id: int) -> None:
    other_id = save_community(session, "other", Community()).id
    key = create_key(session, other_id, name="platform", scope="read")
    with pytest.raises(KeyUnknown):
        revoke_key(session, community_id, key.row.id, at=NOW)
    assert [row.id for row in list_keys(session, other_id)] == [key.row.id]


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("ingest", {"ingest"}),
        ("read", {"read"}),
        ("moderate", {"read", "moderate"}),
        ("admin", {"ingest", "read", "moderate", "admin"}),
    ],
)
def test_what_a_scope_may(scope: str, allowed: set[str]) -> None:
    assert {needed for needed in ("ingest", "read", "moderate", "admin") if may(scope, needed)} == allowed  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\0b", "\ud800", "x" * 101])
def test_names_that_cannot_be_shown_are_refused(session: Session, community_id: int, name: str) -> None:
    with pytest.raises(NameInvalid):
        moderator_named(session, community_id, name)
    with pytest.raises(NameInvalid):
        create_key(session, community_id, name=name, scope="read")


def test_a_moderator_named_twice_is_one_person(session: Session, community_id: int) -> None:
    assert moderator_named(session, community_id, "Zoë").id == moderator_named(session, community_id, " Zoë ").id


def test_a_moderator_without_a_password_cannot_sign_in(
    session: Session, community_id: int, attempts: SignInAttempts
) -> None:
    moderator_named(session, community_id, "Zoë")
    with pytest.raises(SignInRefused):
        sign_in(session, community_id, name="Zoë", password="", now=NOW, attempts=attempts)


def test_a_moderator_signs_in_and_out(session: Session, community_id: int, attempts: SignInAttempts) -> None:
    made = make_moderator(session, community_id, name="Zoë", password=PASSWORD)
    entry = sign_in(session, community_id, name=" Zoë ", password=PASSWORD, now=NOW, attempts=attempts)
    found = moderator_of_cookie(session, entry.token, now=NOW)
    assert found is not None
    assert (found.moderator.id, found.csrf_token) == (made.id, entry.csrf_token)
    sign_out(session, entry.token)
    assert moderator_of_cookie(session, entry.token, now=NOW) is None


def test_neither_password_nor_cookie_is_stored(session: Session, community_id: int, attempts: SignInAttempts) -> None:
    made = make_moderator(session, community_id, name="Zoë", password=PASSWORD)
    entry = sign_in(session, community_id, name="Zoë", password=PASSWORD, now=NOW, attempts=attempts)
    assert made.password_hash is not None
    assert made.password_hash.startswith("$argon2id$")
    assert session.scalars(select(SignInRow.token_hash)).all() != [entry.token]


def test_a_sign_in_ends_after_twelve_hours(session: Session, community_id: int, attempts: SignInAttempts) -> None:
    zoe = make_moderator(session, community_id, name="Zoë", password=PASSWORD)
    sign_ins_of_zoe = select(SignInRow.moderator_id).where(SignInRow.moderator_id == zoe.id)
    entry = sign_in(session, community_id, name="Zoë", password=PASSWORD, now=NOW, attempts=attempts)
    assert entry.expires_at == NOW + SIGNED_IN_FOR
    assert moderator_of_cookie(session, entry.token, now=entry.expires_at - timedelta(seconds=1)) is not None
    assert moderator_of_cookie(session, entry.token, now=entry.expires_at) is None
    forget_sign_ins(session, now=entry.expires_at - timedelta(seconds=1))
    assert session.scalars(sign_ins_of_zoe).all() == [zoe.id]
    forget_sign_ins(session, now=entry.expires_at)
    assert session.scalars(sign_ins_of_zoe).all() == []


def test_a_new_password_signs_every_browser_out(session: Session, community_id: int, attempts: SignInAttempts) -> None:
    make_moderator(session, community_id, name="Zoë", password=PASSWORD)
    entry = sign_in(session, community_id, name="Zoë", password=PASSWORD, now=NOW, attempts=attempts)
    make_moderator(session, community_id, name="Zoë", password="een ander wachtwoord")
    assert moderator_of_cookie(session, entry.token, now=NOW) is None
    with pytest.raises(SignInRefused):
        sign_in(session, community_id, name="Zoë", password=PASSWORD, now=NOW, attempts=attempts)


def test_a_disabled_moderator_is_out(session: Session, community_id: int, attempts: SignInAttempts) -> None:
    make_moderator(session, community_id, name="Zoë", password=PASSWORD)
    entry = sign_in(session, community_id, name="Zoë", password=PASSWORD, now=NOW, attempts=attempts)
    disable_moderator(session, community_id, "Zoë", at=NOW)
    assert moderator_of_cookie(session, entry.token, now=NOW) is None
    with pytest.raises(SignInRefused):
        sign_in(session, community_id, name="Zoë", password=PASSWORD, now=NOW, attempts=attempts)
    with pytest.raises(ModeratorDisabled):
        moderator_named(session, community_id, "Zoë")
    with pytest.raises(ModeratorUnknown):
        disable_moderator(session, community_id, "Nobody", at=NOW)


def test_short_passwords_are_refused(session: Session, community_id: int) -> None:
    with pytest.raises(PasswordTooShort):
        make_moderator(session, community_id, name="Zoë", password="wachtwoor")


def test_the_same_name_in_two_communities_is_two_people(
    session: Session, community_id: int, attempts: SignInAttempts
) -> None:
    other_id = save_community(session, "other", Community()).id
    make_moderator(session, other_id, name="Zoë", password=PASSWORD)
    with pytest.raises(SignInRefused):
        sign_in(session, community_id, name="Zoë", password=PASSWORD, now=NOW, attempts=attempts)


@pytest.mark.parametrize("name", ["Zoë", "Nobody", "\0", "\ud800"])
def test_after_ten_failures_a_name_has_to_wait(
    session: Session, community_id: int, attempts: SignInAttempts, name: str
) -> None:
    make_moderator(session, community_id, name="Zoë", password=PASSWORD)
    for second in range(MAX_FAILED_SIGN_INS):
        attempts.failed(community_id, name, now=NOW + timedelta(seconds=second))
    with pytest.raises(TooManySignIns) as refused:
        sign_in(session, community_id, name=name, password=PASSWORD, now=NOW + timedelta(minutes=1), attempts=attempts)
    assert refused.value.retry_after_seconds == 14 * 60
    with pytest.raises(TooManySignIns):
        attempts.check(community_id, name.upper(), now=NOW + timedelta(minutes=1))
    attempts.check(community_id, "Somebody", now=NOW + timedelta(minutes=1))
    attempts.check(community_id, name, now=NOW + FAILED_WITHIN)


def test_getting_in_forgets_the_failures(session: Session, community_id: int, attempts: SignInAttempts) -> None:
    make_moderator(session, community_id, name="Zoë", password=PASSWORD)
    for _ in range(MAX_FAILED_SIGN_INS - 1):
        attempts.failed(community_id, "Zoë", now=NOW)
    sign_in(session, community_id, name="Zoë", password=PASSWORD, now=NOW, attempts=attempts)
    attempts.failed(community_id, "Zoë", now=NOW)
    attempts.check(community_id, "Zoë", now=NOW)


def test_made_up_names_do_not_fill_the_memory(attempts: SignInAttempts) -> None:
    for number in range(MAX_NAMES_WATCHED + 100):
        attempts.failed(1, f"name {number}", now=NOW)
    assert len(attempts._failed_at) == MAX_NAMES_WATCHED


def test_unknown_names_take_as_long_as_wrong_passwords(session: Session, community_id: int) -> None:
    make_moderator(session, community_id, name="Zoë", password=PASSWORD)
    moderator_named(session, community_id, "Through the API")

    def seconds(name: str) -> float:
        measured = []
        for _ in range(5):
            start = perf_counter()
            with pytest.raises(SignInRefused):
                sign_in(session, community_id, name=name, password="x", now=NOW, attempts=SignInAttempts())
            measured.append(perf_counter() - start)
        return median(measured)

    known = seconds("Zoë")
    assert seconds("Nobody") > known / 3
    assert seconds("Through the API") > known / 3


def test_decisions_of_a_key_have_one_moderator_row(session: Session, community_id: int) -> None:
    for _ in range(3):
        moderator_named(session, community_id, "platform")
    rows = session.scalars(select(ModeratorRow).where(ModeratorRow.community_id == community_id)).all()
    assert [row.name for row in rows] == ["platform"]
