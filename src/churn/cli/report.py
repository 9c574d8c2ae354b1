"""`churn report`: the page on a run, or on two."""

from __future__ import annotations

from pathlib import Path

import click

from churn.cli.options import Place
from churn.errors import SettingsError
from churn.report import compare_runs, write_report
from churn.s3.around import folder_here
from churn.s3.url import S3Url, is_s3


@click.command("report")
@click.argument("folder", required=False, type=Place(), metavar="DIR")
@click.option("--compare", nargs=2, type=click.Path(path_type=Path), metavar="DIR1 DIR2",
              help="Show two runs side by side instead.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), default=Path("comparison.html"), show_default=True,
              help="File to write with --compare.")  # fmt: skip
def command(folder: Path | str | None, compare: tuple[Path, Path] | None, out: Path) -> None:
    """Make report.html and figures/ in the folder of a run; or compare two runs.

    The page is one file that works offline. What a run did not make is said in a line. DIR may be in S3.

    \b
    Example:
      churn report run
      churn report --compare last_month this_month --out comparison.html
    """
    if (folder is None) == (compare is None):
        raise SettingsError("churn report takes one DIR, or --compare DIR1 DIR2", "see churn report --help")
    if compare:
        click.echo(f"see {compare_runs(*compare, out)}")
        return
    place = folder or Path()
    with folder_here(place, back=("report.html", "figures")) as here:
        page = write_report(here)
    click.echo(f"see {S3Url.of(str(place)) / page.name if is_s3(place) else page}")
