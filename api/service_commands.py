"""The service's part of the command line: serve, worker, import, migrate, keys, moderators."""

import getpass
import json
import logging
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Annotated

import structlog
import typer
import uvicorn
from sqlalchemy.orm import Session

from api.app import create_app
from api.options import read_columns
from models.errors import KlankbordError
from models.heads import HeadSet
from models.registry import load_encoder
from moderation import accounts
from moderation.backlog import n_waiting
from moderation.communities import find_community, find_or_make_community, save_community
from moderation.config import load_community
from moderation.db import Database, migrate, open_database
from moderation.errors import FindingsMissing
from moderation.exports import read_exports
from moderation.findings import find_findings
from moderation.ingest import store_versions
from moderation.jobs import Service
from moderation.pipeline import Models
from moderation.settings import Settings
from moderation.worker import running_worker

HOST, PORT = "127.0.0.1", 8321
POSTS_AT_ONCE = 1000
#: Open pages hold a connection each; a browser connects again.
CLOSING_SECONDS = 2
SHOWN_REJECTS = 5

keys = typer.Typer(no_args_is_help=True, help="Keys with which a community's platform calls the API.")
moderators = typer.Typer(no_args_is_help=True, help="People who sign in to work the queue.")


class AddressInUse(KlankbordError):
    """Something else listens on the address."""


_Slug = Annotated[str, typer.Option("--community", help="The community's short name, as in its addresses.")]


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = HOST,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 = any that is free.")] = PORT,
    worker: Annotated[bool, typer.Option(help="Score posts in this process too.")] = True,
) -> None:
    """Run the pages, the API and a worker, with the bundled database unless KLANKBORD_DATABASE_URL names another.

    Example: klankbord serve --port 8000
    """
    with open_service() as service:
        listen(service, host=host, port=port, works=worker)


def worker() -> None:
    """Score posts and refit communities until stopped; run as many as needed, on any machine.

    It works for the server in KLANKBORD_DATABASE_URL, or for the bundled one.

    Example: klankbord worker
    """
    with open_service() as service, running_worker(service):
        say("working; Ctrl-C stops")
        _wait_for_signal()


def migrate_command() -> None:
    """Bring the tables of the database up to date.

    Example: klankbord migrate
    """
    with open_database(Settings(), report=say) as database:
        migrate(database)
    say("the tables are up to date")


