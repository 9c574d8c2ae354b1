"""Lines of the log and counts tell of requests, never of customers."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from churn.web.observe import JsonLines
from tests.web.conftest import rows_of


def test_a_request_is_one_line_that_names_nobody(
    client: FlaskClient, finished: Path, caplog: pytest.LogCaptureFixture
) -> None:
    user = rows_of(finished / "risk.csv")[0]["userId"] or "?"
    caplog.set_level(logging.INFO, logger="churn.web")
    users = "/api/v1/users/"
    for path in (users + user, f"/user?id={user}", "/api/v1/risk?q=somebody", "/somebody", users + "somebody"):
        client.get(path)
    client.post("/api/v1/predict", json={"rows": [{"somebody": 1}]})
    lines = [JsonLines().format(record) for record in caplog.records]
    found = [json.loads(line) for line in lines]
    pattern = users + "<any_id:user>"
    routes = [line["route"] for line in found]
    assert routes == [pattern, "/user", "/api/v1/risk", "(none)", pattern, "/api/v1/predict"]
    assert [line["status"] for line in found] == [200, 200, 200, 404, 404, 422]
    assert all(set(line) == {"time", "level", "event", "method", "route", "status", "ms"} for line in found)
    assert "somebody" not in "".join(lines)
    assert "somebody" not in client.get("/metrics").get_data(as_text=True)


def test_what_waitress_says_of_an_error_names_nobody(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError("somebody")
    except ValueError:
        logging.getLogger("waitress").exception("Exception while serving %s", "/api/v1/users/somebody")
    (record,) = caplog.records
    line = json.loads(JsonLines().format(record))
    assert (line["event"], line["level"]) == ("waitress", "error")
    assert line["place"].startswith("test_observe:")
    assert line["trace"].endswith("ValueError")
    assert "/api" not in line["trace"].replace(__file__, "")
    assert "users/somebody" not in str({name: value for name, value in line.items() if name != "trace"})


def test_a_made_up_method_is_no_label(client: FlaskClient) -> None:
    client.open("/", method="SOMEBODY")
    assert "SOMEBODY" not in client.get("/metrics").get_data(as_text=True)


def test_a_line_has_no_line_break() -> None:
    record = logging.LogRecord("x", logging.ERROR, "", 0, "a\nb\u2028c", None, None)
    assert len(JsonLines().format(record).splitlines()) == 1
