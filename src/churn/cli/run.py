"""`churn run`: the main job."""

from __future__ import annotations

import json
from typing import Any

import click

from churn.cli.console import progress_bars, show
from churn.cli.options import log_options, model_options, problem_options, settings_of
from churn.pipeline import run


@click.command("run")
@log_options
@problem_options
@click.option("--learner", default=None, help="What trains: local or spark; by default the engine's own.")
@model_options
@click.option("--force", is_flag=True, help="Learn even from too few leavers; the results say so.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON on standard output.")
def command(as_json: bool, **options: Any) -> None:
    """From a raw event log to a ranked list of the users who are about to leave.

    LOG is one or more files, folders or globs: JSON lines (plain, .gz, .bz2, .zst) or Parquet.
    LOG and --out may be in S3, as s3://bucket/folder.
    A second run with the same inputs and settings goes on after the last finished step.

    \b
    Example:
      churn run log.json.gz --out run
      churn run s3://bucket/log/ --out s3://bucket/run
      churn run 'logs/*.json' --out run --horizon 30 --churn-page "Submit Downgrade"
      churn run big.json --out big --families winner-of:run --capacity 500
    """
    settings = settings_of(options)
    with progress_bars() as bars:
        summary = run(settings, bars, progress=bars.engines)
    if as_json:
        click.echo(json.dumps(summary.as_json(), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        show(summary, settings.problem.horizon)
