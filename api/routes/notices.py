"""What is told without being asked for: alarms, and the daily digest with those who get it."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.auth import COMMUNITY, MayAdminister, MayRead
from api.cursors import CursorParameter, Limit, read_number, write_cursor
from api.deps import Now, ServiceParts, Transaction
from api.idempotency import Writing
from api.schemas.notices import (
    AlarmPageView,
    AlarmView,
    DigestLanguage,
    DigestView,
    RecipientBody,
    RecipientsView,
    RecipientView,
)
from api.schemas.problem import WRITES, problems
from api.schemas.text import NO_NUL
from moderation.alarms import list_alarms, n_open_alarms
from moderation.communities import community_of
from moderation.digest import due_day, make_digest
from moderation.digest_sending import (
    add_recipient,
    digest_in_words,
    digest_language,
    list_recipients,
    remove_recipient,
)

router = APIRouter(prefix=COMMUNITY, tags=["Notices"])

Address = Annotated[str, Path(pattern=NO_NUL, description="As it was given.", examples=["noor@example.org"])]
FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2199, 12, 31)


@router.get("/alarms", summary="List alarms", responses=problems())
def read_alarms(
    caller: MayRead,
    session: Transaction,
    state: Literal["open", "closed"] | None = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> AlarmPageView:
    """What cannot wait, newest first: one alarm for each cause, closed when the cause ends."""
    community_id = caller.community.id
    rows = list_alarms(session, community_id, state=state, before=read_number(cursor), limit=limit + 1)
    shown = rows[:limit]
    return AlarmPageView(
        n_open=n_open_alarms(session, community_id),
        items=[AlarmView.of(row) for row in shown],
        next_cursor=write_cursor(shown[-1].id) if len(rows) > limit else None,
    )


@router.get("/digest", summary="Read a day's digest", responses=problems())
def read_digest(
    caller: MayRead,
    session: Transaction,
    service: ServiceParts,
    now: Now,
    day: Annotated[
        date | None,
        Query(alias="date", ge=FIRST_DAY, le=LAST_DAY, description="The day that it tells of; left out: the newest."),
    ] = None,
    language: Annotated[DigestLanguage | None, Query(description="Left out: the community's.")] = None,
) -> DigestView:
    """Who waits too long, what needs attention and what was answered, as text, as HTML and as figures."""
    community = community_of(caller.community)
    digest = make_digest(session, caller.community, day or due_day(community, now), now=now)
    words = digest_in_words(
        session,
        caller.community,
        digest,
        language=language or digest_language(community),
        public_url=service.settings.public_url,
    )
    return DigestView.of(digest, words)


@router.get("/digest/recipients", summary="List who gets the digest", responses=problems())
def read_recipients(caller: MayAdminister, session: Transaction) -> RecipientsView:
    """The addresses that the daily digest is sent to."""
    rows = list_recipients(session, caller.community.id)
    return RecipientsView(items=[RecipientView.of(row) for row in rows])


@router.post(
    "/digest/recipients",
    summary="Send somebody the digest",
    response_model=RecipientView,
    responses=problems(*WRITES),
)
def write_recipient(
    caller: MayAdminister, body: RecipientBody, session: Transaction, now: Now, write: Writing
) -> Response:
    """Adds an address, or changes how it gets the digest. Nothing is sent where no mail server is configured."""

    def add() -> RecipientView:
        row = add_recipient(
            session,
            caller.community.id,
            body.address,
            language=body.language,
            when_quiet=body.when_quiet,
            now=now,
        )
        return RecipientView.of(row)

    return write.once(caller.community, add)


@router.delete(
    "/digest/recipients/{address}",
    summary="Send somebody the digest no more",
    status_code=204,
    responses=problems(*WRITES),
)
def delete_recipient(caller: MayAdminister, address: Address, session: Transaction, write: Writing) -> Response:
    """Takes an address off the list, and forgets what was sent to it."""
    return write.once(caller.community, lambda: remove_recipient(session, caller.community.id, address))
