import json
import random
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select

from moderation.db import Database
from moderation.decisions import DecisionRequest, record_decision, undo_decision
from moderation.errors import WebhookUnknown, WebhookUrlRefused
from moderation.events import EventKind, tell
from moderation.outgoing_http import Answer
from moderation.tables import CommunityRow, DecisionRow, ModeratorRow, WebhookDeliveryRow, WebhookRow
from moderation.webhook_delivery import (
    DISABLED_AS_GONE,
    DISABLED_FOR_FAILING,
    GIVEN_UP_AFTER,
    JITTER,
    KEPT,
    LONGEST_RETRY,
    claim_due,
    deliver_webhooks,
    forget_deliveries,
    retry_after,
    take_over_events,
)
from moderation.webhook_signatures import verify
from moderation.webhooks import (
    BOTH_SECRETS_FOR,
    add_webhook,
    enable_webhook,
    find_webhook,
    list_deliveries,
    queue_test,
    remove_webhook,
    rotate_secret,
)
from tests.moderation.queue_rows import INSULT, flag_post, new_moderator, only_row
from tests.receiver import Receiver, running_receiver
from tests.service import NOW, fresh_database, new_community

TELLS: tuple[EventKind, ...] = ("alarm_opened", "alarm_closed")


@pytest.fixture(scope="module")
def separate(database: Database) -> Iterator[Database]:
    """A database in which no other test's webhooks are."""
    with fresh_database(database) as fresh:
        yield fresh


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as receiver:
        yield receiver


@pytest.fixture
def community(separate: Database) -> Iterator[CommunityRow]:
    community = new_community(separate)
    yield community
    with separate.transaction() as session:
        session.execute(delete(WebhookRow).where(WebhookRow.community_id == community.id))


@pytest.fixture
def webhook(separate: Database, community: CommunityRow, receiver: Receiver) -> WebhookRow:
    with separate.transaction() as session:
        return add_webhook(session, community.id, receiver.url, TELLS, allow_private=True, now=NOW)


def happen(database: Database, community: CommunityRow, *numbers: int, kind: EventKind = "alarm_opened") -> None:
    with database.transaction() as session:
        for number in numbers:
            tell(session, community.id, kind, {"number": number})


def deliver(database: Database, *, after: timedelta = timedelta()) -> None:
    deliver_webhooks(database, allow_private=True, now=NOW + after)


def numbers(receiver: Receiver) -> list[int]:
    return [json.loads(received.body)["data"]["number"] for received in receiver.received]


def deliveries(database: Database, webhook: WebhookRow) -> list[WebhookDeliveryRow]:
    with database.transaction() as session:
        return list(reversed(list_deliveries(session, webhook.id, before=None, limit=200)))


def state(database: Database, webhook: WebhookRow) -> WebhookRow:
    with database.transaction() as session:
        return session.get_one(WebhookRow, webhook.id)


def test_an_event_arrives_signed_with_its_id(
    separate: Database, community: CommunityRow, webhook: WebhookRow, receiver: Receiver
) -> None:
    happen(separate, community, 1)
    deliver(separate)
    (received,) = receiver.received
    verify(webhook.secret, received.headers, received.body, now=NOW)
    told = json.loads(received.body)
    assert {name: told[name] for name in ("type", "community", "data")} == {
        "type": "alarm_opened",
        "community": community.slug,
        "data": {"number": 1},
    }
    (delivery,) = deliveries(separate, webhook)
    assert received.headers["webhook-id"] == delivery.message_id
    assert (delivery.last_status, delivery.n_attempts, delivery.delivered_at, delivery.next_attempt_at) == (
        204,
        1,
        NOW,
        None,
    )


def test_every_event_arrives_once_in_order_however_often_we_look(
    separate: Database, community: CommunityRow, webhook: WebhookRow, receiver: Receiver
) -> None:
    happen(separate, community, 1, 2)
    deliver(separate)
    happen(separate, community, 3)
    for _ in range(3):
        deliver(separate)
    assert numbers(receiver) == [1, 2, 3]


def test_only_what_was_asked_for_is_sent_and_nothing_from_before(
    separate: Database, community: CommunityRow, receiver: Receiver
) -> None:
    happen(separate, community, 1)
    with separate.transaction() as session:
        add_webhook(session, community.id, receiver.url, ["alarm_opened"], allow_private=True, now=NOW)
    happen(separate, community, 2, kind="flag_opened")
    happen(separate, community, 3)
    deliver(separate)
    assert numbers(receiver) == [3]


def test_events_of_another_community_are_never_sent(
    separate: Database, webhook: WebhookRow, receiver: Receiver
) -> None:
    happen(separate, new_community(separate), 1)
    deliver(separate)
    assert receiver.received == []


