"""Webhooks and the daily digest on the command line."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

import typer

from api.service_commands import migrated, say
from moderation.communities import community_of, find_community
from moderation.digest import due_day, make_digest
from moderation.digest_sending import (
    add_recipient,
    digest_in_words,
    digest_language,
    list_recipients,
    remove_recipient,
)
from moderation.errors import DeliveryFailed
from moderation.events import EventKind
from moderation.reports.digest_text import as_html, as_plain_text
from moderation.settings import Settings
from moderation.tables import WebhookRow
from moderation.webhook_delivery import send_test
from moderation.webhooks import (
    DEFAULT_EVENTS,
    EVENT_KINDS,
    add_webhook,
    enable_webhook,
    find_webhook,
    list_webhooks,
    remove_webhook,
    rotate_secret,
)

webhooks = typer.Typer(no_args_is_help=True, help="Addresses that a community's events are sent to.")
digest = typer.Typer(no_args_is_help=True, help="The daily digest, and who gets it.")

_Slug = Annotated[str, typer.Option("--community", help="The community's short name, as in its addresses.")]
_Number = Annotated[int, typer.Argument(help="Its number in klankbord webhooks list.")]
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Language = Annotated[Literal["nl", "en"] | None, typer.Option(help="Left out: the community's.")]


@webhooks.command("add")
def add_command(
    url: Annotated[str, typer.Argument(help="An https address.")],
    community: _Slug,
    event: Annotated[
        list[str] | None, typer.Option(help="What to send; several times for several. Left out: alarms.")
    ] = None,
) -> None:
    """Send events to an address from now on; prints the secret that they are signed with, once.

    Example: klankbord webhooks add https://example.org/klankbord --community mandeveld --event alarm_opened
    """
    with migrated() as database, database.transaction() as session:
        row = add_webhook(
            session,
            find_community(session, community).id,
            url,
            read_events(event or DEFAULT_EVENTS),
            allow_private=Settings().webhooks_to_private_addresses,
            now=datetime.now(UTC),
        )
    say(f"webhook {row.id} is added; its secret is not shown again:")
    typer.echo(row.secret)


@webhooks.command("list")
def list_command(community: _Slug, as_json: _AsJson = False) -> None:
    """List a community's webhooks, and how the last attempt went.

    Example: klankbord webhooks list --community mandeveld
    """
    with migrated() as database, database.transaction() as session:
        rows = list_webhooks(session, find_community(session, community).id)
    if as_json:
        typer.echo(json.dumps([_as_json(row) for row in rows]))
        return
    for row in rows:
        typer.echo(f"{row.id}\t{row.url}\t{','.join(row.events)}\t{_state(row)}")


@webhooks.command("remove")
def remove_command(webhook: _Number, community: _Slug) -> None:
    """Send nothing to an address any more.

    Example: klankbord webhooks remove 3 --community mandeveld
    """
    with migrated() as database, database.transaction() as session:
        remove_webhook(session, find_community(session, community).id, webhook)
    say(f"webhook {webhook} is removed")


@webhooks.command("test")
def test_command(webhook: _Number, community: _Slug) -> None:
    """Send a test message now and say what came of it; exit code 1 if it did not arrive.

    Example: klankbord webhooks test 3 --community mandeveld
    """
    now = datetime.now(UTC)
    with migrated() as database:
        with database.transaction() as session:
            row = find_webhook(session, find_community(session, community).id, webhook)
        attempt = send_test(row, community, allow_private=Settings().webhooks_to_private_addresses, now=now)
    if not attempt.is_delivered:
        raise DeliveryFailed(attempt.error or f"the receiver answered {attempt.answer.status if attempt.answer else 0}")
    say("it arrived")


@webhooks.command("secret")
def secret_command(webhook: _Number, community: _Slug) -> None:
    """Give a webhook a new secret; for 24 hours messages are signed with the one before as well.

    Example: klankbord webhooks secret 3 --community mandeveld
    """
    with migrated() as database, database.transaction() as session:
        row = rotate_secret(session, find_community(session, community).id, webhook, now=datetime.now(UTC))
    say("the new secret; it is not shown again:")
    typer.echo(row.secret)


@webhooks.command("enable")
def enable_command(webhook: _Number, community: _Slug) -> None:
    """Use a webhook again that was disabled because nothing arrived.

    Example: klankbord webhooks enable 3 --community mandeveld
    """
    with migrated() as database, database.transaction() as session:
        enable_webhook(session, find_community(session, community).id, webhook)
    say(f"webhook {webhook} is in use")


@digest.command("show")
def show_command(
    community: _Slug,
    date: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day that it tells of. Left out: the newest.")
    ] = None,
    language: _Language = None,
    html: Annotated[bool, typer.Option("--html", help="Print HTML instead of text.")] = False,
) -> None:
    """Print a day's digest; sends nothing.

    Example: klankbord digest show --community mandeveld --date 2026-08-16
    """
    now, settings = datetime.now(UTC), Settings()
    with migrated() as database, database.transaction() as session:
        row = find_community(session, community)
        day = date.date() if date is not None else due_day(community_of(row), now)
        words = digest_in_words(
            session,
            row,
            make_digest(session, row, day, now=now),
            language=language or digest_language(community_of(row)),
            public_url=settings.public_url,
        )
    typer.echo(as_html(words) if html else f"{words.subject}\n\n{as_plain_text(words)}")


@digest.command("add")
def add_recipient_command(
    address: Annotated[str, typer.Argument(help="An e-mail address.")],
    community: _Slug,
    language: _Language = None,
    when_quiet: Annotated[bool, typer.Option("--when-quiet", help="Also when there is nothing to tell.")] = False,
) -> None:
    """Send somebody the daily digest.

    Example: klankbord digest add noor@example.org --community mandeveld
    """
    with migrated() as database, database.transaction() as session:
        add_recipient(
            session,
            find_community(session, community).id,
            address,
            language=language,
            when_quiet=when_quiet,
            now=datetime.now(UTC),
        )
    say(f"{address} gets the digest")
    if Settings().smtp_url is None:
        say("no mail server is configured: set KLANKBORD_SMTP_URL for klankbord serve and klankbord worker")


@digest.command("list")
def list_recipients_command(community: _Slug) -> None:
    """List who gets the daily digest.

    Example: klankbord digest list --community mandeveld
    """
    with migrated() as database, database.transaction() as session:
        for row in list_recipients(session, find_community(session, community).id):
            quiet = "every day" if row.when_quiet else "when there is something to tell"
            typer.echo(f"{row.address}\t{row.language or 'the community’s language'}\t{quiet}")


@digest.command("remove")
def remove_recipient_command(
    address: Annotated[str, typer.Argument(help="As in klankbord digest list.")], community: _Slug
) -> None:
    """Send somebody the daily digest no more.

    Example: klankbord digest remove noor@example.org --community mandeveld
    """
    with migrated() as database, database.transaction() as session:
        remove_recipient(session, find_community(session, community).id, address)
    say(f"{address} gets the digest no more")


def read_events(names: Sequence[str]) -> list[EventKind]:
    """The kinds of events of those names.

    Raises
    ------
    typer.BadParameter
        There is none of that name.
    """
    known = {str(kind): kind for kind in EVENT_KINDS}
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"{name} is no event; choose from {', '.join(known)}")
    return [known[name] for name in names]


def _as_json(row: WebhookRow) -> dict[str, object]:
    return {"id": row.id, "url": row.url, "events": row.events, "state": _state(row), "last_status": row.last_status}


def _state(row: WebhookRow) -> str:
    if row.disabled_at is not None:
        return f"disabled on {row.disabled_at:%Y-%m-%d}: {row.disabled_reason}"
    if row.failing_since is not None:
        return f"failing since {row.failing_since:%Y-%m-%d %H:%M} UTC: {row.last_error or row.last_status}"
    return "works" if row.last_attempt_at is not None else "nothing sent yet"
