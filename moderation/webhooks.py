"""The addresses that a community's events are sent to: who adds, changes and removes them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import get_args
from uuid import uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from moderation.errors import WebhookUnknown
from moderation.events import EventKind, newest_place
from moderation.outgoing_http import check_url
from moderation.tables import WebhookDeliveryRow, WebhookRow
from moderation.webhook_signatures import new_secret

EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)
DEFAULT_EVENTS: tuple[EventKind, ...] = ("alarm_opened", "alarm_closed")
TEST = "test"
"""The kind of the message that only shows that messages arrive."""
BOTH_SECRETS_FOR = timedelta(hours=24)


def add_webhook(
    session: Session, community_id: int, url: str, events: Sequence[EventKind], *, allow_private: bool, now: datetime
) -> WebhookRow:
    """Have a community's events sent to an address from now on, signed with a new secret.

    Raises
    ------
    WebhookUrlRefused
    """
    check_url(url, allow_private=allow_private)
    row = WebhookRow(
        community_id=community_id,
        url=url,
        events=[kind for kind in EVENT_KINDS if kind in events],
        secret=new_secret(),
        place=str(newest_place(session, community_id)),
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row


def list_webhooks(session: Session, community_id: int) -> Sequence[WebhookRow]:
    """A community's webhooks, those that are disabled too, in the order in which they were added."""
    mine = WebhookRow.community_id == community_id
    return session.scalars(select(WebhookRow).where(mine).order_by(WebhookRow.id)).all()


def find_webhook(session: Session, community_id: int, webhook_id: int) -> WebhookRow:
    """A community's webhook.

    Raises
    ------
    WebhookUnknown
    """
    mine = WebhookRow.community_id == community_id, WebhookRow.id == webhook_id
    row = session.scalar(select(WebhookRow).where(*mine).with_for_update())
    if row is None:
        raise WebhookUnknown(f"there is no webhook {webhook_id}")
    return row


def remove_webhook(session: Session, community_id: int, webhook_id: int) -> None:
    """Send nothing to an address any more, and forget what was sent.

    Raises
    ------
    WebhookUnknown
    """
    session.delete(find_webhook(session, community_id, webhook_id))
    session.flush()


def rotate_secret(session: Session, community_id: int, webhook_id: int, *, now: datetime) -> WebhookRow:
    """Give a webhook a new secret; for a day messages are signed with the one before as well.

    Raises
    ------
    WebhookUnknown
    """
    row = find_webhook(session, community_id, webhook_id)
    row.previous_secret, row.previous_until = row.secret, now + BOTH_SECRETS_FOR
    row.secret = new_secret()
    session.flush()
    return row


def enable_webhook(session: Session, community_id: int, webhook_id: int) -> WebhookRow:
    """Send again to an address that was given up; what happened meanwhile is not sent.

    Raises
    ------
    WebhookUnknown
    """
    row = find_webhook(session, community_id, webhook_id)
    if row.disabled_at is not None:
        row.disabled_at, row.disabled_reason, row.failing_since = None, None, None
        row.place = str(newest_place(session, community_id))
        session.flush()
    return row


def disable_webhook(session: Session, row: WebhookRow, *, reason: str, now: datetime) -> None:
    """Send nothing to an address any more until a person says so, and give up what is under way."""
    row.disabled_at, row.disabled_reason = now, reason
    waiting = WebhookDeliveryRow.webhook_id == row.id, WebhookDeliveryRow.next_attempt_at.is_not(None)
    session.execute(update(WebhookDeliveryRow).where(*waiting).values(next_attempt_at=None, given_up_at=now))
    session.flush()


def queue_test(session: Session, row: WebhookRow, *, now: datetime) -> WebhookDeliveryRow:
    """Have a message sent that says nothing but that it arrived."""
    delivery = WebhookDeliveryRow(
        webhook_id=row.id, message_id=f"test_{uuid4().hex}", kind=TEST, payload={}, happened_at=now, next_attempt_at=now
    )
    session.add(delivery)
    session.flush()
    return delivery


def valid_secrets(row: WebhookRow, *, now: datetime) -> list[str]:
    """What a message is signed with now, the newest secret first."""
    still_valid = row.previous_secret is not None and row.previous_until is not None and now < row.previous_until
    return [row.secret, *([row.previous_secret] if still_valid and row.previous_secret else [])]


def list_deliveries(
    session: Session, webhook_id: int, *, before: int | None, limit: int
) -> Sequence[WebhookDeliveryRow]:
    """What was and will be sent to an address, the newest first.

    Parameters
    ----------
    before : id of the last delivery of the page before; None = from the newest.
    """
    statement = select(WebhookDeliveryRow).where(WebhookDeliveryRow.webhook_id == webhook_id)
    if before is not None:
        statement = statement.where(WebhookDeliveryRow.id < before)
    return session.scalars(statement.order_by(WebhookDeliveryRow.id.desc()).limit(limit)).all()
