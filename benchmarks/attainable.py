"""How good are the forecasts, beside plain window counts and beside the truth? `python -m benchmarks.attainable`.

For each seed: a log is simulated with its truth, the main job runs on it, and its selected model is compared on the
test users with the best one can do with counts alone: events, sessions and every page in the look-back windows,
XGBoost tuned as the program tunes it. The truth says what a model could reach that knew everything but chance.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from churn.evaluation import Floats, measure
from churn.intervals import paired_difference
from churn.learners.families import FAMILIES
from churn.problem import Problem
from churn.schema import COUNTED
from churn.scoring import Scorer
from churn.tables import Split, Table, split_forecast
from churn.training import fit
from churn.tuning import Recipe, tune

COUNTS: Final = ("events", "sessions", *COUNTED.values())
ROUNDS: Final = 1000


@dataclass(frozen=True)
class Compared:
    """The forecast of one log on its test users.

    Attributes:
        selected: which family the program chose.
        found: metrics by who (`program`, `counts`, `truth`).
        gain: of the program over the counts in roc_auc: difference, and the ends of the paired 95 % interval.
    """

    selected: str
    found: dict[str, dict[str, float]]
    gain: tuple[float, float, float]

    def share(self, metric: str) -> float:
        """How much of what the truth is above chance the program reached."""
        chance = 0.5 if metric == "roc_auc" else self.found["truth"]["base_rate"]
        return (self.found["program"][metric] - chance) / (self.found["truth"][metric] - chance)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attainable", description=__doc__)
    parser.add_argument("--size", default="full")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--work", type=Path, default=Path("bench"))
    args = parser.parse_args(arguments)
    args.work.mkdir(parents=True, exist_ok=True)
    print("| seed | selected | roc_auc | of counts | gain (95 %, paired) | of the truth | share "
          "| average_precision | of counts | of the truth | share | ece |")  # fmt: skip
    print("|---:|---|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|")
    gains = []
    for seed in args.seeds:
        compared = compare(*made(args.size, seed, args.work))
        gains.append(compared.gain[0])
        print(line(seed, compared), flush=True)
    print(f"\nmean gain in roc_auc over counts: {np.mean(gains):+.4f}")


def made(size: str, seed: int, work: Path) -> tuple[Path, Path]:
    """The run and the truth of a log that is simulated for it and removed again."""
    log, truth, run = (work / f"attainable_{size}_{seed}{end}" for end in (".json", ".parquet", ""))
    if not (run / "run.json").exists():
        churn = (sys.executable, "-m", "churn")
        size_and_seed = ("--size", size, "--seed", str(seed))
        subprocess.run([*churn, "simulate", str(log), *size_and_seed, "--truth", str(truth)], check=True)
        subprocess.run([*churn, "run", str(log), "--out", str(run)], check=True, stdout=subprocess.DEVNULL)
        log.unlink()
    return run, truth


def compare(run: Path, truth: Path) -> Compared:
    """The program's selected model, plain counts and the truth on the test users of a run."""
    table = Table.of(pq.read_table(run / "snapshots" / "forecast"))
    test = np.unique(table.cutoffs[table.y >= 0])[-1]
    split, recipe = split_forecast(table, test), Recipe()
    scorer = Scorer.of(run / "bundle")
    program = scorer.probabilities(split.test.x[:, scorer.columns(split.test.names)])
    plain = window_counts(run, split)
    family = FAMILIES["xgboost"]
    counts = fit(plain, family, recipe, tuned=tune(plain.train, family, recipe)).scores.test
    scores = {"program": program, "counts": counts, "truth": true_probabilities(truth, split.test)}
    y = split.test.y
    found = {who: measure(y, p, 0.5) | {"base_rate": float(y.mean())} for who, p in scores.items()}
    gain = paired_difference(y, program, counts, split.test.users, metric="roc_auc", rounds=ROUNDS)
    return Compared(scorer.manifest.model, found, gain)


def window_counts(run: Path, split: Split) -> Split:
    """The same rows with nothing but counts: of all days before the cut-off, and of each look-back window."""
    sums = ", ".join(
        f"coalesce(sum({name}){_within(days)}, 0)::FLOAT AS {name}_{days or 'all'}"
        for days in (None, *Problem().windows)
        for name in COUNTS
    )

    def counted(rows: Table) -> Table:
        keys = pa.table({"n": np.arange(len(rows)), "userId": rows.users.tolist(), "cutoff": rows.cutoffs})
        with duckdb.connect() as connection:
            connection.register("keys", keys)
            found = connection.sql(
                f"SELECT n, {sums} FROM keys JOIN read_parquet('{run}/rollups/user_days/**/*.parquet') AS days "
                "ON days.userId = keys.userId AND days.day < keys.cutoff GROUP BY n ORDER BY n"
            ).to_arrow_table()
        assert len(found) == len(rows), "every row has a day before its cut-off"
        names = tuple(name for name in found.column_names if name != "n")
        return replace(rows, names=names, x=np.column_stack([found[name].to_numpy() for name in names]))

    return replace(split, train=counted(split.train), test=counted(split.test))


def _within(days: int | None) -> str:
    return f" FILTER (day >= cutoff - {days})" if days else ""


def true_probabilities(truth: Path, rows: Table) -> Floats:
    """Of users at their cut-off, in the order of the rows."""
    found = pq.read_table(truth, filters=[("date", "=", rows.cutoffs[0].item())])
    known = dict(zip(found["userId"].to_pylist(), found["probability"].to_pylist(), strict=True))
    return np.array([known[user] for user in rows.users])


def line(seed: int, compared: Compared) -> str:
    """A row of the table."""
    program, counts, true = (compared.found[who] for who in ("program", "counts", "truth"))
    difference, low, high = compared.gain
    cells = [str(seed), compared.selected]
    cells += [f"{found['roc_auc']:.4f}" for found in (program, counts)]
    cells += [f"{difference:+.4f} ({low:+.4f} to {high:+.4f})", f"{true['roc_auc']:.4f}"]
    cells += [f"{compared.share('roc_auc'):.2f}"]
    cells += [f"{found['average_precision']:.4f}" for found in (program, counts, true)]
    cells += [f"{compared.share('average_precision'):.2f}", f"{program['ece']:.4f}"]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
