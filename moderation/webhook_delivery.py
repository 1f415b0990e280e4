"""Brings events to webhooks, at least once each: takes them over from the community's events, sends what is due, and
tries again ever more slowly until the receiver answers or is given up.
"""

import json
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from moderation.db import Database
from moderation.errors import DeliveryFailed
from moderation.events import Place, events_after
from moderation.outgoing_http import Answer, send
from moderation.tables import CommunityRow, EventRow, WebhookDeliveryRow, WebhookRow
from moderation.webhook_signatures import signed_headers
from moderation.webhooks import TEST, disable_webhook, valid_secrets

FIRST_RETRY_SECONDS = 5.0
RETRY_FACTOR = 4.0
LONGEST_RETRY = timedelta(hours=12)
JITTER = 0.2
"""Waits differ by up to a fifth, so that many do not come back at the same moment."""
GIVEN_UP_AFTER = timedelta(days=5)
"""A message is given up after this, and an address at which everything failed for so long is disabled."""
KEPT = timedelta(days=30)
LEASE = timedelta(minutes=10)
"""Nobody else sends a message that somebody set out to send; after this that one is taken to be gone."""
EVENTS_AT_ONCE, MESSAGES_AT_ONCE, ADDRESSES_AT_ONCE = 500, 50, 8
GONE = 410
DISABLED_FOR_FAILING, DISABLED_AS_GONE = "every attempt failed for five days", "the receiver said that it is gone (410)"


@dataclass(frozen=True)
class Message:
    """One attempt, with everything that it takes outside a transaction."""

    delivery_id: int
    message_id: str
    url: str
    secrets: tuple[str, ...]
    body: bytes


@dataclass(frozen=True)
class Attempt:
    """What came of a message; `answer` None = nothing, for the reason beside it."""

    delivery_id: int
    answer: Answer | None
    error: str | None

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver took it."""
        return self.answer is not None and 200 <= self.answer.status < 300


def deliver_webhooks(database: Database, *, allow_private: bool, now: datetime) -> None:
    """Send what is due; addresses at the same time, each one's messages one after another until one fails."""
    with database.transaction() as session:
        take_over_events(session, now=now)
    with database.transaction() as session:
        due = claim_due(session, now=now)
    if not due:
        return

    def send_all(webhook_id: int) -> None:
        attempts = _send_until_failure(due[webhook_id], allow_private=allow_private, now=now)
        with database.transaction() as session:
            record_attempts(session, webhook_id, attempts, [one.delivery_id for one in due[webhook_id]], now=now)

    with ThreadPoolExecutor(ADDRESSES_AT_ONCE) as threads:
        list(threads.map(send_all, sorted(due)))


def take_over_events(session: Session, *, now: datetime) -> None:
    """Make a delivery of each new event that a webhook wants."""
    in_use = select(WebhookRow).where(WebhookRow.disabled_at.is_(None)).order_by(WebhookRow.id)
    for webhook in session.scalars(in_use.with_for_update(skip_locked=True)).all():
        events = events_after(session, webhook.community_id, Place.read(webhook.place), limit=EVENTS_AT_ONCE)
        if not events:
            continue
        rows = [_new_delivery(webhook, event, now) for event in events if event.kind in webhook.events]
        if rows:
            session.execute(insert(WebhookDeliveryRow).values(rows).on_conflict_do_nothing())
        webhook.place = str(Place.of(events[-1]))


def claim_due(session: Session, *, now: datetime) -> dict[int, list[Message]]:
    """Set out to send what is due: messages by webhook, oldest first."""
    due = (
        select(WebhookDeliveryRow, WebhookRow, CommunityRow.slug)
        .join(WebhookRow, WebhookRow.id == WebhookDeliveryRow.webhook_id)
        .join(CommunityRow, CommunityRow.id == WebhookRow.community_id)
        .where(WebhookDeliveryRow.next_attempt_at <= now, WebhookRow.disabled_at.is_(None))
        .where(WebhookDeliveryRow.id.in_(_first_of_each(now)))
        .order_by(WebhookDeliveryRow.id)
        .with_for_update(of=WebhookDeliveryRow, skip_locked=True)
    )
    messages: dict[int, list[Message]] = {}
    for delivery, webhook, slug in session.execute(due).all():
        delivery.next_attempt_at = now + LEASE
        secrets = tuple(valid_secrets(webhook, now=now))
        message = Message(delivery.id, delivery.message_id, webhook.url, secrets, message_body(delivery, slug))
        messages.setdefault(webhook.id, []).append(message)
    return messages


