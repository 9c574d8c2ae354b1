"""`churn features`: what every feature says."""

from __future__ import annotations

import csv
import sys

import click
from rich.console import Console
from rich.table import Table

from churn.cli.options import Days
from churn.features import feature_list
from churn.problem import Problem


@click.command("features")
@click.option("--windows", type=Days(), default=",".join(map(str, Problem().windows)), show_default=True,
              help="Look-back windows in days.")  # fmt: skip
@click.option("--csv", "as_csv", is_flag=True, help="As CSV: name, family, group, clock, sentence.")
def command(windows: tuple[int, ...], as_csv: bool) -> None:
    """List every feature: name, family, and a sentence that says what it means.

    \b
    Example:
      churn features --csv > features.csv
    """
    features, _ = feature_list(Problem(windows=windows))
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(["name", "family", "group", "clock", "sentence"])
        writer.writerows([f.name, f.family, f.group, int(f.clock), f.sentence] for f in features)
        return
    table = Table(box=None, pad_edge=False)
    for column in ("name", "family", "sentence"):
        table.add_column(column, overflow="fold")
    for feature in features:
        table.add_row(feature.name, feature.family, feature.sentence)
    Console().print(table)
    click.echo(f"{len(features)} features")
