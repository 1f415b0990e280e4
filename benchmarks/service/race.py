"""Two clients race for the same items; some claims have expired.

Example: python -m benchmarks.service.race
"""

import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Annotated, Any

import typer
from sqlalchemy import text

from benchmarks.service.serving import Client, Serve, serving
from moderation.db import open_database
from moderation.settings import Settings

INSULT = "Wat een achterlijke idioot ben jij, hou je bek toch eens man. ({n})"
BATCH = 200
MAX_SECONDS = 300


def main(
    flags: Annotated[int, typer.Option(help="Items to race for.")] = 200,
    expired_share: Annotated[float, typer.Option(help="Share of items with a claim that has expired.")] = 0.1,
    logs: Annotated[Path, typer.Option(help="Folder for the service's log.")] = Path("service-logs"),
) -> None:
    """Print one JSON object; ends with an error if an item was decided twice or not at all."""
    with serving(logs) as (serve, token):
        items = raise_flags(Client(serve.address, token), flags)
        gone = Client(serve.address, token, moderator="gone")
        n_expired = round(expired_share * flags)
        for item in items[:n_expired]:
            gone.post(f"/flags/{item['id']}/claim")
        expire_claims(serve)
        start = Barrier(2)
        with ThreadPoolExecutor(2) as threads:
            runners = [Client(serve.address, token, moderator=name) for name in ("one", "two")]
            racing = [threads.submit(race, runner, items, start) for runner in runners]
            outcomes = [runner.result() for runner in racing]
        figures = judge(serve, items, outcomes, n_expired=n_expired)
    typer.echo(json.dumps(figures, indent=2))
    if not figures["each_item_decided_once"]:
        raise typer.Exit(1)


def raise_flags(client: Client, n_flags: int) -> list[dict[str, Any]]:
    """Send insults and wait until each stands in the queue."""
    records = [
        {"id": f"p{n}", "thread_id": f"t{n}", "created_at": "2026-01-05T10:00:00+01:00", "text": INSULT.format(n=n)}
        for n in range(n_flags)
    ]
    for start in range(0, n_flags, BATCH):
        client.post("/posts", json={"posts": records[start : start + BATCH]})
    client.wait_until_scored(seconds=MAX_SECONDS)
    items = client.open_flags()
    assert len(items) == n_flags, f"{len(items)} of {n_flags} posts are flagged"
    return items


def expire_claims(serve: Serve) -> None:
    """Let ten minutes pass for every claim."""
    with open_database(Settings(home=serve.home, database_url=None)) as database, database.transaction() as session:
        session.execute(text("UPDATE flags SET claimed_until = now() - interval '1 second'"))


def race(client: Client, items: Sequence[dict[str, Any]], start: Barrier) -> Counter[str]:
    """Claim and decide one item after another, whether or not the claim was given."""
    outcomes: Counter[str] = Counter()
    start.wait()
    for item in items:
        claim = client.call("POST", f"/flags/{item['id']}/claim")
        outcomes[f"claim {claim.status_code}"] += 1
        decision = {"action": "agree", "revision": item["revision"], "lane": "review"}
        answer = client.call("POST", f"/flags/{item['id']}/decisions", json=decision)
        outcomes[f"decision {answer.status_code}"] += 1
        if answer.status_code == 409:
            outcomes[str(answer.json()["type"]).rpartition(":")[2]] += 1
    return outcomes


def judge(
    serve: Serve, items: Sequence[dict[str, Any]], outcomes: Sequence[Counter[str]], *, n_expired: int
) -> dict[str, Any]:
    with open_database(Settings(home=serve.home, database_url=None)) as database, database.transaction() as session:
        decided = Counter(session.scalars(text("SELECT flag_id FROM decisions")))
        # Some insults are found off the purpose too, and stay open for that.
        n_open = session.scalar(text("SELECT count(*) FROM flags WHERE status = 'open' AND 'review' = ANY(lanes)"))
        n_told = session.scalar(text("SELECT count(*) FROM events WHERE kind = 'decision'"))
    n_won = sum(outcome["decision 200"] for outcome in outcomes)
    n_lost = sum(outcome["decision 409"] for outcome in outcomes)
    return {
        "items": len(items),
        "with_expired_claim": n_expired,
        "won": [outcome["decision 200"] for outcome in outcomes],
        "answers": [dict(sorted(outcome.items())) for outcome in outcomes],
        "audit_rows": sum(decided.values()),
        "decision_events": n_told,
        "left_open": n_open,
        "each_item_decided_once": decided == Counter(item["id"] for item in items)
        and (n_won, n_lost, n_told) == (len(items),) * 3
        and n_open == 0,
    }


if __name__ == "__main__":
    typer.run(main)
