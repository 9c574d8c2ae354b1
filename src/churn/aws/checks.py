"""What is looked at before anything is started or written: each thing that is wrong is one clear line."""

from __future__ import annotations

from typing import Any

from churn.aws.asked import Asked
from churn.aws.certificates import check_cryptography
from churn.aws.client import ABSENT, DENIED, Clients, code_of, translated
from churn.aws.find import CLUSTER_ENDING
from churn.aws.objects import listing
from churn.aws.places import Place
from churn.aws.releases import spark_of
from churn.errors import CloudError, OutputError, SettingsError


def check_account(clients: Clients) -> str:
    """The account that the credentials belong to.

    Raises:
        CloudError: without credentials, or with such that AWS does not take.
    """
    with translated("AWS account"):
        return str(clients.sts.get_caller_identity()["Account"])


def check_buckets(clients: Clients, asked: Asked, account: str) -> None:
    """The log's bucket can be read; the output's bucket is ours, and in the region.

    Raises:
        CloudError: otherwise.
    """
    check_bucket(clients, asked.log, "log", None)
    check_bucket(clients, asked.out, "--out", account)


def check_bucket(clients: Clients, place: Place, what: str, account: str | None) -> None:
    """A bucket is there, in the region, and (with `account`) of that account.

    Raises:
        CloudError: otherwise.
    """
    from botocore.exceptions import ClientError

    owner = {"ExpectedBucketOwner": account} if account else {}
    with translated(f"{what} {place}"):
        try:
            found = clients.s3.head_bucket(Bucket=place.bucket, **owner)
        except ClientError as error:
            raise _bucket_trouble(error, place, what, account) or error from error
    region = found.get("BucketRegion") or found["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
    if region and region != clients.region:
        raise CloudError(
            f"{what} {place}: the bucket lies in {region}, and the cluster would be in {clients.region}",
            f"give --region {region}, or take a bucket of that region",
        )


def _bucket_trouble(error: Any, place: Place, what: str, account: str | None) -> CloudError | None:
    code = code_of(error)
    if code in ABSENT or code == "NoSuchBucket":
        return CloudError(f"{what} {place}: there is no bucket {place.bucket}", "check the address, or make it first")
    if code in DENIED:
        whose = f"belongs to somebody else than account {account}, or" if account else "belongs to somebody else, or"
        return CloudError(
            f"{what} {place}: the bucket {whose} may not be listed", "take another, or ask for s3:ListBucket on it"
        )
    return None


def check_output(clients: Clients, asked: Asked) -> None:
    """Nobody else's results lie in the output folder.

    Raises:
        OutputError: if something is there.
    """
    there = next(listing(clients.s3, asked.out), None)
    if there is not None:
        raise OutputError(
            f"--out {asked.out} is not empty (s3://{asked.out.bucket}/{there[0]})",
            "choose another, or remove what is there",
        )


def check_means(clients: Clients, asked: Asked) -> None:
    """The roles, the cluster or the application that the run needs are there.

    Raises:
        SettingsError: if something is not named.
        CloudError: if it is not there, or not fit.
    """
    if asked.serverless:
        _check_serverless(clients, asked)
    elif asked.cluster:
        _check_cluster(clients, asked.cluster)
    else:
        check_cryptography()
        _check_role(clients, "get_role", "RoleName", asked.service_role, "--service-role")
        profile = asked.instance_profile
        _check_role(clients, "get_instance_profile", "InstanceProfileName", profile, "--instance-profile")


def _check_role(clients: Clients, call: str, argument: str, name: str, option: str) -> None:
    from botocore.exceptions import ClientError

    with translated(f"{option} {name}"):
        try:
            getattr(clients.iam, call)(**{argument: name.rsplit("/", 1)[-1]})
        except ClientError as error:
            if code_of(error) == "NoSuchEntity":
                raise CloudError(
                    f"{option} {name}: is not there", "make it with: aws emr create-default-roles, or see docs/emr"
                ) from error
            raise


def _check_cluster(clients: Clients, cluster: str) -> None:
    with translated(f"--cluster-id {cluster}"):
        found = clients.emr.describe_cluster(ClusterId=cluster)["Cluster"]
    if found["Status"]["State"] in CLUSTER_ENDING:
        raise CloudError(f"--cluster-id {cluster}: has ended", "name one that runs, or leave it out")
    spark_of(found.get("ReleaseLabel", "emr-0.0.0"))


def _check_serverless(clients: Clients, asked: Asked) -> None:
    if not asked.job_role:
        raise SettingsError("--serverless needs the role of the job", "give --job-role ARN; see docs/emr")
    if not (asked.application or asked.image):
        raise SettingsError(
            "EMR Serverless has no bootstrap, so it needs an image that holds the program",
            "build it once as docs/emr says and give --image, or --application ID of an application that has it",
        )
    if asked.application:
        with translated(f"--application {asked.application}"):
            clients.serverless.get_application(applicationId=asked.application)
