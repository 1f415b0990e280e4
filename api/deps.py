"""What endpoints are given: the parts of the service, a transaction, the time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, cast

from fastapi import Depends
from sqlalchemy.orm import Session
from starlette.requests import HTTPConnection

from api.metrics import Metrics
from moderation.accounts import SignInAttempts
from moderation.db import Database
from moderation.pipeline import Models
from moderation.settings import Settings


@dataclass(frozen=True)
class Service:
    """What the process opened once and every request uses."""

    database: Database
    models: Models
    settings: Settings = field(default_factory=Settings)
    metrics: Metrics = field(default_factory=Metrics)
    sign_in_attempts: SignInAttempts = field(default_factory=SignInAttempts)


def get_service(connection: HTTPConnection) -> Service:
    """The parts of the service."""
    return cast(Service, connection.app.state.service)


def get_session(service: Annotated[Service, Depends(get_service)]) -> Iterator[Session]:
    """One transaction, committed before the answer goes out."""
    with service.database.transaction() as session:
        yield session


def get_now() -> datetime:
    """The clock; tests put another in its place."""
    return datetime.now(UTC)


ServiceParts = Annotated[Service, Depends(get_service)]
Transaction = Annotated[Session, Depends(get_session, scope="function")]
Now = Annotated[datetime, Depends(get_now)]
