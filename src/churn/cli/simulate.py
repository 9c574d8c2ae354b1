"""`churn simulate`: a log with the shape of the real one, of any size."""

from __future__ import annotations

import os
import sys
from datetime import date
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from churn.errors import SettingsError
from churn.simulate import SIZES, Simulation, simulate
from churn.simulate.write import FORMATS


@click.command("simulate")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--size", type=click.Choice(list(SIZES)), help="Like the real log of that name: 225, 448, 22,277 users.")
@click.option("--users", type=int, help="Number of users, in place of --size.")
@click.option("--days", type=int, default=61, show_default=True, help="Length of the log.")
@click.option("--start", default="2018-10-01", show_default=True, help="First day, UTC.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same bytes.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="By the name of the file if not given.")
@click.option("--dirty", is_flag=True, help="Spoil some lines; FILE.dirt.json says what an ingest must find.")
@click.option("--truth", type=click.Path(path_type=Path), help="Parquet file for groups and true probabilities.")
def command(
    file: Path, size: str | None, users: int | None, days: int, start: str, seed: int, form: str | None, dirty: bool,
    truth: Path | None,
) -> None:  # fmt: skip
    """Write a made-up log with the shape of the real one; - writes to standard output.

    \b
    Example:
      churn simulate log.json.gz --size mini
      churn simulate - --users 50 --days 20 | head
    """
    if size and users is not None:
        raise SettingsError("--size and --users say the same", "give one of them")
    number = SIZES[size or "mini"] if users is None else users
    what = Simulation(users=number, days=days, start=_date(start), seed=seed)
    target = None if str(file) == "-" else file
    columns = (
        TextColumn("simulating {task.description}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=target is None) as bar:
        task = bar.add_task(f"{number:,} users", total=1.0)
        n = simulate(
            target, what, form=form or _form(file), dirty=dirty, truth_file=truth,
            progress=lambda share: bar.update(task, completed=share),
        )  # fmt: skip
    if target is not None:
        click.echo(f"{n:,} events of {number:,} users; see {target}")
    elif not sys.stdout.closed:
        sys.stdout.flush()


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(f"--start {text}: not a date", "write it as 2018-10-01") from error


def _form(file: Path) -> str:
    name = os.fspath(file)
    return next((form for form in ("json.gz", "parquet") if name.endswith("." + form)), "json")
