"""`churn snapshot`: the features of every user at one date."""

from __future__ import annotations

from datetime import date
from typing import Any

import click

from churn.cli.console import progress_bars
from churn.cli.options import Day, log_options, problem_options, settings_of
from churn.pipeline import snapshot


@click.command("snapshot")
@log_options
@problem_options
@click.option("--as-of", type=Day(), required=True, help="Date (UTC midnight); only events before it are used.")
def command(as_of: date, **options: Any) -> None:
    """Features of every eligible user at a date, label unknown: what a model is asked about.

    \b
    Example:
      churn snapshot log.json.gz --as-of 2018-11-20 --out features
    """
    settings = settings_of(options)
    with progress_bars() as bars:
        users = snapshot(settings, as_of, bars, progress=bars.engines)
    click.echo(f"features of {users:,} users at {as_of}; see {settings.place('snapshots')}")
