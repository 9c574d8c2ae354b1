"""`churn ingest`: only the first step."""

from __future__ import annotations

from typing import Any

import click

from churn.cli.console import progress_bars
from churn.cli.options import log_options, settings_of
from churn.pipeline import read_log


@click.command("ingest")
@log_options
def command(**options: Any) -> None:
    """Read a log, judge every line, and write clean events with an account.

    \b
    Example:
      churn ingest 'logs/*.json.gz' --out events
    """
    settings = settings_of(options)
    with progress_bars() as bars:
        account = read_log(settings, bars, progress=bars.engines)
    click.echo(
        f"{account.lines:,} lines: {account.count('kept'):,} kept, {account.count('nobody'):,} nobody's, "
        f"{account.count('duplicate'):,} duplicate, {account.refused:,} refused, {account.count('blank'):,} blank; "
        f"see {settings.place('ingest.json')}"
    )
