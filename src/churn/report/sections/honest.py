"""The honest-numbers table: the same data asked in three ways, beside rules of one line."""

from __future__ import annotations

from churn.report.blocks import Axis, Block, Missing, Plot, Section, Series, Table, Words, decimal, shown
from churn.report.inputs import Cells, Inputs, measured, number
from churn.report.sections.models import BOTH, NO_MODELS, models_of, tasks_of
from churn.report.sections.names import TASKS, name_of


def section(inputs: Inputs) -> Section:
    """The section `honest`."""
    title = "Honest numbers"
    if not inputs.has_models:
        return Section("honest", title, [Missing(NO_MODELS)])
    return Section("honest", title, [_words(inputs), _table(inputs), _plot(inputs), *_warnings(inputs)])


def _entries(inputs: Inputs, task: str) -> list[tuple[str, bool, Cells]]:
    models = [(name_of(row["model"]), False, row) for row in models_of(inputs, task)]
    rules = inputs.rows("metrics/baselines", task=task)
    return models + [(f"rule: {name_of(row['model'])}", True, row) for row in rules]


def _words(inputs: Inputs) -> Words:
    settings = inputs.run.get("settings", {})
    horizon = settings.get("horizon", "the next")
    return Words(
        f"Only the forecast answers what a business asks: on a day that is past, who will leave within {horizon} days "
        "after it, told from what was known by then. Published scores on such logs mostly answer another question, "
        "history: who is a leaver, told from the whole log, in which a leaver falls silent because of "
        "leaving. A rule of one line, “has not been seen for longest”, does well there, and says nothing about "
        "tomorrow. Without clock features, which measure how long somebody was watched, history comes closer "
        "to behaviour, but sums up to the leaving itself are still in it. So compare models with the rules of the "
        "same task, never across tasks, and mind the intervals."
    )


def _table(inputs: Inputs) -> Table:
    names = ("roc_auc", "average_precision", "f1_churn")
    rows = []
    for task in tasks_of(inputs):
        for label, _, row in _entries(inputs, task):
            chosen = " ★" if row.get("selected") == "1" else ""
            rows.append([TASKS.get(task, task), label + chosen, *(measured(row, name) for name in names)])
    return Table(
        "Every model beside the rules of its task (★ chosen by out-of-fold average precision)",
        ["task", "model or rule", *names], rows, [False, False, True, True, True], BOTH,
    )  # fmt: skip


def _plot(inputs: Inputs) -> Plot:
    choices = {}
    for metric in ("roc_auc", "average_precision"):
        series = []
        for colour, task in enumerate(tasks_of(inputs), 1):
            entries = _entries(inputs, task)
            series.append(
                Series(TASKS.get(task, task), [f"{shown(task, 20)} · {label}" for label, _, _ in entries],
                       [number(row, metric) for *_, row in entries], "points",
                       [number(row, f"{metric}_low") for *_, row in entries],
                       [number(row, f"{metric}_high") for *_, row in entries], colour=(colour - 1) % 6 + 1)
            )  # fmt: skip
        choices[metric] = series
    forecast = models_of(inputs, tasks_of(inputs)[0])[0]
    alt = f"roc_auc of the chosen model of the first task: {decimal(number(forecast, 'roc_auc'))}."
    return Plot("honest_numbers", "The same log, asked in different ways", alt, Axis("task and model"),
                Axis("score on held-out rows, with its 95 % interval", ends=(0.0, 1.0)), choices,
                BOTH, flat=True)  # fmt: skip


def _warnings(inputs: Inputs) -> list[Block]:
    return [Words(f"Mind: {shown(text, 300)}.") for text in inputs.run.get("summary", {}).get("warnings", ())]
