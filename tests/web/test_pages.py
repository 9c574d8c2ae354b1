"""Pages over HTTP without a browser: what a hostile address does, and what a list to take away holds."""

from __future__ import annotations

import csv
import re
from html import unescape
from io import StringIO
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from churn.cli import invoke
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
