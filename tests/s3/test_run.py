"""The main job from S3 to S3: the same results as from disk to disk, on both engines."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.s3.url import work_folder
from tests.e2e.small import churn, complaint, finished_run
from tests.parity.compare import assert_same_table
from tests.s3.conftest import Put, keys

pytestmark = pytest.mark.slow

ONE_FAMILY = ("--families", "logistic_regression")


def snapshots(bucket: Any, task: str) -> pa.Table:
    parts = [entry.get()["Body"].read() for entry in bucket.objects.filter(Prefix=f"run/snapshots/{task}/")]
    return pa.concat_tables([pq.read_table(io.BytesIO(part)) for part in parts])


def local_snapshots(out: Path, task: str) -> pa.Table:
    return pa.concat_tables([pq.read_table(path) for path in sorted((out / "snapshots" / task).glob("*.parquet"))])


def assert_same_results(bucket: Any, whole: Path) -> None:
    """What lies in the bucket is what lies in the folder of a run on this machine."""
    for task in ("forecast", "history"):
        assert_same_table(snapshots(bucket, task), local_snapshots(whole, task), "userId", "cutoff")
    assert bucket.Object("run/risk.csv").get()["Body"].read() == (whole / "risk.csv").read_bytes()
    there = {key.removeprefix("run/") for key in keys(bucket, "run/") if not key.endswith(".parquet")}
    here = {path.relative_to(whole).as_posix() for path in whole.rglob("*") if path.is_file()}
    assert there - {".churn/mark"} == {name for name in here if not name.endswith((".parquet", "lock"))}
    run = json.loads(bucket.Object("run/run.json").get()["Body"].read())
    assert all(bucket.Object(f"run/{name}").content_length >= 0 for name in run["files"])
    assert [key for key in keys(bucket) if "/aside/" in key or "_temporary" in key] == []


def test_from_s3_to_s3_and_on_from_there(
    bucket: Any, put: Put, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    settings, whole = finished_run(tmp_path_factory.getbasetemp())
    lines = Path(settings.logs[0]).read_bytes().splitlines(keepends=True)
    put("log/a.json", b"".join(lines[::2]))
    put("log/b/c.json", b"".join(lines[1::2]))
    words = ("run", "s3://logs/log/", "--out", "s3a://logs/run/", *ONE_FAMILY)
    done = churn(*words)
    assert done.returncode == 0, done.stderr
    assert "s3://logs/run/risk.csv" in done.stdout
    assert not work_folder("s3://logs/run").joinpath(".churn").exists()
    work_folder("s3://logs/run").rmdir()
    assert_same_results(bucket, whole)
    assert [file["path"] for file in json.loads(bucket.Object("run/ingest.json").get()["Body"].read())["files"]] == [
        "s3://logs/log/a.json", "s3://logs/log/b/c.json",
    ]  # fmt: skip
    again = churn(*words)
    assert (again.returncode, again.stderr.count("(done before)")) == (0, 7)
    less = churn("ingest", "s3://logs/log/a.json", "--out", str(tmp_path / "here"))
    assert (less.returncode, less.stdout.startswith(f"{len(lines[::2]):,} lines")) == (0, True)
    assert not (tmp_path / "here" / ".churn" / "staged").exists()


def test_mistakes_are_told_in_a_line(bucket: Any, put: Put, tmp_path: Path) -> None:
    put("log.json")
    for words, said in {
        ("s3://logs/gone/", str(tmp_path / "run")): "s3://logs/gone/: there is no such object or folder",
        ("s3://nobody/log", str(tmp_path / "run")): "s3://nobody/log: there is no such bucket",
        ("s3://logs/log.json", "s3://nobody/run"): "s3://nobody/run: there is no such bucket",
        ("s3://logs/log.json", "s3://logs"): "s3://logs/ holds objects that no run of this program made",
    }.items():
        done = churn("run", words[0], "--out", words[1])
        assert done.returncode == 2
        assert complaint(done.stderr).startswith(said)
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
