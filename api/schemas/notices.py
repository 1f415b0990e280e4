"""Alarms, webhooks and the daily digest."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.text import StorableText
from moderation.alarms import AlarmKind, alarm_as_json
from moderation.digest import Digest, WaitingPost
from moderation.events import EventKind
from moderation.reports.digest_text import DigestText, as_html, as_plain_text
from moderation.tables import AlarmRow, DigestRecipientRow, WebhookDeliveryRow, WebhookRow
from moderation.webhooks import DEFAULT_EVENTS

DigestLanguage = Literal["nl", "en"]


class AlarmView(BaseModel):
    """Something that cannot wait for the next look at the report."""

    id: int
    kind: AlarmKind = Field(
        description="`amplified`: several members joined in within a day. `past_target`: an unhappy member waits "
        "longer than the community wants. `negative_topic`: a topic turned negative, or emerged as a negative one."
    )
    cause: str = Field(description="The id of the episode's first post, or the topic.", examples=["p81", "topic 12"])
    since: datetime = Field(description="When the cause arose.")
    opened_at: datetime
    closed_at: datetime | None = Field(description="When the cause had ended; null = it has not.")
    closed_reason: str | None
    evidence: dict[str, Any] = Field(description="`post_ids`, `n_authors` and the figures of the kind.")

    @classmethod
    def of(cls, row: AlarmRow) -> Self:
        """An alarm as it is stored."""
        return cls.model_validate(alarm_as_json(row))


class AlarmPageView(BaseModel):
    """Some alarms, the newest first."""

    n_open: int = Field(description="How many are open in all.")
    items: list[AlarmView]
    next_cursor: str | None


class WebhookBody(BaseModel):
    """An address to send events to."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"url": "https://example.org/klankbord", "events": ["alarm_opened", "alarm_closed"]}]
        }
    )

    url: Annotated[StorableText, Field(max_length=2000, examples=["https://example.org/klankbord"])]
    events: list[EventKind] = Field(default=list(DEFAULT_EVENTS), min_length=1, max_length=50)


class WebhookView(BaseModel):
    """An address that events are sent to, without its secret."""

    id: int
    url: str
    events: list[str]
    created_at: datetime
    previous_secret_until: datetime | None = Field(description="Until then the secret before signs too.")
    failing_since: datetime | None = Field(description="The first failure since the last success; null = all is well.")
    disabled_at: datetime | None = Field(description="Nothing is sent since then; null = in use.")
    disabled_reason: str | None
    last_attempt_at: datetime | None
    last_status: int | None = Field(description="Of the last answer; null = none came, `last_error` says why.")
    last_error: str | None

    @classmethod
    def of(cls, row: WebhookRow) -> Self:
        """A webhook as it is stored."""
        return cls(previous_secret_until=row.previous_until, **{name: getattr(row, name) for name in _SAME_NAME})


_SAME_NAME = (
    "id",
    "url",
    "events",
    "created_at",
    "failing_since",
    "disabled_at",
    "disabled_reason",
    "last_attempt_at",
    "last_status",
    "last_error",
)


class WebhookSecretView(BaseModel):
    """A webhook with the secret that its messages are signed with; it is shown only here."""

    webhook: WebhookView
    secret: str = Field(examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"])

    @classmethod
    def of_row(cls, row: WebhookRow) -> Self:
        """A webhook as it is stored."""
        return cls(webhook=WebhookView.of(row), secret=row.secret)


class WebhooksView(BaseModel):
    """A community's webhooks."""

    items: list[WebhookView]


class DeliveryView(BaseModel):
    """One event on its way to one address."""

    id: int
    message_id: str = Field(description="The `webhook-id`: the same at every attempt.")
    type: str
    happened_at: datetime
    n_attempts: int
    next_attempt_at: datetime | None = Field(description="null = it arrived, or was given up.")
    delivered_at: datetime | None
    given_up_at: datetime | None
    last_status: int | None
    last_error: str | None

    @classmethod
    def of(cls, row: WebhookDeliveryRow) -> Self:
        """A delivery as it is stored."""
        return cls(
            id=row.id,
            message_id=row.message_id,
            type=row.kind,
            happened_at=row.happened_at,
            n_attempts=row.n_attempts,
            next_attempt_at=row.next_attempt_at,
            delivered_at=row.delivered_at,
            given_up_at=row.given_up_at,
            last_status=row.last_status,
            last_error=row.last_error,
        )


class DeliveryPageView(BaseModel):
    """Some deliveries, the newest first."""

    items: list[DeliveryView]
    next_cursor: str | None


class WaitingView(BaseModel):
    """A post that waits for an answer."""

    post_id: str
    thread_id: str
    since: datetime

    @classmethod
    def of(cls, waiting: WaitingPost) -> Self:
        """A post of a digest."""
        return cls(post_id=waiting.post_id, thread_id=waiting.thread_id, since=waiting.since)


class DigestView(BaseModel):
    """One day of a community, as it is told the next morning."""

    day: date
    as_of: datetime = Field(description="The moment that the open matters are told for.")
    found_at: datetime | None = Field(description="When the posts were last looked at as a whole; null = never.")
    is_quiet: bool = Field(description="There is nothing to tell; by default no mail is sent.")
    late: list[WaitingView] = Field(description="Unhappy posts of two weeks without an answer past the target.")
    n_late_older: int
    unanswered_questions: list[WaitingView]
    n_answered: int = Field(description="Unhappy posts that got their first answer on the day.")
    n_corrected: int
    alarms: list[AlarmView]
    n_alarms_closed: int
    language: str
    subject: str
    text: str
    html: str

    @classmethod
    def of(cls, digest: Digest, words: DigestText) -> Self:
        """A digest with its words."""
        return cls(
            day=digest.day,
            as_of=digest.as_of,
            found_at=digest.found_at,
            is_quiet=digest.is_quiet,
            late=[WaitingView.of(one) for one in digest.late],
            n_late_older=digest.n_late_older,
            unanswered_questions=[WaitingView.of(one) for one in digest.questions],
            n_answered=digest.n_answered,
            n_corrected=digest.n_corrected,
            alarms=[AlarmView.of(row) for row in digest.alarms],
            n_alarms_closed=digest.n_alarms_closed,
            language=words.language,
            subject=words.subject,
            text=as_plain_text(words),
            html=as_html(words),
        )


class RecipientBody(BaseModel):
    """Somebody who wants the daily digest."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"address": "noor@example.org", "language": "nl", "when_quiet": False}]}
    )

    address: Annotated[StorableText, Field(max_length=254, examples=["noor@example.org"])]
    language: DigestLanguage | None = Field(None, description="null = the community's.")
    when_quiet: bool = Field(False, description="Also on days on which there is nothing to tell.")


class RecipientView(BaseModel):
    """Somebody who gets the daily digest."""

    address: str
    language: DigestLanguage | None
    when_quiet: bool
    created_at: datetime

    @classmethod
    def of(cls, row: DigestRecipientRow) -> Self:
        """A recipient as it is stored."""
        language: DigestLanguage | None = "nl" if row.language == "nl" else "en" if row.language == "en" else None
        return cls(address=row.address, language=language, when_quiet=row.when_quiet, created_at=row.created_at)


class RecipientsView(BaseModel):
    """Who gets a community's daily digest."""

    items: list[RecipientView]
