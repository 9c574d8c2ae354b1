"""The description of the API in OpenAPI 3.1: made from the routes, with what their views say of themselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Final, TypeVar

from flask import Flask
from werkzeug.routing import Rule

from churn.web import schemas
from churn.web.problems import TYPE
from churn.web.schemas import Schema

F = TypeVar("F", bound=Callable[..., Any])

JSON: Final = "application/json"

ERRORS: Final = {
    400: "The body is no JSON.",
    401: "The token is missing or wrong.",
    403: "Another site sent this.",
    404: "There is no such thing here.",
    405: "Not this method.",
    409: "The job is not done.",
    413: "The body is too large.",
    415: "The body is of another kind.",
    421: "The server is not called that.",
    422: "A field is wrong; `errors` names it.",
    503: "Not now, or not on this server.",
}
ALWAYS: Final = (401, 421)
"""What any call may be answered with."""


@dataclass(frozen=True)
class Description:
    """What a view says of itself.

    Attributes:
        answer: schema of the answer; None for a file.
        status: of a good answer.
        kind: media type of the answer.
        errors: statuses of bad answers, beside `ALWAYS`.
        query: schemas of the fields of the query.
        body: schema of the body, by media type; a name stands for one that depends on the model.
    """

    answer: Schema | None = None
    status: int = 200
    kind: str = JSON
    errors: Sequence[int] = ()
    query: Mapping[str, Schema] | None = None
    body: Mapping[str, Schema | str] | None = None


def describes(description: Description) -> Callable[[F], F]:
    """Tie a view to what it says of itself; the first line of its docstring is the summary."""

    def mark(view: F) -> F:
        view.description = description  # type: ignore[attr-defined]
        return view

    return mark


def described(app: Flask) -> dict[str, Rule]:
    """The rules of the API, by path in the words of OpenAPI and method in small letters: `get /api/v1/risk`."""
    found = {}
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("api."):
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                found[f"{method.lower()} {path}"] = rule
    return found


def document(app: Flask, names: tuple[str, ...], most_rows: int, *, token: bool) -> dict[str, Any]:
    """The whole description.

    Args:
        app: whose routes are described.
        names: features of the model.
        most_rows: rows of a call.
        token: whether a token is asked for.
    """
    bodies = {"predict": schemas.predict_body(names, most_rows)}
    paths: dict[str, dict[str, Any]] = {}
    for key, rule in described(app).items():
        method, path = key.split(" ", 1)
        view = app.view_functions[rule.endpoint]
        paths.setdefault(path, {})[method] = _operation(view, rule, bodies)
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "sparkify-churn",
            "version": metadata.version("sparkify-churn"),
            "description": "Who is about to leave, and why. Errors are problem details (RFC 9457).",
        },
        "paths": paths,
        "components": {"schemas": {"Problem": schemas.PROBLEM}},
    }
    if token:
        found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        found["security"] = [{"token": []}]
    return found


def _operation(view: Callable[..., Any], rule: Rule, bodies: Mapping[str, Schema]) -> dict[str, Any]:
    description: Description = view.description  # type: ignore[attr-defined]
    summary = (view.__doc__ or "").strip().split("\n")[0]
    made: dict[str, Any] = {"operationId": rule.endpoint.removeprefix("api."), "summary": summary}
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in sorted(rule.arguments)
    ]
    parameters += [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in (description.query or {}).items()
    ]
    if parameters:
        made["parameters"] = parameters
    if description.body:
        content = {
            kind: {"schema": bodies[schema] if isinstance(schema, str) else schema}
            for kind, schema in description.body.items()
        }
        made["requestBody"] = {"required": True, "content": content}
    made["responses"] = _responses(description)
    return made


def _responses(description: Description) -> dict[str, Any]:
    schema = description.answer if description.answer is not None else {"type": "string"}
    good = {"description": "Done.", "content": {description.kind: {"schema": schema}}}
    problem = {TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    bad = {str(s): {"description": ERRORS[s], "content": problem} for s in sorted({*ALWAYS, *description.errors})}
    return {str(description.status): good, **bad}
