"""The models: scores with intervals, curves, calibration, lift, confusion, time, and what they look at."""

from __future__ import annotations

import math
from collections.abc import Sequence

from churn.report.blocks import (
    Axis,
    Block,
    Missing,
    Plot,
    Section,
    Series,
    Table,
    Words,
    count,
    decimal,
    percent,
    shown,
)  # fmt: skip
from churn.report.inputs import Cells, Inputs, measured, number
from churn.report.sections import studies
from churn.report.sections.names import TASKS, name_of

NO_MODELS = "No model was trained in this folder: run churn run to train one."

BOTH = "metrics/models.csv, metrics/baselines.csv"
"""Where the numbers of models and of rules of thumb stand."""

_FEATURES_SHOWN = 15
_MODELS_SHOWN = 8


def section(inputs: Inputs) -> Section:
    """The section `models`."""
    title = "The models"
    if not inputs.has_models:
        return Section("models", title, [Missing(NO_MODELS)])
    tasks = tasks_of(inputs)
    blocks: list[Block] = [
        Words(
            "Each model was measured on users that it had not seen; for the forecast, also on days that it had not "
            "seen. In brackets: 95 % intervals, by drawing users again and again. f1_churn is taken at the threshold "
            "chosen on training folds, f1_weighted at 0.5."
        ),
        *[scores(inputs, task) for task in tasks],
        curve(inputs, "roc", "ROC curves", Axis("false alarms: share of those who stayed", percent=True, ends=(0, 1))),
        curve(inputs, "precision_recall", "Precision and recall",
               Axis("recall: share of leavers found", percent=True, ends=(0, 1))),
        calibration(inputs),
        _errors(inputs),
        lift(inputs),
        _thresholds(inputs),
        *_confusion(inputs),
        *studies.blocks(inputs),
        *importance(inputs),
    ]  # fmt: skip
    return Section("models", title, blocks)


def tasks_of(inputs: Inputs) -> list[str]:
    """The tasks of this run, the known ones first."""
    found = dict.fromkeys(row["task"] for row in inputs.tables["metrics/models"])
    return sorted(found, key=lambda task: list(TASKS).index(task) if task in TASKS else len(TASKS))


def models_of(inputs: Inputs, task: str) -> list[Cells]:
    """The models of a task, best out-of-fold first where that is known: the selected one, then by name."""
    return sorted(inputs.rows("metrics/models", task=task), key=lambda row: (row["selected"] != "1", row["model"]))


def scores(inputs: Inputs, task: str) -> Table:
    """The models of a task and the rules of thumb beside them."""
    names = ("roc_auc", "average_precision", "f1_churn", "f1_weighted", "lift_10")
    rows = []
    for row in models_of(inputs, task):
        values = [measured(row, name) for name in names]
        chosen = " ★" if row["selected"] == "1" else ""
        rows.append([name_of(row["model"]) + chosen, *values, decimal(number(row, "roc_auc_train")),
                     decimal(number(row, "training_time"), 1)])  # fmt: skip
    for row in inputs.rows("metrics/baselines", task=task):
        values = [measured(row, name) for name in names]
        rows.append([f"rule: {name_of(row['model'])}", *values, decimal(number(row, "roc_auc_train")), "–"])
    columns = ["model", *names, "roc_auc, train", "training (s)"]
    test = inputs.tasks.get(task, {}).get("test", {})
    size = f": {count(test['rows'])} rows, {count(test['leavers'])} leavers in the test" if test else ""
    return Table(f"{TASKS.get(task, task)}{size}", columns, rows, [False, *([True] * (len(columns) - 1))],
                 BOTH)  # fmt: skip


def _by_task(inputs: Inputs, table: str, **wanted: str) -> dict[str, list[tuple[str, int, list[Cells]]]]:
    """Rows of a table by task, then by model with the colour of the model."""
    found: dict[str, list[tuple[str, int, list[Cells]]]] = {}
    for task in tasks_of(inputs):
        parts = []
        for colour, model in enumerate(models_of(inputs, task)[:_MODELS_SHOWN]):
            rows = inputs.rows(table, task=task, model=model["model"], **wanted)
            if rows:
                parts.append((model["model"], colour % 6 + 1, rows))
        if parts:
            found[TASKS.get(task, task)] = parts
    return found


