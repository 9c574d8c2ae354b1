"""What a running application of Spark writes down of itself, read while it grows: which jobs run, and where."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TRAINS = re.compile(r"RDDLossFunction|RandomForest")
"""Spark's own source in the name of a stage that fits a linear model or grows trees."""
ANY = re.compile("")


@dataclass
class EventLog:
    """The event log of the one application that writes into a folder.

    Attributes:
        folder: where it lies; must exist.
        watched: the names of stages whose jobs are looked at; by default of those that train.
        jobs: these jobs, each with whether it has ended well; None while it runs.
        executor: which has last ended a task of such a job.
        lost: executors that went while they worked on such a job.
    """

    folder: Path
    watched: re.Pattern[str] = TRAINS
    jobs: dict[int, bool | None] = field(default_factory=dict)
    executor: str = ""
    lost: set[str] = field(default_factory=set)
    _stages: set[int] = field(default_factory=set)
    _read: int = 0

    def options(self) -> tuple[str, ...]:
        """The options of the command that make Spark write it."""
        conf = {"enabled": "true", "dir": self.folder.as_uri(), "compress": "false", "rolling.enabled": "false"}
        return tuple(word for name, value in conf.items() for word in ("--conf", f"spark.eventLog.{name}={value}"))

    @property
    def application(self) -> str:
        """Its id; empty before it has one."""
        return next((path.name.partition(".")[0] for path in self.folder.glob("app-*")), "")

    @property
    def running(self) -> set[int]:
        """Jobs that run right now, as far as it was read."""
        return {job for job, well in self.jobs.items() if well is None}

    def look(self) -> bool:
        """Read on; whether there was anything new."""
        path = next(self.folder.glob("app-*"), None)
        if path is None:
            return False
        with path.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            kind = re.match(rb'{"Event":"SparkListener(JobStart|JobEnd|TaskEnd)"', line)
            if kind:
                self._take(kind[1].decode(), json.loads(line))
        return bool(whole)

    def _take(self, kind: str, event: dict[str, Any]) -> None:
        if kind == "JobStart":
            stages = {stage["Stage ID"] for stage in event["Stage Infos"] if self.watched.search(stage["Stage Name"])}
            self._stages |= stages
            if stages:
                self.jobs[event["Job ID"]] = None
        elif kind == "JobEnd" and event["Job ID"] in self.jobs:
            self.jobs[event["Job ID"]] = event["Job Result"]["Result"] == "JobSucceeded"
        elif kind == "TaskEnd" and event["Stage ID"] in self._stages:
            self.executor = event["Task Info"]["Executor ID"]
            if event["Task End Reason"]["Reason"] == "ExecutorLostFailure":
                self.lost.add(self.executor)
