"""Seconds from accept to flag, and of one check, while posts come in through the API.

Example: python -m benchmarks.service.load ../shared/data/threads/keytrade.jsonl.gz
"""

import json
import time
from pathlib import Path
from threading import Event, Thread
from typing import Annotated, Any

import typer
from sqlalchemy import text

from benchmarks.service.serving import Client, Serve, quantiles, read_records, serving
from moderation.db import open_database
from moderation.settings import Settings

BATCH = 100
POLL_SECONDS = 0.5
MAX_SECONDS = 600


def main(
    file: Annotated[Path, typer.Argument(help="JSONL export, gzipped.")],
    posts: Annotated[int, typer.Option(help="Posts to send while a client polls the queue.")] = 1000,
    busy_posts: Annotated[int, typer.Option(help="More posts, to be scored while texts are checked.")] = 300,
    checks: Annotated[int, typer.Option(help="Texts to check one after another while nothing else happens.")] = 100,
    logs: Annotated[Path, typer.Option(help="Folder for the service's log.")] = Path("service-logs"),
) -> None:
    """Print one JSON object."""
    records = read_records([file], posts + busy_posts)
    with serving(logs) as (serve, token):
        client = Client(serve.address, token)
        figures: dict[str, Any] = {"posts": posts, "check_idle_ms": check_texts(client, records[:checks])}
        figures |= send_and_watch(Client(serve.address, token), client, records[:posts])
        figures |= measure_scoring(serve)
        send(client, records[posts:])
        figures["check_busy_ms"] = check_while_busy(client, records[:posts])
        client.wait_until_scored(seconds=MAX_SECONDS)
    typer.echo(json.dumps(figures, indent=2))


def check_texts(client: Client, records: list[dict[str, Any]]) -> dict[str, float]:
    """Milliseconds of each check, the first of which has warmed the model."""
    check_text(client, records[0])
    return quantiles([check_text(client, record) for record in records], digits=1)


def check_while_busy(client: Client, records: list[dict[str, Any]]) -> dict[str, float]:
    """Milliseconds of each check for as long as posts wait for scores."""
    taken: list[float] = []
    for record in records:
        if len(taken) % 10 == 0 and not client.n_waiting():
            break
        taken.append(check_text(client, record))
    return quantiles(taken, digits=1)


def check_text(client: Client, record: dict[str, Any]) -> float:
    begin = time.perf_counter()
    client.post("/check", json={"text": record["text"]})
    return 1000 * (time.perf_counter() - begin)


def send_and_watch(watcher: Client, client: Client, records: list[dict[str, Any]]) -> dict[str, Any]:
    """Seconds from the answer that a post is stored to the first look at the queue that shows its flag."""
    seen: dict[str, float] = {}
    is_done = Event()

    def watch() -> None:
        while True:
            is_last = is_done.is_set()
            for item in watcher.open_flags():
                seen.setdefault(item["post_id"], time.monotonic())
            if is_last:
                return
            time.sleep(POLL_SECONDS)

    watching = Thread(target=watch)
    watching.start()
    begin = time.monotonic()
    try:
        accepted = send(client, records)
        client.wait_until_scored(seconds=MAX_SECONDS)
        scored_seconds = time.monotonic() - begin
    finally:
        is_done.set()
        watching.join()
    return {
        "accept_to_flag_visible_s": quantiles([at - accepted[post_id] for post_id, at in seen.items()]),
        "poll_every_s": POLL_SECONDS,
        "all_scored_s": round(scored_seconds, 1),
        "posts_per_s": round(len(records) / scored_seconds, 1),
    }


def send(client: Client, records: list[dict[str, Any]]) -> dict[str, float]:
    """Send posts in batches; returns when each was accepted."""
    accepted: dict[str, float] = {}
    for start in range(0, len(records), BATCH):
        answer = client.post("/posts", json={"posts": records[start : start + BATCH]})
        at = time.monotonic()
        accepted |= {post["id"]: at for post in answer["posts"] if post["status"] == "accepted"}
    return accepted


def measure_scoring(serve: Serve) -> dict[str, Any]:
    """What the rows say: nothing without scores, and the seconds from received to scored of each post."""
    statement = text(
        "SELECT extract(epoch FROM scores.scored_at - posts.received_at) FROM posts "
        "LEFT JOIN scores ON scores.post_id = posts.id AND scores.words_hash = posts.words_hash "
        "WHERE posts.kind = 'post' AND posts.deleted_at IS NULL"
    )
    with open_database(Settings(home=serve.home, database_url=None)) as database, database.transaction() as session:
        seconds = list(session.scalars(statement))
    assert None not in seconds, "a post has no scores"
    return {"received_to_scored_s": quantiles([float(one) for one in seconds])}


if __name__ == "__main__":
    typer.run(main)
