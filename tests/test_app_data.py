"""app.sqlite holds what the files of the run hold, in their order."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from churn.app_data import COUNTS, FORMAT, NAME, RISK, AppContent, create_risk, write_app
from churn.errors import OutputError
from tests.e2e.small import finished_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished_run(tmp_path_factory.getbasetemp())[1]


def ask(run: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(run / NAME)) as db:
        return db.execute(sql, values).fetchall()


def cells(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_the_risk_list_is_that_of_the_file(run: Path) -> None:
    header, *rows = cells(run / "risk.csv")
    assert tuple(header) == RISK
    found = ask(run, "SELECT * FROM risk ORDER BY rank")
    assert [[str(cell) for cell in row[3:]] for row in found] == [row[3:] for row in rows]
    assert [(row[0], row[1], row[2]) for row in found] == [(int(r[0]), r[1], float(r[2])) for r in rows]


@pytest.mark.parametrize("folder", ["metrics", "statistics"])
def test_every_table_of_the_run_is_there_cell_by_cell(run: Path, folder: str) -> None:
    files = sorted((run / folder).glob("*.csv"))
    assert files
    for file in files:
        header, *rows = cells(file)
        name = f"{folder}/{file.stem}"
        assert [column[1] for column in ask(run, f'PRAGMA table_info("{name}")')] == header
        assert [list(row) for row in ask(run, f'SELECT * FROM "{name}" ORDER BY rowid')] == rows


def test_features_are_those_of_the_snapshot_at_the_date(run: Path) -> None:
    as_of = json.loads(ask(run, "SELECT value FROM meta WHERE key = 'as_of'")[0][0])
    table = pq.read_table(run / "snapshots" / "forecast").to_pylist()
    wanted = {row["userId"]: row for row in table if row["cutoff"].isoformat() == as_of}
    names = [column[1] for column in ask(run, "PRAGMA table_info(features)")][1:]
    found = ask(run, "SELECT * FROM features")
    assert {row[0] for row in found} == set(wanted)
    for user, *values in found:
        assert np.array_equal(values, [wanted[user][name] for name in names], equal_nan=True)


def test_activity_is_that_of_the_days_before_the_date_of_users_in_the_list(run: Path) -> None:
    as_of = json.loads(ask(run, "SELECT value FROM meta WHERE key = 'as_of'")[0][0])
    listed = {user for (user,) in ask(run, "SELECT userId FROM risk")}
    days = pq.read_table(run / "rollups" / "user_days").to_pylist()
    wanted = sorted(
        (row["userId"], row["day"].isoformat(), *(row[name] for name in COUNTS))
        for row in days
        if row["userId"] in listed and row["day"].isoformat() < as_of
    )
    assert any(row["userId"] not in listed for row in days)  # those who left
    assert ask(run, "SELECT * FROM activity") == wanted


def test_what_the_run_says_of_itself(run: Path) -> None:
    facts = {key: json.loads(value) for key, value in ask(run, "SELECT * FROM meta")}
    told = json.loads((run / "run.json").read_text())
    assert facts["format"] == FORMAT
    assert facts["summary"] == told["summary"]
    assert facts["versions"] == told["versions"]
    assert facts["settings"] == told["settings"]


def test_reference_distributions_are_those_of_the_bundle(run: Path) -> None:
    wanted = pq.read_table(run / "bundle" / "reference.parquet").to_pydict()
    names = [column[1] for column in ask(run, "PRAGMA table_info(reference)")]
    assert names == list(wanted)
    assert ask(run, "SELECT * FROM reference ORDER BY rowid") == list(zip(*wanted.values(), strict=True))


def test_names_of_any_kind_are_taken_as_names(tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / 'odd"; DROP TABLE risk; --.csv').write_text('"a ""b""",c d\n1,\n')
    (tmp_path / "metrics" / "empty.csv").write_text("")
    content = AppContent({}, [], ['f"x'], [("u", float("nan"))], [], {"feature": []})
    write_app(tmp_path / NAME, content, tmp_path)
    assert ask(tmp_path, "SELECT count(*) FROM risk") == [(0,)]
    assert ask(tmp_path, 'SELECT "a ""b""", "c d" FROM "metrics/odd""; DROP TABLE risk; --"') == [("1", "")]
    assert ask(tmp_path, "SELECT * FROM features") == [("u", None)]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_app(tmp_path / "file" / NAME, AppContent({}, [], [], [], [], {}), tmp_path)


def test_two_users_of_one_name_are_refused() -> None:
    row = (1, "u", 0.5, "high", "", "", "", "paid", "MA", "", "")
    with closing(sqlite3.connect(":memory:")) as db, pytest.raises(sqlite3.IntegrityError):
        create_risk(db, [row, (2, *row[1:])])
