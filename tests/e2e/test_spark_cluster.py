"""The main job on a real cluster: the same snapshots, also when workers and the driver are killed on the way."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib import util
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.aws.wheel import wheel
from churn.steps import PRIVATE
from tests.cluster import Cluster
from tests.cluster import environment as cluster_environment
from tests.e2e.small import ONE_FAMILY, command, environment, finished_run, learnable_log, mini_run
from tests.parity.compare import assert_same_table
from tests.spark_events import ANY, EventLog

pytestmark = [pytest.mark.spark, pytest.mark.slow]

DEADLINE = 900
LOCAL = ("--learner", "local", *ONE_FAMILY)
SMALL = ("--conf", "spark.executor.memory=640m", "--memory", "2GB")


BY_SPARK = ("--learner", "spark", *ONE_FAMILY, "--top-features", "8")
"""Trains by Spark; few features need few iterations, each of which is a job."""

STILL = 3
"""Seconds without a word from an application whose tasks take milliseconds: it waits."""


def arguments(log: Path, out: Path, master: str, learner: Sequence[str] = LOCAL) -> tuple[str | Path, ...]:
    return ("run", log, "--out", out, "--engine", "spark", "--master", master, *SMALL, *learner)


def finish(child: subprocess.Popen[str]) -> str:
    try:
        _, said = child.communicate(timeout=DEADLINE)
    finally:
        child.kill()
    assert child.returncode == 0, said
    return said


def start(*words: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*words), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(path: Path, child: subprocess.Popen[str], since: int = 0) -> None:
    """Wait until it is there, and was made after a time in ns."""
    until = time.monotonic() + DEADLINE
    while not path.exists() or path.stat().st_ctime_ns < since:
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)


def kill_at_work(cluster: Cluster, log: EventLog, child: subprocess.Popen[str]) -> str:
    """Kill a worker that a job is seen to wait for; gives its name."""
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until:
        assert child.poll() is None, child.communicate()
        log.look()
        if log.running and log.executor:
            name = cluster.worker_of(log.application, log.executor)
            cluster.hold(name)
            time.sleep(STILL)
            while log.look():
                time.sleep(STILL)
            if log.running:
                cluster.kill(name)
                return name
            cluster.go_on(name)  # it was held between two jobs
        time.sleep(0.01)
    raise AssertionError(f"no job was seen at work within {DEADLINE} s")


def snapshots(out: Path, task: str) -> pa.Table:
    return pa.concat_tables(pq.read_table(path) for path in sorted((out / "snapshots" / task).glob("*.parquet")))


def assert_same_snapshots(out: Path, other: Path) -> None:
    for task in ("forecast", "history"):
        assert_same_table(snapshots(out, task), snapshots(other, task), "userId", "cutoff")


def test_killed_driver_and_killed_workers_change_nothing(
    spark_cluster: Cluster, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings, whole = finished_run(tmp_path_factory.getbasetemp())
    spark_cluster.add("three")
    words = arguments(Path(settings.logs[0]), tmp_path / "run", spark_cluster.master)
    private = tmp_path / "run" / PRIVATE
    with start(*words) as child:
        wait_for(private / "aside" / "rollups", child)
        child.send_signal(signal.SIGKILL)
        child.wait(timeout=DEADLINE)
    assert {path.stem for path in (private / "steps").iterdir()} == {"ingest"}
    assert not (tmp_path / "run" / "rollups").exists()
    events = EventLog(tmp_path / "events of rollups", ANY)
    events.folder.mkdir()
    since = time.time_ns()  # what the run that was killed had begun may still be there
    with start(*words, *events.options()) as child:
        wait_for(private / "aside" / "rollups", child, since)
        kill_at_work(spark_cluster, events, child)
        assert not (tmp_path / "run" / "rollups").exists()
        said = finish(child)
    while events.look():
        pass
    assert len(events.lost) == 1
    assert said.count("(done before)") == 1
    assert_same_snapshots(tmp_path / "run", whole)
    assert (tmp_path / "run" / "risk.csv").read_text() == (whole / "risk.csv").read_text()
    trained_without_a_worker(spark_cluster, words[1], tmp_path)
    assert_same_snapshots(tmp_path / "run", whole)


def trained_without_a_worker(cluster: Cluster, log: str | Path, folder: Path) -> None:
    """Train a run anew, by Spark, with two workers, one of which is killed while a job that trains needs it."""
    events, out = EventLog(folder / "events"), folder / "run"
    events.folder.mkdir()
    with start(*arguments(Path(log), out, cluster.master, BY_SPARK), *events.options()) as child:
        killed = kill_at_work(cluster, events, child)
        said = finish(child)
    cluster.add(killed)
    assert said.count("(done before)") == 4
    while events.look():
        pass
    assert len(events.lost) == 1
    assert set(events.jobs.values()) == {True}
    with (out / "metrics" / "models.csv").open(newline="", encoding="utf-8") as file:
        assert [row["task"] for row in csv.DictReader(file)] == ["forecast", "history", "history_no_clock"]
    manifest = json.loads((out / "bundle" / "manifest.json").read_text())
    assert 0 < manifest["parity"]["max_abs_difference"] <= 1e-5


def test_executors_that_come_and_go_are_told_before_xgboost_waits_for_them(
    spark_cluster: Cluster, tmp_path: Path
) -> None:
    if util.find_spec("pandas") is None:
        pytest.skip("pandas is not installed, so XGBoost on Spark is NOT tested: pip install 'sparkify-churn[spark]'")
    dynamic = ("--conf", "spark.dynamicAllocation.enabled=true", "--families", "xgboost")
    words = ("run", learnable_log(tmp_path / "log.json"), "--out", tmp_path / "run", "--engine", "spark")
    with start(*words, "--master", spark_cluster.master, *SMALL, *dynamic) as child:
        _, said = child.communicate(timeout=DEADLINE)
    assert child.returncode == 2, said
    assert "while spark.dynamicAllocation.enabled is true; add --conf spark.dynamicAllocation.enabled=false" in said
    assert not (tmp_path / "run" / "events").exists()


def test_a_bundle_made_on_one_machine_scores_on_the_cluster(
    spark_cluster: Cluster, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if util.find_spec("pandas") is None:
        pytest.skip("pandas is not installed, so scoring on Spark is NOT tested: pip install 'sparkify-churn[spark]'")
    settings, whole = finished_run(tmp_path_factory.getbasetemp())
    words = ("score", whole / "bundle", Path(settings.logs[0]), "--as-of", "2018-11-20", "--out")
    with start(*words, tmp_path / "there.csv", "--engine", "spark", "--master", spark_cluster.master, *SMALL) as child:
        finish(child)
    with start(*words, tmp_path / "here.csv") as child:
        finish(child)
    there, here = ((tmp_path / f"{name}.csv").read_text(encoding="utf-8").splitlines() for name in ("there", "here"))
    assert len(here) > 30
    assert [line.split(",")[:2] for line in there] == [line.split(",")[:2] for line in here]


def installed_wheel(folder: Path) -> Path:
    """The package as a wheel, unpacked by pip into a folder of its own."""
    name, content = wheel()
    (folder / name).write_bytes(content)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", "installed", name]
    subprocess.run(pip, cwd=folder, timeout=DEADLINE, check=True)
    return folder / "installed"


def test_the_mini_log_on_the_cluster_by_spark_submit(
    spark_cluster: Cluster,
    data: Callable[[str], Path],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    log = data("eventsim_mini.json.gz")
    home = cluster_environment()["SPARK_HOME"]
    installed = installed_wheel(tmp_path)
    job = tmp_path / "job.py"
    job.write_text("import churn\nfrom churn.cli import main\nprint(churn.__file__)\nmain()\n", encoding="utf-8")
    submit = [
        f"{home}/bin/spark-submit",
        "--master",
        spark_cluster.master,
        "--conf",
        "spark.executor.memory=640m",
    ]
    words = ["run", log, "--out", tmp_path / "spark", "--engine", "spark", *LOCAL]
    done = subprocess.run(
        [*submit, str(job), *map(str, words)],
        env={**cluster_environment(), **environment(), "PYTHONPATH": str(installed)},
        capture_output=True, text=True, timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert str(installed / "churn" / "__init__.py") in done.stdout
    assert_same_snapshots(tmp_path / "spark", mini_run(tmp_path_factory.getbasetemp(), log))
