"""The service on the sample community, so that somebody who has just installed Klankbord can work a queue."""

import logging
from pathlib import Path

import typer

from api.service_commands import HOST, import_exports, listen, open_service, wait_until_ready
from moderation import accounts
from moderation.communities import find_community
from moderation.settings import Settings
from moderation.worker import running_worker

SLUG = "mandeveld"
MODERATOR, PASSWORD = "demo", "klankbord-demo"
"""Good enough for invented posts on this machine alone: the demo listens on no other address."""
MAX_SCORING_SECONDS = 300
READY = f"""
The queue:  {{address}}/c/{SLUG}/queue
Sign in:    community {SLUG}, name {MODERATOR}, password {PASSWORD}
Ctrl-C stops it."""


def serve_sample(sample: Path, *, port: int) -> None:
    """Import the sample, have it scored, and serve it until a signal comes; a second time goes on where it was."""
    settings = Settings()
    own = settings.model_copy(update={"home": settings.home / "demo", "database_url": None})
    with open_service(own, log_level=logging.WARNING) as service:
        import_exports(service.database, [sample / "posts.jsonl"], slug=SLUG, settings=sample / "community.toml")
        with service.database.transaction() as session:
            community_id = find_community(session, SLUG).id
            accounts.make_moderator(session, community_id, name=MODERATOR, password=PASSWORD)
        with running_worker(service):
            typer.echo("Scoring the sample's posts…", err=True)
            if not wait_until_ready(service.database, SLUG, seconds=MAX_SCORING_SECONDS):
                typer.echo("Scoring takes longer than it should; the pages show how far it is", err=True)
            listen(service, host=HOST, port=port, works=False, ready=READY)
