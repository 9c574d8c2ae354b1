"""Ending a run, and making sure that it has ended."""

from __future__ import annotations

import time
from typing import Final

from churn.aws import record, requests
from churn.aws.client import Clients, code_of, translated
from churn.aws.find import has_ended, started_by
from churn.aws.places import Place
from churn.aws.record import Record
from churn.errors import UnavailableError

PATIENCE: Final = 900
"""Seconds that a cluster may take to end."""


def end(clients: Clients, out: Place, every: float = 5.0) -> tuple[Record, bool]:
    """End what a run has started and wait until AWS says that it has ended.

    Returns:
        The record, and whether there was something to end.

    Raises:
        OutputError: if no run was submitted with this output folder.
        UnavailableError: if it has not ended after a quarter of an hour.
    """
    there = record.required(clients, out)
    if not there.last.id:
        started = started_by(clients, there)
        if started is None:
            tidy(clients, out, there)
            return there, False
        there = there.started(*started)
    running = not has_ended(clients, there)
    if running:
        _order(clients, there)
        _wait(clients, there, every)
    tidy(clients, out, there)
    return there, running


def _order(clients: Clients, there: Record) -> None:
    last = there.last
    with translated(f"ending {last.id}"):
        if last.kind == "cluster":
            clients.emr.terminate_job_flows(JobFlowIds=[last.id])
        elif last.kind == "step":
            clients.emr.cancel_steps(ClusterId=last.id, StepIds=[last.job], StepCancellationOption="TERMINATE_PROCESS")
        else:
            clients.serverless.cancel_job_run(applicationId=last.id, jobRunId=last.job)


def _wait(clients: Clients, there: Record, every: float) -> None:
    until = time.monotonic() + PATIENCE
    while not has_ended(clients, there):
        if time.monotonic() > until:
            raise UnavailableError(
                f"{there.last.id} was told to end, but has not after {PATIENCE // 60} minutes",
                "look again with: churn emr status",
            )
        time.sleep(every)


def tidy(clients: Clients, out: Place, there: Record) -> None:
    """Remove what clusters of the run leave behind: their certificates and their security configurations."""
    from botocore.exceptions import ClientError

    for attempt in there.attempts:
        if attempt.kind != "cluster":
            continue
        token = there.token_of(attempt)
        place = requests.certificates_at(out, token)
        with translated(f"tidying up after {attempt.id or 'a cluster that never was'}"):
            clients.s3.delete_object(Bucket=place.bucket, Key=place.key)
            try:
                name = requests.security_name(token, there.asked.get("kms_key"))
                clients.emr.delete_security_configuration(Name=name)
            except ClientError as error:
                if code_of(error) != "InvalidRequestException":  # it is gone already
                    raise
