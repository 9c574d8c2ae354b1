"""Starting a run, once: a second submit of the same run finds the first, whatever happened to that one's process.

The order is what makes it safe. The attempt is claimed in the record; then files are uploaded; then the claim is
renewed, which fails if somebody else has taken over; then one call starts everything, with every limit in it; then
the record learns what was started. Killed anywhere, what runs ends itself, and the next submit finds it by its name.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any, Final, Literal

from churn.aws import checks, objects, record, requests
from churn.aws.certificates import certificates
from churn.aws.client import BUSY, Clients, code_of, translated
from churn.aws.find import application_of, has_ended, is_ending, started_by
from churn.aws.places import Place
from churn.aws.plan import Plan
from churn.aws.record import Record
from churn.errors import OutputError, UnavailableError

logger = logging.getLogger(__name__)

THROTTLED: Final = frozenset(("Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"))
"""Answers after which AWS has certainly done nothing."""

TRIES: Final = 5
PAUSE: Final = 2.0
"""Seconds before the first repetition; doubled each time."""

How = Literal["started", "found", "done"]


@dataclass(frozen=True)
class Submitted:
    """How a submit went: whether it started the run, found it running, or found its result."""

    record: Record
    how: How


def submit(clients: Clients, plan: Plan) -> Submitted:
    """Start the run of a plan, or find it.

    Raises:
        UserError: for everything that is wrong, before anything is started.
    """
    asked = plan.asked
    account = checks.check_account(clients)
    checks.check_buckets(clients, asked, account)
    checks.check_means(clients, asked)
    for _ in range(TRIES):
        there = record.read(clients, asked.out)
        if there is not None:
            known = _known(clients, plan, there)
            if known is not None:
                return known
        claimed = _claim(clients, plan, there)
        started = _start(clients, plan, claimed) if claimed else None
        if started is not None:
            return Submitted(started, "started")
    raise UnavailableError(f"{asked.out}: others submit the same run all the time", "run it again in a minute")


def _known(clients: Clients, plan: Plan, there: Record) -> Submitted | None:
    """The run as it is, if nothing is to be started."""
    if there.key != plan.key:
        raise OutputError(
            f"--out {plan.asked.out} belongs to another run, submitted at {there.last.claimed}",
            "choose another --out, or give the same log and options with the same version of the program",
        )
    if is_done(clients, plan.asked.out):
        return Submitted(there, "done")
    if not there.last.id:
        found = started_by(clients, there)
        if found is None:
            if there.last.fresh:
                raise UnavailableError(
                    f"{plan.asked.out}: another submit of this run began at {there.last.claimed}",
                    "run it again in two minutes",
                )
            return None
        adopted = there.started(*found).written(clients, plan.asked.out)
        there = adopted or record.required(clients, plan.asked.out)
    if has_ended(clients, there):
        return None
    if is_ending(clients, there):
        raise UnavailableError(
            f"{there.last.id}, the cluster of the run before, is ending", "run it again in five minutes"
        )
    return Submitted(there, "found")


def is_done(clients: Clients, out: Place) -> bool:
    """Whether the result is there: `run.json` is what `churn run` writes last."""
    return any(key == (out / "run.json").key for key, _ in objects.listing(clients.s3, out / "run.json"))


def _claim(clients: Clients, plan: Plan, there: Record | None) -> Record | None:
    """Our claim of an attempt; None if somebody else was faster."""
    asked = plan.asked
    if there is None:
        checks.check_output(clients, asked)
    begun = tuple(attempt for attempt in there.attempts if attempt.id) if there else ()  # an empty claim becomes ours
    ours = Record(plan.key, asked.region, asked.as_json(), plan.estimate.as_json(), plan.hours, begun,
                  there.etag if there else None)  # fmt: skip
    return ours.claimed(_kind(plan)).written(clients, asked.out)


def _kind(plan: Plan) -> str:
    return "serverless" if plan.asked.serverless else "step" if plan.asked.cluster else "cluster"


def _start(clients: Clients, plan: Plan, claimed: Record) -> Record | None:
    """Start the claimed attempt; None if somebody else has taken it over."""
    asked = plan.asked
    for name, content in plan.files.contents.items():
        objects.put(clients.s3, asked.out.job / f"files/{name}", content, asked.kms_key)
    wanted = plan.requests(claimed.last.number)
    if claimed.last.kind == "cluster":
        _secure(clients, plan, claimed, wanted["CreateSecurityConfiguration"])
    ours = claimed.renewed().written(clients, asked.out)
    if ours is None:
        return None
    where, job = _started(clients, ours, wanted)
    written = ours.started(where, job).written(clients, asked.out)
    if written is None:
        logger.warning("another submit has taken over: ending %s", where)
        _undo(clients, ours, where, job)
    return written


def _secure(clients: Clients, plan: Plan, claimed: Record, configuration: dict[str, str]) -> None:
    """Certificates and the security configuration that names them."""
    from botocore.exceptions import ClientError

    place = requests.certificates_at(plan.asked.out, claimed.token)
    objects.put(clients.s3, place, certificates(plan.asked.region, plan.hours), plan.asked.kms_key)
    with translated("security configuration"):
        try:
            clients.emr.create_security_configuration(**configuration)
        except ClientError as error:
            if code_of(error) != "InvalidRequestException":
                raise
            # It may be there from an attempt that did not get further; if it is not, this says why.
            clients.emr.describe_security_configuration(Name=configuration["Name"])


def _started(clients: Clients, ours: Record, wanted: dict[str, Any]) -> tuple[str, str]:
    """Make the call that starts the run; cluster and step, or application and job run."""
    if ours.last.kind == "serverless":
        return _serverless(clients, wanted)
    call = "AddJobFlowSteps" if ours.last.kind == "step" else "RunJobFlow"
    for attempt in range(TRIES):
        found = _once(clients, ours, call, wanted[call])
        if found is not None:
            return found
        time.sleep(PAUSE * 2**attempt)
    raise UnavailableError(f"{call}: AWS is busy and kept saying so", "run the same command again later")


def _once(clients: Clients, ours: Record, call: str, request: dict[str, Any]) -> tuple[str, str] | None:
    """One try; None if it certainly did nothing. After a lost answer, what was started is looked for."""
    from botocore.exceptions import BotoCoreError, ClientError

    with translated(call):
        try:
            if call == "RunJobFlow":
                return str(clients.emr_once.run_job_flow(**request)["JobFlowId"]), ""
            return str(request["JobFlowId"]), str(clients.emr_once.add_job_flow_steps(**request)["StepIds"][-1])
        except ClientError as error:
            if code_of(error) in THROTTLED:
                return None
            if code_of(error) not in BUSY:
                raise
            lost: Exception = error
        except BotoCoreError as error:
            lost = error
        for attempt in range(3):
            time.sleep(PAUSE * attempt)
            found = started_by(clients, ours)
            if found is not None:
                return found
        raise UnavailableError(
            f"{call}: the answer of AWS was lost ({' '.join(str(lost).split())[:200]})",
            "run the same command again: it finds the run if it was started",
        ) from lost


def _serverless(clients: Clients, wanted: dict[str, Any]) -> tuple[str, str]:
    """Application and job run; both calls carry a token, so repeating them starts nothing twice."""
    start = dict(wanted["StartJobRun"])
    with translated("EMR Serverless"):
        if "CreateApplication" in wanted:
            create = wanted["CreateApplication"]
            found = application_of(clients.serverless, create["name"])
            start["applicationId"] = found or clients.serverless.create_application(**create)["applicationId"]
            _wait_until_created(clients, start["applicationId"])
        return start["applicationId"], clients.serverless.start_job_run(**start)["jobRunId"]


def _wait_until_created(clients: Clients, application: str) -> None:
    for _ in range(60):
        state = clients.serverless.get_application(applicationId=application)["application"]["state"]
        if state != "CREATING":
            return
        time.sleep(PAUSE)


def _undo(clients: Clients, ours: Record, where: str, job: str) -> None:
    with translated("ending what was started twice"):
        if ours.last.kind == "cluster":
            clients.emr.terminate_job_flows(JobFlowIds=[where])
        elif ours.last.kind == "step":
            clients.emr.cancel_steps(ClusterId=where, StepIds=[job])
