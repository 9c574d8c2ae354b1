"""`churn emr submit` against a real server: once and only once, with its end, and refused before anything starts."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from churn.aws import submit as submitting
from churn.aws.files import MOST_BYTES
from churn.cli import invoke
from tests.aws.conftest import ARGUMENTS, LOG, OUT, SUBMIT, Cloud, record, theirs
from tests.aws.proxy import changed, cut, cut_after, refuse

STARTING = {
    "RunJobFlow",
    "AddJobFlowSteps",
    "StartJobRun",
    "CreateApplication",
    "CreateSecurityConfiguration",
    "PutObject",
}


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submitting, "PAUSE", 0.01)


def started(cloud: Cloud) -> list[dict[str, Any]]:
    return [call.json for call in cloud.proxy.calls if call.operation == "RunJobFlow"]


def refused(cloud: Cloud, capsys: pytest.CaptureFixture[str], *words: str, status: int = 2) -> str:
    """One clear line, and nothing started or written."""
    assert invoke(list(words)) == status
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1 and said.startswith("churn: ") and "; " in said, said
    assert not STARTING & set(cloud.proxy.operations()), cloud.proxy.operations()
    assert cloud.clusters() == []
    return said


def test_one_call_starts_a_cluster_with_its_step_and_all_its_ends(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke([*SUBMIT, "--hours", "2"]) == 0
    said = capsys.readouterr().out
    (cluster,) = cloud.clusters()
    assert cluster["Id"] in said and "it ends after 2 hours at the latest" in said
    (request,) = started(cloud)
    # moto keeps no auto-termination policy, so the request is what is looked at; botocore has checked its form.
    assert request["AutoTerminationPolicy"] == {"IdleTimeout": 1200}
    assert request["BootstrapActions"][0]["ScriptBootstrapAction"]["Args"][1] == "7200"
    assert request["Instances"]["KeepJobFlowAliveWhenNoSteps"] is False
    assert request["Instances"]["TerminationProtected"] is False
    assert {tag["Key"] for tag in request["Tags"]} >= {"churn:run", "churn:out"}
    emr = cloud.client("emr")
    (step,) = emr.list_steps(ClusterId=cluster["Id"])["Steps"]
    assert step["Config"]["Args"][0] == "spark-submit"
    assert "AtRestEncryptionConfiguration" in emr.describe_security_configuration(
        Name=request["SecurityConfiguration"]
    )["SecurityConfiguration"]  # fmt: skip
    assert record(cloud)["attempts"][0]["id"] == cluster["Id"]


def test_what_is_uploaded_is_complete_small_and_encrypted(cloud: Cloud) -> None:
    assert invoke(list(SUBMIT)) == 0
    s3 = cloud.client("s3")
    keys = cloud.names()
    names = {key.rpartition("/")[2] for key in keys}
    assert {"bootstrap.sh", "job.py", "constraints.txt", "submit.json"} <= names
    heads = [s3.head_object(Bucket="results", Key=key) for key in keys]
    assert sum(head["ContentLength"] for head in heads) <= MOST_BYTES
    assert {head["ServerSideEncryption"] for head in heads} == {"AES256"}
    (tls,) = (key for key in keys if "/tls/" in f"/{key}")
    archive = zipfile.ZipFile(io.BytesIO(s3.get_object(Bucket="results", Key=tls)["Body"].read()))
    assert set(archive.namelist()) == {"privateKey.pem", "certificateChain.pem", "trustedCertificates.pem"}


def test_a_second_submit_finds_the_first(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(list(SUBMIT)) == 0
    assert invoke([*SUBMIT, "--workers", "5"]) == 0
    assert "runs already: j-" in capsys.readouterr().out
    assert len(cloud.clusters()) == 1


def test_a_run_with_other_options_may_not_have_the_same_output(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(list(SUBMIT)) == 0
    capsys.readouterr()
    assert invoke([*SUBMIT, "--", "--horizon", "30"]) == 2
    assert "belongs to another run" in capsys.readouterr().err
    assert len(cloud.clusters()) == 1


def test_after_a_failed_attempt_a_submit_tries_again(cloud: Cloud) -> None:
    assert invoke(list(SUBMIT)) == 0
    cloud.client("emr").terminate_job_flows(JobFlowIds=[cloud.clusters()[0]["Id"]])
    cloud.put("run/.churn/steps/ingest.json", b"{}")
    assert invoke(list(SUBMIT)) == 0
    assert len(cloud.clusters()) == 2
    assert [attempt["number"] for attempt in record(cloud)["attempts"]] == [1, 2]
    assert len({request["Name"] for request in started(cloud)}) == 2


def test_where_the_result_is_there_nothing_is_started(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(list(SUBMIT)) == 0
    cloud.client("emr").terminate_job_flows(JobFlowIds=[cloud.clusters()[0]["Id"]])
    cloud.put("run/run.json", b"{}")
    assert invoke(list(SUBMIT)) == 0
    assert "the result is there" in capsys.readouterr().out
    assert len(cloud.clusters()) == 1


def test_the_lost_answer_of_the_starting_call_starts_nothing_twice(cloud: Cloud) -> None:
    cloud.proxy.on("RunJobFlow", cut_after, times=1)
    assert invoke(list(SUBMIT)) == 0
    assert len(cloud.clusters()) == len(started(cloud)) == 1
    assert record(cloud)["attempts"][0]["id"] == cloud.clusters()[0]["Id"]


def test_a_starting_call_that_never_arrived_is_not_repeated_blindly(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.proxy.on("RunJobFlow", cut, times=1)
    assert invoke(list(SUBMIT)) == 2
    assert "the answer of AWS was lost" in capsys.readouterr().err
    assert cloud.clusters() == [] and len(started(cloud)) == 1


@pytest.mark.slow
def test_throttling_is_waited_out(cloud: Cloud) -> None:
    cloud.proxy.on("RunJobFlow", refuse("ThrottlingException", 400), times=3)
    cloud.proxy.on("PutObject", refuse("SlowDown", 503), times=2)
    cloud.proxy.on("CreateSecurityConfiguration", refuse("ThrottlingException", 400), times=2)
    assert invoke(list(SUBMIT)) == 0
    assert len(cloud.clusters()) == 1


@pytest.mark.slow
def test_throttling_without_end_is_one_line(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.proxy.on("RunJobFlow", refuse("ThrottlingException", 400))
    assert invoke(list(SUBMIT)) == 2
    assert "AWS is busy and kept saying so" in capsys.readouterr().err
    assert cloud.clusters() == []


def test_a_connection_cut_while_uploading_is_taken_up_again(cloud: Cloud) -> None:
    cloud.proxy.on("PutObject", cut, path="files/", times=2)
    cloud.proxy.on("PutObject", cut_after, path="submit.json", times=1)
    assert invoke(list(SUBMIT)) == 0
    assert len(cloud.clusters()) == 1


def test_a_second_try_uploads_only_what_is_missing(cloud: Cloud) -> None:
    assert invoke(list(SUBMIT)) == 0
    cloud.client("emr").terminate_job_flows(JobFlowIds=[cloud.clusters()[0]["Id"]])
    before = len(cloud.proxy.calls)
    assert invoke(list(SUBMIT)) == 0
    later = [call.path for call in cloud.proxy.calls[before:] if call.operation == "PutObject"]
    assert later and not [path for path in later if "/files/" in path]


def test_a_claim_that_was_taken_over_ends_what_it_had_started(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    """As when the lid was closed in the middle of the starting call, and somebody else took over meanwhile."""

    def taken_over(call: Any, pass_on: Any) -> Any:
        value = record(cloud)
        value["attempts"][-1] |= {"nonce": "somebody", "id": "j-OTHER"}
        cloud.put("run.emr/submit.json", json.dumps(value).encode())
        return pass_on()

    cloud.proxy.on("RunJobFlow", taken_over, times=1)
    other = {"Status": {"State": "RUNNING", "Timeline": {"CreationDateTime": 1.7e9}}, "Id": "j-OTHER"}

    def describe(call: Any, pass_on: Any) -> Any:
        return pass_on() if call.json["ClusterId"] != "j-OTHER" else answer(other)

    def answer(cluster: dict[str, Any]) -> Any:
        from tests.aws.proxy import Answer

        return Answer(200, {"content-type": "application/x-amz-json-1.1"}, json.dumps({"Cluster": cluster}).encode())

    cloud.proxy.on("DescribeCluster", describe)
    assert invoke(list(SUBMIT)) == 0
    assert "runs already: j-OTHER" in capsys.readouterr().out
    assert [cluster["Status"]["State"] for cluster in cloud.clusters()] == ["TERMINATED"]


def test_a_fresh_claim_of_somebody_else_is_waited_for_and_an_old_one_is_taken_over(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.proxy.on("RunJobFlow", refuse("ValidationException", 400, "no such subnet"), times=1)
    assert invoke(list(SUBMIT)) == 2
    assert "no such subnet" in capsys.readouterr().err
    assert invoke(list(SUBMIT)) == 2
    assert "another submit of this run began at" in capsys.readouterr().err
    value = record(cloud)
    value["attempts"][-1]["claimed"] = "2026-01-01T00:00:00+00:00"
    cloud.put("run.emr/submit.json", json.dumps(value).encode())
    assert invoke(list(SUBMIT)) == 0
    assert len(cloud.clusters()) == 1


def test_what_died_before_it_started_anything_may_be_submitted_to_another_place(cloud: Cloud) -> None:
    cloud.proxy.on("RunJobFlow", refuse("ValidationException", 400, "no such subnet"), times=1)
    assert invoke([*SUBMIT, "--hours", "1"]) == 2
    value = record(cloud)
    value["attempts"][-1]["claimed"] = "2026-01-01T00:00:00+00:00"
    cloud.put("run.emr/submit.json", json.dumps(value).encode())
    there = theirs(cloud)
    assert invoke([*SUBMIT, "--cluster-id", there, "--hours", "3"]) == 0
    (attempt,) = record(cloud)["attempts"]
    assert (attempt["kind"], attempt["id"], attempt["number"]) == ("step", there, 1)
    assert (record(cloud)["asked"]["cluster"], record(cloud)["hours"]) == (there, 3)


def test_without_yes_and_without_anybody_to_ask_nothing_is_started(
    cloud: Cloud, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert "add --yes" in refused(cloud, capsys, "emr", "submit", *ARGUMENTS)


def without_bucket(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    s3.delete_bucket(Bucket="results")


def with_results(cloud: Cloud) -> None:
    cloud.put("run/risk.csv", b"of somebody else")


def abroad(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    s3.delete_bucket(Bucket="results")
    s3.create_bucket(Bucket="results", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})


def without_role(cloud: Cloud) -> None:
    cloud.client("iam").delete_role(RoleName="EMR_DefaultRole")


def without_log(cloud: Cloud) -> None:
    cloud.client("s3").delete_object(Bucket="logs", Key="2018/october.json")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without_bucket, "there is no bucket results"),
        (with_results, "is not empty (s3://results/run/risk.csv)"),
        (abroad, "the bucket lies in eu-west-1, and the cluster would be in us-east-1"),
        (without_role, "--service-role EMR_DefaultRole: is not there"),
        (without_log, "s3://logs/2018/: no log is there"),
    ],
)
def test_what_is_missing_is_one_line(change: Any, words: str, cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    change(cloud)
    assert words in refused(cloud, capsys, *SUBMIT)


@pytest.mark.parametrize(
    ("operation", "code", "status", "words"),
    [
        ("GetCallerIdentity", "ExpiredToken", 403, "the AWS credentials have expired; log in again"),
        ("GetCallerIdentity", "InvalidClientTokenId", 403, "AWS does not know these credentials"),
        ("HeadBucket", "403", 403, "belongs to somebody else, or may not be listed"),
        ("ListObjectsV2", "AccessDenied", 403, "access denied"),
        ("GetRole", "AccessDenied", 403, "--service-role EMR_DefaultRole: access denied"),
    ],
)
def test_what_aws_refuses_is_one_line(
    operation: str, code: str, status: int, words: str, cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.proxy.on(operation, refuse(code, status))
    assert words in refused(cloud, capsys, *SUBMIT)


def test_the_bucket_of_somebody_else_is_told_by_its_owner(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    """moto compares no owner, so the proxy answers as S3 does where the owner is another than the expected one."""

    def owner(call: Any, pass_on: Any) -> Any:
        return refuse("403", 403)(call, pass_on) if call.headers.get("x-amz-expected-bucket-owner") else pass_on()

    cloud.proxy.on("HeadBucket", owner, path="results")
    assert "the bucket belongs to somebody else than account 123456789012" in refused(cloud, capsys, *SUBMIT)


def test_while_the_cluster_before_is_ending_nothing_else_is_started(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(list(SUBMIT)) == 0

    def ending(value: Any) -> None:
        value["Cluster"]["Status"]["State"] = "TERMINATING"

    cloud.proxy.on("DescribeCluster", changed(ending))
    assert invoke(list(SUBMIT)) == 2
    assert "the cluster of the run before, is ending" in capsys.readouterr().err
    assert len(cloud.clusters()) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--instance", "x9.huge"), "holds no instance type x9.huge"),
        (("--max-cost", "0.01"), "and the low estimate is $0.1"),
        (("--release", "emr-6.15.0"), "its Spark is 3.4.1"),
        (("--region", "us-esat-1"), "no AWS region is called us-esat-1"),
        (("--cluster-id", "j-NONE"), "--cluster-id j-NONE"),
        (("--serverless",), "needs the role of the job"),
        (("--serverless", "--job-role", "arn:aws:iam::123456789012:role/job"), "needs an image"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    options: tuple[str, ...], words: str, cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in refused(cloud, capsys, *SUBMIT, *options)


def test_without_credentials_it_says_so(
    cloud: Cloud, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert invoke(list(SUBMIT)) == 2
    assert capsys.readouterr().err == "churn: no AWS credentials are found; run: aws configure, or set AWS_PROFILE\n"
    assert cloud.proxy.calls == []


def test_on_a_cluster_that_is_there_steps_are_added_once(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    emr, there = cloud.client("emr"), theirs(cloud)
    for _ in range(2):
        assert invoke([*SUBMIT, "--cluster-id", there]) == 0
    assert "runs already" in capsys.readouterr().out
    assert [cluster["Name"] for cluster in cloud.clusters()] == ["theirs"]
    names = [step["Name"] for step in emr.list_steps(ClusterId=there)["Steps"]]
    assert len(names) == 2
    cloud.proxy.on("DescribeCluster", changed(lambda value: value["Cluster"].update(ReleaseLabel="emr-6.15.0")))
    assert invoke(["emr", "submit", LOG, "--out", "s3://results/other/", "--yes", "--cluster-id", there]) == 2
    assert "its Spark is 3.4.1" in capsys.readouterr().err


def test_on_serverless_the_job_has_its_limit_and_is_started_once(cloud: Cloud) -> None:
    role = "arn:aws:iam::123456789012:role/job"
    words = [*SUBMIT, "--serverless", "--image", "repo/churn:1", "--job-role", role, "--hours", "1"]
    cloud.proxy.on("StartJobRun", cut_after, times=1)  # moto ignores the token that makes a repetition harmless
    cloud.proxy.on("GetJobRun", changed(lambda value: value["jobRun"].update(state="RUNNING")))  # and is done at once
    assert invoke(words) == 0
    assert invoke(words) == 0
    starts = [call for call in cloud.proxy.calls if call.operation == "StartJobRun"]
    assert {call.json["executionTimeoutMinutes"] for call in starts} == {60}
    assert len({call.json["clientToken"] for call in starts}) == 1
    (create,) = (call for call in cloud.proxy.calls if call.operation == "CreateApplication")
    assert create.json["autoStopConfiguration"]["enabled"] and create.json["clientToken"]
    assert OUT in starts[0].json["jobDriver"]["sparkSubmit"]["entryPointArguments"]
