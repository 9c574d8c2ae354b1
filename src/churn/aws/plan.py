"""The whole plan of a run: sized, priced and written out, with nothing changed anywhere."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import Any, Final

from churn.aws import requests
from churn.aws.asked import MOST_HOURS, Asked
from churn.aws.cluster import SERVERLESS_WORKER, Shape, disk_for, spark_settings
from churn.aws.estimate import Estimate, estimate
from churn.aws.files import MOST_BYTES, JobFiles, job_files
from churn.aws.prices import Prices, prices
from churn.aws.releases import spark_of
from churn.aws.sizing import InputSize
from churn.errors import SettingsError

LEAST_HOURS: Final = 2
"""Of the hard limit, unless the user sets another."""

UNTIMED_HOURS: Final = 0.1
"""For which machines are paid before the bootstrap sets the timer of the hard limit. An assumption."""


@dataclass(frozen=True)
class Plan:
    """Everything that `submit` would do, and what it would take."""

    asked: Asked
    size: InputSize
    shape: Shape
    settings: dict[str, str]
    files: JobFiles
    estimate: Estimate
    hours: float

    @property
    def key(self) -> str:
        """The same for the same run: same log, output, options and program, whatever it runs on."""
        parts = [str(self.asked.log), str(self.asked.out), list(self.asked.run_options), self.files.digest]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    @property
    def step(self) -> list[str]:
        """The command line of the step."""
        return requests.spark_submit(self.asked, self.settings)

    def requests(self, attempt: int = 1) -> dict[str, Any]:
        """What AWS would be asked to start, by name of the call, when it is tried for the n-th time."""
        asked, token = self.asked, f"{self.key}-{attempt}"
        if asked.serverless:
            start = requests.start_job_run(asked, self.settings, token, self.hours)
            return {"StartJobRun": start} if asked.application else {
                "CreateApplication": requests.create_application(asked, self.shape, token),
                "StartJobRun": start,
            }  # fmt: skip
        if asked.cluster:
            return {"AddJobFlowSteps": requests.add_steps(asked, self.step, token, self.hours)}
        return {
            "CreateSecurityConfiguration": requests.security_configuration(asked, token),
            "RunJobFlow": requests.run_job_flow(asked, self.shape, self.step, token, self.hours),
        }

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "key": self.key,
            "asked": self.asked.as_json(),
            "input": vars(self.size),
            "spark": spark_of(self.asked.release),
            "files": {str(self.asked.out.job / f"files/{n}"): len(c) for n, c in self.files.contents.items()},
            "settings": self.settings,
            "step": self.step,
            "hard_limit_hours": self.hours,
            "estimate": self.estimate.as_json(),
            "requests": self.requests(),
        }


def make_plan(asked: Asked, size: InputSize) -> Plan:
    """The plan for an input.

    Raises:
        SettingsError: for machines that are not in the price table, or a budget below the low estimate.
    """
    table = prices(asked.prices)
    shape = _shape(asked, size, table)
    files = job_files(shape.worker.arch, image=asked.serverless and not asked.image)
    if files.size > MOST_BYTES:
        raise SettingsError(f"the files to upload have {files.size:,} bytes", "install a package without extra files")
    found = estimate(shape, size, table, asked.region)
    _check_budget(asked, found)
    return Plan(asked, size, shape, spark_settings(shape, size), files, found, _hard_limit(asked, found))


def _shape(asked: Asked, size: InputSize, table: Prices) -> Shape:
    disk = disk_for(size, asked.workers) if asked.workers > 0 else 0
    if asked.serverless:
        return Shape(SERVERLESS_WORKER, SERVERLESS_WORKER, asked.workers, False, min(disk, 200), serverless=True)
    worker = table.instance(asked.instance)
    return Shape(table.instance(asked.primary or asked.instance), worker, asked.workers, asked.spot, disk)


def _check_budget(asked: Asked, found: Estimate) -> None:
    if asked.max_cost is not None and found.dollars.low > asked.max_cost:
        raise SettingsError(
            f"--max-cost is ${asked.max_cost:.2f}, and the low estimate is ${found.dollars.low:.2f}",
            "raise it, or take fewer or cheaper machines",
        )


def _hard_limit(asked: Asked, found: Estimate) -> float:
    """Hours after which the run ends whatever happens: as told, else well above the high estimate.

    Raises:
        SettingsError: if so much is not to be had for `--max-cost`, whatever the machines may cost.
    """
    hours: float = asked.hours or max(LEAST_HOURS, math.ceil(1.5 * found.hours.high))
    rate = found.dollars_an_hour.high
    if asked.max_cost is not None and rate > 0:
        affordable = math.floor((asked.max_cost / rate - UNTIMED_HOURS) * 100) / 100
        if affordable + UNTIMED_HOURS < min(hours, found.hours.low):
            raise SettingsError(
                f"--max-cost ${asked.max_cost:.2f} may be used up after {asked.max_cost / rate:.2f} hours, at up to "
                f"${rate:.2f} an hour, and the low estimate is {found.hours.low:.2f} hours",
                "raise it, or take fewer or cheaper machines",
            )
        hours = min(hours, affordable)
    return min(hours, float(MOST_HOURS))
