"""The tables of the service. Rows are what is stored; what they mean is decided in the stages.

Everything that belongs to a person hangs below `posts` and is deleted with it; vectors live in the same database for
that reason. `decisions` is append-only: a trigger refuses changes.
"""

from datetime import date, datetime
from typing import Any

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    Text,
    UniqueConstraint,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMES = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The root of every table; text has no length limit, moments know their zone, whole numbers are 64 bits."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {  # noqa: RUF012 - as SQLAlchemy documents it
        str: Text,
        int: BigInteger,
        float: Double,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[dict[str, Any]]: JSONB,
        list[str]: ARRAY(Text),
        list[float | None]: ARRAY(Double),
    }


class CommunityRow(Base):
    """One tenant. `settings` holds the fields of `moderation.config.Community`."""

    __tablename__ = "communities"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    settings: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class PostRow(Base):
    """The newest version of a post; the fields of `moderation.posts.Post` beside what the service keeps about it.

    Attributes
    ----------
    content_hash : of everything that the record says, to tell an unchanged record.
    words_hash : of title and text alone; the signals are made anew when it changes.
    revision : from 1; counts the changes of `words_hash`. A decision names the revision that was shown.
    placed_topic_id : the topic that a moderator put the post in, over the one that was found.
    waiting_since : when the words arrived that still have to be scored; None = nothing to do.
    not_scored_reason : why scoring failed for good; None = it did not.
    is_backfill : came in an import; new posts go first.
    """

    __tablename__ = "posts"
    __table_args__ = (
        Index("ix_posts_thread", "community_id", "thread_id", "created_at", "id"),
        Index("ix_posts_time", "community_id", "created_at", "id"),
        Index("ix_posts_author", "community_id", "author_id"),
        Index("ix_posts_waiting", "community_id", "waiting_since", postgresql_where=text("waiting_since IS NOT NULL")),
    )

    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    thread_id: Mapped[str]
    parent_id: Mapped[str | None]
    space: Mapped[str | None]
    author_id: Mapped[str | None]
    author_name: Mapped[str | None]
    role: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    title: Mapped[str | None]
    text: Mapped[str]
    is_html: Mapped[bool]
    likes: Mapped[int]
    language: Mapped[str | None]
    accepted: Mapped[bool]
    locked_at: Mapped[datetime | None]
    kind: Mapped[str]
    content_hash: Mapped[str]
    words_hash: Mapped[str]
    revision: Mapped[int] = mapped_column(server_default="1")
    placed_topic_id: Mapped[int | None]
    waiting_since: Mapped[datetime | None]
    not_scored_reason: Mapped[str | None]
    is_backfill: Mapped[bool] = mapped_column(server_default=false())
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ScoreRow(Base):
    """What one version of the models reads in one post; a post without a row for its words is still waiting.

    Attributes
    ----------
    words_hash : of the words that were read; another one on the post means that these scores are old.
    language : ISO 639-1 code or "unknown".
    vector : unit length; None for posts without any words.
    signals : in the order of `models.signals.SIGNALS`, each 0..1 or None.
    talk : log odds in the order of `models.talk.REPLY_KINDS`, then `OUTCOMES`; None = scored before there were any.
    sentences : which sentences carry the signals that reach their thresholds, see
        `moderation.explanations.explain_signals`; None = scored before there were any.
    topic_id, off_purpose, off_thread : None for the reason beside it; all None until the community has been fitted.
    words : for search by word, in the post's language.
    judged_at : when topic and relevance were last worked out; None = not yet.
    """

    __tablename__ = "scores"
    __table_args__ = (
        ForeignKeyConstraint(["community_id", "post_id"], ["posts.community_id", "posts.id"], ondelete="CASCADE"),
        Index("ix_scores_topic", "community_id", "model_version", "topic_id"),
        Index("ix_scores_words", "words", postgresql_using="gin"),
    )

    community_id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[str] = mapped_column(primary_key=True)
    model_version: Mapped[str] = mapped_column(primary_key=True)
    words_hash: Mapped[str]
    language: Mapped[str]
    n_words: Mapped[int]
    vector: Mapped[Any | None] = mapped_column(HALFVEC())
    signals: Mapped[list[float | None]]
    talk: Mapped[list[float | None] | None]
    sentences: Mapped[dict[str, Any] | None]
    topic_id: Mapped[int | None]
    topic_cosine: Mapped[float | None]
    unsorted_reason: Mapped[str | None]
    off_purpose: Mapped[float | None]
    off_purpose_reason: Mapped[str | None]
    off_thread: Mapped[float | None]
    off_thread_reason: Mapped[str | None]
    words: Mapped[Any | None] = mapped_column(TSVECTOR)
    scored_at: Mapped[datetime] = mapped_column(server_default=func.now())
    judged_at: Mapped[datetime | None]


