"""`churn emr status`, `watch` and `end`, on clusters in every state.

moto has no life of a cluster: it is WAITING at once, and a step stays RUNNING. So the proxy puts other states into
its answers, in the form in which EMR gives them.
"""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from churn.aws import watch as watching
from churn.cli import invoke
from tests.aws.conftest import OUT, SUBMIT, Cloud, record, theirs
from tests.aws.proxy import Answer, changed, cut, refuse
from tests.e2e.small import start

DEADLINE = 120


@pytest.fixture
def submitted(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> Cloud:
    assert invoke(list(SUBMIT)) == 0
    capsys.readouterr()
    return cloud


def cluster_is(cloud: Cloud, state: str, code: str = "", message: str = "", *, ended: bool = False) -> None:
    def change(value: Any) -> None:
        status = value["Cluster"]["Status"]
        status["State"] = state
        status["StateChangeReason"] = {"Code": code, "Message": message}
        if ended:
            status["Timeline"]["EndDateTime"] = status["Timeline"]["CreationDateTime"] + 1800

    cloud.proxy.on("DescribeCluster", changed(change))


def likely_hours(cloud: Cloud) -> float:
    """What the run was expected to take, as its record has it."""
    hours: float = record(cloud)["estimate"]["hours"]["likely"]
    return hours


def step_is(cloud: Cloud, state: str, reason: str = "", message: str = "") -> None:
    def change(value: Any) -> None:
        value["Step"]["Status"]["State"] = state
        if reason:
            value["Step"]["Status"]["FailureDetails"] = {"Reason": reason, "Message": message}

    cloud.proxy.on("DescribeStep", changed(change))


def log(cloud: Cloud, text: str, name: str = "steps/{step}/stderr.gz") -> None:
    """Logs as EMR puts them on S3."""
    cluster = cloud.clusters()[0]["Id"]
    step = cloud.client("emr").list_steps(ClusterId=cluster)["Steps"][0]["Id"]
    cloud.put(f"run.emr/logs/{cluster}/{name.format(step=step)}", gzip.compress(text.encode()))


def state_of(capsys: pytest.CaptureFixture[str], status: int = 0) -> dict[str, Any]:
    assert invoke(["emr", "status", OUT, "--json"]) == status
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_status_shows_state_steps_and_what_it_has_cost(submitted: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    for step in ("rollups", "ingest"):
        submitted.put(f"run/.churn/steps/{step}.json", b"{}")
    cluster_is(submitted, "RUNNING")
    assert invoke(["emr", "status", OUT]) == 0
    said = capsys.readouterr().out
    assert "running: j-" in said and "2 of 8 steps done, last rollups" in said and "$0.0" in said
    found = state_of(capsys)
    assert found["steps"] == ["ingest", "rollups"]
    assert found["dollars"] == pytest.approx(found["hours"] * found["estimate"]["dollars_an_hour"]["likely"])


@pytest.mark.parametrize(
    ("cluster", "step", "phase"),
    [
        ("STARTING", "PENDING", "starting"),
        ("BOOTSTRAPPING", "PENDING", "starting"),
        ("RUNNING", "RUNNING", "running"),
        ("TERMINATING", "COMPLETED", "done"),
        ("TERMINATED", "COMPLETED", "done"),
    ],
)
def test_the_states_of_aws_in_one_word(
    cluster: str, step: str, phase: str, submitted: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster_is(submitted, cluster)
    step_is(submitted, step)
    if phase == "done":
        submitted.put("run/run.json", b"{}")
    assert state_of(capsys)["phase"] == phase


def test_a_step_that_ended_well_without_its_result_has_failed(
    submitted: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    step_is(submitted, "COMPLETED")
    found = state_of(capsys, status=1)
    assert (found["phase"], found["reason"]) == ("failed", "it ended without run.json, so without its whole result")


FAILURES = {
    "memory": ("java.lang.OutOfMemoryError: Java heap space", "it ran out of memory", "--instance with more memory"),
    "killed": ("Container killed by YARN for exceeding memory limits", "it ran out of memory", "more memory"),
    "permission": ("AmazonS3Exception: Access Denied (Status Code: 403)", "lack a permission", "policy in docs/emr"),
    "bucket": ("NoSuchBucket: The specified bucket does not exist", "a bucket is missing", "check the addresses"),
    "region": ("PermanentRedirect (Status Code: 301)", "another region", "--region"),
    "spot": ("Lost node: Spot instance i-1 terminated", "spot instances were taken away", "leave out --spot"),
    "disk": ("java.io.IOException: No space left on device", "a disk is full", "more --workers"),
    "own": ("churn: the log is empty: s3://logs/2018/; give a file with one JSON object a line", "the log is empty",
            "give a file with one JSON object a line"),
}  # fmt: skip


@pytest.mark.parametrize(("line", "means", "remedy"), FAILURES.values(), ids=FAILURES)
def test_a_failed_step_is_told_in_words_with_the_drivers_last_lines(
    line: str, means: str, remedy: str, submitted: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster_is(submitted, "TERMINATED_WITH_ERRORS", "STEP_FAILURE", "Shut down as step failed", ended=True)
    step_is(submitted, "FAILED", "Unknown Error.")
    log(submitted, "".join(f"INFO line {i}\n" for i in range(50)) + f"{line}\n")
    assert invoke(["emr", "status", OUT]) == 1
    said = capsys.readouterr()
    assert f"  | {line}" in said.out and "  | INFO line 49" in said.out and "INFO line 20" not in said.out
    assert f"took 0.50 hours and $0.50; expected {likely_hours(submitted):.2f} hours" in said.out
    (complaint,) = said.err.splitlines()
    assert complaint.startswith("churn: the run failed: ") and means in complaint and remedy in complaint


@pytest.mark.parametrize(
    ("code", "message", "means"),
    [
        ("VALIDATION_ERROR", "Your quota allows for 0 more; VcpuLimitExceeded", "quota of processors is used up"),
        ("INSTANCE_FAILURE", "InsufficientInstanceCapacity in us-east-1a", "no such machines free"),
        ("INTERNAL_ERROR", "something odd", "something odd"),
    ],
)
def test_a_cluster_that_ended_with_errors_before_its_step_says_why(
    code: str, message: str, means: str, submitted: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster_is(submitted, "TERMINATED_WITH_ERRORS", code, message, ended=True)
    step_is(submitted, "CANCELLED")
    assert invoke(["emr", "status", OUT]) == 1
    assert means in capsys.readouterr().err


def test_the_timer_of_the_hard_limit_is_told_by_the_hours(submitted: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    def change(value: Any) -> None:
        status = value["Cluster"]["Status"]
        status["State"], status["StateChangeReason"] = "TERMINATED", {"Code": "INSTANCE_FAILURE", "Message": "gone"}
        status["Timeline"]["EndDateTime"] = status["Timeline"]["CreationDateTime"] + 100 * 3600

    submitted.proxy.on("DescribeCluster", changed(change))
    step_is(submitted, "CANCELLED")
    assert invoke(["emr", "status", OUT]) == 1
    assert "the run failed: it reached its hard limit; raise --hours" in capsys.readouterr().err


def test_a_program_that_could_not_be_installed_on_a_cluster_has_failed(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    """EMR cancels the steps behind one that failed."""
    there = theirs(cloud)
    assert invoke([*SUBMIT, "--cluster-id", there]) == 0
    steps = {one["Name"]: one["Id"] for one in cloud.client("emr").list_steps(ClusterId=there)["Steps"]}
    (install,) = (number for name, number in steps.items() if name.endswith("-install"))

    def state(call: Any, pass_on: Callable[[], Answer]) -> Answer:
        found = "FAILED" if call.json["StepId"] == install else "CANCELLED"
        return changed(lambda value: value["Step"]["Status"].update(State=found))(call, pass_on)

    cloud.proxy.on("DescribeStep", state)
    capsys.readouterr()
    found = state_of(capsys, status=1)
    assert (found["phase"], found["job"]) == ("failed", install)


def test_a_failed_bootstrap_is_told_by_its_own_words(submitted: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    cluster_is(submitted, "TERMINATED_WITH_ERRORS", "BOOTSTRAP_FAILURE", "bootstrap action 1 returned 1", ended=True)
    step_is(submitted, "CANCELLED")
    text = "churn bootstrap: pip cannot install the wheel; is there a way to the package index?\n"
    log(submitted, text, "node/i-1/bootstrap-actions/1/stderr.gz")
    assert invoke(["emr", "status", OUT]) == 1
    assert "the bootstrap failed: pip cannot install the wheel" in capsys.readouterr().err


def test_a_log_that_is_damaged_is_read_as_far_as_it_goes(submitted: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    cluster_is(submitted, "TERMINATED_WITH_ERRORS", "STEP_FAILURE", ended=True)
    step_is(submitted, "FAILED")
    log(submitted, "x")
    cluster = submitted.clusters()[0]["Id"]
    (key,) = (name for name in submitted.names() if name.startswith(f"run.emr/logs/{cluster}/steps"))
    submitted.put(key, gzip.compress(b"a line before the end\n" * 2000)[:-20])
    assert invoke(["emr", "status", OUT]) == 1
    assert "  | a line before the end" in capsys.readouterr().out


def test_without_a_run_there_is_nothing_to_look_at(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("status",), ("watch",), ("end",)):
        assert invoke(["emr", *words, OUT]) == 2
        assert "no run was submitted with this --out" in capsys.readouterr().err


def test_watch_shows_each_step_once_and_ends_with_the_result(
    submitted: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = iter(range(100))

    def describe(call: Any, pass_on: Callable[[], Answer]) -> Answer:
        number = next(looks)
        if number == 2:
            submitted.put("run/.churn/steps/ingest.json", b"{}")
        if number == 5:
            submitted.put("run/run.json", b"{}")
        value = json.loads(pass_on().body)
        value["Step"]["Status"]["State"] = "COMPLETED" if number >= 5 else "RUNNING"
        return Answer(200, {"content-type": "application/x-amz-json-1.1"}, json.dumps(value).encode())

    submitted.proxy.on("DescribeStep", describe)
    assert invoke(["emr", "watch", OUT, "--every", "0.1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[-1].split(":")[0] for line in lines[:3]] == ["running", "running", "done"]
    assert "last ingest" in lines[1] and "expected" in lines[3] and len(lines) == 4
    assert not [name for name in submitted.names() if "/tls/" in name]


def test_watching_what_somebody_ends_ends_without_a_result(
    submitted: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster_is(submitted, "TERMINATED", "USER_REQUEST", ended=True)
    step_is(submitted, "CANCELLED")
    assert invoke(["emr", "watch", OUT, "--every", "0.1"]) == 1
    said = capsys.readouterr()
    assert "ended: j-" in said.out and "the run was ended without its result" in said.err


def test_what_cannot_be_tidied_up_does_not_hide_the_result(
    submitted: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    step_is(submitted, "COMPLETED")
    submitted.put("run/run.json", b"{}")
    submitted.proxy.on("DeleteSecurityConfiguration", refuse("AccessDeniedException", 400))
    assert invoke(["emr", "watch", OUT, "--every", "0.1"]) == 0
    said = capsys.readouterr()
    assert "done: j-" in said.out and "churn: not tidied up: " in said.err


def test_watch_waits_for_a_lost_connection_and_says_so_once(
    submitted: Cloud, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([None, None, None])

    def sometimes(*arguments: Any) -> Any:
        if next(failures, "over") is None:
            raise watching.UnavailableError("AWS cannot be reached")
        return look(*arguments)

    look = watching.look
    monkeypatch.setattr(watching, "look", sometimes)
    step_is(submitted, "COMPLETED")
    submitted.put("run/run.json", b"{}")
    assert invoke(["emr", "watch", OUT, "--every", "0.1"]) == 0
    said = capsys.readouterr()
    assert said.err.count("trying again every 0.1 s, the run goes on") == 1
    assert "done: j-" in said.out


@pytest.mark.slow
def test_watch_outlives_a_connection_that_is_really_cut(submitted: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    step_is(submitted, "COMPLETED")
    submitted.put("run/run.json", b"{}")
    submitted.proxy.rules.insert(
        0, submitted.proxy.rules[0].__class__(lambda call: call.operation == "DescribeCluster", cut, 6)
    )
    assert invoke(["emr", "watch", OUT, "--every", "0.1"]) == 0
    assert "AWS cannot be reached" in capsys.readouterr().err


@pytest.mark.slow
def test_ctrl_c_ends_the_watching_and_nothing_else(submitted: Cloud) -> None:
    with start("emr", "watch", OUT, "--every", "0.2") as child:
        assert child.stdout is not None
        assert "running" in child.stdout.readline()
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=DEADLINE)
    assert child.returncode == 130
    assert "stopped watching; the run goes on" in said and "Traceback" not in said
    assert "TerminateJobFlows" not in submitted.proxy.operations()
    assert submitted.clusters()[0]["Status"]["State"] == "WAITING"


@pytest.mark.slow
def test_the_details_in_the_log_hold_no_session_token(submitted: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a-token-of-this-session")
    with start("-vv", "emr", "status", OUT) as child:
        _, said = child.communicate(timeout=DEADLINE)
    assert child.returncode == 0, said
    assert "a-token-of-this-session" not in said
    with start("emr", "status", OUT) as child:
        assert child.communicate(timeout=DEADLINE)[1] == ""  # nor anything at all, unless asked


@pytest.mark.slow
def test_a_sleeping_laptop_changes_nothing(submitted: Cloud) -> None:
    with start("emr", "watch", OUT, "--every", "0.2") as child:
        assert child.stdout is not None
        assert "running" in child.stdout.readline()
        child.send_signal(signal.SIGSTOP)
        time.sleep(1)
        child.send_signal(signal.SIGCONT)
        time.sleep(0.5)
        step_is(submitted, "COMPLETED")
        submitted.put("run/run.json", b"{}")
        try:
            said, err = child.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            child.kill()
            raise
    assert child.returncode == 0, err
    assert "done: j-" in said


def test_end_terminates_confirms_and_tidies_up(submitted: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["emr", "end", OUT]) == 0
    assert "has ended" in capsys.readouterr().out
    assert submitted.clusters()[0]["Status"]["State"] == "TERMINATED"
    assert not [name for name in submitted.names() if "/tls/" in name]
    assert "DeleteSecurityConfiguration" in submitted.proxy.operations()
    assert invoke(["emr", "end", OUT]) == 0
    assert "was running no more" in capsys.readouterr().out


def test_end_removes_the_security_configuration_that_names_a_key_of_kms(cloud: Cloud) -> None:
    from botocore.exceptions import ClientError

    assert invoke([*SUBMIT, "--kms-key", "arn:aws:kms:us-east-1:123456789012:key/abc"]) == 0
    emr = cloud.client("emr")
    name = emr.describe_cluster(ClusterId=cloud.clusters()[0]["Id"])["Cluster"]["SecurityConfiguration"]
    assert "AwsKmsKey" in emr.describe_security_configuration(Name=name)["SecurityConfiguration"]
    assert invoke(["emr", "end", OUT]) == 0
    with pytest.raises(ClientError):
        emr.describe_security_configuration(Name=name)


def test_end_waits_until_aws_says_so(submitted: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    from churn.aws import end as ending

    def slowly(value: Any) -> None:
        looks.append(1)
        value["Cluster"]["Status"]["State"] = "TERMINATING" if len(looks) < 4 else "TERMINATED"

    looks: list[int] = []
    monkeypatch.setattr(ending.time, "sleep", lambda seconds: None)
    submitted.proxy.on("DescribeCluster", changed(slowly))
    assert invoke(["emr", "end", OUT]) == 0
    assert len(looks) == 4


def test_end_says_what_it_may_not(submitted: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    submitted.proxy.on("TerminateJobFlows", refuse("AccessDeniedException", 400))
    assert invoke(["emr", "end", OUT]) == 2
    assert "ending j-" in capsys.readouterr().err
    assert submitted.clusters()[0]["Status"]["State"] == "WAITING"


def test_on_somebody_elses_cluster_end_cancels_the_step_and_nothing_else(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    """moto knows no cancel_steps: the proxy answers it, and botocore has checked the request's form."""
    emr, there = cloud.client("emr"), theirs(cloud)
    assert invoke([*SUBMIT, "--cluster-id", there]) == 0
    body = json.dumps({"CancelStepsInfoList": []}).encode()

    def cancelled(call: Any, pass_on: Any) -> Answer:
        step_is(cloud, "CANCELLED")
        return Answer(200, {"content-type": "application/x-amz-json-1.1"}, body)

    cloud.proxy.on("CancelSteps", cancelled)
    assert invoke(["emr", "end", OUT]) == 0
    (request,) = (call.json for call in cloud.proxy.calls if call.operation == "CancelSteps")
    step = emr.list_steps(ClusterId=there)["Steps"]
    assert request["StepIds"][0] in {one["Id"] for one in step if "install" not in one["Name"]}
    assert cloud.clusters()[0]["Status"]["State"] in ("RUNNING", "WAITING")
    assert invoke(["emr", "status", OUT]) == 0
    assert "ended: " in capsys.readouterr().out


def test_a_run_on_serverless_is_followed_and_ended(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    role = "arn:aws:iam::123456789012:role/job"
    assert invoke([*SUBMIT, "--serverless", "--image", "repo/churn:1", "--job-role", role]) == 0
    state = ["RUNNING"]
    cloud.proxy.on("GetJobRun", changed(lambda value: value["jobRun"].update(state=state[0])))
    capsys.readouterr()
    assert state_of(capsys)["phase"] == "running"

    def cancelled(call: Any, pass_on: Any) -> Any:
        state[0] = "CANCELLED"
        return Answer(200, {"content-type": "application/json"}, b'{"applicationId": "a", "jobRunId": "b"}')

    cloud.proxy.on("CancelJobRun", cancelled)  # moto's job is over at once, and so cannot be cancelled
    assert invoke(["emr", "end", OUT]) == 0
    capsys.readouterr()
    assert state_of(capsys)["phase"] == "ended"


def test_a_cluster_whose_submit_died_is_seen_and_can_be_ended(
    submitted: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    value = record(submitted)
    value["attempts"][-1]["id"] = ""
    submitted.put("run.emr/submit.json", json.dumps(value).encode())
    assert state_of(capsys)["where"] == submitted.clusters()[0]["Id"]
    assert invoke(["emr", "end", OUT]) == 0
    assert submitted.clusters()[0]["Status"]["State"] == "TERMINATED"


def test_a_claim_that_started_nothing_is_told_so(submitted: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    submitted.proxy.on("RunJobFlow", refuse("ValidationException", 400))
    assert invoke(["emr", "submit", "s3://logs/2018/", "--out", "s3://results/other/", "--yes"]) == 2
    capsys.readouterr()
    assert invoke(["emr", "status", "s3://results/other/"]) == 0
    assert "unstarted: claimed, but nothing was started yet" in capsys.readouterr().out
    assert invoke(["emr", "end", "s3://results/other/"]) == 0
    assert "nothing ran" in capsys.readouterr().out
