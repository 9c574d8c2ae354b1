"""The command line of the step, run for real: spark-submit on a standalone cluster, from S3 to S3, then fetched.

What differs from EMR is named here: the master, the interpreter, sizes that fit the small workers, where
spark-submit finds the job (EMR's reads s3:// itself), and Hadoop's own library for S3, which EMR has.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.aws import objects
from churn.aws.asked import Asked
from churn.aws.client import Clients
from churn.aws.places import Place
from churn.aws.plan import Plan, make_plan
from churn.aws.sizing import listed
from churn.cli import invoke
from tests.cluster import Cluster
from tests.cluster import environment as cluster_environment
from tests.e2e.small import SHORT, environment, short_run
from tests.parity.compare import assert_same_table

pytestmark = [pytest.mark.spark, pytest.mark.slow]

DEADLINE = 1500
LOG, OUT = Place("logs", "mini/"), Place("results", "run/")
OPTIONS = (*SHORT, "--learner", "local")
"""What makes both results equal to the last digit: the same library trains."""


def planned(clients: Clients, log: Path) -> Plan:
    """The plan for a log that lies in S3, with its files uploaded as `submit` does it."""
    for bucket in (LOG.bucket, OUT.bucket):
        clients.s3.create_bucket(Bucket=bucket)
    clients.s3.upload_file(str(log), LOG.bucket, LOG.key + log.name)
    plan = make_plan(Asked(LOG, OUT, run_options=OPTIONS), listed(LOG, objects.listing(clients.s3, LOG)))
    for name, content in plan.files.contents.items():
        objects.put(clients.s3, OUT.job / f"files/{name}", content, None)
    return plan


def here(step: list[str], master: str, job: Path, packages: list[str]) -> list[str]:
    """The step's command line with what must differ on this machine."""
    own = {
        "spark.pyspark.python": sys.executable,
        "spark.pyspark.driver.python": sys.executable,
        "spark.executor.cores": "1",
        "spark.executor.memory": "640m",
        "spark.executor.memoryOverhead": "100m",
        "spark.driver.memory": "1500m",
        "spark.default.parallelism": "2",
    }
    words = list(step)
    words[words.index("--master") + 1] = master
    words[words.index("--deploy-mode") + 1] = "client"
    for i, word in enumerate(words):
        name, _, _ = word.partition("=")
        if words[i - 1] == "--conf" and name in own:
            words[i] = f"{name}={own[name]}"
        if word.endswith("/files/job.py"):
            words[i] = str(job)
    home = cluster_environment()["SPARK_HOME"]
    conf = ["--conf", "spark.cores.max=1"]  # each further executor compiles the same code once more
    return [f"{home}/bin/spark-submit", *packages, *conf, *words[1:]]


def tables(run: Path, task: str) -> pa.Table:
    return pa.concat_tables(pq.read_table(path) for path in sorted((run / "snapshots" / task).rglob("*.parquet")))


def test_the_generated_step_on_a_real_cluster_equals_the_embedded_engine(
    aws: str, spark_cluster: Cluster, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    s3_tests = pytest.importorskip("tests.s3.test_run", reason="this version of the program reads no s3://")
    options = s3_tests.hadoop_aws()
    packages = [w for i, word in enumerate(options) if word.startswith("spark.jars.") for w in (options[i - 1], word)]
    log, alone = short_run(tmp_path_factory.getbasetemp())
    clients = Clients("us-east-1")
    plan = planned(clients, log)
    job = tmp_path / "job.py"
    clients.s3.download_file(OUT.bucket, OUT.job.key + "files/job.py", str(job))
    words = here(plan.step, spark_cluster.master, job, packages)
    assert words[-len(plan.step) + plan.step.index("run") :] == plan.step[plan.step.index("run") :]
    done = subprocess.run(
        words, env={**cluster_environment(), **environment(), "TMPDIR": str(tmp_path)}, capture_output=True, text=True,
        timeout=DEADLINE, check=False,
    )  # fmt: skip
    if "UNRESOLVED DEPENDENCIES" in done.stderr:
        pytest.skip("the step is NOT tested: Maven Central does not give hadoop-aws")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert invoke(["emr", "fetch", str(OUT), "--to", str(tmp_path / "fetched"), "--all"]) == 0
    for task in ("forecast", "history"):
        assert_same_table(tables(tmp_path / "fetched", task), tables(alone, task), "userId", "cutoff")
    for name in ("risk.csv", "metrics/lift.csv"):
        assert (tmp_path / "fetched" / name).read_text() == (alone / name).read_text()