class FlagRow(Base):
    """One post before the moderators, with every reason; at most one open row per post.

    Attributes
    ----------
    revision : of the post that the reasons speak of.
    status : "open" while any reason is open, "decided" when people decided the last one, "closed" when the software
        did (`closed_reason`: the post was deleted, edited, answered, or no reason holds any more).
    reasons : each {lane, reason, probability, threshold, evidence, status}; status "open", "decided" or "gone".
    lanes : the lanes with an open reason, to filter by.
    priority, priority_parts : see `moderation.priority`.
    claimed_by : who is working on it until `claimed_until`; a claim past that moment counts no more.
    """

    __tablename__ = "flags"
    __table_args__ = (
        ForeignKeyConstraint(["community_id", "post_id"], ["posts.community_id", "posts.id"], ondelete="CASCADE"),
        Index("uq_flags_open", "community_id", "post_id", unique=True, postgresql_where=text("status = 'open'")),
        Index("ix_flags_queue", "community_id", "status", text("priority DESC"), "id"),
        CheckConstraint("status IN ('open', 'decided', 'closed')", name="status"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    community_id: Mapped[int]
    post_id: Mapped[str]
    thread_id: Mapped[str]
    revision: Mapped[int]
    model_version: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="open")
    closed_reason: Mapped[str | None]
    reasons: Mapped[list[dict[str, Any]]]
    lanes: Mapped[list[str]]
    priority: Mapped[float]
    priority_parts: Mapped[dict[str, Any]]
    opened_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    closed_at: Mapped[datetime | None]
    claimed_by: Mapped[int | None] = mapped_column(ForeignKey("moderators.id"))
    claimed_until: Mapped[datetime | None]


class DecisionRow(Base):
    """What a person did with a flag. Append-only: an undo is a row that names the row it takes back.

    Attributes
    ----------
    lane : the lane that the decision is about; its open reasons are closed by it ("skip" closes none).
    revision : of the post as the person saw it.
    reasons : those of the lane as they were shown, for training and for the record.
    space, topic_id : for "place": where the post belongs; neither = a new topic.
    mode : "live", or "shadow" for a candidate model's flag that nobody acts on.
    """

    __tablename__ = "decisions"
    __table_args__ = (
        Index("ix_decisions_flag", "flag_id", "id"),
        Index("ix_decisions_post", "community_id", "post_id", "id"),
        CheckConstraint(
            "action IN ('agree', 'disagree', 'place', 'answered_elsewhere', 'recommend_removal', 'skip', 'undo')",
            name="action",
        ),
        CheckConstraint("(action = 'undo') = (undoes IS NOT NULL)", name="undo_names_a_decision"),
        CheckConstraint("action <> 'recommend_removal' OR lane = 'review'", name="removal_from_review_only"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id", ondelete="CASCADE"))
    flag_id: Mapped[int]
    post_id: Mapped[str]
    lane: Mapped[str]
    revision: Mapped[int]
    action: Mapped[str]
    space: Mapped[str | None]
    topic_id: Mapped[int | None]
    note: Mapped[str | None]
    reasons: Mapped[list[dict[str, Any]]]
    model_version: Mapped[str]
    mode: Mapped[str] = mapped_column(server_default="live")
    moderator_id: Mapped[int] = mapped_column(ForeignKey("moderators.id"))
    undoes: Mapped[int | None] = mapped_column(ForeignKey("decisions.id"), unique=True)
    decided_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class ModeratorRow(Base):
    """A person who works a community's queue; one who came through an API key has no password.

    `name` is what other moderators see, and what a person signs in with.
    """

    __tablename__ = "moderators"
    __table_args__ = (UniqueConstraint("community_id", "name"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id", ondelete="CASCADE"))
    name: Mapped[str]
    password_hash: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    disabled_at: Mapped[datetime | None]


class SignInRow(Base):
    """One browser of a moderator; the cookie's token is stored as a SHA-256 only."""

    __tablename__ = "sign_ins"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    moderator_id: Mapped[int] = mapped_column(ForeignKey("moderators.id", ondelete="CASCADE"))
    csrf_token: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]


class ApiKeyRow(Base):
    """A key of a community's platform; stored as a SHA-256, shown once.

    `scope` is one of "ingest", "read", "moderate", "admin"; `prefix` its first characters, to tell keys apart.
    """

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id", ondelete="CASCADE"))
    key_hash: Mapped[str] = mapped_column(unique=True)
    prefix: Mapped[str]
    name: Mapped[str]
    scope: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class IdempotencyRow(Base):
    """The answer to a write that carried an `Idempotency-Key`, to be given again to a repeat of it."""

    __tablename__ = "idempotency_keys"

    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[str]
    status: Mapped[int]
    body: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class EventRow(Base):
    """Something that those who watch a queue want to know, written with the change that it tells of.

    `transaction` numbers the transaction that wrote it: rows come into sight in another order than their ids.
    """

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_community", "community_id", "transaction", "id"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id", ondelete="CASCADE"))
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    transaction: Mapped[int] = mapped_column(server_default=text("pg_current_xact_id()::text::bigint"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class FitRow(Base):
    """What new posts of a community are measured against, fitted on its posts; the newest one counts.

    `arrays` is a NumPy .npz file, see `moderation.fits`.
    """

    __tablename__ = "fits"

    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id", ondelete="CASCADE"), primary_key=True)
    model_version: Mapped[str] = mapped_column(primary_key=True)
    fitted_at: Mapped[datetime]
    n_posts: Mapped[int]
    arrays: Mapped[bytes] = mapped_column(LargeBinary)


class FindingRow(Base):
    """The contents of one of the files of `klankbord analyse`, worked out over all posts at one moment.

    `kind` is "topics", "drift", "splits", "response_times", "members", "faq" or "ideas"; "report" holds the page by
    language.
    """

    __tablename__ = "findings"

    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    found_at: Mapped[datetime]
    n_posts: Mapped[int]
    model_version: Mapped[str]
    contents: Mapped[dict[str, Any]]


class AlarmRow(Base):
    """Something that cannot wait for the next look at the report; at most one open row for each cause.

    Attributes
    ----------
    kind : see `moderation.alarms.AlarmKind`.
    cause : what it is about: the id of the episode's first post, or "topic 12".
    evidence : post ids, counts and moments; never what a post says, never who wrote it.
    since : when the cause arose.
    closed_reason : why it is over; None while it is open.
    """

    __tablename__ = "alarms"
    __table_args__ = (
        Index(
            "uq_alarms_open", "community_id", "kind", "cause", unique=True, postgresql_where=text("closed_at IS NULL")
        ),
        Index("ix_alarms_community", "community_id", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id", ondelete="CASCADE"))
    kind: Mapped[str]
    cause: Mapped[str]
    evidence: Mapped[dict[str, Any]]
    since: Mapped[datetime]
    opened_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_reason: Mapped[str | None]


class WebhookRow(Base):
    """An address that a community's events are sent to.

    Attributes
    ----------
    secret, previous_secret : what signs; the previous one signs too until `previous_until`, so that both sides can
        change over. Both are needed to sign, so they cannot be stored as hashes.
    place : how far the events have been taken over into deliveries, as `moderation.events.Place` writes it.
    failing_since : of the first of the failures since the last success; None = the last one went well.
    disabled_at, disabled_reason : when and why nothing is sent any more; None = in use.
    last_status : HTTP status of the last answer; None = none yet, or no answer came (`last_error` says why).
    """

    __tablename__ = "webhooks"
    __table_args__ = (Index("ix_webhooks_community", "community_id", "id"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id", ondelete="CASCADE"))
    url: Mapped[str]
    events: Mapped[list[str]]
    secret: Mapped[str]
    previous_secret: Mapped[str | None]
    previous_until: Mapped[datetime | None]
    place: Mapped[str]
    created_at: Mapped[datetime]
    failing_since: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str | None]
    last_attempt_at: Mapped[datetime | None]
    last_status: Mapped[int | None]
    last_error: Mapped[str | None]


class WebhookDeliveryRow(Base):
    """One event on its way to one address.

    Attributes
    ----------
    message_id : the same at every attempt, so that the receiver can tell a repeat.
    next_attempt_at : None = it arrived, or it was given up.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("webhook_id", "message_id"),
        Index(
            "ix_webhook_deliveries_due",
            "next_attempt_at",
            postgresql_where=text("next_attempt_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    message_id: Mapped[str]
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    happened_at: Mapped[datetime]
    n_attempts: Mapped[int] = mapped_column(server_default="0")
    next_attempt_at: Mapped[datetime | None]
    last_status: Mapped[int | None]
    last_error: Mapped[str | None]
    delivered_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]


class DigestRecipientRow(Base):
    """Somebody who gets a community's daily digest; taking the row away ends it.

    `language` is one of `moderation.reports.wording.REPORT_LANGUAGES`; None = the community's. `when_quiet` = also on
    days on which there is nothing to tell.
    """

    __tablename__ = "digest_recipients"

    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id", ondelete="CASCADE"), primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[str | None]
    when_quiet: Mapped[bool] = mapped_column(server_default=false())
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class DigestRow(Base):
    """One day's digest to one recipient; the row is there before anything is sent, so that nothing is sent twice.

    Attributes
    ----------
    day : in the community's time zone.
    taken_at : when a worker last set out to send it.
    sent_at : when the mail server took it; None = not (yet).
    outcome : None while it is being sent; "sent", "nothing to tell", or why it failed.
    """

    __tablename__ = "digests"
    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "address"],
            ["digest_recipients.community_id", "digest_recipients.address"],
            ondelete="CASCADE",
        ),
    )

    community_id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    taken_at: Mapped[datetime]
    n_attempts: Mapped[int] = mapped_column(server_default="1")
    sent_at: Mapped[datetime | None]
    outcome: Mapped[str | None]


class TopicEventRow(Base):
    """What became of one topic at one refit; see `topics.ledger.TopicEvent`. Append-only.

    Attributes
    ----------
    kind : "kept", "renamed", "split", "merged", "new" or "retired".
    name, name_before : as it was called after and before the refit; None = it was not there.
    other_ids : the topics that it was split into, split from or merged with.
    went_to, came_from : each {topic_id, n_posts, share}; topic 0 = unsorted.
    """

    __tablename__ = "topic_events"
    __table_args__ = (
        Index("ix_topic_events_time", "community_id", "happened_at", "topic_id"),
        Index("ix_topic_events_topic", "community_id", "topic_id", "happened_at"),
        CheckConstraint("kind IN ('kept', 'renamed', 'split', 'merged', 'new', 'retired')", name="kind"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id", ondelete="CASCADE"))
    topic_id: Mapped[int]
    happened_at: Mapped[datetime]
    kind: Mapped[str]
    name: Mapped[str | None]
    name_before: Mapped[str | None]
    n_posts_before: Mapped[int]
    n_posts_after: Mapped[int]
    other_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    went_to: Mapped[list[dict[str, Any]]]
    came_from: Mapped[list[dict[str, Any]]]


class TopicStateRow(Base):
    """What a topic was after one refit.

    Attributes
    ----------
    share : of all visible posts, in [0, 1].
    exemplar_ids : posts near its centre; some may be gone since.
    theme_id, theme_name : the theme that it stood under; None = there were no themes.
    """

    __tablename__ = "topic_states"

    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id", ondelete="CASCADE"), primary_key=True)
    topic_id: Mapped[int] = mapped_column(primary_key=True)
    fitted_at: Mapped[datetime] = mapped_column(primary_key=True)
    name: Mapped[str]
    named_by_moderator: Mapped[bool]
    terms: Mapped[list[str]]
    language: Mapped[str]
    n_posts: Mapped[int]
    share: Mapped[float]
    exemplar_ids: Mapped[list[str]]
    theme_id: Mapped[int | None]
    theme_name: Mapped[str | None]


class TopicOrderRow(Base):
    """What a moderator asked of a topic. Append-only: an undo is a row that names the row it takes back.

    Attributes
    ----------
    other_topic_id : for "merge" the topic that it goes into, for "keep_apart" the one that it stays apart from.
    name : for "rename".
    before : what an undo puts back: the name that was, or the topic that was merged away with the ids of its posts.
    """

    __tablename__ = "topic_orders"
    __table_args__ = (
        Index("ix_topic_orders_topic", "community_id", "topic_id", "id"),
        CheckConstraint("action IN ('rename', 'merge', 'pin', 'unpin', 'keep_apart', 'undo')", name="action"),
        CheckConstraint("(action = 'undo') = (undoes IS NOT NULL)", name="undo_names_an_order"),
        CheckConstraint(
            "(action IN ('merge', 'keep_apart')) = (other_topic_id IS NOT NULL) OR action = 'undo'", name="other_topic"
        ),
        CheckConstraint("action <> 'rename' OR name IS NOT NULL", name="new_name"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id", ondelete="CASCADE"))
    topic_id: Mapped[int]
    action: Mapped[str]
    other_topic_id: Mapped[int | None]
    name: Mapped[str | None]
    before: Mapped[dict[str, Any]]
    moderator_id: Mapped[int] = mapped_column(ForeignKey("moderators.id"))
    undoes: Mapped[int | None] = mapped_column(ForeignKey("topic_orders.id"), unique=True)
    ordered_at: Mapped[datetime]


class WaitRow(Base):
    """A negative episode or a question of a member as the newest judgement of its thread has it.

    Attributes
    ----------
    kind : "episode" or "question".
    post_id : the post that opened it.
    is_open : nobody has answered, and somebody still can.
    answer_post_id : the first answer; None = none.
    worked : what shows that the answer worked: "corrected" or "accepted"; None = nothing does.
    contents : an episode as in response_times.json, each with its steps; see `moderation.wait_records`.
    first_seen_at : when the service first saw it; a wait counts from at most a day before.
    worked_out_at : of the judgement.
    """

    __tablename__ = "waits"
    __table_args__ = (
        ForeignKeyConstraint(["community_id", "post_id"], ["posts.community_id", "posts.id"], ondelete="CASCADE"),
        Index("ix_waits_time", "community_id", "kind", "started_at", "post_id"),
        Index("ix_waits_thread", "community_id", "thread_id"),
        Index("ix_waits_open", "community_id", postgresql_where=text("is_open")),
        CheckConstraint("kind IN ('episode', 'question')", name="kind"),
    )

    community_id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    post_id: Mapped[str] = mapped_column(primary_key=True)
    thread_id: Mapped[str]
    started_at: Mapped[datetime]
    topic_id: Mapped[int | None]
    is_open: Mapped[bool]
    answer_post_id: Mapped[str | None]
    worked: Mapped[str | None]
    contents: Mapped[dict[str, Any]]
    model_version: Mapped[str]
    first_seen_at: Mapped[datetime]
    worked_out_at: Mapped[datetime]


class EpisodeCorrectionRow(Base):
    """What a moderator corrected about an episode or a question. Append-only: an undo names the row it takes back.

    Attributes
    ----------
    episode_id : the post that opened the episode when it was corrected, or that asks.
    post_id : the reply, the amplifying post, the post that shows the correction, or the new start.
    kind : for "reply_kind": what the reply is.
    put_right_by : for "corrected": "staff", "peer" or "community".
    before : what the software had said of it, for the record and for training; empty for an undo.
    """

    __tablename__ = "episode_corrections"
    __table_args__ = (
        Index("ix_episode_corrections_episode", "community_id", "episode_id", "id"),
        CheckConstraint(
            "action IN ('episode', 'no_episode', 'other_start', 'reply_kind', 'amplifies', 'amplifies_not', "
            "'corrected', 'not_corrected', 'question', 'no_question', 'undo')",
            name="action",
        ),
        CheckConstraint("(action = 'undo') = (undoes IS NOT NULL)", name="undo_names_a_correction"),
        CheckConstraint("(action = 'reply_kind') = (kind IS NOT NULL)", name="kind_of_reply"),
        CheckConstraint("(action = 'corrected') = (put_right_by IS NOT NULL)", name="put_right_by_somebody"),
        CheckConstraint(
            "(action IN ('other_start', 'reply_kind', 'amplifies', 'amplifies_not', 'corrected')) "
            "= (post_id IS NOT NULL)",
            name="names_a_post",
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id", ondelete="CASCADE"))
    episode_id: Mapped[str]
    action: Mapped[str]
    post_id: Mapped[str | None]
    kind: Mapped[str | None]
    put_right_by: Mapped[str | None]
    note: Mapped[str | None]
    before: Mapped[dict[str, Any]]
    model_version: Mapped[str]
    moderator_id: Mapped[int] = mapped_column(ForeignKey("moderators.id"))
    undoes: Mapped[int | None] = mapped_column(ForeignKey("episode_corrections.id"), unique=True)
    corrected_at: Mapped[datetime]


class LeftOutRow(Base):
    """A member who is in no member statistics, at their own wish; see `moderation.left_out`."""

    __tablename__ = "left_out"

    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id", ondelete="CASCADE"), primary_key=True)
    author_id: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime]


class ErasureRow(Base):
    """The erasure of one member: what keeps a later import from bringing the person back, and what was erased.

    Attributes
    ----------
    author_hash : HMAC-SHA-256 of the author id under `salt`, in hexadecimal; the id itself is nowhere.
    salt : random, the same for all erasures of a community.
    counts : how many rows of each kind were erased or changed; nothing about the person.
    erased_by : the name of the key, or "command line".
    """

    __tablename__ = "erasures"
    __table_args__ = (UniqueConstraint("community_id", "author_hash"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id", ondelete="CASCADE"))
    author_hash: Mapped[str]
    salt: Mapped[str]
    counts: Mapped[dict[str, Any]]
    erased_by: Mapped[str]
    erased_at: Mapped[datetime]


class ProposalRow(Base):
    """A proposal to split, to serve a niche, to merge or to revive, with its permanent id; see `moderation.proposals`.

    Attributes
    ----------
    state : "proposed", "returned" and "withdrawn" as the refits have it, "accepted" and "declined" by a moderator.
    parts : what it is recognised by: lists of author ids, spaces or threads.
    contents : the entry of splits.json when it was last found; of an accepted one, when it was accepted.
    followed : what became of an accepted one, as of the last refit; None = nothing yet, or not accepted.
    """

    __tablename__ = "proposals"
    __table_args__ = (
        Index("ix_proposals_community", "community_id", "kind", "id"),
        CheckConstraint("kind IN ('split', 'niche', 'merge', 'revive')", name="kind"),
        CheckConstraint("state IN ('proposed', 'declined', 'accepted', 'withdrawn', 'returned')", name="state"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id", ondelete="CASCADE"))
    kind: Mapped[str]
    state: Mapped[str]
    first_found_at: Mapped[datetime]
    last_found_at: Mapped[datetime]
    parts: Mapped[dict[str, Any]]
    contents: Mapped[dict[str, Any]]
    followed: Mapped[dict[str, Any] | None]


class ProposalEventRow(Base):
    """What became of a proposal, at a refit or by a moderator. Append-only; holds no member.

    Attributes
    ----------
    evidence : the figures at the moment that a declined proposal's return is measured by.
    """

    __tablename__ = "proposal_events"
    __table_args__ = (
        Index("ix_proposal_events_proposal", "proposal_id", "id"),
        CheckConstraint(
            "kind IN ('proposed', 'withdrawn', 'returned', 'declined', 'accepted', 'reopened')", name="kind"
        ),
        CheckConstraint(
            "(kind IN ('declined', 'accepted', 'reopened')) = (moderator_id IS NOT NULL)", name="decided_by_somebody"
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id", ondelete="CASCADE"))
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposals.id", ondelete="CASCADE"))
    kind: Mapped[str]
    evidence: Mapped[dict[str, Any]]
    note: Mapped[str | None]
    moderator_id: Mapped[int | None] = mapped_column(ForeignKey("moderators.id"))
    happened_at: Mapped[datetime]
