"""How a run is doing: what AWS says, which steps of the run are done, and what it has cost so far."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from churn.aws import objects, record
from churn.aws.client import Clients, translated
from churn.aws.find import CLUSTER_ENDING, JOB_ENDED, STEP_ENDED, started_by, step_of
from churn.aws.places import Place
from churn.aws.record import Record
from churn.aws.submit import is_done
from churn.sources import RUN_MARK

Phase = Literal["unstarted", "starting", "running", "done", "failed", "ended"]

STEPS: Final = ("ingest", "rollups", "profile", "snapshots", "train", "risk", "app", "report")
"""Steps of `churn run` in order, for "3 of 8"; others are shown by name alone."""

HARD_LIMIT: Final = "it reached its hard limit"

_WAITING: Final = frozenset(("STARTING", "BOOTSTRAPPING", "PENDING", "SUBMITTED", "SCHEDULED", "QUEUED"))


@dataclass(frozen=True)
class State:
    """A run at one moment.

    Attributes:
        phase: in one word; `ended` was ended by somebody, `failed` by itself without the result.
        where: cluster or application.
        job: step or job run; empty if there is none yet.
        words: the states as AWS calls them.
        reason: why it is so, as far as AWS says.
        steps: steps of `churn run` that are done.
        started: when AWS was asked for it.
        ended: when it ended; None while it runs.
        hours: from start to end, or to now.
        dollars: what these hours cost at the likely rate.
        logs: where its logs lie.
    """

    phase: Phase
    where: str
    job: str
    words: str
    reason: str
    steps: tuple[str, ...]
    started: datetime | None
    ended: datetime | None
    hours: float
    dollars: float
    logs: str = ""

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.phase in ("done", "failed", "ended")


@dataclass(frozen=True)
class _Seen:
    """What AWS says."""

    phase: Phase
    job: str
    words: str
    reason: str
    started: datetime
    ended: datetime | None
    logs: str


def look(clients: Clients, out: Place) -> tuple[Record, State]:
    """The record of a run and how it is doing.

    Raises:
        OutputError: if no run was submitted with this output folder.
    """
    there = record.required(clients, out)
    if not there.last.id:
        found = started_by(clients, there)  # by a submit that did not live to write it down
        if found is None:
            words = "claimed, but nothing was started yet"
            return there, State("unstarted", "", "", words, "", (), None, None, 0.0, 0.0)
        there = there.started(*found)
    seen = {"cluster": _cluster, "step": _step, "serverless": _serverless}[there.last.kind](clients, out, there)
    phase, reason = seen.phase, seen.reason
    if phase in ("done", "ended") and is_done(clients, out):
        phase = "done"
    elif phase == "done":
        phase, reason = "failed", "it ended without run.json, so without its whole result"
    hours = ((seen.ended or datetime.now(UTC)) - seen.started).total_seconds() / 3600
    if phase == "failed" and there.last.kind == "cluster" and hours >= there.hours:  # the timer leaves no log
        reason = f"{HARD_LIMIT} of {there.hours:g} hours; {reason}"
    dollars = hours * float(there.estimate["dollars_an_hour"]["likely"])
    state = State(phase, there.last.id, seen.job, seen.words, reason, _steps(clients, out), seen.started, seen.ended,
                  hours, dollars, seen.logs)  # fmt: skip
    return there, state


def _steps(clients: Clients, out: Place) -> tuple[str, ...]:
    """The steps of `churn run` that have left their marker."""
    found = [key.rpartition("/")[2].split(".")[0] for key, _ in objects.listing(clients.s3, out / f"{RUN_MARK}/steps/")]
    return tuple(sorted(filter(None, found), key=lambda name: STEPS.index(name) if name in STEPS else len(STEPS)))


def _cluster(clients: Clients, out: Place, there: Record) -> _Seen:
    with translated(there.last.id):
        cluster = clients.emr.describe_cluster(ClusterId=there.last.id)["Cluster"]
    status = cluster["Status"]
    step = step_of(clients, there.last.id, there.token)
    step_status = _step_status(clients, there.last.id, step)
    state, step_state = status["State"], step_status.get("State", "")
    change = status.get("StateChangeReason", {})
    reason = step_status.get("reason") or change.get("Message", "")
    if state in CLUSTER_ENDING:
        phase: Phase = "done" if step_state == "COMPLETED" else "failed"
        if phase == "failed" and change.get("Code") == "USER_REQUEST" and step_state != "FAILED":
            phase = "ended"
    elif step_state in STEP_ENDED:
        phase = "done" if step_state == "COMPLETED" else "failed"
    else:
        phase = "starting" if state in _WAITING or step_state == "PENDING" else "running"
    words = f"cluster {state.lower()}, step {step_state.lower() or 'not there yet'}"
    timeline = status["Timeline"]
    logs = str(out.job / f"logs/{there.last.id}/")
    return _Seen(phase, step or "", words, reason, timeline["CreationDateTime"], timeline.get("EndDateTime"), logs)


def _step_status(clients: Clients, cluster: str, step: str | None) -> dict[str, Any]:
    if step is None:
        return {}
    with translated(f"{cluster} {step}"):
        status: dict[str, Any] = clients.emr.describe_step(ClusterId=cluster, StepId=step)["Step"]["Status"]
    details = status.get("FailureDetails", {})
    said = [details.get("Reason"), details.get("Message"), status.get("StateChangeReason", {}).get("Message")]
    return {**status, "reason": ": ".join(text for text in said if text)}


def _step(clients: Clients, out: Place, there: Record) -> _Seen:
    last = there.last
    status = _step_status(clients, last.id, last.job)
    state, job = status["State"], last.job
    phase: Phase = "starting" if state == "PENDING" else "running"
    if state == "CANCELLED":  # by somebody, or because the program could not be installed
        install = step_of(clients, last.id, f"{there.token}-install")
        installing = _step_status(clients, last.id, install)
        if install and installing["State"] == "FAILED":
            status, state, job = installing, "FAILED", install
    if state in STEP_ENDED:
        phase = "done" if state == "COMPLETED" else "ended" if state == "CANCELLED" else "failed"
    with translated(last.id):
        root = clients.emr.describe_cluster(ClusterId=last.id)["Cluster"].get("LogUri", "")
    logs = f"{root.replace('s3n://', 's3://').rstrip('/')}/{last.id}/" if root else ""
    timeline = status["Timeline"]
    words = f"step {state.lower()} on cluster {last.id}"
    return _Seen(phase, job, words, status["reason"], timeline["CreationDateTime"], timeline.get("EndDateTime"), logs)


def _serverless(clients: Clients, out: Place, there: Record) -> _Seen:
    last = there.last
    with translated(f"{last.id} {last.job}"):
        job = clients.serverless.get_job_run(applicationId=last.id, jobRunId=last.job)["jobRun"]
    state = job["state"]
    phase: Phase = "starting" if state in _WAITING else "running"
    if state in JOB_ENDED:
        phase = "done" if state == "SUCCESS" else "ended" if state == "CANCELLED" else "failed"
    ended = job.get("endedAt") or (job["updatedAt"] if state in JOB_ENDED else None)
    logs = str(out.job / f"logs/applications/{last.id}/jobs/{last.job}/")
    return _Seen(
        phase, last.job, f"job run {state.lower()}", job.get("stateDetails", ""), job["createdAt"], ended, logs
    )


def compared(there: Record, state: State) -> str:
    """The estimate and what it became, in one line."""
    hours, dollars = there.estimate["hours"], there.estimate["dollars"]
    return (
        f"took {state.hours:.2f} hours and ${state.dollars:.2f}; "
        f"expected {hours['likely']:.2f} hours ({hours['low']:.2f} to {hours['high']:.2f}) "
        f"and ${dollars['likely']:.2f} (${dollars['low']:.2f} to ${dollars['high']:.2f}); "
        f"{state.hours / hours['likely']:.2f} times the likely hours"
    )
