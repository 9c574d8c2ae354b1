"""Spark's learners beside those of one machine on the same snapshots: those of a finished run, of either engine.

`python -m benchmarks.spark_models RUN LOG... [--families gradient_boosted_trees]`. Both tune, calibrate and measure
as the step `train` of `churn run` does, on `local[*]`. Prints roc_auc and f1_weighted of each task and family, and
the settings that each of the two has chosen.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from pathlib import Path

from benchmarks.contestants import heap_of
from churn.job import Job, open_engine
from churn.memory import parse_memory
from churn.settings import Settings
from churn.sources import find_sources

Row = dict[str, str]

PUBLISHED = 0.856
"""f1_weighted of Spark ML's boosted trees on whole histories of the real full log; source in docs/benchmarks.md."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("log", nargs="+")
    parser.add_argument("--families", default="gradient_boosted_trees")
    parser.add_argument("--memory", default="6GB")
    args = parser.parse_args()
    memory, families = parse_memory(args.memory), tuple(args.families.split(","))
    by_spark, by_local = (trained(args.run, tuple(args.log), families, memory, name) for name in ("spark", "local"))
    print("| task | family | roc_auc, Spark | roc_auc, one machine | f1_weighted, Spark | f1_weighted, one machine |")
    print("|---|---|---:|---:|---:|---:|")
    for key, row in by_spark.items():
        figures = (float(one[name]) for name in ("roc_auc", "f1_weighted") for one in (row, by_local[key]))
        print(f"| {' | '.join(key)} | {' | '.join(f'{figure:.4f}' for figure in figures)} |")
    if ("history", "gradient_boosted_trees") in by_spark:
        reached = float(by_spark["history", "gradient_boosted_trees"]["f1_weighted"])
        print(f"history, Spark's boosted trees, f1_weighted: {reached:.4f}, beside {PUBLISHED} (published, real log)")
    for key, row in by_spark.items():
        print(f"{' '.join(key)}: Spark {row['best_params']}, one machine {by_local[key]['best_params']}")


def trained(
    run: Path, logs: tuple[str, ...], families: tuple[str, ...], memory: int, learner: str
) -> dict[tuple[str, str], Row]:
    """The rows of `models.csv` by task and family, had that learner made the models of the run."""
    conf = {"spark.driver.memory": heap_of(memory)}
    with tempfile.TemporaryDirectory() as folder:
        # What the engine needs lies below `out`, so the run itself stays as it is.
        out = Path(folder, "run")
        out.mkdir()
        for name in ("ingest.json", "rollups", "snapshots"):
            (out / name).symlink_to((run / name).absolute())
        settings = Settings(logs, out, memory=memory, engine="spark", learner=learner, families=families, conf=conf)
        started = time.perf_counter()
        with open_engine(settings) as engine:
            Job(settings, find_sources(logs), engine).train(out)
        print(f"{learner}: {time.perf_counter() - started:.0f} s, start-up included", flush=True)
        with (out / "metrics" / "models.csv").open(newline="", encoding="utf-8") as file:
            return {(row["task"], row["model"]): row for row in csv.DictReader(file)}


if __name__ == "__main__":
    main()
