"""Rows of features: what is judged is right, what is wrong is named by row and field."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from churn.app_data import NAME
from churn.errors import RequestError
from churn.scoring import Scorer
from churn.web.predict import Predictor
from churn.web.store import Store, Wanted
from tests.web.conftest import MakeApp

URL = "/api/v1/predict"


@pytest.fixture(scope="module")
def predictor(finished: Path) -> Predictor:
    return Predictor(Scorer.of(finished / "bundle", threads=1), most_rows=1000, most_fields=500)


def usual(predictor: Predictor, **changed: Any) -> dict[str, Any]:
    return {name: 1.0 for name in predictor.names} | changed


def refused(predictor: Predictor, rows: list[Any], **options: Any) -> RequestError:
    with pytest.raises(RequestError) as caught:
        predictor.predict(rows, **options)
    assert caught.value.status == 422
    return caught.value


def test_users_of_the_list_get_the_probability_of_the_list(predictor: Predictor, finished: Path) -> None:
    store = Store(finished / NAME)
    listed = store.find(Wanted(size=None)).rows
    rows = [{k: v for k, v in store.features(row["userId"]).items() if k in predictor.names} for row in listed]
    found = predictor.predict(rows, reasons=True)
    assert [(p.probability, p.band) for p in found] == [(row["probability"], row["band"]) for row in listed]
    texts = [[reason.text for reason in p.reasons] + [""] * (3 - len(p.reasons)) for p in found]
    assert texts == [[row[f"reason_{k}"] for k in (1, 2, 3)] for row in listed]
    one_by_one = [predictor.predict([row])[0].probability for row in rows[:20]]
    assert one_by_one == [p.probability for p in found[:20]]


def test_what_is_absent_or_null_is_filled_with_what_is_usual(predictor: Predictor, finished: Path) -> None:
    entries = json.loads((finished / "bundle" / "manifest.json").read_text())["features"]
    (empty,) = predictor.predict([{}], fill="reference")
    (whole,) = predictor.predict([{e["name"]: float(np.float32(e["usual"])) for e in entries}])
    assert empty.probability == whole.probability
    assert list(empty.filled) == [e["name"] for e in entries]
    assert list(whole.filled) == []
    first, second = predictor.names[:2]
    (part,) = predictor.predict([{first: 3, second: None}], fill="reference")
    assert list(part.filled) == list(predictor.names[1:])


def test_null_is_an_unknown_value(predictor: Predictor) -> None:
    (found,) = predictor.predict([usual(predictor, **{predictor.names[0]: None})])
    assert 0 <= found.probability <= 1
    assert list(found.filled) == []


@pytest.mark.parametrize("value", ["1", True, [1], {"a": 1}, math.inf, -math.inf, math.nan, 1e39, 10**400, -(10**60)])
@pytest.mark.parametrize("fill", ["none", "reference"])
def test_a_value_that_is_no_finite_number_is_named(predictor: Predictor, value: Any, fill: str) -> None:
    name = predictor.names[4]
    error = refused(predictor, [usual(predictor), usual(predictor, **{name: value})], fill=fill)
    assert [(e["row"], e["field"]) for e in error.errors] == [(1, name)]
    assert f"row 1, field {name}" in str(error)


def test_an_unknown_and_a_missing_field_are_named(predictor: Predictor) -> None:
    row = usual(predictor, songz=1.0)
    del row[predictor.names[2]]
    error = refused(predictor, [row])
    assert [(e["row"], e["field"]) for e in error.errors] == [(0, "songz"), (0, predictor.names[2])]
    assert "is no feature" in error.errors[0]["detail"]
    assert "is missing" in error.errors[1]["detail"]
    assert refused(predictor, [usual(predictor, songz=1.0)], fill="reference").errors[0]["field"] == "songz"


@pytest.mark.parametrize("row", [None, 1, "x", [1, 2], True])
def test_a_row_that_is_no_object_is_named(predictor: Predictor, row: Any) -> None:
    for fill in ("none", "reference"):
        assert refused(predictor, [usual(predictor), row], fill=fill).errors == (
            {"row": 1, "detail": "is no object of features"},
        )


def test_a_row_of_ten_thousand_columns_is_refused_in_a_few_words(predictor: Predictor) -> None:
    row = {f"c{i}": 1.0 for i in range(10_000)}
    assert "10,000 fields" in str(refused(predictor, [row]))
    assert "10,000 fields" in str(refused(predictor, [row], fill="reference"))


def test_many_mistakes_are_told_in_a_few(predictor: Predictor) -> None:
    error = refused(predictor, [{"x" * 100_000: 1}] * 1000)
    assert len(error.errors) == 20
    assert len(json.dumps(error.errors)) < 10_000


def test_too_many_rows(predictor: Predictor) -> None:
    assert "at most 1,000" in str(refused(predictor, [usual(predictor)] * 1001))
    assert len(predictor.predict([usual(predictor)] * 1000)) == 1000
    assert predictor.predict([]) == []


@given(value=st.floats(allow_nan=False, allow_infinity=False, width=32) | st.integers(-(10**9), 10**9) | st.none())
def test_any_number_of_32_bits_is_judged(finished: Path, value: float | None) -> None:
    predictor = Predictor(_scorer(finished), most_rows=10, most_fields=500)
    (found,) = predictor.predict([dict.fromkeys(predictor.names, value)], reasons=True)
    assert 0 <= found.probability <= 1
    assert json.dumps(found.as_json(), allow_nan=False)


_open: dict[Path, Scorer] = {}


def _scorer(run: Path) -> Scorer:
    if run not in _open:
        _open[run] = Scorer.of(run / "bundle", threads=1)
    return _open[run]


# The same over HTTP


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "no JSON"),
        (b"{", 400, "no JSON"),
        (b'{"rows": NaN}', 422, "rows is no list"),
        (b'{"rows": [NaN]}', 422, "row 0: is no object"),
        (b'{"rows": [], "reasons": Infinity}', 422, "reasons is neither"),
        (b"\xff\xfe", 400, "no JSON"),
        (b"[" * 100_000, 400, "no JSON"),
        (b'{"rows": [{"a": 1' + b"0" * 5000 + b"}]}", 400, "no JSON"),
        (b"[]", 422, "no JSON object"),
        (b"null", 422, "no JSON object"),
        (b"{}", 422, "rows is no list"),
        (b'{"rows": {}}', 422, "rows is no list"),
        (b'{"rows": [], "fill": "some"}', 422, "fill is not one of"),
        (b'{"rows": [], "fill": []}', 422, "fill is not one of"),
        (b'{"rows": [], "reasons": 1}', 422, "reasons is neither"),
        (b'{"rows": [], "rowz": 1}', 422, "rowz is unknown"),
        (b'{"rows": [{"a": 1e999}]}', 422, "row 0"),
    ],
)
def test_a_wrong_body_is_refused_with_problem_details(
    client: FlaskClient, body: bytes, status: int, words: str
) -> None:
    response = client.post(URL, data=body, content_type="application/json")
    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    found = json.loads(response.data)
    assert found["status"] == status
    assert words in found["detail"]
    assert found["title"]
    assert found["instance"] == URL


def test_infinity_by_many_digits_is_named(client: FlaskClient, finished: Path) -> None:
    names = [e["name"] for e in json.loads((finished / "bundle" / "manifest.json").read_text())["features"]]
    body = json.dumps({"rows": [dict.fromkeys(names, 0)]}).replace(f'"{names[3]}": 0', f'"{names[3]}": 1e999')
    found = client.post(URL, data=body, content_type="application/json")
    assert found.status_code == 422
    assert [(e["row"], e["field"]) for e in found.get_json()["errors"]] == [(0, names[3])]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("fill", ["none", "reference"])
def test_what_is_no_finite_number_is_named_though_it_is_no_json(
    client: FlaskClient, predictor: Predictor, text: str, fill: str
) -> None:
    rows = json.dumps([usual(predictor), usual(predictor, **{predictor.names[2]: "here"})]).replace('"here"', text)
    body = f'{{"rows": {rows}, "fill": "{fill}"}}'
    found = client.post(URL, data=body, content_type="application/json")
    assert found.status_code == 422
    (error,) = found.get_json()["errors"]
    assert (error["row"], error["field"]) == (1, predictor.names[2])
    assert "is not finite" in error["detail"]


@pytest.mark.parametrize("value", [b"{}", b"[]", b"1.5", b'"a"', b'{"a":[]}'])
def test_more_values_than_a_call_can_have_are_refused_unread(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, value: bytes
) -> None:
    monkeypatch.setattr("churn.web.api._parsed", None)  # nothing is made of it
    body = b'{"rows": [' + (value + b",") * 4_000_000 + value + b"]}"
    found = client.post(URL, data=body, content_type="application/json")
    assert found.status_code == 422
    assert "holds more than 10,000 rows can" in found.get_json()["detail"]


@pytest.mark.parametrize(("rows", "status"), [(500, 200), (501, 503)])
def test_many_short_rows_wait_for_their_turn(make_app: MakeApp, rows: int, status: int) -> None:
    app = make_app(patience=0.1)
    client = app.test_client()
    body = {"rows": [{}] * rows, "fill": "reference"}
    with app.extensions["churn"].alone():
        found = client.post(URL, json=body)
    assert found.status_code == status
    if status == 503:
        assert found.mimetype == "application/problem+json"
        assert int(found.headers["Retry-After"]) > 0
    assert client.post(URL, json=body).status_code == 200


def test_no_more_large_calls_wait_than_leave_a_thread_for_others(make_app: MakeApp) -> None:
    app = make_app(patience=5.0)
    held = app.extensions["churn"]
    with held._turns, held._turns, held._turns:
        started = time.monotonic()
        assert app.test_client().post(URL, json={"rows": [{}] * 501, "fill": "reference"}).status_code == 503
        assert time.monotonic() - started < 4


def test_a_long_answer_is_that_of_its_rows(client: FlaskClient, predictor: Predictor) -> None:
    rows = [{}, {predictor.names[0]: 2.0}, usual(predictor), {predictor.names[1]: None}] * 525
    found = client.post(URL, json={"rows": rows, "fill": "reference", "reasons": True}).get_json()["predictions"]
    four = client.post(URL, json={"rows": rows[:4], "fill": "reference", "reasons": True}).get_json()["predictions"]
    assert found == four * 525


def test_mistakes_in_any_part_are_named_by_their_row(predictor: Predictor) -> None:
    wide = Predictor(predictor._scorer, most_rows=5000, most_fields=500)
    rows = [usual(predictor)] * 1500 + [usual(predictor, songz=1)] + [usual(predictor)] * 1000 + [3]
    assert [error["row"] for error in refused(wide, rows).errors] == [1500, 2501]


def test_another_kind_of_body_is_refused(client: FlaskClient) -> None:
    assert client.post(URL, data=b'{"rows": []}', content_type="text/plain").status_code == 415
    assert client.post(URL, data={"rows": "1"}).status_code == 415


def test_a_huge_body_is_refused_before_it_is_read(make_app: MakeApp) -> None:
    client = make_app(largest_call=1000).test_client()
    sent = client.post(URL, data=b'{"rows": [' + b" " * 1000 + b"]}", content_type="application/json")
    assert sent.status_code == 413
    assert sent.mimetype == "application/problem+json"
    assert client.post("/login", data=b"x" * 1_000_001).status_code == 413


def test_predictions_are_counted_by_band(client: FlaskClient) -> None:
    answer = client.post(URL, json={"rows": [{}, {}, {}], "fill": "reference"}).get_json()["predictions"]
    text = client.get("/metrics").get_data(as_text=True)
    band = answer[0]["band"]
    assert f'churn_predictions_total{{band="{band}"}} 3.0' in text
    assert 'churn_requests_total{method="POST",route="/api/v1/predict",status="200"} 1.0' in text
    assert 'churn_request_seconds_bucket{le="0.004",route="/api/v1/predict"}' in text
