"""The main job on a real cluster: the same snapshots, also when a worker or the driver is killed on the way."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from importlib import util
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.steps import PRIVATE
from tests.cluster import Cluster
from tests.cluster import environment as cluster_environment
from tests.e2e.small import ONE_FAMILY, command, environment, finished_run, learnable_log, mini_run
from tests.parity.compare import assert_same_table

pytestmark = [pytest.mark.spark, pytest.mark.slow]

DEADLINE = 900
LOCAL = ("--learner", "local", *ONE_FAMILY)
SMALL = ("--conf", "spark.executor.memory=640m", "--memory", "2GB")


def arguments(log: Path, out: Path, master: str) -> tuple[str | Path, ...]:
    return ("run", log, "--out", out, "--engine", "spark", "--master", master, *SMALL, *LOCAL)


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


def wait_for(path: Path, child: subprocess.Popen[str]) -> None:
    until = time.monotonic() + DEADLINE
    while not path.exists():
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)


def snapshots(out: Path, task: str) -> pa.Table:
    return pa.concat_tables(pq.read_table(path) for path in sorted((out / "snapshots" / task).glob("*.parquet")))


def assert_same_snapshots(out: Path, other: Path) -> None:
    for task in ("forecast", "history"):
        assert_same_table(snapshots(out, task), snapshots(other, task), "userId", "cutoff")


def test_killed_driver_and_killed_worker_change_nothing(
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
    with start(*words) as child:
        wait_for(private / "aside" / "rollups", child)
        time.sleep(1)
        spark_cluster.kill("three")
        said = finish(child)
    assert said.count("(done before)") == 1
    assert_same_snapshots(tmp_path / "run", whole)
    assert (tmp_path / "run" / "risk.csv").read_text() == (whole / "risk.csv").read_text()


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


def test_the_mini_log_on_the_cluster_by_spark_submit(
    spark_cluster: Cluster,
    data: Callable[[str], Path],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    log = data("eventsim_mini.json.gz")
    home = cluster_environment()["SPARK_HOME"]
    job = tmp_path / "job.py"
    job.write_text("from churn.cli import main\nmain()\n", encoding="utf-8")
    submit = [
        f"{home}/bin/spark-submit",
        "--master",
        spark_cluster.master,
        "--conf",
        "spark.executor.memory=640m",
    ]
    words = ["run", log, "--out", tmp_path / "spark", "--engine", "spark", *LOCAL]
    done = subprocess.run(
        [*submit, str(job), *map(str, words)], env={**cluster_environment(), **environment()},
        capture_output=True, text=True, timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert_same_snapshots(tmp_path / "spark", mini_run(tmp_path_factory.getbasetemp(), log))
