import csv
import io
import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner, Result

from api import cli
from api.member_commands import read_day
from moderation.contributions import COUNT_OF
from moderation.db import Database
from moderation.job_queue import REFIT
from moderation.tables import ErasureRow, FindingRow, PostRow
from tests.api.conftest import NOW, Tenant, record
from tests.api.test_flag_routes import all_pages
from tests.service import jobs_of


def made(post_id: str, at: str, kind: str = "answer", weight: float = 1.0, **lowered_by: Any) -> dict[str, Any]:
    line = {"kind": kind, "post_id": post_id, "about_post_id": "q", "to_author_id": "u9", "at": at}
    return {**line, "weight": weight, "lowered_by": lowered_by}


def member(author_id: str, *contributions: dict[str, Any], **fields: Any) -> dict[str, Any]:
    counts = {name: sum(each["kind"] == kind for each in contributions) for kind, name in COUNT_OF.items()}
    return {"author_id": author_id, "n_posts": 3, **counts, "contributions": list(contributions), **fields}


CONTENTS = {
    "members": [
        member(
            "u1",
            made("p1", "2026-01-05T10:00:00Z"),
            made("p2", "2026-02-05T10:00:00Z", weight=0.5, same_thread={"nth_in_thread": 2, "weight": 0.5}),
            made("p2", "2026-02-05T10:00:00Z", "correction"),
        ),
        member("u/2", n_newcomers_welcomed=None),
        member('=HYPERLINK("http://x.example")', made("p7", "2026-03-01T00:00:00Z")),
    ],
    "staff": [],
    "left_out": {"n_bots": 1},
    "needs_a_look": {"rings": [{"author_ids": ["u1", "u/2"], "weight": 0.2}], "limits": {"ring": {}}},
}


@pytest.fixture
def fitted(tenant: Tenant, database: Database) -> Tenant:
    posts = [record("p1", author_id="u1"), record("p2", author_id="u1"), record("p3", author_id="u/2")]
    assert tenant.post("/posts", json={"posts": posts}).json()["accepted"] == 3
    with database.transaction() as session:
        row = {"kind": "members", "found_at": NOW, "n_posts": 30, "model_version": "m", "contents": CONTENTS}
        session.add(FindingRow(community_id=tenant.community.id, **row))
    return tenant


def listed(tenant: Tenant, **params: str) -> dict[str, dict[str, Any]]:
    items = tenant.get("/members", params=params).json()["items"]
    return {item["author_id"]: item for item in items}


def test_before_anything_was_worked_out_404(tenant: Tenant) -> None:
    assert tenant.get("/members").json()["type"] == "urn:klankbord:problem:findings-missing"


def test_members_come_with_counted_and_weighted_numbers_side_by_side(fitted: Tenant) -> None:
    line = listed(fitted)["u1"]
    assert (line["counted"]["n_answers"], line["weighted"]["n_answers"]) == (2, 1.5)
    assert (line["counted"]["n_episodes_corrected"], line["weighted"]["n_episodes_corrected"]) == (1, 1.0)
    assert line["lowered"] == {"same_thread": 1}
    assert line["post_ids"] == ["p1", "p2"]
    assert listed(fitted)["u/2"]["counted"]["n_newcomers_welcomed"] is None


def test_a_period_holds_its_beginning_and_not_its_end(fitted: Tenant) -> None:
    march = {"from": "2026-02-05T10:00:00Z", "to": "2026-03-01T00:00:00Z"}
    lines = listed(fitted, **march)
    assert lines["u1"]["post_ids"] == ["p2"]
    assert [line["post_ids"] for name, line in lines.items() if name.startswith("=")] == [[]]
    assert lines["u1"]["from"].startswith("2026-02-05T10:00:00")


def test_every_page_together_is_everybody_once(fitted: Tenant) -> None:
    pages = all_pages(fitted, "/members", limit=1)
    assert [item["author_id"] for item in pages] == ['=HYPERLINK("http://x.example")', "u/2", "u1"]


@pytest.mark.parametrize("request_", [{"params": {"format": "csv"}}, {"headers": {"Accept": "text/csv"}}])
def test_a_spreadsheet_gets_everybody_and_runs_nothing(fitted: Tenant, request_: dict[str, Any]) -> None:
    answer = fitted.get("/members", **request_)
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["author_id"] for row in rows] == ['\'=HYPERLINK("http://x.example")', "u/2", "u1"]
    assert (rows[2]["n_answers"], rows[2]["n_answers_weighted"]) == ("2", "1.5")
    assert (rows[2]["lowered"], rows[2]["post_ids"]) == ("same_thread:1", "p1 p2")
    assert rows[1]["n_newcomers_welcomed"] == ""


@pytest.mark.parametrize("params", [{"from": "2026-01-01"}, {"format": "xlsx"}, {"cursor": "x"}, {"limit": "0"}])
def test_what_cannot_be_understood_422(fitted: Tenant, params: dict[str, str]) -> None:
    assert fitted.get("/members", params=params).status_code == 422


def test_an_entry_of_an_older_version_is_missing(fitted: Tenant, database: Database) -> None:
    with database.transaction() as session:
        row = session.get_one(FindingRow, (fitted.community.id, "members"))
        row.contents = {**CONTENTS, "members": [{"author_id": "u1", "n_answers": 4}]}
    assert fitted.get("/members").json()["kind"] == "contributions of members"
    assert fitted.get("/members/u1").json()["member"]["n_answers"] == 4


