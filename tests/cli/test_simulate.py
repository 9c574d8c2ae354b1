"""`churn simulate` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.slow  # whole logs, processes of their own


def churn(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "churn", *arguments], capture_output=True, timeout=300, check=False)


def test_lines_go_to_standard_output_and_everything_else_to_the_other() -> None:
    found = churn("simulate", "-", "--users", "5", "--days", "3")
    assert found.returncode == 0
    rows = [json.loads(line) for line in found.stdout.splitlines()]
    assert len({row["userId"] for row in rows if row["userId"]}) == 5
    assert churn("simulate", "-", "--users", "5", "--days", "3").stdout == found.stdout


@pytest.mark.parametrize(("name", "head"), [("a.json", b'{"a'), ("a.json.gz", b"\x1f\x8b"), ("a.parquet", b"PAR1")])
def test_the_name_of_the_file_chooses_the_format(tmp_path: Path, name: str, head: bytes) -> None:
    found = churn("simulate", str(tmp_path / name), "--users", "5", "--days", "5", "--start", "2020-02-01")
    assert found.returncode == 0 and b"events of 5 users; see" in found.stdout
    assert (tmp_path / name).read_bytes().startswith(head)


def test_size_names_stand_for_numbers_of_users(tmp_path: Path) -> None:
    log, truth = tmp_path / "log.parquet", tmp_path / "truth.parquet"
    assert churn("simulate", str(log), "--size", "medium", "--days", "22", "--truth", str(truth)).returncode == 0
    assert len(set(pq.read_table(log, columns=["userId"])["userId"].to_pylist()) - {""}) == 448
    assert set(pq.read_table(truth)["horizon"].to_pylist()) == {14}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--users", "0"], "--users 0: not between 1 and"),
        (["--users", "-3"], "--users -3: not between 1 and"),
        (["--days", "-1"], "--days -1: not between 1 and 366"),
        (["--start", "yesterday"], "--start yesterday: not a date; write it as 2018-10-01"),
        (["--size", "mini", "--users", "3"], "--size and --users say the same; give one of them"),
        (["--format", "parquet", "--dirty"], "only a file of lines can be dirty"),
    ],
)
def test_nonsense_is_the_users_mistake(tmp_path: Path, arguments: list[str], message: str) -> None:
    found = churn("simulate", str(tmp_path / "log.json"), *arguments)
    assert found.returncode == 2 and message in found.stderr.decode()
    assert b"Traceback" not in found.stderr and list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    found = churn("simulate", str(tmp_path / "no" / "log.json"), "--users", "2", "--days", "2")
    assert found.returncode == 2 and b"cannot be written" in found.stderr


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    command = [sys.executable, "-m", "churn", "simulate", "-", "--users", "40", "--days", "30"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
    assert b"Traceback" not in said
