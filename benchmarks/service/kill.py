"""`kill -9` of server and worker, again and again, while posts come in and people decide; then every row is counted.

Example: python -m benchmarks.service.kill twcs.jsonl.gz reddit-airlines.jsonl.gz --kills 10
"""

import json
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event, Thread
from typing import Annotated, Any
from uuid import uuid4

import httpx2
import typer
from sqlalchemy import text
from sqlalchemy.orm import Session

from benchmarks.service.serving import Client, Serve, create_key, fresh_home, read_records
from moderation.db import open_database
from moderation.settings import Settings

BATCH = 50
RETRY_SECONDS = 0.2
DECIDE_SECONDS = 1.0


def main(
    files: Annotated[list[Path], typer.Argument(help="JSONL exports, gzipped; read until there are enough posts.")],
    posts: Annotated[int, typer.Option(help="Posts to import.")] = 10_000,
    kills: Annotated[int, typer.Option(help="How often to kill the service.")] = 10,
    longest: Annotated[float, typer.Option(help="Seconds between a start and the next kill, at most.")] = 30.0,
    database_kill: Annotated[int, typer.Option(help="At which kill PostgreSQL is killed too; 0 = never.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the moments.")] = 0,
    max_minutes: Annotated[float, typer.Option(help="Give up after so long.")] = 40,
    logs: Annotated[Path, typer.Option(help="Folder for the logs of every start.")] = Path("service-logs"),
) -> None:
    """Print one JSON object; ends with an error if anything was lost or is there twice."""
    records = read_records(files, posts)
    logs.mkdir(parents=True, exist_ok=True)
    moments = random.Random(seed)
    begin = time.monotonic()
    with fresh_home() as home:
        serve = Serve(home, logs)
        serve.start()
        token = create_key(home)
        importing = Importing(Client(serve.address, token), records)
        deciding = Deciding(Client(serve.address, token, moderator="Noor"))
        for part in (importing, deciding):
            part.start()
        history = []
        for turn in range(1, kills + 1):
            wait_seconds = moments.uniform(0, longest)
            time.sleep(wait_seconds)
            n_sent, n_decided = importing.n_accepted, len(deciding.confirmed)
            serve.kill()
            if turn == database_kill:
                serve.kill_database()
            history.append(
                {
                    "after_s": round(wait_seconds, 1),
                    "accepted": n_sent,
                    "decided": n_decided,
                    "database_too": turn == database_kill,
                    "start_s": round(serve.start(), 1),
                }
            )
            typer.echo(json.dumps(history[-1]), err=True)
        importing.join()
        Client(serve.address, token).wait_until_scored(seconds=max(1.0, 60 * max_minutes - (time.monotonic() - begin)))
        deciding.finish()
        seconds = time.monotonic() - begin
        serve.stop()
        figures = count(home, records, deciding.confirmed)
    figures = {"posts": posts, "seconds": round(seconds), "kills": history, **figures}
    (logs / "kill.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    typer.echo(json.dumps(figures, indent=2))
    if figures["lost_or_twice"]:
        raise typer.Exit(1)


def until_answered(call: Callable[[], httpx2.Response], *, is_over: Callable[[], bool]) -> httpx2.Response | None:
    """Send the same again until the service answers, as a careful client does; None when it is over first."""
    while not is_over():
        try:
            answer = call()
        except httpx2.TransportError:
            time.sleep(RETRY_SECONDS)
            continue
        if answer.status_code < 500:
            return answer
        time.sleep(RETRY_SECONDS)
    return None


class Importing(Thread):
    """Sends every post, a batch again when its answer did not come."""

    def __init__(self, client: Client, records: Sequence[dict[str, Any]]) -> None:
        super().__init__(daemon=True)
        self._client, self._records = client, records
        self.n_accepted = 0

    def run(self) -> None:
        for start in range(0, len(self._records), BATCH):
            body = {"posts": self._records[start : start + BATCH]}
            answer = until_answered(lambda body=body: self._client.call("POST", "/posts", json=body), is_over=never)
            assert answer is not None
            outcome = answer.raise_for_status().json()
            assert outcome["rejected"] == 0, outcome
            self.n_accepted += len(body["posts"])


class Deciding(Thread):
    """Decides the item that comes first, one a second, each with a key so that it can be sent again.

    Attributes
    ----------
    confirmed : decision id by flag id, of every decision that the service said it had taken.
    """

    def __init__(self, client: Client) -> None:
        super().__init__(daemon=True)
        self._client, self._finished = client, Event()
        self.confirmed: dict[int, int] = {}

    def run(self) -> None:
        while not self._finished.wait(DECIDE_SECONDS):
            page = until_answered(
                lambda: self._client.call("GET", "/flags", params={"limit": 1}), is_over=self._finished.is_set
            )
            items = [] if page is None else page.raise_for_status().json()["items"]
            for item in items:
                self._decide(item)

    def finish(self) -> None:
        self._finished.set()
        self.join()

    def _decide(self, item: dict[str, Any]) -> None:
        body = {"action": "agree", "revision": item["revision"], "lane": item["lanes"][0]}
        headers = {"Idempotency-Key": str(uuid4())}
        path = f"/flags/{item['id']}/decisions"
        answer = until_answered(
            lambda: self._client.call("POST", path, json=body, headers=headers), is_over=self._finished.is_set
        )
        if answer is not None and answer.status_code == 200:
            decision = answer.json()
            self.confirmed[decision["id"]] = decision["flag_id"]


def never() -> bool:
    return False


def count(home: Path, records: Sequence[dict[str, Any]], confirmed: dict[int, int]) -> dict[str, Any]:
    """Compare the rows with what was sent and confirmed."""
    with open_database(Settings(home=home, database_url=None)) as database, database.transaction() as session:
        stored = list(session.scalars(text("SELECT id FROM posts")))
        decisions = {row[0]: row[1] for row in session.execute(text("SELECT id, flag_id FROM decisions"))}
        faults = {
            "posts_missing": len({record["id"] for record in records} - set(stored)),
            "posts_twice": len(stored) - len(set(stored)),
            "posts_not_sent": len(set(stored) - {record["id"] for record in records}),
            "posts_stored_as_edited": _n(session, "posts WHERE revision > 1"),
            "posts_without_scores": _n(session, f"posts WHERE {UNSCORED}"),
            "posts_waiting": _n(session, "posts WHERE waiting_since IS NOT NULL"),
            "posts_not_scored": _n(session, "posts WHERE not_scored_reason IS NOT NULL"),
            "posts_not_judged": _n(session, "scores WHERE judged_at IS NULL"),
            "posts_with_two_flags": _n(session, f"({TWICE.format(table='flags', column='post_id')}) AS twice"),
            "lanes_decided_twice": _n(session, f"({TWICE.format(table='decisions', column='flag_id, lane')}) AS twice"),
            "decisions_lost": len(confirmed.items() - decisions.items()),
            "decided_flags_open_again": _n(session, REOPENED),
            "jobs_failed": _n(session, "procrastinate_jobs WHERE status = 'failed'"),
            "jobs_left_doing": _n(session, "procrastinate_jobs WHERE status = 'doing' AND task_name = 'score_posts'"),
        }
        return {
            "stored": len(stored),
            "scored": _n(session, "scores"),
            "flags": _n(session, "flags"),
            "decisions_confirmed": len(confirmed),
            "decisions_stored": len(decisions),
            "faults": faults,
            "lost_or_twice": any(faults.values()),
        }


UNSCORED = (
    "kind = 'post' AND deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM scores WHERE scores.post_id = posts.id "
    "AND scores.community_id = posts.community_id AND scores.words_hash = posts.words_hash)"
)
TWICE = "SELECT {column} FROM {table} GROUP BY {column} HAVING count(*) > 1"
# An item with reasons in two lanes stays open after the decision about one of them.
REOPENED = (
    "flags JOIN decisions ON decisions.flag_id = flags.id AND decisions.action <> 'undo' "
    "WHERE flags.status = 'open' AND decisions.lane = ANY(flags.lanes)"
)


def _n(session: Session, rows: str) -> int:
    return int(session.scalar(text(f"SELECT count(*) FROM {rows}")) or 0)


if __name__ == "__main__":
    typer.run(main)
