"""What Spark's learners take: every family tuned over its grid on a sample and trained on all rows.

`python -m benchmarks.spark_learners [--rows 70000] [--features 150] [--master local[2]]`. The rows are made up:
features as snapshots have them, and a label that some of them decide. Prints one line a family: seconds to tune (every
point on every fold, on at most 10,000 rows), seconds to train on all rows, roc_auc on rows held out beside that of the
same family on one machine with the same settings, and the largest difference of a probability between Spark's own
answer and the exported model.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime

from churn.balancing import balanced
from churn.calibration import sigmoid
from churn.engines.spark import SparkEngine
from churn.evaluation import Ints, measure
from churn.learners import Features, Model, Witness
from churn.learners.families import Family, choose
from churn.learners.spark import TUNING_FOLDS, on_spark
from churn.tables import Table
from churn.tuning import Recipe, sample_of_users, tune

TUNED_ON = 10_000
HELD_OUT = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=70_000)
    parser.add_argument("--features", type=int, default=150)
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--families", default="")
    parser.add_argument("--no-local", action="store_true", help="Do not train on one machine beside it.")
    args = parser.parse_args()
    table, test = made_up(args.rows, args.features, 0), made_up(HELD_OUT, args.features, 1)
    names = tuple(name for name in args.families.split(",") if name)
    print(f"{len(table):,} rows x {len(table.names)} features, {args.master}, tuned on at most {TUNED_ON:,} rows, "
          f"{TUNING_FOLDS} folds\n")  # fmt: skip
    print("| family | points | tune, s | fit on all rows, s | roc_auc | on one machine | max Δp |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    total = 0.0
    with tempfile.TemporaryDirectory() as scratch:
        engine = SparkEngine(memory=3_000_000_000, scratch=Path(scratch), master=args.master)
        try:
            for family in on_spark(choose(names), engine):
                total += line(family, table, test, beside=not args.no_local)
        finally:
            engine.close()
    print(f"\n{total:.0f} s of tuning and training on Spark in all")


def line(family: Family, table: Table, test: Table, *, beside: bool) -> float:
    started = time.perf_counter()
    sample = table.rows(sample_of_users(table, TUNED_ON, 0))
    tuned = tune(sample.rows(np.arange(len(sample)) < TUNED_ON), family, Recipe())
    tuned_at = time.perf_counter()
    model = train(family, table, tuned.params)
    done = time.perf_counter()
    here = auc(test, train(choose((family.name,))[0], table, tuned.params)) if beside else float("nan")
    print(f"| {family.name} | {len(tuned.tried)} | {tuned_at - started:.1f} | {done - tuned_at:.1f} "
          f"| {auc(test, model):.4f} | {here:.4f} | {off(model, test.x):.1e} |", flush=True)  # fmt: skip
    return done - started


def train(family: Family, table: Table, params: dict[str, object]) -> Model:
    given = balanced(table.x, table.y, "weights", 0)
    return family.learner().fit(given.x, given.y, params, 0, given.weight)


def auc(test: Table, model: Model) -> float:
    return measure(test.y, sigmoid(model.logit(test.x)), 0.5)["roc_auc"]


def off(model: Model, x: Features) -> float:
    """Spark's own answer against the ONNX form."""
    assert isinstance(model, Witness)
    session = onnxruntime.InferenceSession(model.to_onnx().SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(["logit"], {"features": x})
    return float(np.abs(sigmoid(found) - sigmoid(model.witness(x))).max())


def made_up(rows: int, features: int, seed: int) -> Table:
    """Counts with long tails, shares and flags; one in five users leaves, for reasons that trees and sums both see."""
    generator = np.random.default_rng(seed)
    kinds = [generator.lognormal(1, 1, rows), generator.random(rows), generator.random(rows) < 0.3]
    x = np.empty((rows, features), dtype=np.float32)
    shared = generator.normal(0, 1, rows)
    for i in range(features):
        kind = kinds[i % 3] if i < 3 else None
        if kind is None:
            mixed = 0.6 * shared + generator.normal(0, 1, rows)
            kind = np.floor(np.exp(mixed)) if i % 3 == 0 else 1 / (1 + np.exp(-mixed)) if i % 3 == 1 else mixed > 0.8
        x[:, i] = kind
    return Table(
        tuple(f"f{i}" for i in range(features)), x, _labels(x, generator),
        np.array([f"{seed}-{i}" for i in range(rows)], dtype=object), np.full(rows, np.datetime64("2018-11-01")),
        generator.integers(0, 5, rows),
    )  # fmt: skip


def _labels(x: Features, generator: np.random.Generator) -> Ints:
    odds = 1.2 * (x[:, 1] - 0.5) - 0.3 * np.log1p(x[:, 0]) + 0.8 * x[:, 2] * (x[:, 4] > 0.5)
    odds += 0.25 * np.minimum(x[:, 3], 4) - 0.9 * (x[:, 7] > 0.6) * (x[:, 9] < 2)
    return (generator.random(len(x)) < sigmoid(np.asarray(odds - 1.6, dtype=np.float64))).astype(np.int64)


if __name__ == "__main__":
    main()
