"""The calls that start something, as AWS wants them; plain values, nothing is sent from here."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from churn.aws.asked import Asked
from churn.aws.cluster import ROOT_DISK, Shape
from churn.aws.places import Place
from churn.s3.client import KMS_KEY

TAG: Final = "churn:run"
"""The tag by which a run is found again."""

NAME: Final = "churn"


def tags(asked: Asked, key: str) -> dict[str, str]:
    """Tags of everything that is started; the last one is what AWS's own policy for EMR asks for."""
    return {
        TAG: key,
        "churn:out": str(asked.out)[:256],
        "Name": f"{NAME}-{key}",
        "for-use-with-amazon-emr-managed-policies": "true",
    }


def spark_submit(asked: Asked, settings: dict[str, str]) -> list[str]:
    """The command line of the step."""
    conf = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    job = str(asked.out.job / "files/job.py")
    encrypted = ["env", f"{KMS_KEY}={asked.kms_key}"] if asked.kms_key else []  # what the driver itself uploads
    return [*encrypted, "spark-submit", "--master", "yarn", "--deploy-mode", "client", *conf, job, *run_words(asked)]


def run_words(asked: Asked) -> list[str]:
    """The command line of `churn` on the cluster."""
    words = ["run", str(asked.log), "--out", str(asked.out), "--engine", "spark"]
    chosen = any(word.partition("=")[0] == "--learner" for word in asked.run_options)
    if asked.cluster and not chosen:
        words += ["--learner", "local"]  # the program is on the primary alone, and Spark's learners want it everywhere
    return [*words, *asked.run_options]


def run_job_flow(asked: Asked, shape: Shape, step: list[str], key: str, hours: float) -> dict[str, Any]:
    """A cluster that runs one step and ends: after the step, when idle, when the step fails, and after `hours`.

    All of it is in this one call, so there is no moment at which the cluster is there without its end.
    """
    request: dict[str, Any] = {
        "Name": f"{NAME}-{key}",
        "LogUri": str(asked.out.job / "logs/"),
        "ReleaseLabel": asked.release,
        "Applications": [{"Name": "Hadoop"}, {"Name": "Spark"}],
        "Instances": _instances(asked, shape),
        "Steps": [_step(step, key, "TERMINATE_CLUSTER")],
        "BootstrapActions": [
            {
                "Name": "churn",
                "ScriptBootstrapAction": {
                    "Path": str(asked.out.job / "files/bootstrap.sh"),
                    "Args": [str(asked.out.job / "files/"), str(round(hours * 3600))],
                },
            }
        ],
        "AutoTerminationPolicy": {"IdleTimeout": asked.idle_minutes * 60},
        "EbsRootVolumeSize": ROOT_DISK,
        "JobFlowRole": asked.instance_profile,
        "ServiceRole": asked.service_role,
        "SecurityConfiguration": security_name(key, asked.kms_key),
        "VisibleToAllUsers": True,
        "ScaleDownBehavior": "TERMINATE_AT_TASK_COMPLETION",
        "Tags": [{"Key": name, "Value": value} for name, value in tags(asked, key).items()],
    }
    if asked.kms_key:
        request["LogEncryptionKmsKeyId"] = asked.kms_key
    return request


def _instances(asked: Asked, shape: Shape) -> dict[str, Any]:
    def group(role: str, kind: str, count: int, market: str) -> dict[str, Any]:
        volume = {"VolumeType": "gp3", "SizeInGB": shape.disk}
        return {
            "Name": role.lower(),
            "InstanceRole": role,
            "InstanceType": kind,
            "InstanceCount": count,
            "Market": market,
            "EbsConfiguration": {"EbsBlockDeviceConfigs": [{"VolumeSpecification": volume, "VolumesPerInstance": 1}]},
        }

    found: dict[str, Any] = {
        "InstanceGroups": [
            group("MASTER", shape.primary.name, 1, "ON_DEMAND"),
            group("CORE", shape.worker.name, shape.workers, "SPOT" if shape.spot else "ON_DEMAND"),
        ],
        "KeepJobFlowAliveWhenNoSteps": False,
        "TerminationProtected": False,
    }
    return found | ({"Ec2SubnetId": asked.subnet} if asked.subnet else {})


def _step(words: list[str], key: str, on_failure: str) -> dict[str, Any]:
    jar = {"Jar": "command-runner.jar", "Args": words}
    return {"Name": f"{NAME}-{key}", "ActionOnFailure": on_failure, "HadoopJarStep": jar}