def test_what_fails_is_sent_again_with_the_same_id_and_those_behind_it_wait(
    separate: Database, community: CommunityRow, webhook: WebhookRow, receiver: Receiver
) -> None:
    receiver.answers = [(500, {}), (204, {})]
    happen(separate, community, 1, 2)
    deliver(separate)
    assert numbers(receiver) == [1]
    assert [row.last_status for row in deliveries(separate, webhook)] == [500, None]
    deliver(separate, after=timedelta(seconds=3))
    assert numbers(receiver) == [1]
    deliver(separate, after=timedelta(seconds=7))
    assert numbers(receiver) == [1, 1, 2]
    ids = [received.headers["webhook-id"] for received in receiver.received]
    assert ids[0] == ids[1] != ids[2]
    times = [int(received.headers["webhook-timestamp"]) for received in receiver.received]
    assert times[1] - times[0] == 7
    assert [row.n_attempts for row in deliveries(separate, webhook)] == [2, 1]


@pytest.mark.parametrize("answer", [(302, {"Location": "http://127.0.0.1:1/"}), (404, {}), (500, {})])
def test_any_answer_but_success_is_a_failure(
    separate: Database,
    community: CommunityRow,
    webhook: WebhookRow,
    receiver: Receiver,
    answer: tuple[int, dict[str, str]],
) -> None:
    receiver.answers = [answer]
    happen(separate, community, 1)
    deliver(separate)
    assert state(separate, webhook).failing_since == NOW
    (delivery,) = deliveries(separate, webhook)
    assert delivery.next_attempt_at is not None
    assert delivery.last_status == answer[0]


def test_an_address_at_which_everything_fails_for_five_days_is_disabled_and_can_be_enabled_again(
    separate: Database, community: CommunityRow, webhook: WebhookRow, receiver: Receiver
) -> None:
    receiver.answers = [(500, {})]
    happen(separate, community, 1)
    for hours in (0, 24, 72, 119):
        deliver(separate, after=timedelta(hours=hours))
        assert state(separate, webhook).disabled_at is None
    deliver(separate, after=GIVEN_UP_AFTER + timedelta(hours=13))
    assert state(separate, webhook).disabled_reason == DISABLED_FOR_FAILING
    happen(separate, community, 2)
    deliver(separate, after=timedelta(days=6))
    assert numbers(receiver) == [1] * 5
    receiver.answers = [(204, {})]
    with separate.transaction() as session:
        enable_webhook(session, community.id, webhook.id)
    happen(separate, community, 3)
    deliver(separate, after=timedelta(days=6))
    assert numbers(receiver)[-1:] == [3]
    assert numbers(receiver).count(2) == 0


def test_one_success_ends_the_count_of_failures(
    separate: Database, community: CommunityRow, webhook: WebhookRow, receiver: Receiver
) -> None:
    receiver.answers = [(500, {}), (204, {})]
    happen(separate, community, 1)
    deliver(separate)
    deliver(separate, after=timedelta(days=4))
    assert state(separate, webhook).failing_since is None


def test_gone_disables_at_once(
    separate: Database, community: CommunityRow, webhook: WebhookRow, receiver: Receiver
) -> None:
    receiver.answers = [(410, {})]
    happen(separate, community, 1, 2)
    deliver(separate)
    assert state(separate, webhook).disabled_reason == DISABLED_AS_GONE
    assert all(row.given_up_at == NOW for row in deliveries(separate, webhook))


def test_a_dead_address_keeps_no_other_waiting(
    separate: Database, community: CommunityRow, webhook: WebhookRow, receiver: Receiver
) -> None:
    with separate.transaction() as session:
        add_webhook(session, community.id, "http://127.0.0.1:1/", TELLS, allow_private=True, now=NOW)
    happen(separate, community, *range(60))
    deliver(separate)
    assert numbers(receiver) == list(range(50))
    deliver(separate)
    assert numbers(receiver) == list(range(60))


def test_nothing_is_sent_inside_our_network_unless_that_is_allowed(
    separate: Database, community: CommunityRow, webhook: WebhookRow, receiver: Receiver
) -> None:
    happen(separate, community, 1)
    deliver_webhooks(separate, allow_private=False, now=NOW)
    assert receiver.received == []
    (delivery,) = deliveries(separate, webhook)
    assert delivery.last_error == "the URL must begin with https://"
    with separate.transaction() as session, pytest.raises(WebhookUrlRefused):
        add_webhook(session, community.id, receiver.url, TELLS, allow_private=False, now=NOW)


