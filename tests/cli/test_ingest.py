"""`churn ingest` and `churn snapshot` on the command line."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from churn.cli import invoke
from tests.conftest import event, write_log
from tests.e2e.small import STEPS, complaint
from tests.tiny import ms


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Two users over five days; one of them leaves on the fourth. One line of each other kind."""
    rows = [event(user, ms(f"10-0{day} 12:00")) for user in "12" for day in (1, 2, 3)]
    rows += [event("1", ms("10-04"), "Cancellation Confirmation"), event("2", ms("10-05 12:00"))]
    rows.append(event("", ms("10-01")))
    path = write_log(tmp_path / "log.json", [*rows, rows[0]])
    path.write_text(path.read_text() + "\nno json\n")
    return path


def test_ingest_says_what_became_of_every_line(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert invoke(["ingest", str(log), "--out", str(out), "--max-refused", "0.5"]) == 0
    said = capsys.readouterr().out
    account = json.loads((out / "ingest.json").read_text())
    assert (account["lines"], account["kept"], account["nobody"], account["duplicate"]) == (12, 8, 1, 1)
    assert (account["quarantined"]["total"], account["blank"]) == (1, 1)
    for part in ("12 lines", "8 kept", "1 nobody's", "1 duplicate", "1 refused", "1 blank", str(out / "ingest.json")):
        assert part in said
    assert {path.name for path in out.iterdir()} - {".churn"} == set(STEPS["ingest"])


def test_a_run_goes_on_where_an_ingest_ended(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    common = [str(log), "--out", str(out), "--max-refused", "0.5"]
    assert invoke(["ingest", *common]) == 0
    before = (out / "ingest.json").stat().st_mtime_ns
    capsys.readouterr()
    assert invoke(["run", *common]) == 2  # too short a log: the run came as far as making snapshots
    said = capsys.readouterr().err
    assert "reading the log (done before)" in said
    assert "covers 4 whole days" in complaint(said)
    assert (out / "ingest.json").stat().st_mtime_ns == before


def test_a_snapshot_holds_who_has_not_left_with_features_and_no_label(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["snapshot", str(log), "--max-refused", "0.5", "--out", str(tmp_path / "out")]
    for as_of, users in (("2018-10-03", ["1", "2"]), ("2018-10-05", ["2"]), ("2018-10-06", ["2"])):
        assert invoke([*common, "--as-of", as_of]) == 0
        assert f"features of {len(users)} users at {as_of}" in capsys.readouterr().out
        table = pq.read_table(tmp_path / "out" / "snapshots")
        assert table["userId"].to_pylist() == users
        assert table["label"].to_pylist() == [None] * len(users)
        assert set(table["cutoff"].to_pylist()) == {date.fromisoformat(as_of)}
        assert set(table["task"].to_pylist()) == {"forecast"}


@pytest.mark.parametrize("as_of", ["2018-10-01", "2018-10-07", "2031-01-01"])
def test_a_snapshot_outside_the_log_is_refused_with_the_dates_that_can_be_asked(
    log: Path, tmp_path: Path, as_of: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["snapshot", str(log), "--max-refused", "0.5", "--out", str(tmp_path / "o"), "--as-of", as_of]) == 2
    said = complaint(capsys.readouterr().err)
    assert said == f"the cut-off {as_of} lies outside the log; give a date from 2018-10-02 to 2018-10-06"
