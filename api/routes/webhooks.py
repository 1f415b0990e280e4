"""Where a community's events are sent, and what came of it."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.auth import COMMUNITY, MayAdminister
from api.cursors import CursorParameter, Limit, read_number, write_cursor
from api.deps import Now, ServiceParts, Transaction
from api.idempotency import Writing
from api.schemas.notices import (
    DeliveryPageView,
    DeliveryView,
    WebhookBody,
    WebhookSecretView,
    WebhooksView,
    WebhookView,
)
from api.schemas.problem import WRITES, problems
from api.schemas.text import MAX_INTEGER
from moderation.webhooks import (
    add_webhook,
    enable_webhook,
    find_webhook,
    list_deliveries,
    list_webhooks,
    queue_test,
    remove_webhook,
    rotate_secret,
)

router = APIRouter(prefix=COMMUNITY, tags=["Webhooks"])

WebhookId = Annotated[int, Path(ge=1, le=MAX_INTEGER, description="The webhook.", examples=[3])]


@router.get("/webhooks", summary="List webhooks", responses=problems())
def read_webhooks(caller: MayAdminister, session: Transaction) -> WebhooksView:
    """The addresses that events are sent to, and how the last attempt went; secrets are not shown again."""
    return WebhooksView(items=[WebhookView.of(row) for row in list_webhooks(session, caller.community.id)])


@router.post("/webhooks", summary="Add a webhook", response_model=WebhookSecretView, responses=problems(*WRITES))
def write_webhook(
    caller: MayAdminister,
    body: WebhookBody,
    session: Transaction,
    service: ServiceParts,
    now: Now,
    write: Writing,
) -> Response:
    """Events from now on are sent there, signed with the secret that this answer shows.

    Addresses inside the service's own network are refused, also when a host name leads to one later.
    """

    def add() -> WebhookSecretView:
        allow_private = service.settings.webhooks_to_private_addresses
        row = add_webhook(session, caller.community.id, body.url, body.events, allow_private=allow_private, now=now)
        return WebhookSecretView.of_row(row)

    return write.once(caller.community, add)


@router.delete("/webhooks/{webhook_id}", summary="Remove a webhook", status_code=204, responses=problems(*WRITES))
def delete_webhook(caller: MayAdminister, webhook_id: WebhookId, session: Transaction, write: Writing) -> Response:
    """Nothing is sent there any more; what is on its way is dropped and the log with it."""
    return write.once(caller.community, lambda: remove_webhook(session, caller.community.id, webhook_id))


@router.post(
    "/webhooks/{webhook_id}/test",
    summary="Send a test message",
    response_model=DeliveryView,
    responses=problems(*WRITES),
)
def test_webhook(
    caller: MayAdminister, webhook_id: WebhookId, session: Transaction, now: Now, write: Writing
) -> Response:
    """A message of type `test` is sent within seconds; what came of it is in the deliveries."""

    def test() -> DeliveryView:
        row = find_webhook(session, caller.community.id, webhook_id)
        return DeliveryView.of(queue_test(session, row, now=now))

    return write.once(caller.community, test)


@router.post(
    "/webhooks/{webhook_id}/secret",
    summary="Change the secret",
    response_model=WebhookSecretView,
    responses=problems(*WRITES),
)
def renew_secret(
    caller: MayAdminister, webhook_id: WebhookId, session: Transaction, now: Now, write: Writing
) -> Response:
    """For 24 hours messages carry a signature with the new secret and one with the secret before."""

    def renew() -> WebhookSecretView:
        return WebhookSecretView.of_row(rotate_secret(session, caller.community.id, webhook_id, now=now))

    return write.once(caller.community, renew)


@router.post(
    "/webhooks/{webhook_id}/enable",
    summary="Use a disabled webhook again",
    response_model=WebhookView,
    responses=problems(*WRITES),
)
def use_webhook_again(caller: MayAdminister, webhook_id: WebhookId, session: Transaction, write: Writing) -> Response:
    """Events from now on are sent there again; those of meanwhile are not. One that is in use stays as it is."""
    return write.once(
        caller.community, lambda: WebhookView.of(enable_webhook(session, caller.community.id, webhook_id))
    )


@router.get("/webhooks/{webhook_id}/deliveries", summary="List deliveries", responses=problems())
def read_deliveries(
    caller: MayAdminister,
    webhook_id: WebhookId,
    session: Transaction,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> DeliveryPageView:
    """What was sent and what waits to be sent, newest first; kept for 30 days."""
    find_webhook(session, caller.community.id, webhook_id)
    rows = list_deliveries(session, webhook_id, before=read_number(cursor), limit=limit + 1)
    shown = rows[:limit]
    return DeliveryPageView(
        items=[DeliveryView.of(row) for row in shown],
        next_cursor=write_cursor(shown[-1].id) if len(rows) > limit else None,
    )
