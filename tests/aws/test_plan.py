"""`churn emr plan`: the whole plan, offline, quick, and refused in one line where it makes no sense."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from churn.aws.asked import Asked
from churn.aws.places import Place
from churn.aws.plan import UNTIMED_HOURS, make_plan
from churn.aws.requests import run_words
from churn.aws.sizing import given
from churn.cli import invoke
from tests.aws.conftest import ARGUMENTS, Cloud
from tests.aws.proxy import refuse
from tests.conftest import ROOT

PLAN = ("emr", "plan", "s3://bucket/log/", "--out", "s3://bucket/run/", "--input-size", "12GB")


def planned(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    words = list(PLAN)
    at = options.index("--") if "--" in options else len(options)
    assert invoke([*words, *options[:at], "--json", *options[at:]]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refused(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert invoke([*PLAN, *options]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1 and said.err.startswith("churn: ")
    return said.err


def test_offline_it_is_quick_and_needs_neither_boto3_nor_credentials(tmp_path: Path) -> None:
    for name in ("boto3", "botocore", "cryptography"):
        (tmp_path / f"{name}.py").write_text("raise AssertionError('loaded')\n")
    words = [sys.executable, "-m", "churn", *PLAN]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = {**clean, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT / 'src'}", "HOME": str(tmp_path)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Of the processor: it reads a few files and waits for nobody, and other tests may share the cores.
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert (done.returncode, done.stderr) == (0, "")
    assert seconds <= 3
    for words_of_it in ("1 primary m5.xlarge", "3 core m5.xlarge", "spark-submit", "emr-7", "at the hard limit",
                        "ec2:m5.xlarge", "MB a second and core", "bootstrap.sh", "Nothing was started"):  # fmt: skip
        assert words_of_it in done.stdout


def test_the_request_of_a_cluster_carries_every_end_in_one_call(capsys: pytest.CaptureFixture[str]) -> None:
    found = planned(capsys, "--idle", "15", "--hours", "3", "--subnet", "subnet-1")
    request = found["requests"]["RunJobFlow"]
    assert request["AutoTerminationPolicy"] == {"IdleTimeout": 900}
    assert request["BootstrapActions"][0]["ScriptBootstrapAction"] == {
        "Path": "s3://bucket/run.emr/files/bootstrap.sh", "Args": ["s3://bucket/run.emr/files/", "10800"],
    }  # fmt: skip
    instances = request["Instances"]
    assert (instances["KeepJobFlowAliveWhenNoSteps"], instances["TerminationProtected"]) == (False, False)
    assert instances["Ec2SubnetId"] == "subnet-1"
    assert [step["ActionOnFailure"] for step in request["Steps"]] == ["TERMINATE_CLUSTER"]
    assert request["Steps"][0]["HadoopJarStep"]["Args"] == found["step"]
    assert request["SecurityConfiguration"] == found["requests"]["CreateSecurityConfiguration"]["Name"]


@pytest.mark.parametrize("key", [None, "arn:aws:kms:us-east-1:123456789012:key/abc"])
def test_encryption_is_on_at_rest_and_between_machines(key: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    found = planned(capsys, *(("--kms-key", key) if key else ()))
    text = found["requests"]["CreateSecurityConfiguration"]["SecurityConfiguration"]
    encryption = json.loads(text)["EncryptionConfiguration"]
    assert encryption["EnableAtRestEncryption"] and encryption["EnableInTransitEncryption"]
    at_rest = encryption["AtRestEncryptionConfiguration"]
    assert at_rest["S3EncryptionConfiguration"]["EncryptionMode"] == ("SSE-KMS" if key else "SSE-S3")
    assert ("LocalDiskEncryptionConfiguration" in at_rest) == bool(key)
    assert found["settings"]["spark.io.encryption.enabled"] == "true"


def test_another_key_of_kms_is_another_security_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    """One that is there from an attempt that did not get further is taken as it is."""
    runs = [planned(capsys, *options)["requests"] for options in ((), ("--kms-key", "arn:k"), ("--kms-key", "arn:l"))]
    assert len({requests["CreateSecurityConfiguration"]["Name"] for requests in runs}) == 3
    for requests in runs:
        assert requests["RunJobFlow"]["SecurityConfiguration"] == requests["CreateSecurityConfiguration"]["Name"]


def test_the_step_is_spark_submit_with_the_command_line_of_churn_run(capsys: pytest.CaptureFixture[str]) -> None:
    step = planned(capsys, "--", "--horizon", "30", "--families", "xgboost")["step"]
    assert step[0] == "spark-submit"
    job = step.index("s3://bucket/run.emr/files/job.py")
    assert step[job + 1 :] == [
        "run", "s3://bucket/log/", "--out", "s3://bucket/run/", "--engine", "spark",
        "--horizon", "30", "--families", "xgboost",
    ]  # fmt: skip
    assert "spark.dynamicAllocation.enabled=false" in step


def test_the_run_itself_is_told_the_key_for_what_it_uploads(capsys: pytest.CaptureFixture[str]) -> None:
    assert planned(capsys, "--kms-key", "arn:k")["step"][:3] == ["env", "CHURN_KMS_KEY=arn:k", "spark-submit"]
    job = planned(capsys, "--serverless", "--kms-key", "arn:k")["requests"]["StartJobRun"]["jobDriver"]["sparkSubmit"]
    assert "--conf spark.emr-serverless.driverEnv.CHURN_KMS_KEY=arn:k" in job["sparkSubmitParameters"]


def test_spot_is_for_workers_only(capsys: pytest.CaptureFixture[str]) -> None:
    groups = planned(capsys, "--spot")["requests"]["RunJobFlow"]["Instances"]["InstanceGroups"]
    assert {group["InstanceRole"]: group["Market"] for group in groups} == {"MASTER": "ON_DEMAND", "CORE": "SPOT"}


def test_serverless_has_its_limits_in_its_requests(capsys: pytest.CaptureFixture[str]) -> None:
    found = planned(
        capsys, "--serverless", "--image", "repo/churn:1", "--job-role", "arn:aws:iam::1:role/r", "--hours", "2"
    )
    assert found["requests"]["StartJobRun"]["executionTimeoutMinutes"] == 120
    application = found["requests"]["CreateApplication"]
    assert application["autoStopConfiguration"] == {"enabled": True, "idleTimeoutMinutes": 20}
    assert application["maximumCapacity"]["cpu"] == "16 vCPU"
    assert found["settings"]["spark.ssl.internode.enabled"] == "true"
    assert {price["kind"] for price in found["estimate"]["prices"]} == {"serverless"}


def test_on_a_cluster_that_is_there_nothing_ends_it_and_the_step_has_its_limit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    request = planned(capsys, "--cluster-id", "j-1", "--hours", "1")["requests"]
    assert list(request) == ["AddJobFlowSteps"]
    install, step = request["AddJobFlowSteps"]["Steps"]
    assert install["HadoopJarStep"]["Args"][-1].endswith("/files/ 0")
    for one in (install, step):
        assert one["HadoopJarStep"]["Args"][:3] == ["timeout", "--kill-after=60", "3600"]
    assert {one["ActionOnFailure"] for one in (install, step)} == {"CANCEL_AND_WAIT"}


@pytest.mark.parametrize(
    ("cluster", "options", "learner"),
    [
        ("j-1", ("--seed", "1"), ["--learner", "local"]),
        ("j-1", ("--learner", "spark"), ["--learner", "spark"]),
        ("j-1", ("--learner=spark",), ["--learner=spark"]),
        (None, (), []),
    ],
)
def test_where_workers_lack_the_program_the_primary_trains(
    cluster: str | None, options: tuple[str, ...], learner: list[str]
) -> None:
    words = run_words(Asked(Place("a", "log/"), Place("b", "run/"), options, cluster=cluster))
    at = [i for i, word in enumerate(words) if "--learner" in word]
    assert [word for i in at[:1] for word in words[i : i + len(learner)]] == learner and len(at) <= 1


def test_show_files_prints_what_would_be_uploaded(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke([*PLAN, "--show-files"]) == 0
    said = capsys.readouterr().out
    for words in ("from churn.cli import main", "#!/bin/bash", "duckdb==", "===== s3://bucket/run.emr/files/job.py"):
        assert words in said


def test_a_budget_also_shortens_the_hard_limit() -> None:
    asked = Asked(Place("bucket", "log/"), Place("bucket", "run/"), max_cost=1.0)
    plan = make_plan(asked, given(12 * 10**9))
    for told in (plan, make_plan(replace(asked, hours=72.0), given(12 * 10**9))):
        assert (told.hours + UNTIMED_HOURS) * told.estimate.dollars_an_hour.high <= 1.0 + 1e-9
        assert told.estimate.hours.likely < told.hours
    free = {price.key: "0" for price in plan.estimate.prices}
    assert make_plan(replace(asked, prices=free, hours=5.0), given(12 * 10**9)).hours == 5.0


def test_the_plan_names_its_budget_and_a_limit_that_is_tight(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke([*PLAN, "--max-cost", "5", "--hours", "0.25", "--workers", "1"]) == 0
    said = capsys.readouterr().out
    assert "before it costs more than --max-cost $5.00" in said and "that is less than the likely" in said


def test_the_plan_of_a_job_on_serverless_shows_no_bootstrap(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--serverless", "--image", "repo/churn:1", "--job-role", "arn:aws:iam::123456789012:role/job")
    assert invoke([*PLAN, *options]) == 0
    said = capsys.readouterr().out
    assert "bootstrap.sh on" not in said and "spark-submit" not in said and " run s3://bucket/log/" in said
    plan = planned(capsys, *options)
    disk = plan["settings"]["spark.emr-serverless.executor.disk"]
    assert (
        f"{disk.removesuffix('G')} GB of disk" in said and disk == plan["settings"]["spark.emr-serverless.driver.disk"]
    )


def test_the_key_is_that_of_the_run_and_not_of_its_machines() -> None:
    asked = Asked(Place("bucket", "log/"), Place("bucket", "run/"))
    other = Asked(Place("bucket", "log/"), Place("bucket", "run/"), workers=9)
    longer = Asked(Place("bucket", "log/"), Place("bucket", "run/"), run_options=("--horizon", "30"))
    key = make_plan(asked, given(10**9)).key
    assert key == make_plan(other, given(10**10)).key != make_plan(longer, given(10**9)).key


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--instance", "x9.huge"), "holds no instance type x9.huge"),
        (("--max-cost", "0.05"), "the low estimate is $0.1"),
        (("--max-cost", "-1"), "--max-cost is -1 dollars"),
        (("--max-cost", "inf"), "--max-cost is inf dollars"),
        (("--spot", "--max-cost", "0.12"), "may be used up after"),
        (("--json", "--show-files"), "are both given"),
        (("--release", "emr-6.15.0"), "its Spark is 3.4.1"),
        (("--workers", "0"), "--workers is 0"),
        (("--idle", "0"), "--idle is 0"),
        (("--hours", "1000"), "--hours is 1000"),
        (("--price", "ec2:m5.xlarge"), "has no ="),
        (("--price", "ec2:x=1"), "no such row"),
        (("--image", "x"), "add --serverless"),
        (("--serverless", "--spot"), "no spot instances"),
        (("--primary", "m6g.xlarge"), "take machines of one kind"),
        (("--out", "s3://bucket/log/run/"), "lie within each other"),
        (("--out", "run"), "is no address in S3"),
        (("--input-size", "much"), "is no size"),
        (("--", "--horizont", "3"), "after --: No such option"),
        (("--", "--engine", "duckdb"), "--engine cannot be given after --"),
        (("--", "--config=x.toml"), "--config cannot be given after --"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    options: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in refused(capsys, *options)


def test_the_log_is_listed_and_nothing_is_changed(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.put("2018/november.json.gz", b"\x1f\x8b" * 500, bucket="logs")
    cloud.put("2018/notes.txt", b"no log", bucket="logs")
    assert invoke(["emr", "plan", *ARGUMENTS, "--json"]) == 0
    size = json.loads(capsys.readouterr().out)["input"]
    assert size == {"stored": 11_000, "unpacked": 10_000 + 16_000, "files": 2, "pieces": 2, "listed": True}
    assert set(cloud.proxy.operations()) == {"GetCallerIdentity", "HeadBucket", "ListObjectsV2"}
    assert cloud.names() == set()


def test_a_listing_that_is_refused_is_one_line(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.proxy.on("ListObjectsV2", refuse("AccessDenied"))
    assert invoke(["emr", "plan", *ARGUMENTS]) == 2
    assert capsys.readouterr().err.startswith("churn: s3://logs/2018/: access denied")
