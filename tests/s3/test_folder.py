"""A run that is kept in S3: what stands there, and that nothing half-written looks finished."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from churn.errors import OutputError
from churn.s3.folder import S3Files
from churn.s3.url import work_folder
from churn.steps import PRIVATE, Silence, Step, do_steps, run_folder
from tests.s3.broken import Broken
from tests.s3.conftest import Put, keys
from tests.test_steps import Diary, copying, failing

URL = "s3://logs/run"


def done_now(folder: Path, steps: list[Step], *, pointing: bool = False) -> list[str]:
    """What is done by a machine that has nothing but S3."""
    diary = Diary()
    with run_folder(folder):
        files = S3Files(URL, folder, pointing=pointing)
        files.begin()
        try:
            do_steps(folder, steps, diary, files=files)
        finally:
            files.end()
    assert not folder.exists()
    return diary.started_steps


def test_another_machine_goes_on_where_the_first_one_stopped(bucket: Any, tmp_path: Path) -> None:
    first, second = copying("first"), copying("second")
    assert done_now(tmp_path / "a", [first, second]) == ["first", "second"]
    assert keys(bucket, "run/") == [
        "run/.churn/mark", "run/.churn/steps/first.json", "run/.churn/steps/second.json", "run/first.txt",
        "run/second.txt",
    ]  # fmt: skip
    assert done_now(tmp_path / "b", [first, second, copying("third")]) == ["third"]
    assert done_now(tmp_path / "c", [first, copying("second", "!"), copying("third")]) == ["second", "third"]
    assert bucket.Object("run/second.txt").get()["Body"].read() == b"second!"


def test_what_was_damaged_or_removed_in_s3_is_done_anew(bucket: Any, put: Put, tmp_path: Path) -> None:
    steps = [copying(name) for name in ("first", "second", "third")]
    done_now(tmp_path / "a", steps)
    put("run/second.txt", b"?")
    assert done_now(tmp_path / "b", steps) == ["second", "third"]
    bucket.Object("run/.churn/steps/first.json").delete()
    assert done_now(tmp_path / "c", steps) == ["first", "second", "third"]


def test_a_step_that_breaks_leaves_nothing_that_looks_finished(bucket: Any, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        done_now(tmp_path / "a", [copying("first"), failing("second", RuntimeError("broken"))])
    assert keys(bucket, "run/") == ["run/.churn/mark", "run/.churn/steps/first.json", "run/first.txt"]


def test_an_upload_that_fails_leaves_no_marker(bucket: Any, broken: Broken, tmp_path: Path) -> None:
    broken.rule = lambda method, path, times: "refused:AccessDenied" if path.endswith("second.txt") else None
    with pytest.raises(OutputError, match=r"^s3://logs/run/second.txt: permission denied; the user needs .*PutObject"):
        done_now(tmp_path / "a", [copying("first"), copying("second")])
    assert keys(bucket, "run/.churn/steps/") == ["run/.churn/steps/first.json"]
    broken.rule = lambda method, path, times: "busy" if times == 0 else None
    assert done_now(tmp_path / "b", [copying("first"), copying("second")]) == ["second"]


def test_empty_folders_are_known_again(bucket: Any, tmp_path: Path) -> None:
    step = Step("first", "first", ("empty", "full"), {}, lambda folder: _make(folder))
    assert done_now(tmp_path / "a", [step]) == ["first"]
    assert done_now(tmp_path / "b", [step]) == []


def _make(folder: Path) -> None:
    (folder / "empty").mkdir()
    (folder / "full").mkdir()
    (folder / "full" / "a").write_text("a")


def test_a_place_that_is_somebody_elses_is_left_alone(bucket: Any, put: Put, tmp_path: Path) -> None:
    put("run/precious.csv")
    with pytest.raises(OutputError, match=r"^s3://logs/run holds objects that no run of this program made; choose"):
        done_now(tmp_path / "a", [copying("first")])
    assert keys(bucket) == ["run/precious.csv"]


def test_a_bucket_that_may_not_be_written_to_is_told_at_once(bucket: Any, broken: Broken, tmp_path: Path) -> None:
    broken.rule = lambda method, path, times: "refused:AccessDenied" if method == "PUT" else None
    with pytest.raises(OutputError, match=r"^s3://logs/run/.churn/mark: permission denied; the user needs"):
        done_now(tmp_path / "a", [copying("first")])


def test_tables_of_a_cluster_are_pointers_here(bucket: Any, put: Put, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with run_folder(folder):
        files = S3Files(URL, folder, pointing=True)
        files.begin()
        aside = folder / PRIVATE / "aside" / "ingest"
        table = aside / "lines" / "day=2018-10-01"
        assert files.table(table) == "logs/run/.churn/aside/ingest/lines/day=2018-10-01"
        for name in ("a.parquet", "_SUCCESS", "_temporary/0/x.parquet", "day=1_$folder$"):
            put(f"run/.churn/aside/ingest/lines/day=2018-10-01/{name}", b"x" * 100)
        files.written(table)
        assert [(path.name, files.size(path)) for path in table.iterdir()] == [("a.parquet", 100)]
        files.move(aside / "lines", folder / "events")
        assert keys(bucket, "run/") == ["run/.churn/mark", "run/events/day=2018-10-01/a.parquet"]
        assert files.size(folder / "events" / "day=2018-10-01" / "a.parquet") == 100
        files.keep(folder / "events")
        assert bucket.Object("run/events/day=2018-10-01/a.parquet").content_length == 100
        files.spread(folder / "events" / "day=2018-10-01" / "a.parquet", "1/copy")
        files.remove(aside)
        files.remove(folder / "events")
        assert keys(bucket, "run/") == ["run/.churn/mark"]
        files.end()


def test_the_folder_on_this_machine_is_the_same_for_the_same_address_and_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = work_folder("s3://logs/run/")
    assert folder == work_folder("s3a://logs/run") != work_folder("s3://logs/run2")
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(OutputError, match="belongs to somebody else; set TMPDIR to a folder of your own"):
        work_folder("s3://logs/run")


def test_steps_without_s3_ask_nobody(tmp_path: Path) -> None:
    with run_folder(tmp_path / "run"):
        assert len(do_steps(tmp_path / "run", [copying("first")], Silence())) == 1
    assert json.loads((tmp_path / "run" / PRIVATE / "steps" / "first.json").read_text())["sizes"]["first.txt"] == [1, 5]