def message_body(delivery: WebhookDeliveryRow, slug: str) -> bytes:
    """What the receiver reads; the same bytes at every attempt."""
    told = {
        "type": delivery.kind,
        "timestamp": delivery.happened_at.isoformat(),
        "community": slug,
        "data": delivery.payload,
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def send_message(message: Message, *, allow_private: bool, now: datetime) -> Attempt:
    """Send one message, signed with the moment of this attempt."""
    headers = signed_headers(message.secrets, message.message_id, now, message.body)
    headers |= {"Content-Type": "application/json", "User-Agent": "Klankbord"}
    try:
        answer = send(message.url, message.body, headers, allow_private=allow_private)
    except DeliveryFailed as error:
        return Attempt(message.delivery_id, None, str(error))
    return Attempt(message.delivery_id, answer, None)


def send_test(webhook: WebhookRow, slug: str, *, allow_private: bool, now: datetime) -> Attempt:
    """Send a message that says nothing but that it arrived, once, and store nothing about it."""
    delivery = WebhookDeliveryRow(id=0, message_id=f"test_{uuid4().hex}", kind=TEST, payload={}, happened_at=now)
    secrets = tuple(valid_secrets(webhook, now=now))
    message = Message(0, delivery.message_id, webhook.url, secrets, message_body(delivery, slug))
    return send_message(message, allow_private=allow_private, now=now)


def record_attempts(
    session: Session, webhook_id: int, attempts: Sequence[Attempt], claimed: Sequence[int], *, now: datetime
) -> None:
    """Note what came of some messages, and when those that failed and those behind them are tried next."""
    webhook = session.scalar(select(WebhookRow).where(WebhookRow.id == webhook_id).with_for_update())
    if webhook is None:  # removed meanwhile, and its deliveries with it
        return
    mine = WebhookDeliveryRow.webhook_id == webhook_id, WebhookDeliveryRow.id.in_(claimed)
    rows = {row.id: row for row in session.scalars(select(WebhookDeliveryRow).where(*mine).with_for_update())}
    for attempt in attempts:
        _note(webhook, rows[attempt.delivery_id], attempt, now=now)
    last = attempts[-1]
    for untried in claimed[len(attempts) :]:
        rows[untried].next_attempt_at = rows[last.delivery_id].next_attempt_at or now
    if last.answer is not None and last.answer.status == GONE:
        disable_webhook(session, webhook, reason=DISABLED_AS_GONE, now=now)
    elif webhook.failing_since is not None and now - webhook.failing_since >= GIVEN_UP_AFTER:
        disable_webhook(session, webhook, reason=DISABLED_FOR_FAILING, now=now)


def retry_after(n_attempts: int, answer: Answer | None, *, chance: random.Random) -> timedelta:
    """How long to wait after so many attempts: five seconds, then four times as long each time, up to twelve hours.

    Parameters
    ----------
    n_attempts : from 1.
    answer : what came back; a receiver that asks for more time gets it, up to twelve hours.
    """
    seconds = min(FIRST_RETRY_SECONDS * RETRY_FACTOR ** min(n_attempts - 1, 20), LONGEST_RETRY.total_seconds())
    seconds *= chance.uniform(1 - JITTER, 1 + JITTER)
    asked = answer.retry_after_seconds if answer is not None and answer.retry_after_seconds is not None else 0
    return timedelta(seconds=max(seconds, min(asked, LONGEST_RETRY.total_seconds())))


def forget_deliveries(session: Session, *, now: datetime) -> None:
    """Delete what was delivered or given up long ago."""
    ended_at = func.coalesce(WebhookDeliveryRow.delivered_at, WebhookDeliveryRow.given_up_at)
    session.execute(delete(WebhookDeliveryRow).where(ended_at < now - KEPT))


def _first_of_each(now: datetime) -> Any:
    """The ids of the first messages that are due at each address, so that none waits behind another's many."""
    place = func.row_number().over(partition_by=WebhookDeliveryRow.webhook_id, order_by=WebhookDeliveryRow.id)
    ranked = (
        select(WebhookDeliveryRow.id, place.label("place")).where(WebhookDeliveryRow.next_attempt_at <= now).subquery()
    )
    return select(ranked.c.id).where(ranked.c.place <= MESSAGES_AT_ONCE)


def _new_delivery(webhook: WebhookRow, event: EventRow, now: datetime) -> dict[str, Any]:
    return {
        "webhook_id": webhook.id,
        "message_id": f"evt_{event.id}",
        "kind": event.kind,
        "payload": event.payload,
        "happened_at": event.created_at,
        "next_attempt_at": now,
    }


def _send_until_failure(messages: Sequence[Message], *, allow_private: bool, now: datetime) -> list[Attempt]:
    attempts: list[Attempt] = []
    began = monotonic()
    for message in messages:
        # Receivers refuse what was signed minutes ago.
        at = now + timedelta(seconds=monotonic() - began)
        attempts.append(send_message(message, allow_private=allow_private, now=at))
        if not attempts[-1].is_delivered:
            break
    return attempts


def _note(webhook: WebhookRow, delivery: WebhookDeliveryRow, attempt: Attempt, *, now: datetime) -> None:
    delivery.n_attempts += 1
    status = None if attempt.answer is None else attempt.answer.status
    delivery.last_status, delivery.last_error = status, attempt.error
    webhook.last_attempt_at, webhook.last_status, webhook.last_error = now, status, attempt.error
    if attempt.is_delivered:
        webhook.failing_since = None
        delivery.next_attempt_at, delivery.delivered_at = None, now
        return
    webhook.failing_since = webhook.failing_since or now
    if now - delivery.happened_at >= GIVEN_UP_AFTER:
        delivery.next_attempt_at, delivery.given_up_at = None, now
    else:
        delivery.next_attempt_at = now + retry_after(delivery.n_attempts, attempt.answer, chance=random.SystemRandom())
