"""`churn score`: a bundle and a new log to a risk list."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from datetime import date
from typing import Any

import click

from churn.cli.console import progress_bars, progress_lines
from churn.cli.options import Day, Place, config_option, pairs
from churn.ingest import OWN_NAMES
from churn.s3.around import file_here, folder_here
from churn.score_log import Scored, ScoreSettings, score, work_in_s3
from churn.settings import parse_memory

LISTED = 10

POLITE = 5.0
"""Seconds between an interruption and the end by force."""


@click.command("score")
@click.argument("bundle", type=Place())
@click.argument("logs", nargs=-1, required=True, metavar="LOG...")
@config_option
@click.option(
    "--as-of",
    type=Day(),
    default=None,
    help="Date (UTC midnight); only events before it are used. The last one of the log by default.",
)
@click.option("--out", required=True, type=Place(), help="File to write, CSV.")
@click.option("--engine", default="duckdb", show_default=True, help="What reads, counts and scores: duckdb or spark.")
@click.option(
    "--master",
    default=None,
    metavar="URL",
    help="Where Spark runs: local[*] (default), spark://host:port, yarn, k8s://...",
)
@click.option(
    "--conf", multiple=True, callback=pairs, metavar="NAME=VALUE", help="Setting for Spark; may be given several times."
)
@click.option("--memory", default="6GB", show_default=True, help="Memory that all may use.")
@click.option(
    "--max-refused",
    type=float,
    default=0.05,
    show_default=True,
    metavar="SHARE",
    help="Largest share of lines that may be refused.",
)
@click.option(
    "--progress",
    type=click.Choice(("bar", "json")),
    default="bar",
    show_default=True,
    help="How progress is told on standard error: a bar, or lines of JSON for programs.",
)
@click.option(
    "--end-with-input",
    is_flag=True,
    help="End when standard input does, as it does when the program that started this one is gone.",
)
def command(as_of: date | None, memory: str, progress: str, end_with_input: bool, **options: Any) -> None:
    """The risk list of a new log, by a bundle made before.

    Beside FILE, its drift table says how far every feature has moved from what the model was made on.
    Bundle, log and FILE may be in S3.

    \b
    Example:
      churn score run/bundle new.json.gz --as-of 2018-12-04 --out risk.csv
      churn score run/bundle 'logs/*.json' --as-of 2018-12-04 --out risk.csv --engine spark --master yarn
    """
    if end_with_input:
        _end_with_input()
    with folder_here(options["bundle"]) as bundle, file_here(options["out"]) as out:
        settings = ScoreSettings(
            bundle=bundle,
            logs=tuple(options["logs"]),
            as_of=as_of,
            out=out,
            engine=options["engine"],
            master=options["master"],
            conf=options["conf"],
            memory=parse_memory(memory),
            max_refused=options["max_refused"],
            columns={**OWN_NAMES, **click.get_current_context().meta.get("columns", {})},
            remote=work_in_s3(str(options["out"]), options["engine"]),
        )
        with progress_lines() if progress == "json" else progress_bars() as bars:
            found = score(settings, bars, progress=bars.engines)
    _warn(found)
    bands = ", ".join(f"{found.bands.get(band, 0):,} {band}" for band in ("high", "medium", "low"))
    see = f"see {options['out']}, and its drift table beside it"
    click.echo(f"{sum(found.bands.values()):,} users at {found.as_of}: {bands}; {see}")


def _end_with_input() -> None:
    """Interrupt this process when its standard input ends; by force if that is not enough."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 4096):  # unbuffered: a buffer's lock would outlive the main thread
            continue
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(POLITE)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def _warn(found: Scored) -> None:
    moved = [drift for drift in found.drifts if drift.verdict != "stable"]
    if moved:
        large = sum(drift.verdict == "large" for drift in moved)
        click.echo(f"Mind: {len(moved)} features have drifted since the model was made, {large} of them far:", err=True)
        for drift in moved[:LISTED]:
            click.echo(f"  {drift.feature}: PSI {drift.psi:.2f} ({drift.verdict})", err=True)
        if len(moved) > LISTED:
            click.echo(f"  and {len(moved) - LISTED} more, in the drift table", err=True)
