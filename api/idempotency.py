"""`Idempotency-Key`: a write that is sent twice is done once."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Header, Request
from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse, Response

from api.deps import Now, Transaction
from moderation.idempotency import KeptAnswer, keep_answer, kept_answer
from moderation.tables import CommunityRow

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description=(
            "Any text of your own, new for every write. The same key with the same request within 24 hours gets the "
            "same answer again, with `Idempotent-Replayed: true`, and nothing is done twice. Errors are not kept."
        ),
        examples=["import-2026-03-01-0007"],
    ),
]


@dataclass(frozen=True)
class Write:
    """One request that changes something.

    Attributes
    ----------
    request_hash : names everything that the request says.
    """

    session: Session
    key: str | None
    request_hash: str
    now: datetime

    def once(self, community: CommunityRow, do: Callable[[], BaseModel | None]) -> Response:
        """Do what is asked for, or answer as the first time; without an answer to give the status is 204.

        Raises
        ------
        IdempotencyKeyReused
        """
        if self.key is None:
            return _response(_answer(do()))
        kept = kept_answer(self.session, community.id, self.key, request_hash=self.request_hash, now=self.now)
        if kept is not None:
            return _response(kept, replayed=True)
        answer = _answer(do())
        keep_answer(self.session, community.id, self.key, request_hash=self.request_hash, answer=answer, now=self.now)
        return _response(answer)


async def get_write(request: Request, session: Transaction, now: Now, key: IdempotencyKey = None) -> Write:
    """The write that a request asks for."""
    said = [request.method, str(request.url), request.headers.get("Klankbord-Moderator", "")]
    hashed = hashlib.sha256("\0".join(said).encode(errors="surrogatepass"))
    hashed.update(await request.body())
    return Write(session, key, hashed.hexdigest(), now)


Writing = Annotated[Write, Depends(get_write)]


def _answer(body: BaseModel | None) -> KeptAnswer:
    return KeptAnswer(204, {}) if body is None else KeptAnswer(200, body.model_dump(mode="json"))


def _response(answer: KeptAnswer, *, replayed: bool = False) -> Response:
    headers = {"Idempotent-Replayed": "true"} if replayed else {}
    if answer.status == 204:
        return Response(status_code=204, headers=headers)
    return JSONResponse(answer.body, answer.status, headers=headers)
