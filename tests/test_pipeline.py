"""The main job in this process: what is resumed, what is redone, and that a folder's content always fits together."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from churn.errors import EngineError, QuarantineError
from churn.pipeline import read_log, run, snapshot
from churn.problem import Problem
from churn.settings import Settings
from churn.steps import PRIVATE, Done, Step
from churn.tables import Table
from churn.versions import versions
from tests.conftest import event, write_log
from tests.e2e.small import STEPS, finished_run, learnable_rows
from tests.tiny import DAY, ms

AS_OF = date(2018, 12, 3)


class Begun(Exception):
    """Raised by `FirstStep`."""


class FirstStep:
    """A watcher that stops a run where it begins to do something."""

    def started(self, step: Step) -> None:
        raise Begun(step.name)

    def finished(self, step: Step, done: Done) -> None:
        assert done.resumed


class Diary:
    """A watcher that writes down which steps were done, and which had been done before."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.resumed: list[str] = []

    def started(self, step: Step) -> None:
        pass

    def finished(self, step: Step, done: Done) -> None:
        (self.resumed if done.resumed else self.done).append(step.name)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A finished run on a small log; only to be read."""
    return finished_run(tmp_path_factory.getbasetemp())[0]


@pytest.fixture
def copied(finished: Settings, tmp_path: Path) -> Settings:
    """The same with a folder of its own."""
    settings = replace(finished, out=tmp_path / "run")
    shutil.copytree(finished.out, settings.out)
    return settings


def names(out: Path) -> set[str]:
    return {path.name for path in out.iterdir()} - {PRIVATE}


def outputs(*steps: str) -> set[str]:
    return {name for step in steps for name in STEPS[step]}


def files_of(out: Path) -> dict[str, bytes]:
    """Every file but what differs by nature: times, and what the private folder holds."""
    found = {}
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out).as_posix()
        if path.is_file() and not name.startswith(PRIVATE) and name != "run.json":
            found[name] = path.read_bytes()
    return found


def test_a_finished_run_holds_the_outputs_of_every_step_and_nothing_else(finished: Settings) -> None:
    assert names(finished.out) == {*outputs(*STEPS), "run.json"}
    assert {path.name for path in (finished.out / PRIVATE).iterdir()} == {"aside", "lock", "steps"}
    assert not any((finished.out / PRIVATE / "aside").iterdir())


def test_run_json_says_what_was_done_with_what_and_how_long_it_took(finished: Settings) -> None:
    found = json.loads((finished.out / "run.json").read_text())
    assert found["settings"] == finished.as_json()
    assert found["versions"] == versions()
    assert {"python", "duckdb", "sparkify-churn", "onnxruntime"} <= set(found["versions"])
    assert [step["name"] for step in found["steps"]] == list(STEPS)
    assert all(step["seconds"] > 0 and step["memory"] > 10_000_000 for step in found["steps"])
    assert set(found["files"]) == set(files_of(finished.out))


def test_the_same_again_does_nothing_and_says_the_same(copied: Settings) -> None:
    before = files_of(copied.out)
    marked = {path: path.stat().st_mtime_ns for path in (copied.out / PRIVATE / "steps").iterdir()}
    diary = Diary()
    summary = run(copied, diary)
    assert (diary.done, diary.resumed) == ([], list(STEPS))
    assert files_of(copied.out) == before
    assert {path: path.stat().st_mtime_ns for path in (copied.out / PRIVATE / "steps").iterdir()} == marked
    found = json.loads((copied.out / "run.json").read_text())
    assert [step["resumed"] for step in found["steps"]] == [True] * len(STEPS)
    assert found["summary"] == json.loads(json.dumps(summary.as_json()))


def asking(**changes: object) -> Callable[[Settings], Settings]:
    return lambda settings: replace(settings, problem=replace(settings.problem, **changes))


def with_settings(**changes: object) -> Callable[[Settings], Settings]:
    return lambda settings: replace(settings, **changes)


CHANGES = {
    "other share of refused lines": (with_settings(max_refused=0.5), "ingest"),
    "other churn page": (asking(churn_pages=("Thumbs Down",)), "rollups"),
    "one more churn page": (asking(churn_pages=("Cancellation Confirmation", "Cancel")), "rollups"),
    "horizon": (asking(horizon=10), "profile"),
    "gap": (asking(gap=1), "profile"),
    "windows": (asking(windows=(3, 7)), "snapshots"),
    "every": (asking(every=14), "snapshots"),
    "seed": (with_settings(seed=1), "snapshots"),
    "families": (with_settings(families=("xgboost",)), "train"),
    "force": (with_settings(force=True), "train"),
}


@pytest.mark.parametrize(("change", "first"), CHANGES.values(), ids=CHANGES)
def test_a_change_redoes_everything_from_the_first_step_that_it_touches(
    copied: Settings, change: Callable[[Settings], Settings], first: str
) -> None:
    changed = change(copied)
    with pytest.raises(Begun, match=f"^{first}$"):
        run(changed, FirstStep())
    kept = list(STEPS)[: list(STEPS).index(first)]
    assert names(copied.out) == outputs(*kept)  # no stale output is left, and no run.json
    assert {path.stem for path in (copied.out / PRIVATE / "steps").iterdir()} == set(kept)


def touch(log: Path) -> None:
    os.utime(log, (1, 1))


def grow(log: Path) -> None:
    before = log.stat()
    with log.open("a") as file:
        file.write(json.dumps(event("1", ms("10-02"))) + "\n")
    os.utime(log, ns=(before.st_atime_ns, before.st_mtime_ns))  # so that only the size tells


@pytest.mark.parametrize("change", [touch, grow])
def test_a_log_that_was_touched_or_has_grown_is_read_anew(tmp_path: Path, change: Callable[[Path], None]) -> None:
    log = write_log(tmp_path / "log.json", [event("1")])
    settings = Settings((str(log),), tmp_path / "run")
    read_log(settings)
    read_log(settings, FirstStep())  # nothing to do
    change(log)
    with pytest.raises(Begun, match="ingest"):
        run(settings, FirstStep())
    assert names(settings.out) == set()


def test_memory_changes_no_result_so_nothing_is_redone(copied: Settings) -> None:
    diary = Diary()
    run(replace(copied, memory=2_000_000_000), diary)
    assert diary.done == []


def test_a_run_goes_on_after_an_ingest(finished: Settings, tmp_path: Path) -> None:
    settings = replace(finished, out=tmp_path / "run")
    account = read_log(settings)
    assert names(settings.out) == outputs("ingest")
    assert account.to_json() == (settings.out / "ingest.json").read_text(encoding="utf-8")
    with pytest.raises(Begun, match="rollups"):
        run(settings, FirstStep())


@pytest.mark.slow
def test_changed_settings_give_what_a_fresh_folder_gives(copied: Settings, tmp_path: Path) -> None:
    changed = replace(copied, problem=replace(copied.problem, horizon=10))
    run(changed)
    run(replace(changed, out=tmp_path / "fresh"))
    again, fresh = files_of(copied.out), files_of(tmp_path / "fresh")
    assert set(again) == set(fresh)
    for name in ("risk.csv", "metrics/baselines.csv", "metrics/lift.csv", "bundle/model.onnx"):
        assert again[name] == fresh[name], name


def test_a_snapshot_in_the_folder_of_a_run_does_not_pass_for_that_of_the_run(copied: Settings) -> None:
    snapshot(copied, AS_OF)
    assert not (copied.out / "snapshots" / "history").exists()
    with pytest.raises(Begun, match="snapshots"):
        run(copied, FirstStep())


def test_a_snapshot_holds_every_user_eligible_at_the_date_and_no_label(finished: Settings, tmp_path: Path) -> None:
    settings = replace(finished, out=tmp_path / "features")
    as_of = date(2018, 11, 20)
    count = snapshot(settings, as_of)
    found = pq.read_table(settings.out / "snapshots" / "forecast")
    midnight = ms("11-20")
    rows = learnable_rows()
    left = {r["userId"] for r in rows if r["page"] == "Cancellation Confirmation" and r["ts"] < midnight}
    seen = {r["userId"] for r in rows if r["ts"] < midnight}
    assert left and seen - left
    assert sorted(found["userId"].to_pylist()) == sorted(seen - left)
    assert count == len(seen - left) == found.num_rows
    assert set(found["label"].to_pylist()) == {None}
    assert set(found["cutoff"].to_pylist()) == {as_of}
    assert found.schema.field("label").type == "int8"


def test_nothing_of_a_log_read_before_stays_beside_a_new_one(tmp_path: Path) -> None:
    """Neither lines of nobody, nor refused ones, nor days."""
    log = write_log(tmp_path / "log.json", [event("1"), event("", ms("10-03")), event("1", ms("10-02"))])
    log.write_text(log.read_text() + "no json\n")
    settings = Settings((str(log),), tmp_path / "out", max_refused=0.5)
    read_log(settings)
    assert {path.name for path in (settings.out / "events").iterdir()} == {"day=2018-10-01", "day=2018-10-02"}
    assert any((settings.out / "nobody").iterdir()) and any((settings.out / "quarantine").iterdir())
    write_log(log, [event("1", ms("10-02") + DAY)])
    read_log(settings)
    assert {path.name for path in (settings.out / "events").iterdir()} == {"day=2018-10-03"}
    assert not any((settings.out / "nobody").iterdir()) and not any((settings.out / "quarantine").iterdir())


def test_refused_lines_are_shown_even_where_they_stop_the_run(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.json", [event("1")])
    log.write_text(log.read_text() + "no json\n")
    settings = Settings((str(log),), tmp_path / "out")
    for _ in range(2):  # and the second time is like the first
        with pytest.raises(QuarantineError, match=r"1 of 2 lines.*log.json, line 2.*no json.*--max-refused"):
            run(settings)
        assert names(settings.out) == {"quarantine"}
        (refused,) = (settings.out / "quarantine").iterdir()
        assert json.loads(refused.read_text())["line"] == 2


def test_snapshots_of_a_run_hold_two_tasks_with_labels_where_the_horizon_is_over(finished: Settings) -> None:
    forecast = Table.of(pq.read_table(finished.out / "snapshots" / "forecast"))
    history = Table.of(pq.read_table(finished.out / "snapshots" / "history"))
    ripe = forecast.y[[str(day) <= "2018-11-19" for day in forecast.cutoffs]]
    open_ = forecast.y[[str(day) > "2018-11-19" for day in forecast.cutoffs]]
    assert set(ripe) == {0, 1}
    assert set(open_) == {-1}
    assert set(history.y) == {0, 1}
    assert len(history) == len(set(history.users)) == 80


def test_a_gap_and_windows_of_ones_own_are_learned_from_and_kept_in_the_bundle(
    finished: Settings, tmp_path: Path
) -> None:
    problem = Problem(gap=2, horizon=12, windows=(3, 7))
    settings = replace(finished, out=tmp_path / "run", problem=problem)
    summary = run(settings)
    assert summary.cutoffs["test"] == "2018-11-19"  # as_of 12-03 less 14 days
    manifest = json.loads((settings.out / "bundle" / "manifest.json").read_text())
    assert (manifest["problem"]["gap"], manifest["problem"]["windows"]) == (2, [3, 7])
    assert not any("30" in feature["name"] for feature in manifest["features"])
    assert any("7" in feature["name"] for feature in manifest["features"])


def test_an_engine_error_is_ours() -> None:
    assert EngineError("x").exit_status == 1


def test_another_log_in_a_finished_folder_leaves_nothing_of_the_run(copied: Settings, tmp_path: Path) -> None:
    other = write_log(tmp_path / "other.json", learnable_rows()[:500])
    read_log(replace(copied, logs=(str(other),)))
    assert names(copied.out) == outputs("ingest")


def test_a_snapshot_in_a_finished_folder_leaves_no_results_beside_it(copied: Settings) -> None:
    snapshot(copied, date(2018, 11, 1))
    assert names(copied.out) == outputs("ingest", "rollups", "profile", "snapshots")
