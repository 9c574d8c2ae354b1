"""`churn emr submit` killed at each of its calls: whatever runs then has its end, and the next submit finds it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import aws_server
from tests.aws.conftest import SUBMIT, Cloud, record, theirs
from tests.aws.forks import Forks, forks
from tests.aws.proxy import Answer, Call, changed, kill
from tests.e2e.small import start

pytestmark = pytest.mark.slow

DEADLINE = 300
MOST_SECONDS = 72 * 3600
ROLE = "arn:aws:iam::123456789012:role/job"


class OnItsOwnCluster:
    """A cluster that the submit starts."""

    def prepared(self, cloud: Cloud) -> tuple[str, ...]:
        """Further options of the submit, and what they need."""
        return ()

    def started(self, cloud: Cloud) -> list[str]:
        """Every run there is, ended or not."""
        return [cluster["Id"] for cluster in cloud.clusters()]


class OnTheirCluster:
    """A step on a cluster that somebody else has started, which has nothing else to do."""

    def prepared(self, cloud: Cloud) -> tuple[str, ...]:
        return ("--cluster-id", theirs(cloud))

    def started(self, cloud: Cloud) -> list[str]:
        (cluster,) = cloud.clusters()
        steps = cloud.client("emr").list_steps(ClusterId=cluster["Id"])["Steps"]
        installed = [step for step in steps if step["Name"].endswith("-install")]
        assert len(installed) == len(steps) - len(installed)
        return [step["Id"] for step in steps if step not in installed]


class OnServerless:
    """An application that the submit makes, and the job on it.

    In moto a job is done at once, and an application without jobs is said not to be there when they are listed.
    """

    def prepared(self, cloud: Cloud) -> tuple[str, ...]:
        cloud.proxy.on("GetJobRun", changed(lambda value: value["jobRun"].update(state="RUNNING")))
        cloud.proxy.on("ListJobRuns", no_jobs_where_there_are_none)
        return ("--serverless", "--image", "repo/churn:1", "--job-role", ROLE)

    def started(self, cloud: Cloud) -> list[str]:
        serverless = cloud.client("emr-serverless")
        applications = [one["id"] for one in serverless.list_applications()["applications"]]
        assert len(applications) <= 1 and cloud.clusters() == []
        try:
            return [job["id"] for one in applications for job in serverless.list_job_runs(applicationId=one)["jobRuns"]]
        except serverless.exceptions.ResourceNotFoundException:
            return []


def no_jobs_where_there_are_none(call: Call, pass_on: Callable[[], Answer]) -> Answer:
    answer = pass_on()
    return Answer(200, answer.headers, b'{"jobRuns": []}') if b"does not exist" in answer.body else answer


class OnTheirApplication(OnServerless):
    """A job on an application that somebody else has made."""

    def prepared(self, cloud: Cloud) -> tuple[str, ...]:
        super().prepared(cloud)
        there = cloud.client("emr-serverless").create_application(name="theirs", type="SPARK", releaseLabel="emr-7.1.0")
        return ("--serverless", "--application", there["applicationId"], "--job-role", ROLE)


def assert_run_job_flow_ends(request: Any) -> None:
    assert request["AutoTerminationPolicy"]["IdleTimeout"] >= 60
    seconds = request["BootstrapActions"][0]["ScriptBootstrapAction"]["Args"][1]
    assert 0 < int(seconds) <= MOST_SECONDS
    assert request["Instances"]["KeepJobFlowAliveWhenNoSteps"] is False
    assert request["Instances"]["TerminationProtected"] is False
    assert request["Steps"][0]["ActionOnFailure"] == "TERMINATE_CLUSTER"


def assert_add_job_flow_steps_ends(request: Any) -> None:
    for step in request["Steps"]:
        command, _, seconds, *_ = step["HadoopJarStep"]["Args"]
        assert command == "timeout" and 0 < int(seconds) <= MOST_SECONDS


def assert_create_application_ends(request: Any) -> None:
    assert request["autoStopConfiguration"]["enabled"] is True
    assert request["autoStopConfiguration"]["idleTimeoutMinutes"] >= 1
    assert "initialCapacity" not in request  # it would be paid for while nothing runs


def assert_start_job_run_ends(request: Any) -> None:
    assert 0 < request["executionTimeoutMinutes"] <= MOST_SECONDS / 60


ENDS: dict[str, Callable[[Any], None]] = {
    "RunJobFlow": assert_run_job_flow_ends,
    "AddJobFlowSteps": assert_add_job_flow_steps_ends,
    "CreateApplication": assert_create_application_ends,
    "StartJobRun": assert_start_job_run_ends,
}


def assert_all_that_was_started_ends(cloud: Cloud) -> None:
    """moto forgets the limits and runs nothing, so the requests that have started something are looked at."""
    for call in cloud.proxy.calls:
        if call.operation in ENDS:
            ENDS[call.operation](call.json)


@pytest.fixture(scope="module")
def forking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    with forks(tmp_path_factory.mktemp("forks")) as made:
        yield made


def aged(cloud: Cloud) -> None:
    """Two minutes pass: the claim of the process that died is no longer respected."""
    if "run.emr/submit.json" not in cloud.names():
        return
    value = record(cloud)
    value["attempts"][-1]["claimed"] = "2026-01-01T00:00:00+00:00"
    cloud.put("run.emr/submit.json", json.dumps(value).encode())


def forget(cloud: Cloud) -> None:
    """Everything of the run before is gone."""
    cloud.proxy.rules.clear()
    aws_server.empty(cloud.address)
    cloud.fill()
    cloud.proxy.calls.clear()


def moments(names: list[str]) -> list[tuple[int, bool]]:
    """All that differ: as each call is sent (so when the one before was carried out), and after those that start.

    Before the claim is written nothing can have been changed.
    """
    first = names.index("PutObject") + 1
    sent = [(nth, False) for nth in range(first, len(names) + 1)]
    return sent + [(nth, True) for nth in range(first, len(names) + 1) if names[nth - 1] in ENDS or nth == len(names)]


@pytest.mark.parametrize("way", [OnItsOwnCluster(), OnTheirCluster(), OnServerless(), OnTheirApplication()],
                         ids=lambda way: type(way).__name__)  # fmt: skip
def test_killed_at_any_call_nothing_is_left_without_an_end(way: Any, cloud: Cloud, forking: Forks) -> None:
    whole = forking.start(*SUBMIT, *way.prepared(cloud))
    assert whole.wait() == 0, whole.said.read_text()
    names = cloud.proxy.operations()
    assert len(names) >= 15 and set(names) & set(ENDS)
    for nth, after in moments(names):
        at = (nth, names[nth - 1], after)
        forget(cloud)
        words = (*SUBMIT, *way.prepared(cloud))
        cloud.proxy.on_nth(nth, kill(forking.last, after=after))
        assert forking.start(*words).wait() == -9, at
        left = way.started(cloud)
        assert len(left) <= 1, at
        aged(cloud)
        again = forking.start(*words)
        assert again.wait() == 0, (at, again.said.read_text())
        assert_all_that_was_started_ends(cloud)
        found = way.started(cloud)
        assert len(found) == 1 and found[: len(left)] == left, at


def test_two_submits_at_once_start_one_cluster(cloud: Cloud, tmp_path: Path) -> None:
    assert os.environ["AWS_ENDPOINT_URL"] == cloud.proxy.address
    with start(*SUBMIT) as one, start(*SUBMIT) as other:
        said = [process.communicate(timeout=DEADLINE) for process in (one, other)]
    statuses = sorted((one.returncode, other.returncode))
    assert statuses in ([0, 0], [0, 2]), said
    assert len(cloud.clusters()) == cloud.proxy.operations().count("RunJobFlow") == 1
    if statuses == [0, 2]:
        assert any("another submit of this run began at" in err for _, err in said)