def add_steps(asked: Asked, step: list[str], key: str, hours: float) -> dict[str, Any]:
    """The run on a cluster that is there: install on the primary, then run, each for at most `hours`.

    The cluster stays as it is: it has no timer from us, and a failure does not end it.
    """
    folder = asked.out.job / "files/"
    here = "/tmp/churn-bootstrap.sh"
    install = f"aws s3 cp {folder / 'bootstrap.sh'} {here} && bash {here} {folder} 0"
    limit = ["timeout", "--kill-after=60", str(round(hours * 3600))]
    steps = {f"{key}-install": ["bash", "-c", install], key: step}
    return {
        "JobFlowId": asked.cluster,
        "Steps": [_step([*limit, *words], name, "CANCEL_AND_WAIT") for name, words in steps.items()],
    }


def certificates_at(out: Place, key: str) -> Place:
    """Where the certificates of one cluster lie: apart from the files that every machine copies."""
    return out.job / f"tls/{key}.zip"


def security_name(key: str, kms_key: str | None) -> str:
    """Of a cluster's security configuration: with another key of KMS another name, as one that is there is taken."""
    return f"{NAME}-{key}" + (f"-{hashlib.sha256(kms_key.encode()).hexdigest()[:8]}" if kms_key else "")


def security_configuration(asked: Asked, key: str) -> dict[str, str]:
    """Encryption of objects and disks, and TLS between the machines.

    Disks need a key of the user's own in KMS; without one, what Spark writes to them is encrypted by Spark.
    """
    objects: dict[str, str] = {"EncryptionMode": "SSE-S3"}
    at_rest: dict[str, Any] = {"S3EncryptionConfiguration": objects}
    if asked.kms_key:
        objects |= {"EncryptionMode": "SSE-KMS", "AwsKmsKey": asked.kms_key}
        at_rest["LocalDiskEncryptionConfiguration"] = {
            "EncryptionKeyProviderType": "AwsKms",
            "AwsKmsKey": asked.kms_key,
            "EnableEbsEncryption": True,
        }
    certificates = {"CertificateProviderType": "PEM", "S3Object": str(certificates_at(asked.out, key))}
    encryption = {
        "EnableInTransitEncryption": True,
        "EnableAtRestEncryption": True,
        "AtRestEncryptionConfiguration": at_rest,
        "InTransitEncryptionConfiguration": {"TLSCertificateConfiguration": certificates},
    }
    metadata = {"MinimumInstanceMetadataServiceVersion": 2, "HttpPutResponseHopLimit": 1}
    whole = {"EncryptionConfiguration": encryption, "InstanceMetadataServiceConfiguration": metadata}
    return {"Name": security_name(key, asked.kms_key), "SecurityConfiguration": json.dumps(whole, sort_keys=True)}


def create_application(asked: Asked, shape: Shape, key: str) -> dict[str, Any]:
    """An EMR Serverless application that stops when idle and grows no further than the plan's workers."""
    workers = shape.workers + 1
    request: dict[str, Any] = {
        "name": f"{NAME}-{key}",
        "releaseLabel": asked.release,
        "type": "SPARK",
        "clientToken": f"{key}-application",
        "architecture": "X86_64",
        "maximumCapacity": {
            "cpu": f"{workers * shape.worker.vcpu} vCPU",
            "memory": f"{workers * shape.worker.memory_gib} GB",
            "disk": f"{workers * shape.disk} GB",
        },
        "autoStartConfiguration": {"enabled": True},
        "autoStopConfiguration": {"enabled": True, "idleTimeoutMinutes": asked.idle_minutes},
        "tags": tags(asked, key),
    }
    if asked.image:
        request["imageConfiguration"] = {"imageUri": asked.image}
    return request


def start_job_run(asked: Asked, settings: dict[str, str], key: str, hours: float) -> dict[str, Any]:
    """The run on EMR Serverless, with its hard limit."""
    encrypted = {f"spark.emr-serverless.driverEnv.{KMS_KEY}": asked.kms_key} if asked.kms_key else {}
    conf = " ".join(f"--conf {name}={value}" for name, value in {**settings, **encrypted}.items())
    logs: dict[str, str] = {"logUri": str(asked.out.job / "logs/")}
    if asked.kms_key:
        logs["encryptionKeyArn"] = asked.kms_key
    return {
        "applicationId": asked.application or "(the new application's)",
        "clientToken": key,
        "executionRoleArn": asked.job_role or "(--job-role)",
        "name": f"{NAME}-{key}",
        "executionTimeoutMinutes": max(5, round(hours * 60)),
        "jobDriver": {
            "sparkSubmit": {
                "entryPoint": str(asked.out.job / "files/job.py"),
                "entryPointArguments": run_words(asked),
                "sparkSubmitParameters": conf,
            }
        },
        "configurationOverrides": {"monitoringConfiguration": {"s3MonitoringConfiguration": logs}},
        "tags": tags(asked, key),
    }