def test_what_one_worker_set_out_to_send_no_other_sends_until_that_one_is_taken_for_gone(
    separate: Database, community: CommunityRow, webhook: WebhookRow
) -> None:
    happen(separate, community, 1)
    with separate.transaction() as session:
        take_over_events(session, now=NOW)
    with separate.transaction() as session:
        assert list(claim_due(session, now=NOW)) == [webhook.id]
    with separate.transaction() as session:
        assert claim_due(session, now=NOW) == {}
        assert list(claim_due(session, now=NOW + timedelta(minutes=11))) == [webhook.id]


def test_for_a_day_both_secrets_are_valid(
    separate: Database, community: CommunityRow, webhook: WebhookRow, receiver: Receiver
) -> None:
    with separate.transaction() as session:
        renewed = rotate_secret(session, community.id, webhook.id, now=NOW)
    happen(separate, community, 1)
    deliver(separate, after=timedelta(hours=1))
    (received,) = receiver.received
    for secret in (webhook.secret, renewed.secret):
        verify(secret, received.headers, received.body, now=NOW + timedelta(hours=1))
    happen(separate, community, 2)
    deliver(separate, after=BOTH_SECRETS_FOR)
    assert len(receiver.received[1].headers["webhook-signature"].split()) == 1
    verify(renewed.secret, receiver.received[1].headers, receiver.received[1].body, now=NOW + BOTH_SECRETS_FOR)


def test_a_test_message_arrives(
    separate: Database, community: CommunityRow, webhook: WebhookRow, receiver: Receiver
) -> None:
    with separate.transaction() as session:
        queue_test(session, find_webhook(session, community.id, webhook.id), now=NOW)
    deliver(separate)
    assert json.loads(receiver.received[0].body)["type"] == "test"


def test_a_removed_webhook_leaves_nothing(separate: Database, community: CommunityRow, webhook: WebhookRow) -> None:
    happen(separate, community, 1)
    deliver(separate)
    with separate.transaction() as session:
        remove_webhook(session, community.id, webhook.id)
        left = select(WebhookDeliveryRow).where(WebhookDeliveryRow.webhook_id == webhook.id)
        assert session.scalars(left).all() == []
        with pytest.raises(WebhookUnknown):
            find_webhook(session, community.id, webhook.id)


def test_old_deliveries_are_forgotten_and_those_under_way_kept(
    separate: Database, community: CommunityRow, webhook: WebhookRow, receiver: Receiver
) -> None:
    receiver.answers = [(204, {}), (500, {})]
    happen(separate, community, 1, 2)
    deliver(separate)
    with separate.transaction() as session:
        forget_deliveries(session, now=NOW + KEPT + timedelta(days=1))
    assert [row.payload["number"] for row in deliveries(separate, webhook)] == [2]


@given(st.integers(1, 60), st.none() | st.integers(0, 10**8), st.integers())
def test_waits_grow_and_stay_within_bounds(n_attempts: int, asked: int | None, seed: int) -> None:
    def chance() -> random.Random:
        return random.Random(seed)

    wait = retry_after(n_attempts, Answer(503, asked), chance=chance())
    assert timedelta(seconds=4) <= wait <= LONGEST_RETRY * (1 + JITTER)
    assert retry_after(n_attempts + 1, None, chance=chance()) >= retry_after(n_attempts, None, chance=chance())
    if asked is not None and asked <= LONGEST_RETRY.total_seconds():
        assert wait >= timedelta(seconds=asked)


def test_waits_of_many_do_not_fall_on_one_moment() -> None:
    chance = random.Random(1)
    assert len({retry_after(3, None, chance=chance) for _ in range(20)}) == 20


def test_an_overturned_decision_is_told_to_whoever_was_told_of_it(
    separate: Database, community: CommunityRow, receiver: Receiver
) -> None:
    """Regression 11: the undo opens the item again, stays for training, and its notice follows the decision's."""
    with separate.transaction() as session:
        add_webhook(session, community.id, receiver.url, ["decision"], allow_private=True, now=NOW)
        anna = new_moderator(session, community)
        _, flag = flag_post(session, community, INSULT)
        asked = DecisionRequest("agree", revision=1, lane="review")
        decided = record_decision(session, community, flag.id, asked, moderator=anna, now=NOW)
        assert only_row(session, community).status == "decided"
    deliver(separate)
    with separate.transaction() as session:
        anna = session.get_one(ModeratorRow, anna.id)
        undo_decision(session, community, decided.id, moderator=anna, now=NOW)
        assert only_row(session, community).status == "open"
    deliver(separate)
    told = [json.loads(received.body)["data"] for received in receiver.received]
    assert [one["action"] for one in told] == ["agree", "undo"]
    assert told[1]["undoes"] == decided.id
    with separate.transaction() as session:
        kept = select(DecisionRow.action).where(DecisionRow.community_id == community.id).order_by(DecisionRow.id)
        assert session.scalars(kept).all() == ["agree", "undo"]
