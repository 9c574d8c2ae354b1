"""What the user asks for: one frozen record of all options, checked where nothing but themselves is needed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from churn.aws import releases
from churn.aws.places import Place
from churn.errors import SettingsError

MOST_HOURS: Final = 72


@dataclass(frozen=True)
class Asked:
    """One run on EMR.

    Attributes:
        log: where the log is.
        out: folder for the result.
        run_options: further options of `churn run`.
        workers: machines that read.
        instance: their type, and the primary's.
        primary: type of the primary, if another.
        release: of EMR.
        spot: take spot instances as workers.
        serverless: run on EMR Serverless.
        application: an EMR Serverless application that is there.
        image: the container image of a new EMR Serverless application.
        cluster: a cluster that is there, instead of a new one.
        region: AWS region.
        subnet: where the cluster lies; the default VPC's if None.
        service_role: role of EMR itself.
        instance_profile: what the machines may do.
        job_role: ARN of what a run on EMR Serverless may do.
        kms_key: ARN of a key for disks and objects; S3's own keys if None.
        idle_minutes: end a cluster on which nothing runs for that long.
        hours: end it after that long whatever it does; chosen from the estimate if None.
        max_cost: US dollars that the low estimate may not exceed.
        prices: what the user pays, in dollars by row of the price table.

    Raises:
        SettingsError: for values that make no sense.
    """

    log: Place
    out: Place
    run_options: tuple[str, ...] = ()
    workers: int = 3
    instance: str = "m5.xlarge"
    primary: str | None = None
    release: str = releases.DEFAULT
    spot: bool = False
    serverless: bool = False
    application: str | None = None
    image: str | None = None
    cluster: str | None = None
    region: str = "us-east-1"
    subnet: str | None = None
    service_role: str = "EMR_DefaultRole"
    instance_profile: str = "EMR_EC2_DefaultRole"
    job_role: str | None = None
    kms_key: str | None = None
    idle_minutes: int = 20
    hours: float | None = None
    max_cost: float | None = None
    prices: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        releases.spark_of(self.release)
        if _within(self.log, self.out) or _within(self.log, self.out.job) or _within(self.out, self.log):
            raise SettingsError(f"{self.log} and --out {self.out} lie within each other", "choose another --out")
        if not 1 <= self.idle_minutes <= 7 * 24 * 60:
            raise SettingsError(f"--idle is {self.idle_minutes} minutes", "give a number from 1 to 10080")
        if self.hours is not None and not 0.25 <= self.hours <= MOST_HOURS:
            raise SettingsError(f"--hours is {self.hours:g}", f"give a number from 0.25 to {MOST_HOURS}")
        if self.max_cost is not None and not 0 < self.max_cost < math.inf:
            raise SettingsError(f"--max-cost is {self.max_cost:g} dollars", "give an amount that is more than 0")
        self._check_kinds()

    def _check_kinds(self) -> None:
        if (self.application or self.image or self.job_role) and not self.serverless:
            raise SettingsError("--application, --image and --job-role are for EMR Serverless", "add --serverless")
        if self.serverless and (self.cluster or self.spot):
            raise SettingsError("--serverless has no cluster and no spot instances", "leave one of them out")

    def as_json(self) -> dict[str, Any]:
        """For the record of a run: everything as plain values."""
        values = dict(vars(self))
        values |= {"log": str(self.log), "out": str(self.out), "run_options": list(self.run_options)}
        return values | {"prices": dict(self.prices)}


def _within(inner: Place, outer: Place) -> bool:
    return inner.bucket == outer.bucket and (inner.key == outer.key or inner.key.startswith(outer.below))
