"""An account on the AWS on loopback, reached through a proxy that can fail."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from tests.aws.proxy import Proxy, proxy

LOG, OUT = "s3://logs/2018/", "s3://results/run/"
ARGUMENTS = (LOG, "--out", OUT)
SUBMIT = ("emr", "submit", *ARGUMENTS, "--yes")


@dataclass
class Cloud:
    """An account with a log, a bucket for results and the roles that EMR needs."""

    proxy: Proxy
    address: str

    def client(self, service: str) -> Any:
        """A client that goes past the proxy, for looking at what is there."""
        return _client(self.address, service)

    def fill(self) -> None:
        """What the account holds at first."""
        s3, iam = self.client("s3"), self.client("iam")
        for bucket in ("logs", "results"):
            s3.create_bucket(Bucket=bucket)
        self.put("2018/october.json", b'{"ts": 1}\n' * 1000, bucket="logs")
        iam.create_role(RoleName="EMR_DefaultRole", AssumeRolePolicyDocument="{}")
        iam.create_instance_profile(InstanceProfileName="EMR_EC2_DefaultRole")

    def clusters(self) -> list[dict[str, Any]]:
        """All clusters that were ever started."""
        found: list[dict[str, Any]] = self.client("emr").list_clusters()["Clusters"]
        return found

    def put(self, key: str, body: bytes, bucket: str = "results", **options: Any) -> None:
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=body, **options)

    def names(self, bucket: str = "results") -> set[str]:
        found = self.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
        return {one["Key"] for one in found}


@cache
def _client(address: str, service: str) -> Any:
    import boto3

    return boto3.client(service, endpoint_url=address, region_name="us-east-1")


def record(cloud: Cloud) -> dict[str, Any]:
    """What the job folder of the run says of it."""
    body = cloud.client("s3").get_object(Bucket="results", Key="run.emr/submit.json")["Body"]
    found: dict[str, Any] = json.loads(body.read())
    return found


def theirs(cloud: Cloud) -> str:
    """A cluster of somebody else that waits for steps."""
    made = cloud.client("emr").run_job_flow(
        Name="theirs", ReleaseLabel="emr-7.1.0", JobFlowRole="r", ServiceRole="s",
        Instances={"MasterInstanceType": "m5.xlarge", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": True},
    )  # fmt: skip
    return str(made["JobFlowId"])


@pytest.fixture
def cloud(aws: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with proxy(aws) as between:
        made = Cloud(between, aws)
        made.fill()
        monkeypatch.setenv("AWS_ENDPOINT_URL", between.address)
        assert os.environ["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
        yield made
