"""The description of the API is of all of it, and every answer is as described."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from churn.web.openapi import described
from tests.web.conftest import TOKEN, MakeApp, rows_of


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api/v1/openapi.json").get_json()
    return found


def test_every_route_of_the_api_is_described_and_nothing_else(app: Flask, document: dict[str, Any]) -> None:
    told = {f"{method} {path}" for path, methods in document["paths"].items() for method in methods}
    there = set()
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/v1/"):
            path = re.sub(r"<(?:[a-z_]+:)?([a-z_]+)>", r"{\1}", rule.rule)
            there |= {f"{method.lower()} {path}" for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    assert told == there == set(described(app))
    assert {"post /api/v1/predict", "get /api/v1/risk", "get /api/v1/users/{user}", "get /api/v1/model",
            "post /api/v1/score", "get /api/v1/jobs/{job}"} <= told  # fmt: skip


def test_it_is_an_openapi_document(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation["summary"].endswith("."), path
            names = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "path"}
            assert names == set(re.findall(r"{(\w+)}", path))
            for response in operation["responses"].values():
                for content in response["content"].values():
                    if "$ref" not in content["schema"]:
                        Draft202012Validator.check_schema(content["schema"])
    assert len({op["operationId"] for methods in document["paths"].values() for op in methods.values()}) == sum(
        map(len, document["paths"].values())
    )


def holds(document: dict[str, Any], method: str, path: str, response: TestResponse) -> Any:
    """Check an answer against the description; its content."""
    told = document["paths"][path][method]["responses"][str(response.status_code)]["content"][response.mimetype]
    content = response.get_json() if "json" in response.mimetype else response.get_data(as_text=True)
    schema = {**told["schema"], "components": document["components"]}
    Draft202012Validator(schema).validate(content)
    return content


def test_answers_are_as_described(client: FlaskClient, document: dict[str, Any], finished: Path) -> None:
    user = rows_of(finished / "risk.csv")[0]["userId"]
    base = "/api/v1"
    body = {"rows": [{}], "fill": "reference", "reasons": True}
    for method, path, real, options in [
        ("get", "/risk", "/risk", {}),
        ("get", "/risk", "/risk?page=0", {}),
        ("get", "/risk", "/risk?band=none", {}),
        ("get", "/users/{user}", f"/users/{user}", {}),
        ("get", "/users/{user}", "/users/none", {}),
        ("get", "/model", "/model", {}),
        ("post", "/predict", "/predict", {"json": body}),
        ("post", "/predict", "/predict", {"json": {"rows": [{}]}}),
        ("post", "/predict", "/predict", {"data": b"{"}),
        ("post", "/predict", "/predict", {"json": body, "headers": {"Origin": "http://evil.example"}}),
        ("post", "/score", "/score", {}),
        ("get", "/jobs/{job}", "/jobs/none", {}),
        ("delete", "/jobs/{job}", "/jobs/none", {}),
        ("get", "/jobs/{job}/risk", "/jobs/none/risk", {}),
        ("get", "/jobs/{job}/risk.csv", "/jobs/none/risk.csv", {}),
        ("get", "/jobs/{job}/drift.csv", "/jobs/none/drift.csv", {}),
        ("get", "/openapi.json", "/openapi.json", {}),
    ]:
        holds(document, method, base + path, client.open(base + real, method=method.upper(), **options))


def test_the_features_of_the_model_are_the_fields_of_a_row(document: dict[str, Any], finished: Path) -> None:
    schema = document["paths"]["/api/v1/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    entries = json.loads((finished / "bundle" / "manifest.json").read_text())["features"]
    assert list(schema["properties"]["rows"]["items"]["properties"]) == [entry["name"] for entry in entries]


def test_a_token_is_told_of_where_one_is_asked_for(make_app: MakeApp, document: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    found = make_app(token=TOKEN).test_client().get("/api/v1/openapi.json", headers=headers).get_json()
    assert found["security"] == [{"token": []}]
    assert "security" not in document
