"""`churn score`: a bundle and a new log to a risk list."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click

from churn.cli.console import progress_bars
from churn.cli.options import Day, config_option, pairs
from churn.ingest import OWN_NAMES
from churn.score_log import Scored, ScoreSettings, score
from churn.settings import parse_memory

LISTED = 10


@click.command("score")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("logs", nargs=-1, required=True, metavar="LOG...")
@config_option
@click.option("--as-of", type=Day(), required=True, help="Date (UTC midnight); only events before it are used.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File to write, CSV.")
@click.option("--engine", default="duckdb", show_default=True, help="What reads, counts and scores: duckdb or spark.")
@click.option("--master", default=None, metavar="URL",
              help="Where Spark runs: local[*] (default), spark://host:port, yarn, k8s://...")
@click.option("--conf", multiple=True, callback=pairs, metavar="NAME=VALUE",
              help="Setting for Spark; may be given several times.")
@click.option("--memory", default="6GB", show_default=True, help="Memory that all may use.")
@click.option("--max-refused", type=float, default=0.05, show_default=True, metavar="SHARE",
              help="Largest share of lines that may be refused.")  # fmt: skip
def command(as_of: date, memory: str, **options: Any) -> None:
    """The risk list of a new log, by a bundle made before.

    Beside FILE, its drift table says how far every feature has moved from what the model was made on.

    \b
    Example:
      churn score run/bundle new.json.gz --as-of 2018-12-04 --out risk.csv
      churn score run/bundle 'logs/*.json' --as-of 2018-12-04 --out risk.csv --engine spark --master yarn
    """
    settings = ScoreSettings(
        bundle=options["bundle"],
        logs=tuple(options["logs"]),
        as_of=as_of,
        out=options["out"],
        engine=options["engine"],
        master=options["master"],
        conf=options["conf"],
        memory=parse_memory(memory),
        max_refused=options["max_refused"],
        columns={**OWN_NAMES, **click.get_current_context().meta.get("columns", {})},
    )
    with progress_bars() as bars:
        found = score(settings, bars, progress=bars.engines)
    _warn(found)
    bands = ", ".join(f"{found.bands.get(band, 0):,} {band}" for band in ("high", "medium", "low"))
    click.echo(f"{sum(found.bands.values()):,} users at {as_of}: {bands}; see {settings.out} and {settings.drift}")


def _warn(found: Scored) -> None:
    moved = [drift for drift in found.drifts if drift.verdict != "stable"]
    if moved:
        large = sum(drift.verdict == "large" for drift in moved)
        click.echo(f"Mind: {len(moved)} features have drifted since the model was made, {large} of them far:", err=True)
        for drift in moved[:LISTED]:
            click.echo(f"  {drift.feature}: PSI {drift.psi:.2f} ({drift.verdict})", err=True)
        if len(moved) > LISTED:
            click.echo(f"  and {len(moved) - LISTED} more, in the drift table", err=True)
