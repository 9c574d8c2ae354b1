"""Is a sample of users enough to choose settings on? `python -m benchmarks.tuning TABLE [--rows N ...]`.

Half of the users of a ready-made table are held out. Each family is tuned on all rows of the other half and on samples
of them, trained on the whole half each time, and measured on the users that nothing has seen.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from unittest.mock import patch

from churn import tuning
from churn.calibration import sigmoid
from churn.evaluation import measure
from churn.learners.families import FAMILIES
from churn.readymade import read_table
from churn.tuning import Recipe, fit_rows, tune


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("--rows", type=int, nargs="+", default=[3000, 6000])
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    table = read_table(args.table, "userId", "churn", folds=10, seed=args.seed).table
    train, test = table.rows(table.folds < 5), table.rows(table.folds >= 5)
    print(f"{len(train):,} users to tune and train on, {len(test):,} to test on\n")
    print("| family | rows tuned on | s | chosen | average_precision out of fold | average_precision on the test |")
    print("|---|---:|---:|---|---:|---:|")
    for family in FAMILIES.values():
        for rows in (len(train), *args.rows):
            started = time.perf_counter()
            with patch.object(tuning, "SAMPLE_ROWS", rows):
                tuned = tune(train, family, Recipe(args.seed))
            seconds = time.perf_counter() - started
            model = fit_rows(family, train, tuned.params, "weights", args.seed)
            found = measure(test.y, sigmoid(model.logit(test.x)), 0.5)["average_precision"]
            seen = max(score for _, score in tuned.tried)
            cells = (family.name, f"{rows:,}", f"{seconds:.1f}", tuned.point, f"{seen:.4f}", f"{found:.4f}")
            print(f"| {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    main()
