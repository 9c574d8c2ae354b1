"""`churn train`: models for a ready-made table."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from churn.cli.console import progress_bars
from churn.cli.options import config_option, families_of, model_options, policy_of, words
from churn.table_training import TableSettings, train_table
from churn.tuning import Recipe

SHOWN = ("roc_auc", "average_precision", "f1_weighted", "f1_churn", "ece")


@click.command("train")
@click.argument("table", type=click.Path(path_type=Path))
@config_option
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write to.")
@click.option("--id", "user", default="userId", show_default=True, help="Column of user ids, each once.")
@click.option("--label", default="churn", show_default=True, help="Column with 1 for a leaver, 0 for others.")
@click.option("--drop", default="", help="Columns to leave out, separated by commas.")
@click.option("--folds", type=int, default=5, show_default=True, help="Folds of the cross-validation.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of everything that is random.")
@model_options
@click.option("--force", is_flag=True, help="Learn even from too few leavers.")
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON on standard output.")
def command(as_json: bool, table: Path, out: Path, **options: Any) -> None:
    """Models, metrics and a bundle from a ready-made table of one row a user.

    TABLE is a CSV, CSV.gz or Parquet file. Numbers are features as they are, texts of few kinds are one-hot
    encoded, all else is refused by name. Every score is pooled out of fold.

    \b
    Example:
      churn train users.csv.gz --id userId --label churn --out models
    """
    settings = TableSettings(
        table=table,
        out=out,
        user=options["user"],
        label=options["label"],
        drop=words(options["drop"]),
        folds=options["folds"],
        families=families_of(options["families"]),
        recipe=Recipe(options["seed"], options["balance"], policy_of(options), options["top_features"]),
        studies=words(options["study"]),
        force=options["force"],
    )
    with progress_bars() as bars:
        rows = train_table(settings, bars)
    if as_json:
        click.echo(json.dumps([_numbers(row) for row in rows], indent=2, allow_nan=False))
    else:
        _show(rows, out)


def _numbers(row: Mapping[str, str]) -> dict[str, Any]:
    shown = {name: float(row[name]) if row[name] else None for name in SHOWN}
    return {"model": row["model"], "selected": row["selected"] == "1", **shown}


def _show(rows: Sequence[Mapping[str, str]], out: Path) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), title="Pooled out of fold", title_justify="left")
    table.add_column("model", no_wrap=True)
    for name in SHOWN:
        table.add_column(name, justify="right")
    for row in rows:
        title = row["model"].replace("_", " ") + (" *" if row["selected"] == "1" else "")
        table.add_row(title, *(f"{float(row[name]):.3f}" if row[name] else "-" for name in SHOWN))
    console = Console(file=sys.stdout)
    console.print(table)
    console.print("* chosen by out-of-fold average_precision", style="dim")
    click.echo(f"\nsee {out / 'metrics' / 'models.csv'} and {out / 'bundle' / 'card.md'}")
