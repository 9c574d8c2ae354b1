"""What a run has started, found by its name, and whether it has ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from churn.aws.client import Clients, translated
from churn.aws.record import Record
from churn.aws.requests import NAME

CLUSTER_ENDED: Final = frozenset(("TERMINATED", "TERMINATED_WITH_ERRORS"))
CLUSTER_ENDING: Final = CLUSTER_ENDED | {"TERMINATING"}
STEP_ENDED: Final = frozenset(("COMPLETED", "CANCELLED", "FAILED", "INTERRUPTED"))
JOB_ENDED: Final = frozenset(("SUCCESS", "FAILED", "CANCELLED"))

_SKEW: Final = timedelta(hours=1)


def started_by(clients: Clients, there: Record) -> tuple[str, str] | None:
    """What the latest attempt has started, by its name: cluster and step, or application and job run."""
    if there.last.kind == "cluster":
        found = cluster_of(clients, there)
        return (found, "") if found else None
    if there.last.kind == "step":
        cluster = str(there.asked["cluster"])
        step = step_of(clients, cluster, there.token)
        return (cluster, step) if step else None
    return job_of(clients, there)


def cluster_of(clients: Clients, there: Record) -> str | None:
    """The cluster of the latest attempt; should there be several, the first, and the others are ended."""
    name = f"{NAME}-{there.token}"
    after = datetime.fromisoformat(there.last.claimed) - _SKEW
    with translated("clusters"):
        found = [
            cluster
            for page in clients.emr.get_paginator("list_clusters").paginate(CreatedAfter=after)
            for cluster in page["Clusters"]
            if cluster["Name"] == name
        ]
        found.sort(key=lambda cluster: cluster["Status"]["Timeline"]["CreationDateTime"])
        extra = [one["Id"] for one in found[1:] if one["Status"]["State"] not in CLUSTER_ENDED]
        if extra:
            clients.emr.terminate_job_flows(JobFlowIds=extra)
    return str(found[0]["Id"]) if found else None


def step_of(clients: Clients, cluster: str, token: str) -> str | None:
    """The step of an attempt on a cluster that was there."""
    with translated(f"steps of {cluster}"):
        for page in clients.emr.get_paginator("list_steps").paginate(ClusterId=cluster):
            for step in page["Steps"]:
                if step["Name"] == f"{NAME}-{token}":
                    return str(step["Id"])
    return None


def job_of(clients: Clients, there: Record) -> tuple[str, str] | None:
    """Application and job run of the latest attempt on EMR Serverless."""
    name = f"{NAME}-{there.token}"
    with translated("EMR Serverless"):
        application = there.asked.get("application") or application_of(clients.serverless, name)
        if application is None:
            return None
        for page in clients.serverless.get_paginator("list_job_runs").paginate(applicationId=application):
            for job in page["jobRuns"]:
                if job.get("name") == name:
                    return str(application), str(job["id"])
    return None


def application_of(serverless: Any, name: str) -> str | None:
    """An EMR Serverless application by its name."""
    for page in serverless.get_paginator("list_applications").paginate():
        for application in page["applications"]:
            if application.get("name") == name:
                return str(application["id"])
    return None


def is_ending(clients: Clients, there: Record) -> bool:
    """Whether the cluster of the latest attempt is on its way out, and works for nobody any more."""
    if there.last.kind != "cluster":
        return False
    with translated(there.last.id):
        state = clients.emr.describe_cluster(ClusterId=there.last.id)["Cluster"]["Status"]["State"]
    return state in CLUSTER_ENDING - CLUSTER_ENDED


def has_ended(clients: Clients, there: Record) -> bool:
    """Whether what the latest attempt started has ended, however."""
    last = there.last
    with translated(last.id):
        if last.kind == "cluster":
            state = clients.emr.describe_cluster(ClusterId=last.id)["Cluster"]["Status"]["State"]
            return state in CLUSTER_ENDED
        if last.kind == "step":
            state = clients.emr.describe_step(ClusterId=last.id, StepId=last.job)["Step"]["Status"]["State"]
            return state in STEP_ENDED
        found = clients.serverless.get_job_run(applicationId=last.id, jobRunId=last.job)
    return found["jobRun"]["state"] in JOB_ENDED
