"""Comparisons that a run made only because they were asked for: ways to balance, numbers of features."""

from __future__ import annotations

import math

from churn.report.blocks import Axis, Block, Plot, Series, Table, decimal
from churn.report.inputs import Inputs, measured, number
from churn.report.sections.names import TASKS, name_of

_METRICS = ("average_precision", "roc_auc")
_TABLED = ("roc_auc", "average_precision", "f1_churn", "f1_weighted", "brier", "ece")
_WHERE = "on training rows, each scored by a model that has not seen its user"


def blocks(inputs: Inputs) -> list[Block]:
    """A plot and a table of each study that the run made; nothing where it made none."""
    found: list[Block] = []
    if inputs.tables["metrics/balance"]:
        found += [_balance(inputs), _table(inputs, "balance", "balance", "Ways to balance leavers and others")]
    if inputs.tables["metrics/feature_count"]:
        found += [_count(inputs), _table(inputs, "feature_count", "features", "Models of the best features alone")]
    return found


def _balance(inputs: Inputs) -> Plot:
    """Every way beside the others, a colour a model."""
    rows = inputs.tables["metrics/balance"]
    models = list(dict.fromkeys(row["model"] for row in rows))
    choices: dict[str, list[Series]] = {}
    for metric in _METRICS:
        choices[metric] = []
        for colour, model in enumerate(models):
            own = [row for row in rows if row["model"] == model]
            choices[metric].append(
                Series(name_of(model), [f"{name_of(model)} · {row['balance']}" for row in own],
                       [number(row, metric) for row in own], "points",
                       [number(row, f"{metric}_low") for row in own], [number(row, f"{metric}_high") for row in own],
                       colour=colour % 6 + 1)
            )  # fmt: skip
    best = max(rows, key=lambda row: _or_lowest(number(row, _METRICS[0])))
    alt = f"The best {_METRICS[0]}, {decimal(number(best, _METRICS[0]))}: {name_of(best['model'])}, {best['balance']}."
    return Plot("balance", "What is done about few leavers", alt, Axis("model and way to balance"),
                Axis("score out of fold, with its 95 % interval"), choices, "metrics/balance.csv",
                flat=True)  # fmt: skip


def _count(inputs: Inputs) -> Plot:
    """The score by the number of features."""
    rows = inputs.tables["metrics/feature_count"]
    counts = [number(row, "features") for row in rows]
    choices = {
        metric: [
            Series(name_of(rows[0]["model"]), counts, [number(row, metric) for row in rows], "points",
                   [number(row, f"{metric}_low") for row in rows], [number(row, f"{metric}_high") for row in rows])
        ]
        for metric in _METRICS
    }  # fmt: skip
    fewest, all_of_them = (
        f"{row['features']} features: {_METRICS[0]} {decimal(number(row, _METRICS[0]))}" for row in (rows[0], rows[-1])
    )
    return Plot("feature_count", "How many features are enough", f"{fewest}; {all_of_them}.",
                Axis("number of the best features"), Axis("score out of fold, with its 95 % interval"), choices,
                "metrics/feature_count.csv")  # fmt: skip


def _table(inputs: Inputs, name: str, column: str, title: str) -> Table:
    rows = [
        [name_of(row["model"]), row[column], *(measured(row, metric) for metric in _TABLED)]
        for row in inputs.tables[f"metrics/{name}"]
    ]
    task = inputs.tables[f"metrics/{name}"][0]["task"]
    return Table(f"{title}, {TASKS.get(task, task)}: {_WHERE}", ["model", column, *_TABLED], rows,
                 [False, column == "features", *([True] * len(_TABLED))], f"metrics/{name}.csv",
                 folded=True)  # fmt: skip


def _or_lowest(value: float) -> float:
    return -1.0 if math.isnan(value) else value
