"""The report: the files of a run folder in, one HTML page and its pictures out.

`inputs` reads the files; `sections` turns them into plain blocks (texts, tables, plots), which are all that is
tested for content; `page` writes them as HTML, `svg` as pictures. Whatever is shown stands in a CSV file beside the
page; nothing here counts, but for the bars of the risk list, whose heights are written beside their picture.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from churn.errors import writing
from churn.report.compare import comparison
from churn.report.inputs import Inputs, read_inputs
from churn.report.page import render
from churn.report.summarise import plots, summarise
from churn.report.svg import svg
from churn.steps import replace_text

__all__ = ["compare_runs", "write_report"]


def write_report(folder: Path, target: Path | None = None, run: Mapping[str, Any] | None = None) -> Path:
    """Write `report.html`, `figures/*.svg`, and the numbers of a figure that stand in no other file.

    Args:
        folder: a run folder.
        target: where to write; the run folder by default.
        run: in place of `run.json`, while that is not written yet.

    Returns:
        The path of the page.

    Raises:
        SourceError: if there is nothing to report on.
        OutputError: if the target cannot be written.
    """
    inputs = read_inputs(folder, run)
    sections = summarise(inputs)
    place = target or folder
    with writing(place):
        figures = place / "figures"
        shutil.rmtree(figures, ignore_errors=True)
        figures.mkdir(parents=True)
        for plot in plots(sections):
            (figures / f"{plot.name}.svg").write_text(svg(plot), encoding="utf-8")
            if plot.counted:
                (place / plot.csv).write_text(_csv(plot.counted), encoding="utf-8")
        replace_text(place / "report.html", render("Churn report", _subtitle(inputs), sections))
    return place / "report.html"


def compare_runs(first: Path, second: Path, target: Path) -> Path:
    """Write a page that shows two runs side by side; see `write_report` for the errors."""
    runs = read_inputs(first), read_inputs(second)
    page = render("Two runs compared", f"{first} and {second}", comparison(*runs), links=False)
    with writing(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_text(target, page)
    return target


def _csv(rows: Sequence[Mapping[str, float]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _subtitle(inputs: Inputs) -> str:
    if not inputs.facts:
        return str(inputs.folder.name)
    facts = inputs.facts
    return f"{facts['dataset']}: {facts['first_event'][:10]} to {facts['last_event'][:10]}, {facts['users']:,} users"
