"""Pages over HTTP without a browser: what a hostile address does, and what a list to take away holds."""

from __future__ import annotations

import csv
import re
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from html import unescape
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from churn.app_data import NAME, RISK, create_risk
from churn.cli import invoke
from churn.web.csv_files import _lines
from tests.web.conftest import MakeApp, rows_of

Cells = dict[str, str]


def csv_rows(client: FlaskClient, path: str) -> list[Cells]:
    response = client.get(path)
    assert response.status_code == 200
    return list(csv.DictReader(StringIO(response.get_data(as_text=True), newline="")))


@pytest.mark.parametrize("name", ["endpoint", "_method", "_external", "_anchor", "_scheme", "values", "job", "links"])
def test_names_in_a_query_that_mean_nothing_change_no_link(client: FlaskClient, name: str) -> None:
    plain, odd = client.get("/risk?band=low"), client.get(f"/risk?band=low&{name}=POST")
    assert odd.status_code == 200
    assert odd.data == plain.data


@pytest.mark.slow
def test_a_model_of_a_table_may_have_a_column_called_endpoint(make_app: MakeApp, tmp_path: Path) -> None:
    lines = ["id,endpoint,_method,left"]
    lines += [f"u{i},{i % 7},{i % 5},{int(i % 7 + i % 5 > 5)}" for i in range(200)]
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n")
    options = ["--id", "id", "--label", "left", "--out", str(tmp_path / "made"), "--families", "logistic_regression"]
    assert invoke(["train", str(tmp_path / "table.csv"), *options]) == 0
    client = make_app(tmp_path / "made" / "bundle").test_client()
    page = client.get("/go?endpoint=3&_method=2")
    assert page.status_code == 200
    (link,) = re.findall(r'href="(/ask\?[^"]*)"', page.get_data(as_text=True))
    assert unescape(link) == "/ask?endpoint=3&_method=2"
    assert 'value="3"' in client.get(unescape(link)).get_data(as_text=True)


def _words(page: str) -> str:
    (words,) = re.findall(r'<div id="reach".*?</div>', page, re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", "", words).split())


@pytest.mark.parametrize("query", ["band=low", "level=paid&sort=userId", "q=1", ""])
@pytest.mark.parametrize("contact", [0, 3, 10_000])
def test_those_to_contact_are_those_that_the_filters_leave(
    client: FlaskClient, finished: Path, query: str, contact: int
) -> None:
    wanted = [r for r in rows_of(finished / "risk.csv") if _fits(r, query)]
    chosen = wanted[:contact]
    p = [float(row["probability"]) for row in wanted]
    page = client.get(f"/risk?{query}&contact={contact}&size=1000").get_data(as_text=True)
    words = _words(page)
    assert f"Contacting the {len(chosen):,} users" in words
    assert f"should reach {sum(p[:contact]):.1f} of the {sum(p):.1f} expected leavers" in words
    assert ("among the users that the filters leave" in words) == (len(wanted) < len(rows_of(finished / "risk.csv")))
    assert page.count('<tr class="within">') == len(chosen)
    taken = [row["userId"] for row in csv_rows(client, f"/risk.csv?{query}&contact={contact}")]
    assert sorted(taken) == sorted(row["userId"] for row in chosen)
    links = [unescape(link) for link in re.findall(r'href="(/risk\.csv[^"]*)" download>Download these', page)]
    if chosen:
        (link,) = links
        assert [row["userId"] for row in csv_rows(client, link)] == taken
    else:
        assert links == []


def _fits(row: Cells, query: str) -> bool:
    given = dict(part.split("=") for part in query.split("&") if part)
    return all(row[name] == given[name] for name in ("band", "level") if name in given) and (
        given.get("q", "") in row["userId"]
    )


def test_a_run_that_is_made_again_while_it_is_served_is_not_mixed_in(
    make_app: MakeApp, finished: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(finished / NAME, run / NAME)
    shutil.copytree(finished / "bundle", run / "bundle")
    app = make_app(run)
    client = app.test_client()
    before = client.get("/api/v1/risk?size=1000").get_json()
    shutil.copy(finished / NAME, run / "new")
    with closing(sqlite3.connect(run / "new")) as db, db:
        db.execute("DELETE FROM risk WHERE rank % 2")
    (run / "new").replace(run / NAME)
    (run / "bundle" / "card.md").write_text("another card")
    (run / "bundle" / "reference.parquet").unlink()
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: app.test_client().get("/api/v1/risk?size=1000").get_json(), range(32)))
    assert found == [before] * 32
    assert "another card" not in client.get("/model").get_data(as_text=True)
    held = app.extensions["churn"]
    for name in ("manifest.json", "model.onnx", "reference.parquet"):
        served = finished / "bundle" / name
        assert (held.jobs.folder.path / "bundle" / name).read_bytes() == served.read_bytes()


def test_a_user_whom_nobody_knows_leads_to_the_list(client: FlaskClient) -> None:
    response = client.get("/user?id=somebody")
    page = response.get_data(as_text=True)
    assert response.status_code == 404
    assert "/api/" not in page.split("<main")[1].split("</main")[0]
    assert '<a href="/risk">' in page


STRANGE = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "plain", "1-1", "'x"]


def test_a_list_for_a_spreadsheet_runs_no_formula_and_the_api_is_exact(
    make_app: MakeApp, finished: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    shutil.copytree(finished / "bundle", run / "bundle")
    shutil.copy(finished / NAME, run / NAME)
    with closing(sqlite3.connect(run / NAME)) as db, db:
        db.execute("DROP TABLE risk")
        row = ("high", "=1+1", "", "", "paid", "-MA", "2018-12-01", "2018-12-01")
        create_risk(db, [(i + 1, user, 0.5, *row) for i, user in enumerate(STRANGE)])
    client = make_app(run).test_client()
    rows = csv_rows(client, "/risk.csv")
    assert [row["userId"] for row in rows] == [f"'{user}" if user[0] in "=+-@\t" else user for user in STRANGE]
    assert {row["reason_1"] for row in rows} == {"'=1+1"}
    assert {row["probability"] for row in rows} == {"0.5"}
    assert [row["userId"] for row in client.get("/api/v1/risk").get_json()["rows"]] == STRANGE


def test_a_list_is_sent_part_by_part(client: FlaskClient, finished: Path) -> None:
    read: list[int] = []

    def rows() -> Iterator[dict[str, Any]]:
        for rank in range(5000):
            read.append(rank)
            yield dict.fromkeys(RISK, "x") | {"rank": rank}

    parts = _lines(rows())
    assert next(parts).startswith(",".join(RISK))
    assert len(read) <= 501
    assert sum(part.count("\n") for part in parts) + 501 == 5001
    assert client.get("/risk.csv").data == (finished / "risk.csv").read_bytes()
