"""`churn report`: the page on a run, or on two."""

from __future__ import annotations

from pathlib import Path

import click

from churn.errors import SettingsError
from churn.report import compare_runs, write_report


@click.command("report")
@click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="DIR")
@click.option("--compare", nargs=2, type=click.Path(path_type=Path), metavar="DIR1 DIR2",
              help="Show two runs side by side instead.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), default=Path("comparison.html"), show_default=True,
              help="File to write with --compare.")  # fmt: skip
def command(folder: Path | None, compare: tuple[Path, Path] | None, out: Path) -> None:
    """Make report.html and figures/ in the folder of a run; or compare two runs.

    The page is one file that works offline. What a run did not make is said in a line.

    \b
    Example:
      churn report run
      churn report --compare last_month this_month --out comparison.html
    """
    if (folder is None) == (compare is None):
        raise SettingsError("churn report takes one DIR, or --compare DIR1 DIR2", "see churn report --help")
    path = compare_runs(*compare, out) if compare else write_report(folder or Path())
    click.echo(f"see {path}")
