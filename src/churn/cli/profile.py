"""`churn profile`: only the look into the data."""

from __future__ import annotations

from typing import Any

import click

from churn.cli.console import progress_bars
from churn.cli.options import log_options, problem_options, settings_of
from churn.pipeline import profile_log


@click.command("profile")
@log_options
@problem_options
def command(**options: Any) -> None:
    """Count what a log holds, who leaves and how they behave, into statistics/*.csv; nothing is trained.

    Works on any log of this service, also on one that nothing can be learned from.
    `churn report DIR` shows it as a page.

    \b
    Example:
      churn profile log.json.gz --out profile
    """
    settings = settings_of(options)
    with progress_bars() as bars:
        facts = profile_log(settings, bars, progress=bars.engines)
    rate = "" if facts["churn_rate"] is None else f" ({facts['churn_rate']:.1%})"
    click.echo(
        f"{facts['events']:,} events of {facts['users']:,} users, {facts['leavers']:,} of whom left{rate}; "
        f"see {settings.place('statistics')}"
    )
