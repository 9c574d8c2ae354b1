"""A bundle scores a log on a real YARN: containers, executors and their Python, as on EMR."""

from __future__ import annotations

import csv
import subprocess
from importlib import util
from pathlib import Path

import pytest

from churn.engines.java import missing_java
from tests.cluster import hadoop_of
from tests.e2e.small import command, environment, finished_run
from tests.yarn import fetched, yarn

pytestmark = [pytest.mark.spark, pytest.mark.slow]

CONTAINERS = {
    "spark.executor.instances": "2", "spark.executor.cores": "1", "spark.executor.memory": "640m",
    "spark.yarn.am.memory": "400m", "spark.driver.host": "127.0.0.1",
}  # fmt: skip


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_bundle_scores_on_yarn_as_on_one_machine(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    pyspark = pytest.importorskip("pyspark")
    if missing_java() or util.find_spec("pandas") is None:
        pytest.skip(f"YARN is NOT tested: {missing_java() or 'pandas is not installed'}")
    package = Path(pyspark.__file__).parent
    jars = fetched(hadoop_of(package))
    if not jars:
        pytest.skip("YARN is NOT tested: Maven Central does not give Hadoop")
    settings, run = finished_run(tmp_path_factory.getbasetemp())
    expected = rows(run / "risk.csv")
    conf = CONTAINERS | {
        "spark.yarn.jars": f"local:{package}/jars/*",  # or half a gigabyte is copied
        "spark.yarn.stagingDir": f"file://{tmp_path}/staging",
    }
    words = ["score", run / "bundle", settings.logs[0], "--as-of", expected[0]["as_of"], "--out", tmp_path / "risk.csv"]
    words += ["--engine", "spark", "--master", "yarn", "--memory", "2GB"]
    words += [word for name, value in conf.items() for word in ("--conf", f"{name}={value}")]
    with yarn(tmp_path / "yarn", jars) as made:
        done = subprocess.run(
            command(*words), env=environment() | {"HADOOP_CONF_DIR": str(made.conf)},
            capture_output=True, text=True, timeout=900, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        (application,) = made.applications()
    assert (application["name"], application["finalStatus"]) == ("churn", "SUCCEEDED")
    for row, other in zip(rows(tmp_path / "risk.csv"), expected, strict=True):
        assert float(row.pop("probability")) == pytest.approx(float(other.pop("probability")), abs=2e-6)
        assert row == other
