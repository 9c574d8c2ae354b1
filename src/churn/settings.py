"""The settings of a run: what `churn run` takes, checked once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from churn.decision import BEST_F1, Policy
from churn.errors import SettingsError
from churn.ingest import OWN_NAMES
from churn.learners.families import choose
from churn.memory import parse_memory as parse_memory  # known by this place
from churn.problem import Problem
from churn.s3.url import S3Url
from churn.studies import check_studies
from churn.tuning import Recipe

ENGINES: Final = ("duckdb", "spark")
LEARNERS: Final = ("local", "spark")

DEFAULT_MEMORY: Final = 6_000_000_000
LEAST_MEMORY: Final = 500_000_000

_SECRET: Final = re.compile("secret|password|token|key", re.IGNORECASE)


@dataclass(frozen=True)
class Settings:
    """One run.

    Attributes:
        logs: files, folders or globs.
        out: folder that the run writes to.
        remote: address in S3 where the run is kept; `out` is then a folder for the time of the run, see
            `churn.s3.url.work_folder`.
        problem: what is asked.
        engine: what reads and counts.
        master: where Spark runs; see `churn.engines.spark.SparkEngine`.
        conf: settings for Spark, by name.
        learner: what trains: `local` is scikit-learn and XGBoost in this process, `spark` needs that engine; the
            engine's own if None.
        families: names of model families; all if empty.
        balance: what is done about few leavers; see `churn.balancing`.
        policy: how the threshold is chosen.
        best: on how many of the best features to train; all if None.
        studies: names of studies to make beside; see `churn.studies`.
        seed: of folds, learners and bootstrap.
        memory: bytes that the whole run may use.
        max_refused: largest share of lines, from 0 to 1, that may be refused.
        force: learn even from too few leavers.
        columns: for each of our column names the one that the log uses.

    Raises:
        SettingsError: for values that make no sense.
    """

    logs: tuple[str, ...]
    out: Path
    problem: Problem = field(default_factory=Problem)
    engine: str = "duckdb"
    master: str | None = None
    conf: Mapping[str, str] = field(default_factory=dict)
    learner: str | None = None
    families: tuple[str, ...] = ()
    balance: str = "weights"
    policy: Policy = BEST_F1
    best: int | None = None
    studies: tuple[str, ...] = ()
    seed: int = 0
    memory: int = DEFAULT_MEMORY
    max_refused: float = 0.05
    force: bool = False
    columns: Mapping[str, str] = field(default_factory=lambda: dict(OWN_NAMES))
    remote: str | None = None

    def __post_init__(self) -> None:
        if not self.logs:
            raise SettingsError("no log is given", "name a file, a folder or a glob")
        for kind, value, known in (("engine", self.engine, ENGINES), ("learner", self.trainer, LEARNERS)):
            if value not in known:
                raise SettingsError(f"no {kind} is called {value}", f"choose from: {', '.join(known)}")
        if self.engine != "spark" and (self.master or self.conf):
            raise SettingsError("--master and --conf are for Spark alone", "add --engine spark, or leave them out")
        if self.engine != "spark" and self.trainer == "spark":
            raise SettingsError("--learner spark trains where the engine spark works", "add --engine spark")
        if self.memory < LEAST_MEMORY:
            raise SettingsError(f"--memory is {self.memory:,} bytes", "give at least 500MB")
        if not 0 <= self.max_refused <= 1:
            raise SettingsError(f"--max-refused is {self.max_refused}", "give a share from 0 to 1")
        if not 0 <= self.seed < 2**31:
            raise SettingsError(f"--seed is {self.seed}", "give a number from 0 to 2147483647")
        unknown = set(self.columns) - set(OWN_NAMES)
        if unknown:
            raise SettingsError(f"[columns] names {', '.join(sorted(unknown))}, which no log of this kind has")
        choose(self.families)
        Recipe(self.seed, self.balance, self.policy, self.best)
        check_studies(self.studies)

    @property
    def trainer(self) -> str:
        """What trains: the learner that is asked for, or the engine's own."""
        return self.learner or ("spark" if self.engine == "spark" else "local")

    @property
    def recipe(self) -> Recipe:
        """How models are made."""
        return Recipe(self.seed, self.balance, self.policy, self.best)

    @property
    def engine_memory(self) -> int:
        """Bytes for the engine; the rest is for libraries, tables in memory and models."""
        return int(self.memory * 0.55)

    def place(self, name: str = "") -> str:
        """Where people find a file of the run, or the run itself."""
        return str(S3Url.of(self.remote) / name) if self.remote else str(self.out / name)

    def as_json(self) -> dict[str, Any]:
        """For `run.json`."""
        return {
            "logs": list(self.logs),
            "out": self.place(),
            "remote": self.remote,
            "churn_pages": list(self.problem.churn_pages),
            "horizon": self.problem.horizon,
            "gap": self.problem.gap,
            "windows": list(self.problem.windows),
            "every": self.problem.every,
            "engine": self.engine,
            "master": self.master,
            "conf": {name: "(hidden)" if _SECRET.search(name) else text for name, text in self.conf.items()},
            "learner": self.trainer,
            "families": list(self.families),
            "balance": self.balance,
            "threshold": self.policy.as_json(),
            "top_features": self.best,
            "studies": list(self.studies),
            "seed": self.seed,
            "memory": self.memory,
            "max_refused": self.max_refused,
            "force": self.force,
            "columns": {ours: theirs for ours, theirs in self.columns.items() if ours != theirs},
        }
