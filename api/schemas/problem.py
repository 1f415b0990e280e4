"""What every error looks like."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Mistake(BaseModel):
    """One thing that is wrong with a request."""

    pointer: str | None = Field(None, description="JSON pointer (RFC 6901) to the field of the body; empty = the body.")
    parameter: str | None = Field(None, description="The parameter or header, where it is not in the body.")
    reason: str = Field(description="What is wrong with it.")


class Problem(BaseModel):
    """An error (RFC 9457). Some kinds have more members, such as `holder` and `until` of a claim."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:klankbord:problem:request-invalid",
                    "title": "The request cannot be used",
                    "status": 422,
                    "detail": "/text: Field required",
                    "instance": "/v1/communities/loyaal/check",
                    "errors": [{"pointer": "/text", "reason": "Field required"}],
                }
            ]
        },
    )

    type: str = Field(description="Names the kind of problem; `about:blank` = the status says it all.")
    title: str
    status: int
    detail: str = Field(description="One line that says what to do.")
    instance: str = Field(description="The path of the request.")
    errors: list[Mistake] | None = None


_DESCRIPTIONS = {
    400: "The body cannot be read.",
    401: "No key, or one that is unknown, expired or revoked.",
    403: "The key's scope is too small, or the moderator is disabled.",
    404: "There is no such thing in the key's community.",
    409: "Somebody or something was first; the problem says who or what.",
    413: "The body is too large.",
    422: "The request cannot be used; `errors` names each field.",
    500: "A fault of the service.",
    503: "The database does not answer; try again after `Retry-After` seconds.",
}
_SCHEMA = {"$ref": "#/components/schemas/Problem"}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documentation of the errors that an endpoint of a community can answer with, and of some more."""
    always = (401, 403, 404, 422, 500, 503)
    return {status: problem_response(status) for status in sorted({*always, *statuses})}


def problem_response(status: int) -> dict[str, Any]:
    """The documentation of one error."""
    response: dict[str, Any] = {
        "description": _DESCRIPTIONS[status],
        "content": {"application/problem+json": {"schema": _SCHEMA}},
    }
    if status == 401:
        response["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "`Bearer`"}}
    if status == 503:
        response["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
    return response


WRITES = (400, 413)
"""What can go wrong besides with a request that has a body."""
