"""The AWS that the tests talk to is a real server on loopback, and empty at the start of each test."""

from __future__ import annotations

import pytest

boto3 = pytest.importorskip("boto3")


@pytest.mark.parametrize("time", ["first", "second"])
def test_what_is_put_is_got_and_each_test_starts_empty(aws: str, time: str) -> None:
    s3 = boto3.client("s3")
    assert s3.meta.endpoint_url == aws
    assert s3.list_buckets()["Buckets"] == []
    s3.create_bucket(Bucket="logs")
    s3.put_object(Bucket="logs", Key="a", Body=time.encode())
    assert s3.get_object(Bucket="logs", Key="a")["Body"].read() == time.encode()


def test_clusters_can_be_asked_for(aws: str) -> None:
    emr = boto3.client("emr")
    assert emr.list_clusters()["Clusters"] == []
    instances = {"MasterInstanceType": "m7g.xlarge", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": True}
    made = emr.run_job_flow(
        Name="test", Instances=instances, JobFlowRole="EMR_EC2_DefaultRole", ServiceRole="EMR_DefaultRole"
    )
    assert [cluster["Id"] for cluster in emr.list_clusters()["Clusters"]] == [made["JobFlowId"]]
