import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conftest import NOW, Tenant, record

BOUNDED = settings(
    max_examples=12,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


@pytest.fixture(scope="session")
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_document_is_served(app: FastAPI, tenant: Tenant) -> None:
    assert tenant.client.get("/openapi.json").json() == json.loads(json.dumps(app.openapi()))


def test_every_operation_says_what_it_does(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["tags"], name


def test_every_operation_of_a_community_documents_its_errors(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        if "/v1/" not in name:
            continue
        expected = {"401", "403", "404", "422", "500", "503"} | (
            {"400", "413"} if "requestBody" in operation else set()
        )
        assert expected <= set(operation["responses"]), name
        for status, response in operation["responses"].items():
            if status >= "400":
                schema = response["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}, name


def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            named = document["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], schema)
            assert named.get("examples") or named.get("example"), name


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(part: Any) -> set[str]:
        if isinstance(part, dict):
            own = {part["$ref"]} if "$ref" in part else set()
            return own.union(*(references(inner) for inner in part.values()))
        return set().union(*(references(inner) for inner in part)) if isinstance(part, list) else set()

    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) <= known


def test_the_examples_of_the_document_work(tenant: Tenant, document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert tenant.call("PUT", "", json=schemas["CommunitySettings"]["examples"][0]).status_code == 200
    assert tenant.post("/check", json=schemas["CheckBody"]["examples"][0]).status_code == 200
    sent = document["paths"]["/v1/communities/{slug}/posts"]["post"]["requestBody"]["content"]["application/json"]
    assert tenant.post("/posts", json=sent["schema"]["example"]).json()["accepted"] == 1
    for example in schemas["DecisionBody"]["examples"]:
        assert tenant.post("/flags/1/decisions", json=example).status_code == 404
    assert tenant.post("/decisions", json=schemas["BulkBody"]["examples"][0]).json()["refused"] == 2


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_made_up_request_is_answered_in_an_undocumented_way(
    tenant: Tenant, app: FastAPI, worker_seen: Callable[[datetime], None], mode: GenerationMode
) -> None:
    """Every operation, with requests that fit the document and with requests that do not."""
    worker_seen(NOW)
    tenant.post("/posts", json={"posts": [record("p1"), record("p2", text="Mijn punten zijn weg")]})
    document = schemathesis.openapi.from_asgi("/openapi.json", app)
    headers = {"Authorization": f"Bearer {tenant.tokens['admin']}"}
    for result in document.get_all_operations():
        operation = result.ok()
        if mode is GenerationMode.NEGATIVE and not operation.path.startswith("/v1"):
            continue  # nothing can be wrong with a request that says nothing

        @BOUNDED
        @given(case=operation.as_strategy(generation_mode=mode))
        def attempt(case: Any) -> None:
            if "slug" in (case.path_parameters or {}):
                case.path_parameters["slug"] = tenant.community.slug
            case.call_and_validate(headers=headers, checks=CHECKS)

        attempt()
