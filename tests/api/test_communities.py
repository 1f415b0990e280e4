import json
from typing import Any

import pytest
from sqlalchemy import text

from moderation.db import Database
from tests.api.conftest import Tenant


def n_refits(database: Database, tenant: Tenant) -> int:
    mine = text(
        "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'refit_community'"
        " AND (args ->> 'community_id')::bigint = :id"
    )
    with database.transaction() as session:
        return session.execute(mine, {"id": tenant.community.id}).scalar_one()


def test_settings_are_read_back_as_they_were_given(tenant: Tenant) -> None:
    given = {
        "name": "Loyaal",
        "purpose": "Punten sparen",
        "languages": ["nl"],
        "staff": ["s1", "s2"],
        "opening_hours": {"mon": "09:00-17:30"},
        "holidays": "NL",
        "review_budget_per_day": 12,
        "spaces": [{"slug": "punten", "name": "Punten", "purpose": "Sparen"}],
    }
    answer = tenant.call("PUT", "", json=given)
    assert answer.status_code == 200
    found = tenant.get("", scope="read").json()
    assert found == answer.json()
    assert {name: found[name] for name in given} == given


def test_what_was_read_can_be_written_back(tenant: Tenant) -> None:
    found = tenant.get("").json()
    assert tenant.call("PUT", "", json=found).json() == found


def test_new_settings_are_worked_out_once(tenant: Tenant, database: Database) -> None:
    tenant.call("PUT", "", json=tenant.get("").json())
    assert n_refits(database, tenant) == 0
    for purpose in ("Punten", "Reizen"):
        assert tenant.call("PUT", "", json={"purpose": purpose}).status_code == 200
    assert n_refits(database, tenant) == 1


@pytest.mark.parametrize(
    ("settings", "pointer"),
    [
        ({"nmae": "x"}, "/nmae"),
        ({"languages": []}, "/languages"),
        ({"languages": ["xx"]}, "/languages"),
        ({"timezone": "Mars"}, "/timezone"),
        ({"review_budget_per_day": 0}, "/review_budget_per_day"),
        ({"staff": ["a", 7]}, "/staff/1"),
        ({"spaces": [{"slug": "a", "name": "A"}, {"slug": "b"}]}, "/spaces/1/name"),
        ({"spaces": [{"slug": "a", "name": "A", "x/y~z": 1}]}, "/spaces/0/x~1y~0z"),
        ({"purpose": "a\0b"}, "/purpose"),
        ({"name": "\ud800"}, "/name"),
        ({"spaces": [{"slug": "a", "name": "\0"}]}, "/spaces"),
        ({"opening_hours": {"mon": "late"}}, "/opening_hours"),
    ],
)
def test_settings_that_cannot_be_used_422(tenant: Tenant, settings: dict[str, Any], pointer: str) -> None:
    answer = tenant.call("PUT", "", content=json.dumps(settings), headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert [mistake["pointer"] for mistake in answer.json()["errors"]] == [pointer]


def test_every_mistake_is_named(tenant: Tenant) -> None:
    answer = tenant.call("PUT", "", json={"nmae": 1, "timezone": "Mars"})
    assert {mistake["pointer"] for mistake in answer.json()["errors"]} == {"/nmae", "/timezone"}
