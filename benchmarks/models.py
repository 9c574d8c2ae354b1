"""Every family on the forecast of a finished run: seconds, parity of the ONNX form, seconds to score.

`python -m benchmarks.models RUN`. Parity is measured on the rows of all cut-offs, and on as many made to lie exactly on
thresholds of the trees, or next to them.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnx
import pyarrow.parquet as pq

from churn.bundle import Bundle, Manifest, load
from churn.bundle.graph import calibrated
from churn.learners import Features
from churn.learners.families import FAMILIES, Family
from churn.scoring import Scorer
from churn.tables import Split, Table, split_forecast
from churn.training import evaluate, fit
from churn.tuning import Recipe, tune

T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    args = parser.parse_args()
    table = Table.of(pq.read_table(args.run / "snapshots" / "forecast"))
    made = load(args.run / "bundle")
    test = np.unique(table.cutoffs)[-2]
    split = split_forecast(table, test)
    print(f"{len(split.train):,} training rows of {len(table.names)} features, {len(split.test):,} to test on\n")
    print("| family | tune, CPU s | fit, CPU s | measure, CPU s | rows compared | max Δp | Δp on thresholds "
          "| 1 user, ms | users | score, s | with reasons, s | roc_auc |")  # fmt: skip
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    latest = table.x[table.cutoffs == np.unique(table.cutoffs)[-1]]
    users = latest[np.arange(22_000) % len(latest)]
    for family in FAMILIES.values():
        print(line(family, table, split, users, made.manifest), flush=True)


def line(family: Family, table: Table, split: Split, users: Features, manifest: Manifest) -> str:
    tuned, tune_s = cpu(lambda: tune(split.train, family, Recipe()))
    fitted, fit_s = cpu(lambda: fit(split, family, Recipe(), tuned=tuned))
    measured, measure_s = cpu(lambda: evaluate(split, fitted.scores, 0))
    graph = fitted.model.to_onnx()
    content = calibrated(graph, fitted.calibration.slope, fitted.calibration.intercept).SerializeToString()
    scorer = Scorer(Bundle(manifest, content))

    def off(x: Features) -> float:
        return float(np.abs(scorer.probabilities(x) - fitted.calibration.apply(fitted.model.logit(x))).max())

    one = min(wall(lambda: scorer.probabilities(users[:1])) for _ in range(20))
    edges = on_thresholds(graph, table.x[:20_000])
    return (
        f"| {family.name} | {tune_s:.1f} | {fit_s:.1f} | {measure_s:.1f} | {len(table):,} | {off(table.x):.1e} "
        f"| {off(edges):.1e} | {1e3 * one:.2f} | {len(users):,} | {wall(lambda: scorer.probabilities(users)):.2f} "
        f"| {wall(lambda: scorer.reasons(users)):.1f} | {measured.test['roc_auc']:.4f} |"
    )


def on_thresholds(graph: onnx.ModelProto, x: Features) -> Features:
    """Rows in which every third value is a threshold that some tree has for this feature, or a neighbour of one."""
    found = {a.name: onnx.helper.get_attribute_value(a) for n in graph.graph.node for a in n.attribute}
    made, generator = x.copy(), np.random.default_rng(0)
    features, values = (np.array(found.get(f"nodes_{name}", [])) for name in ("featureids", "values"))
    for i in range(x.shape[1]):
        own = values[features == i].astype(np.float32)
        own = own[np.isfinite(own)]
        if own.size:
            up, down = (np.nextafter(own, np.float32(end)) for end in (np.inf, -np.inf))
            put = generator.random(len(x)) < 1 / 3
            made[put, i] = generator.choice(np.concatenate([own, up, down]), put.sum())
    return made


def cpu(work: Callable[[], T]) -> tuple[T, float]:
    """The result, and processor seconds of this process: other programs on the machine do not count."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    result = work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return result, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def wall(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