def test_who_wants_to_be_left_out_is_gone_at_once(fitted: Tenant, database: Database) -> None:
    assert fitted.call("PUT", "/left-out/u1").status_code == 204
    assert fitted.call("PUT", "/left-out/u1").status_code == 204
    assert "u1" not in listed(fitted)
    assert fitted.get("/members/u1").status_code == 404
    assert fitted.get("/members").json()["needs_a_look"]["rings"] == []
    assert "u1" not in fitted.get("/members", params={"format": "csv"}).text
    assert fitted.get("/left-out").json() == {"author_ids": ["u1"]}
    waiting = [job["args"]["community_id"] for job in jobs_of(database, status="todo") if job["task_name"] == REFIT]
    assert waiting.count(fitted.community.id) == 1
    assert fitted.delete("/left-out/u1").status_code == 204
    assert "u1" in listed(fitted)


def test_replacing_the_settings_does_not_undo_a_wish(fitted: Tenant) -> None:
    fitted.call("PUT", "/left-out/u1")
    assert fitted.call("PUT", "", json={"name": "Proef", "left_out": ["u/2"]}).status_code == 200
    assert fitted.get("/left-out").json() == {"author_ids": ["u/2", "u1"]}


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/left-out/u99"), ("DELETE", "/left-out/u1"), ("DELETE", "/members/u99")]
)
def test_who_is_not_known_404(fitted: Tenant, method: str, path: str) -> None:
    assert fitted.call(method, path).json()["type"] == "urn:klankbord:problem:member-unknown"


def test_a_wish_in_the_settings_is_taken_back_there(fitted: Tenant) -> None:
    fitted.call("PUT", "", json={"name": "Proef", "left_out": ["u1"]})
    answer = fitted.delete("/left-out/u1")
    assert answer.status_code == 404
    assert "settings" in answer.json()["detail"]


def test_an_erased_member_is_nowhere_and_does_not_come_back(fitted: Tenant, database: Database) -> None:
    answer = fitted.delete("/members/u1", headers={"Idempotency-Key": "erase-1"})
    assert answer.status_code == 200
    assert (answer.json()["n_posts"], answer.json()["named_in_post_ids"]) == (2, [])
    assert fitted.get("/posts/p1").status_code == 404
    assert fitted.get("/members").json()["type"] == "urn:klankbord:problem:findings-missing"
    sent = fitted.post("/posts", json={"posts": [record("p1", author_id="u1")]}).json()
    assert (sent["rejected"], sent["posts"][0]["pointer"]) == (1, "/posts/0/author_id")
    assert fitted.delete("/members/u1", headers={"Idempotency-Key": "erase-1"}).json() == answer.json()
    assert fitted.delete("/members/u1").json()["n_posts"] == 0
    with database.transaction() as session:
        row = session.query(ErasureRow).filter_by(community_id=fitted.community.id).one()
        assert row.erased_by == "admin key"


@pytest.fixture
def command(fitted: Tenant, database: Database, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("KLANKBORD_DATABASE_URL", database.url.render_as_string(hide_password=False))

    def run(*words: str, **more: Any) -> Result:
        return CliRunner().invoke(cli.app, [*words, "--community", fitted.community.slug], **more)

    return run


def test_the_command_writes_what_the_api_gives(command: Any, fitted: Tenant, tmp_path: Any) -> None:
    written = command("members", "export", "--from", "2026-02-01", "--to", "2026-03-01")
    assert written.exit_code == 0
    rows = list(csv.DictReader(io.StringIO(written.stdout)))
    assert [row["post_ids"] for row in rows] == ["", "", "p2"]
    assert rows[0]["from"] == "2026-02-01T00:00:00+01:00"
    as_json = command("members", "export", "--format", "json")
    assert json.loads(as_json.stdout) == fitted.get("/members").json()["items"]
    out = tmp_path / "points.csv"
    assert command("members", "export", "--out", str(out)).exit_code == 0
    assert out.read_bytes().startswith(b"author_id,from,to,n_answers,n_answers_weighted")


def test_a_member_is_shown(command: Any) -> None:
    assert "n_answers\t2" in command("members", "show", "u1").stdout
    assert json.loads(command("members", "show", "u1", "--json").stdout)["author_id"] == "u1"


def test_a_wish_by_command(command: Any) -> None:
    assert command("members", "leave-out", "u1").exit_code == 0
    assert json.loads(command("members", "left-out", "--json").stdout) == ["u1"]
    assert command("members", "count-again", "u1").exit_code == 0
    assert command("members", "left-out").stdout == ""


def test_erasing_asks_first(command: Any, database: Database, fitted: Tenant) -> None:
    assert command("erase", "u1", input="n\n").exit_code == 1
    assert command("erase").exit_code == 2
    assert command("erase", "--whole-community", "another").exit_code == 2
    done = command("erase", "u1", "--yes", "--json")
    assert json.loads(done.stdout)["n_posts"] == 2
    with database.transaction() as session:
        assert session.query(PostRow).filter_by(community_id=fitted.community.id).count() == 1
    assert command("erase", "--whole-community", fitted.community.slug, input="y\n").exit_code == 0
    assert fitted.get("/posts/p3").status_code == 401


def test_a_day_begins_at_midnight_there() -> None:
    amsterdam = ZoneInfo("Europe/Amsterdam")
    assert read_day("2026-07-01", amsterdam).isoformat() == "2026-07-01T00:00:00+02:00"  # type: ignore[union-attr]
    assert read_day("2026-07-01T08:00:00+00:00", amsterdam).isoformat() == "2026-07-01T08:00:00+00:00"  # type: ignore[union-attr]
    assert read_day(None, amsterdam) is None
