"""All measuring of one size: who takes turns, and what is looked at afterwards."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.contestants import INGEST, Contestant, heap_of, present, pyspark_missing
from benchmarks.diary import kept_in, traffic
from benchmarks.equality import account, check_same
from benchmarks.figures import OURS, WHOLE_ON_SPARK, Figure, Log
from benchmarks.log import MAKER, giant_of, log_of, simulation
from benchmarks.machine import ROOT
from benchmarks.measure import Cost, cost_of
from benchmarks.parts import scoring_figures, step_figures, together, training_figures
from churn.settings import parse_memory
from churn.steps import remove


@dataclass(frozen=True)
class Bench:
    """One size.

    Attributes:
        size: of the log.
        work: folder for logs and runs; absolute.
        rounds: how often everything is measured.
        memory: limit of the program, as its option takes it.
        say: is told how it goes.
        spark: also time a whole run on Spark.
    """

    size: str
    work: Path
    rounds: int
    memory: str
    say: Callable[[str], None]
    spark: bool = False

    def run(self, *, giant: int = 0) -> tuple[Log, list[Figure], list[str]]:
        """Measure; returns the log, the figures in the order of the table, and what was left out.

        Args:
            giant: also time this program on a log in which one user has so many lines.

        Raises:
            SystemExit: if a contestant fails, or a rival's tables differ from ours.
        """
        contestants, left_out = present()
        if self.spark and pyspark_missing():
            raise SystemExit(f"--spark: PySpark is {pyspark_missing()}")
        log = log_of(self.size, self.work)
        found = together([self._round(log, contestants, number) for number in range(1, self.rounds + 1)])
        if giant:
            big = giant_of(self.size, self.work, giant)
            part = f"{INGEST}, one user of {giant:,} lines"
            found += together([[self._first_steps(big, contestants[0], part)] for _ in range(self.rounds)])
        lines = sum(account(self._folder(OURS)).values())
        return (
            Log(MAKER, lines, log.stat().st_size),
            found,
            left_out,
        )

    def _round(self, log: Path, contestants: Sequence[Contestant], number: int) -> list[Figure]:
        """Everything once."""
        self.say(f"{self.size}, round {number} of {self.rounds}")
        simulated = self._cost(MAKER, simulation(self.size, log), log)
        first = [self._first_steps(log, contestant, INGEST) for contestant in contestants]
        lines = first[0].count
        whole = self._folder("whole")
        cost = self._cost("churn run", [
            sys.executable, "-m", "churn", "run", str(log), "--out", str(whole), "--memory", self.memory
        ], whole)  # fmt: skip
        return [
            Figure.of("simulate", OURS, [simulated], lines, "line"),
            *first,
            Figure.of("whole run", OURS, [cost], lines, "line"),
            *([self._whole_on_spark(log, lines)] if self.spark else []),
            *step_figures(whole, lines),
            *training_figures(whole),
            *scoring_figures(whole),
        ]

    def _whole_on_spark(self, log: Path, lines: int) -> Figure:
        """`churn run --engine spark --learner local` on all cores of this machine, and what its tasks exchanged."""
        out, history = self._folder("whole on spark"), self._folder("diary")
        remove(history)
        history.mkdir(parents=True)
        conf = {"spark.driver.memory": heap_of(parse_memory(self.memory)), **kept_in(history)}
        cost = self._cost("churn run on Spark", [
            sys.executable, "-m", "churn", "run", str(log), "--out", str(out), "--memory", self.memory,
            "--engine", "spark", "--learner", "local",
            *(word for name, value in conf.items() for word in ("--conf", f"{name}={value}")),
        ], out)  # fmt: skip
        shuffled, spilled = traffic(history)
        self.say(f"  shuffled {shuffled / 1e9:.2f} GB, spilled {spilled / 1e9:.2f} GB")
        remove(out)
        found = Figure.of(WHOLE_ON_SPARK, OURS, [cost], lines, "line")
        return replace(found, shuffled=(shuffled,), spilled=(spilled,))

    def _first_steps(self, log: Path, contestant: Contestant, part: str) -> Figure:
        """Ingest and rollups by one contestant; a rival is compared with what this program wrote before it."""
        out, ours = self._folder(contestant.who), self._folder(OURS)
        cost = self._cost(contestant.who, contestant.command(log, out, parse_memory(self.memory)), out)
        if contestant.who != OURS:
            check_same(ours, out)
            remove(out)  # at full size each takes gigabytes
        return Figure.of(part, contestant.who, [cost], sum(account(ours).values()), "line")

    def _cost(self, who: str, command: list[str], out: Path) -> Cost:
        """Run a command that makes a folder, or a file, anew."""
        remove(out)
        out.parent.mkdir(parents=True, exist_ok=True)
        os.sync()  # nobody pays for what others have not written yet
        cost = cost_of(command, folder=ROOT)
        # A run counts its peak anew at every step, so the system only knows the last one.
        steps = [json.loads(path.read_text())["done"]["memory"] for path in out.glob(".churn/steps/*.json")]
        cost = replace(cost, memory=max([cost.memory, *steps]))
        self.say(f"  {who}: {cost.wall:.1f} s, {cost.cpu:.1f} s of processor, {cost.memory / 1e9:.2f} GB")
        return cost

    def _folder(self, who: str) -> Path:
        return self.work / "runs" / self.size / who.replace(" ", "_")
