"""The look into the data is the same whichever engine has counted: the same words in every table."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from churn.account import Account
from churn.engines import Engine
from churn.engines.duckdb import DuckDBEngine
from churn.pipeline import profile_log
from churn.problem import Problem
from churn.profile import profile_of
from churn.settings import Settings
from tests.conftest import write_log
from tests.parity.test_spark import hostile_rows

pytestmark = [pytest.mark.spark, pytest.mark.slow]


@pytest.mark.parametrize("name", ["hostile", "real/seven_users.json.gz", "eventsim_mini.json.gz"])
def test_every_table_and_every_fact(spark: Engine, data: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    log = write_log(tmp_path / "log.json", hostile_rows(5)) if name == "hostile" else data(name)
    out = tmp_path / "run"
    profile_log(Settings((str(log),), out))
    account = Account.from_json((out / "ingest.json").read_text(encoding="utf-8"))
    profile_of(spark, out, account, Problem(), tmp_path / "scratch").write(tmp_path / "spark")
    mine = {path.name: path.read_text(encoding="utf-8") for path in (out / "statistics").iterdir()}
    other = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "spark").iterdir()}
    assert mine.keys() == other.keys()
    assert [table for table in mine if mine[table] != other[table]] == []
    assert json.loads(mine["overview.json"])["users"] > 5


def test_a_log_without_music_and_without_leavers(engine: DuckDBEngine, spark: Engine, tmp_path: Path) -> None:
    rows = [row for row in hostile_rows(6) if row["page"] not in ("NextSong", "Cancellation Confirmation", "Cancel")]
    out = tmp_path / "run"
    profile_log(Settings((str(write_log(tmp_path / "log.json", rows)),), out))
    account = Account.from_json((out / "ingest.json").read_text(encoding="utf-8"))
    for each in (engine, spark):
        profile_of(each, out, account, Problem(), tmp_path / f"s-{each.name}").write(tmp_path / each.name)
    tables = [path.name for path in (tmp_path / "duckdb").iterdir()]
    texts = ({table: (tmp_path / each.name / table).read_text("utf-8") for table in tables} for each in (engine, spark))
    mine, other = texts
    assert mine == other
