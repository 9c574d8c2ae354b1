"""The whole report in a few numbers."""

from __future__ import annotations

from churn.report.blocks import Block, Section, Tiles, Words, count, percent, shown
from churn.report.inputs import Inputs, measured, number
from churn.report.sections.models import models_of, tasks_of
from churn.report.sections.names import name_of


def section(inputs: Inputs) -> Section:
    """The section `short`."""
    tiles: list[tuple[str, str]] = []
    words: list[Block] = []
    facts = inputs.facts
    if facts:
        tiles += [("users", count(facts["users"])), ("of whom left", count(facts["leavers"]))]
        if facts["churn_rate"] is not None:
            tiles.append(("churn rate", percent(facts["churn_rate"])))
    risk = inputs.tables["risk"]
    if risk:
        tiles += [(f"at high risk on {risk[0]['as_of']}", count(sum(row["band"] == "high" for row in risk)))]
    if inputs.has_models:
        task = tasks_of(inputs)[0]
        best = models_of(inputs, task)[0]
        tiles.append((f"roc_auc, {task}", measured(best, "roc_auc", 2)))
        words.append(
            Words(
                f"The chosen model for the {shown(task, 40)} is {name_of(best['model'])}. The tenth of users with the "
                f"highest probability holds {percent(number(best, 'recall_10'))} of those who left, "
                f"{number(best, 'lift_10'):.1f} times what chance would find."
            )
        )
    return Section("short", "In short", [Tiles(tiles), *words])
