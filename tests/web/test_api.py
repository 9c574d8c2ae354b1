"""The calls of the API beside `predict`: their figures are those of the run's files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from churn.web.observe import JsonLines
from churn.web.settings import WebSettings
from tests.web.conftest import MakeApp, rows_of
from tests.web.test_store import HOSTILE


def test_the_list_is_that_of_the_file(client: FlaskClient, finished: Path) -> None:
    rows = rows_of(finished / "risk.csv")
    found = client.get("/api/v1/risk?size=1000").get_json()
    assert found["total"] == len(rows)
    assert [row["userId"] for row in found["rows"]] == [row["userId"] for row in rows]
    assert [row["probability"] for row in found["rows"]] == [float(row["probability"]) for row in rows]
    second = client.get("/api/v1/risk?size=3&page=2&sort=-rank").get_json()
    assert [row["rank"] for row in second["rows"]] == [len(rows) - 3 - i for i in range(3)]
    assert second["pages"] == -(-len(rows) // 3)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("band=odd", "band"), ("sort=rank;drop", "sort"), ("sort=--rank", "sort"), ("page=0", "page"),
        ("page=-1", "page"), ("page=1e3", "page"), ("page=%C2%B2", "page"), ("page=99999999999999999999", "page"),
        ("size=1001", "size"), ("size=0", "size"), ("bandd=high", "bandd"), ("q=" + "x" * 201, "q"),
    ],
)  # fmt: skip
def test_a_wrong_field_of_the_query_is_named(client: FlaskClient, query: str, field: str) -> None:
    response = client.get(f"/api/v1/risk?{query}")
    assert response.status_code == 422
    assert [error["field"] for error in response.get_json()["errors"]] == [field]


def test_a_field_of_the_query_that_is_left_empty_is_not_given(client: FlaskClient) -> None:
    found = client.get("/api/v1/risk?band=&level=&region=&q=&sort=&page=&size=")
    assert found.status_code == 200
    assert found.get_json() == client.get("/api/v1/risk").get_json()
    assert client.get("/api/v1/risk?bandd=").status_code == 422


def test_a_user_is_all_that_is_known(client: FlaskClient, finished: Path) -> None:
    for row in rows_of(finished / "risk.csv")[:5]:
        found = client.get(f"/api/v1/users/{row['userId']}").get_json()
        assert found["probability"] == float(row["probability"])
        assert [reason["text"] for reason in found["reasons"]] == [
            row[f"reason_{k}"] for k in (1, 2, 3) if row[f"reason_{k}"]
        ]
        again = client.post("/api/v1/predict", json={"rows": [found["features"]]}).get_json()
        assert again["predictions"][0]["probability"] == found["probability"]
        days = [day["day"] for day in found["activity"]]
        assert days == sorted(set(days))
        assert days
        assert days[-1] < row["as_of"]


@pytest.mark.parametrize("user", [*HOSTILE, "/", "//", "/etc/passwd", "%2e%2e", "x" * 5000])
def test_a_hostile_id_is_nobody(client: FlaskClient, user: str) -> None:
    from urllib.parse import quote

    response = client.get("/api/v1/users/" + quote(user, safe=""))
    assert response.status_code == 404
    assert response.mimetype == "application/problem+json"
    assert "no user" in response.get_json()["detail"]
    assert client.get("/user", query_string={"id": user}).status_code == 404


def test_the_model_is_that_of_the_bundle(client: FlaskClient, finished: Path) -> None:
    found = client.get("/api/v1/model").get_json()
    manifest = json.loads((finished / "bundle" / "manifest.json").read_text())
    for name in ("model", "task", "threshold", "base_rate", "metrics", "training", "created", "fingerprint"):
        assert found[name] == manifest[name]
    assert [f["name"] for f in found["features"]] == [f["name"] for f in manifest["features"]]
    assert all(len(f["quantiles"]) == 21 for f in found["features"])


def test_a_bundle_alone_answers_what_it_can(make_app: MakeApp, finished: Path) -> None:
    alone, whole = make_app(finished / "bundle").test_client(), make_app().test_client()
    for path in ("/api/v1/model", "/api/v1/openapi.json", "/ask", "/go", "/model", "/api", "/score", "/healthz"):
        assert alone.get(path).status_code == 200, path
        if path.startswith("/api/v1"):
            assert alone.get(path).get_json() == whole.get(path).get_json()
    body = {"rows": [{}], "fill": "reference", "reasons": True}
    assert alone.post("/api/v1/predict", json=body).get_json() == whole.post("/api/v1/predict", json=body).get_json()
    for path in ("/api/v1/risk", "/api/v1/users/1"):
        response = alone.get(path)
        assert response.status_code == 404
        assert "churn serve RUN" in response.get_json()["detail"]
    for path in ("/", "/risk", "/user?id=1"):
        assert "churn serve RUN" in alone.get(path).get_data(as_text=True)
    assert alone.get("/readyz").get_json()["users"] is None


def test_an_unknown_path_and_method_are_problems(client: FlaskClient) -> None:
    assert client.get("/api/v1/none").mimetype == "application/problem+json"
    response = client.get("/api/v1/predict")
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}
    assert response.mimetype == "application/problem+json"


def test_what_nobody_foresaw_is_told_without_its_insides(make_app: MakeApp, caplog: pytest.LogCaptureFixture) -> None:
    app = make_app()

    @app.get("/api/v1/broken")
    def broken() -> str:
        raise ZeroDivisionError("secret of a customer")

    response = app.test_client().get("/api/v1/broken")
    assert response.status_code == 500
    assert "secret" not in response.get_data(as_text=True)
    (line,) = [JsonLines().format(record) for record in caplog.records if record.getMessage() == "failed"]
    assert "ZeroDivisionError" in line
    assert "test_api.py" in line
    assert "of a customer" not in json.loads(line)["trace"].splitlines()[-1]


def test_default_limits_fit_a_full_call() -> None:
    settings = WebSettings()
    assert settings.largest_call >= settings.most_rows * 219 * 25
