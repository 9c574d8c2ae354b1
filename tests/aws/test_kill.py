"""`churn emr submit` killed at each of its calls: whatever runs then has its end, and the next submit finds it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests import aws_server
from tests.aws.conftest import SUBMIT, Cloud
from tests.aws.proxy import Call, kill
from tests.e2e.small import churn, start

pytestmark = pytest.mark.slow

DEADLINE = 300


def requests_of(cloud: Cloud) -> list[Call]:
    return [call for call in cloud.proxy.calls if call.operation == "RunJobFlow"]


def assert_every_cluster_ends(cloud: Cloud) -> None:
    """moto forgets the policy and runs no bootstrap, so the requests that have started something are looked at."""
    started = requests_of(cloud)
    assert len(cloud.clusters()) <= len(started)
    for call in started:
        request = call.json
        assert request["AutoTerminationPolicy"]["IdleTimeout"] >= 60
        seconds = request["BootstrapActions"][0]["ScriptBootstrapAction"]["Args"][1]
        assert 0 < int(seconds) <= 72 * 3600
        assert request["Instances"]["KeepJobFlowAliveWhenNoSteps"] is False
        assert request["Instances"]["TerminationProtected"] is False
        assert request["Steps"][0]["ActionOnFailure"] == "TERMINATE_CLUSTER"


def aged(cloud: Cloud) -> None:
    """Two minutes pass: the claim of the process that died is no longer respected."""
    s3 = cloud.client("s3")
    if "run.emr/submit.json" not in cloud.names():
        return
    value = json.loads(s3.get_object(Bucket="results", Key="run.emr/submit.json")["Body"].read())
    value["attempts"][-1]["claimed"] = "2026-01-01T00:00:00+00:00"
    cloud.put("run.emr/submit.json", json.dumps(value).encode())


def calls_of_a_whole_submit(cloud: Cloud) -> int:
    done = churn(*SUBMIT)
    assert done.returncode == 0, done.stderr
    number = len(cloud.proxy.calls)
    cloud.client("emr").terminate_job_flows(JobFlowIds=[cluster["Id"] for cluster in cloud.clusters()])
    return number


@pytest.mark.parametrize("after", [False, True], ids=["as-it-is-sent", "once-carried-out"])
def test_killed_at_any_call_nothing_is_left_without_an_end(cloud: Cloud, after: bool) -> None:
    number = calls_of_a_whole_submit(cloud)
    assert number >= 15
    names = [call.operation for call in cloud.proxy.calls]
    first = names.index("PutObject")  # before the claim is written nothing can have been changed
    for nth in range(first + 1, number + 1):
        forget(cloud)
        child: list[subprocess.Popen[str]] = []
        cloud.proxy.on_nth(nth, kill(lambda child=child: child[0].pid, after=after))  # type: ignore[misc]
        with start(*SUBMIT) as process:
            child.append(process)
            process.communicate(timeout=DEADLINE)
        assert process.returncode == -9, (nth, names[nth - 1])
        assert_every_cluster_ends(cloud)
        left = cloud.clusters()
        assert len(left) <= 1
        aged(cloud)
        again = churn(*SUBMIT)
        assert again.returncode == 0, (nth, names[nth - 1], again.stderr)
        assert_every_cluster_ends(cloud)
        found = cloud.clusters()
        assert len(found) == 1, (nth, names[nth - 1])
        assert not left or left[0]["Id"] == found[0]["Id"]


def forget(cloud: Cloud) -> None:
    """Everything of the run before is gone."""
    cloud.proxy.rules.clear()
    cloud.proxy.calls.clear()
    aws_server.empty(cloud.address)
    cloud.fill()


def test_two_submits_at_once_start_one_cluster(cloud: Cloud, tmp_path: Path) -> None:
    assert os.environ["AWS_ENDPOINT_URL"] == cloud.proxy.address
    with start(*SUBMIT) as one, start(*SUBMIT) as other:
        said = [process.communicate(timeout=DEADLINE) for process in (one, other)]
    statuses = sorted((one.returncode, other.returncode))
    assert statuses in ([0, 0], [0, 2]), said
    assert len(cloud.clusters()) == 1
    assert len(requests_of(cloud)) == 1
    if statuses == [0, 2]:
        assert any("another submit of this run began at" in err for _, err in said)