def import_command(
    exports: Annotated[list[Path], typer.Argument(help="JSONL, CSV or a Discourse topic archive.")],
    community: _Slug,
    settings: Annotated[
        Path | None, typer.Option(help="TOML file with name, purpose, spaces, staff, hours; replaces what is there.")
    ] = None,
    column: Annotated[list[str] | None, typer.Option(help="For CSV: FIELD=COLUMN, as in text=Body.")] = None,
    rejects: Annotated[Path | None, typer.Option(help="File for the lines that were refused.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Store an export in a community; posts that are there already stay, newer versions replace them.

    Example: klankbord import posts.jsonl.gz --community mandeveld --settings community.toml
    """
    columns = read_columns(column)
    with open_database(Settings(), report=say) as database:
        migrate(database)
        counts = import_exports(
            database, exports, slug=community, settings=settings, columns=columns, rejects_file=rejects
        )
    if as_json:
        typer.echo(json.dumps(counts))
        return
    say(
        f"{counts['read']:,} posts read, {counts['accepted']:,} new or newer, {counts['unchanged']:,} unchanged, "
        f"{counts['rejected']:,} lines refused"
    )
    say("klankbord serve or klankbord worker scores what is new")


@keys.command("create")
def create_key(
    community: _Slug,
    scope: Annotated[accounts.Scope, typer.Option(help="What it may do.")],
    name: Annotated[str, typer.Option(help="What it is for.")] = "platform",
    days: Annotated[int | None, typer.Option(min=1, help="Days until it expires; default never.")] = None,
) -> None:
    """Make a key and show it, once; makes the community if there is none of that name.

    Example: klankbord keys create --community mandeveld --scope ingest
    """
    with migrated() as database, database.transaction() as session:
        row = find_or_make_community(session, community)
        expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
        key = accounts.create_key(session, row.id, name=name, scope=scope, expires_at=expires_at)
    say("Keep this key; it is not shown again:")
    typer.echo(key.token)


@keys.command("list")
def list_keys(community: _Slug) -> None:
    """Show a community's keys, without their secrets.

    Example: klankbord keys list --community mandeveld
    """
    with migrated() as database, database.transaction() as session:
        for row in accounts.list_keys(session, find_community(session, community).id):
            state = "revoked" if row.revoked_at else f"expires {row.expires_at:%Y-%m-%d}" if row.expires_at else "works"
            typer.echo(f"{row.id}\t{row.prefix}…\t{row.scope}\t{row.name}\t{state}")


@keys.command("revoke")
def revoke_key(
    key_id: Annotated[int, typer.Argument(help="Its number in klankbord keys list.")], community: _Slug
) -> None:
    """Make a key worthless.

    Example: klankbord keys revoke 3 --community mandeveld
    """
    with migrated() as database, database.transaction() as session:
        accounts.revoke_key(session, find_community(session, community).id, key_id, at=datetime.now(UTC))
    say(f"key {key_id} works no more")


@moderators.command("add")
def add_moderator(
    community: _Slug,
    name: Annotated[str, typer.Option(help="What other moderators see, and what to sign in with.")],
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from a pipe.")] = False,
) -> None:
    """Let somebody sign in, or give them another password.

    Example: klankbord moderators add --community mandeveld --name Noor
    """
    password = sys.stdin.readline().rstrip("\n") if password_stdin else getpass.getpass("Password: ")
    with migrated() as database, database.transaction() as session:
        accounts.make_moderator(session, find_community(session, community).id, name=name, password=password)
    say(f"{name} can sign in")


@moderators.command("disable")
def disable_moderator(community: _Slug, name: Annotated[str, typer.Option(help="Who.")]) -> None:
    """Keep somebody from signing in; their decisions stay.

    Example: klankbord moderators disable --community mandeveld --name Noor
    """
    with migrated() as database, database.transaction() as session:
        community_id = find_community(session, community).id
        accounts.disable_moderator(session, community_id, name, at=datetime.now(UTC))
    say(f"{name} cannot sign in any more")


@contextmanager
def open_service(settings: Settings | None = None, *, log_level: int = logging.INFO) -> Iterator[Service]:
    """The migrated database and the models, ready for pages and jobs; events are logged on standard error."""
    settings = settings or Settings()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(log_level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
    )
    with open_database(settings, report=say) as database:
        migrate(database)
        encoder = load_encoder(settings.encoder, report=say)
        models = Models(encoder, HeadSet.load(settings.heads, encoder_version=encoder.version))
        yield Service(database, models, settings)


def listen(service: Service, *, host: str, port: int, works: bool, ready: str = "Klankbord is at {address}") -> None:
    """Serve until a signal comes.

    Raises
    ------
    AddressInUse
        Something else listens there.
    """
    _stop_by_exception(signal.SIGTERM)
    try:
        listener = socket.create_server((host, port), backlog=128)
    except OSError as error:
        raise AddressInUse(f"{host}:{port} cannot be used ({error.strerror}); choose another --port") from error
    config = uvicorn.Config(
        create_app(service.database, service.models, service.settings),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=CLOSING_SECONDS,
    )
    with listener, running_worker(service) if works else nullcontext():
        say(ready.format(address=f"http://{host}:{listener.getsockname()[1]}"))
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:
            say("stopped")


def import_exports(
    database: Database,
    exports: list[Path],
    *,
    slug: str,
    settings: Path | None,
    columns: dict[str, str] | None = None,
    rejects_file: Path | None = None,
) -> dict[str, int]:
    """Read exports and store their posts, some at a time; what was stored when it is broken off stays."""
    community = load_community(settings) if settings else None
    with database.transaction() as session:
        row = save_community(session, slug, community) if community else find_or_make_community(session, slug)
        staff = frozenset(row.settings["staff"])
    export = read_exports(exports, columns=columns, staff=staff)
    n_accepted = 0
    for start in range(0, len(export.posts), POSTS_AT_ONCE):
        posts = export.posts[start : start + POSTS_AT_ONCE]
        with database.transaction() as session:
            n_accepted += len(store_versions(session, row, posts, now=datetime.now(UTC), is_backfill=True))
    for reject in export.rejects[:SHOWN_REJECTS]:
        say(f"refused: {reject.file} line {reject.line}: {reject.field or 'the line'} {reject.reason}")
    if rejects_file is not None:
        lines = [{"file": r.file, "line": r.line, "field": r.field, "reason": r.reason} for r in export.rejects]
        rejects_file.write_text(
            "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8"
        )
    return {
        "read": export.counts.read,
        "accepted": n_accepted,
        "unchanged": export.counts.read - n_accepted,
        "rejected": export.counts.rejected,
    }


def wait_until_ready(database: Database, slug: str, *, seconds: float) -> bool:
    """Wait until a community's posts are scored and its topics and reports worked out; False if time ran out."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with database.transaction() as session:
            community_id = find_community(session, slug).id
            if n_waiting(session, community_id) == 0 and _has_topics(session, community_id):
                return True
        time.sleep(0.5)
    return False


def _has_topics(session: Session, community_id: int) -> bool:
    try:
        find_findings(session, community_id, "topics")
    except FindingsMissing:
        return False
    return True


@contextmanager
def migrated() -> Iterator[Database]:
    """The configured database with its tables up to date."""
    with open_database(Settings(), report=say) as database:
        migrate(database)
        yield database


def _stop_by_exception(number: signal.Signals) -> None:
    """Leave by way of every `finally`, so that the database is stopped too."""

    def stop(number: int, _frame: FrameType | None) -> None:
        sys.exit(128 + number)

    signal.signal(number, stop)


def _wait_for_signal() -> None:
    _stop_by_exception(signal.SIGTERM)
    try:
        signal.pause()
    except KeyboardInterrupt:
        say("stopped")


def say(line: str) -> None:
    """A line for the person at the terminal; what programs read goes to standard output."""
    typer.echo(line, err=True)