def _values(rows: Sequence[Cells], name: str) -> list[float]:
    return [number(row, name) for row in rows]


def curve(inputs: Inputs, curve: str, title: str, x: Axis) -> Plot:
    """The curves of every model, by task; `curve` as in `metrics/curves.csv`."""
    y = Axis("recall: share of leavers found" if curve == "roc" else "precision: share of leavers among the flagged",
             percent=True, zero=True)  # fmt: skip
    choices = {}
    for task, parts in _by_task(inputs, "metrics/curves", curve=curve).items():
        series = [Series(name_of(model), _values(rows, "x"), _values(rows, "y"), colour=colour,
                         notes=[f"threshold {decimal(number(row, 'threshold'))}" for row in rows])
                  for model, colour, rows in parts]  # fmt: skip
        chance = Series("chance", [0, 1], [0, 1], colour=0, dashed=True) if curve == "roc" else None
        choices[task] = [*series, chance] if chance else series
    metric = "roc_auc" if curve == "roc" else "average_precision"
    best = _selected(inputs)
    alt = f"{metric} of the chosen model on the {best['task']}: {decimal(number(best, metric))}." if best else ""
    return Plot(curve, title, alt, x, y, choices, "metrics/curves.csv")


def _selected(inputs: Inputs) -> Cells:
    tasks = tasks_of(inputs)
    return models_of(inputs, tasks[0])[0]


def calibration(inputs: Inputs) -> Plot:
    """What was said, and what came of it."""
    choices = {}
    for task, parts in _by_task(inputs, "metrics/calibration").items():
        top = max(v for _, _, rows in parts for name in ("mean_probability", "churn_rate") for v in _values(rows, name))
        end = min(1.0, math.ceil(max(top, 0.05) * 20) / 20)
        choices[task] = [
            *[Series(name_of(model), _values(rows, "mean_probability"), _values(rows, "churn_rate"), "points",
                     _values(rows, "low"), _values(rows, "high"), [f"{row['n']} users" for row in rows], colour)
              for model, colour, rows in parts],
            Series("as said", [0, end], [0, end], colour=0, dashed=True),
        ]  # fmt: skip
    best = _selected(inputs)
    alt = f"Expected calibration error of the chosen model: {decimal(number(best, 'ece'))}."
    return Plot(
        "calibration", "Do probabilities come true?", alt, Axis("probability that was said", percent=True),
        Axis("share that left, with its 95 % interval", percent=True, zero=True), choices, "metrics/calibration.csv",
    )  # fmt: skip


def _errors(inputs: Inputs) -> Table:
    """How far probabilities are off, of every model and rule."""
    names = ("log_loss", "brier", "brier_skill", "ece")
    rows = []
    for task in tasks_of(inputs):
        for kind, found in (("", models_of(inputs, task)), ("rule: ", inputs.rows("metrics/baselines", task=task))):
            for row in found:
                values = [measured(row, name) for name in names]
                rows.append([TASKS.get(task, task), kind + name_of(row["model"]), *values])
    title = (
        "How far probabilities are off (brier_skill: share of the Brier score of saying the usual rate that is saved)"
    )
    return Table(title, ["task", "model", *names], rows, [False, False, *([True] * len(names))], BOTH)


def lift(inputs: Inputs) -> Plot:
    """Leavers found by contacting the riskiest users."""
    choices = {}
    for task, parts in _by_task(inputs, "metrics/lift").items():
        choices[task] = [
            *[Series(name_of(model), [0.0, *(v / 100 for v in _values(rows, "top"))], [0.0, *_values(rows, "recall")],
                     notes=["", *(f"lift {decimal(number(row, 'lift'), 2)}" for row in rows)], colour=colour)
              for model, colour, rows in parts],
            Series("chance", [0, 1], [0, 1], colour=0, dashed=True),
        ]  # fmt: skip
    best = _selected(inputs)
    found = percent(number(best, "recall_10"))
    alt = f"The tenth of users with the highest probability holds {found} of those who left."
    return Plot("lift", "How many leavers are found by contacting the riskiest users", alt,
                Axis("users contacted, riskiest first", percent=True, ends=(0, 1)),
                Axis("share of leavers found", percent=True, ends=(0, 1.02)), choices, "metrics/lift.csv")  # fmt: skip


def _thresholds(inputs: Inputs) -> Plot:
    choices = {}
    for task, parts in _by_task(inputs, "metrics/thresholds").items():
        model, _, rows = parts[0]
        rows = [row for row in rows if number(row, "flagged")] or rows
        x = _values(rows, "threshold")
        choices[f"{task}: {name_of(model)}"] = [
            Series("precision", x, _values(rows, "precision_churn"), colour=1),
            Series("recall", x, _values(rows, "recall_churn"), colour=2),
            Series("f1", x, _values(rows, "f1_churn"), colour=3,
                   notes=[f"{row['flagged']} users flagged" for row in rows]),
        ]  # fmt: skip
    best = _selected(inputs)
    alt = f"The chosen threshold of the first is {decimal(number(best, 'threshold'))}."
    return Plot("thresholds", "What a threshold does", alt, Axis("threshold", percent=True),
                Axis("share", percent=True, ends=(0, 1.02)), choices, "metrics/thresholds.csv")  # fmt: skip


def _confusion(inputs: Inputs) -> list[Block]:
    rows = []
    for task in tasks_of(inputs):
        for row in models_of(inputs, task):
            rows.append([TASKS.get(task, task), name_of(row["model"]), decimal(number(row, "threshold")),
                         *(count(number(row, name)) for name in ("tp", "fn", "fp", "tn")),
                         percent(number(row, "precision_churn")), percent(number(row, "recall_churn"))])  # fmt: skip
    columns = ["task", "model", "threshold", "left, flagged", "left, missed", "stayed, flagged", "stayed, left alone",
               "precision", "recall"]  # fmt: skip
    return [Table("Right and wrong at the threshold chosen on training folds", columns, rows,
                  [False, False, *([True] * 7)], "metrics/models.csv")]  # fmt: skip


def importance(inputs: Inputs) -> list[Block]:
    """What the models look at."""
    choices, tables = {}, []
    for task, parts in _by_task(inputs, "metrics/importance").items():
        for model, _, rows in parts:
            top = [row for row in rows if number(row, "importance") > 0][:_FEATURES_SHOWN]
            if not top:
                continue
            notes = [_effect(row) for row in top]
            choices[f"{task}: {name_of(model)}"] = [
                Series("importance", [name_of(row["feature"]) for row in top], _values(top, "importance"), "bar",
                       notes=notes)
            ]  # fmt: skip
            cells = [
                [shown(row["feature"], 60), percent(number(row, "importance")), decimal(number(row, "coefficient")),
                 shown(row["sentence"]), note]
                for row, note in zip(top, notes, strict=True)
            ]  # fmt: skip
            tables.append(Table(f"What {name_of(model)} looks at, {task}",
                                ["feature", "importance", "coefficient", "meaning", "effect"], cells,
                                [False, True, True, False, False], "metrics/importance.csv", folded=True))  # fmt: skip
    if not choices:
        return [Missing("Importance: no model gives more weight to one feature than to another.")]
    first = next(iter(choices.values()))[0]
    plot = Plot("importance", "What the models look at", f"Most important: {', '.join(str(x) for x in first.x[:3])}.",
                Axis("feature"), Axis("share of the whole importance", percent=True, zero=True), choices,
                "metrics/importance.csv", flat=True)  # fmt: skip
    return [plot, Words("Importance says what moves a model, not what makes anybody leave."), *tables]


def _effect(row: Cells) -> str:
    """In plain words, which way a coefficient points."""
    weight = number(row, "coefficient")
    if math.isnan(weight) or weight == 0:
        return "raises or lowers the risk, depending on its size"
    return f"the more, the {'higher' if weight > 0 else 'lower'} the risk"
