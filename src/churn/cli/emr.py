"""`churn emr`: the main job on Amazon EMR."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from churn.aws.asked import Asked
from churn.aws.checksums import SIZE_ALONE
from churn.aws.places import Place
from churn.aws.plan import Plan, make_plan
from churn.aws.record import Record
from churn.aws.sizing import InputSize, given, listed
from churn.cli.emr_options import asked_of, asked_options, run_options
from churn.cli.emr_show import show_fetched, show_files, show_line, show_plan, show_state, show_submitted
from churn.errors import ChurnError, RunFailedError, SettingsError
from churn.settings import parse_memory


@click.group("emr")
def command() -> None:
    """The main job on Amazon EMR: priced first, submitted once, and never left running.

    \b
    Example:
      churn emr plan s3://bucket/log/ --out s3://bucket/run/ --input-size 12GB
      churn emr submit s3://bucket/log/ --out s3://bucket/run/ --max-cost 5
      churn emr watch s3://bucket/run/
      churn emr fetch s3://bucket/run/ --to run
    """


@command.command("plan")
@asked_options
@click.option("--input-size", metavar="SIZE", help="Size of the log, like 12GB: nothing is asked of AWS then.")
@click.option("--show-files", is_flag=True, help="Print the files that would be uploaded, too.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON, with the requests in full.")
def plan(input_size: str | None, show_files: bool, as_json: bool, **options: Any) -> None:
    """What a run would start, take and cost; changes nothing.

    LOG is a file or folder in S3. With --input-size it works offline, without credentials.

    \b
    Example:
      churn emr plan s3://bucket/log/ --out s3://bucket/run/
      churn emr plan s3://bucket/log/ --out s3://bucket/run/ --input-size 12GB --workers 3
      churn emr plan s3://bucket/log/ --out s3://bucket/run/ --spot --max-cost 2 -- --horizon 30
    """
    if as_json and show_files:
        raise SettingsError("--json and --show-files are both given", "give one of them")
    if input_size:
        made = make_plan(asked_of(options, options["region"] or Asked.region), given(_bytes(input_size)))
    else:
        _, made = _planned(options)
    _print(made, as_json=as_json, files=show_files)


@command.command("submit")
@asked_options
@click.option("--yes", is_flag=True, help="Start it without asking.")
def submit(yes: bool, **options: Any) -> None:
    """Start a run, or find it if it was started before.

    Everything is looked at first: credentials, buckets, roles, prices. What is started ends itself: after the
    run, when it fails, when it is idle, and after the hard limit, whatever happens to this machine.

    \b
    Example:
      churn emr submit s3://bucket/log/ --out s3://bucket/run/ --max-cost 5
      churn emr submit s3://bucket/log/ --out s3://bucket/run/ --workers 5 --spot --yes
    """
    from churn.aws.submit import submit as start

    clients, made = _planned(options)
    dollars = made.estimate.dollars
    click.echo(
        f"{made.size.stored / 1e9:.2f} GB; expected {made.estimate.hours.likely:.2f} hours and ${dollars.likely:.2f} "
        f"(${dollars.low:.2f} to ${dollars.high:.2f}); ends after {made.hours:g} hours at the latest"
    )
    if not yes:
        if not sys.stdin.isatty():
            raise SettingsError("submit starts machines that cost money", "add --yes where nobody can be asked")
        if not click.confirm("Start it?"):
            click.echo("nothing was started")
            return
    show_submitted(made.asked.out, start(clients, made))


@command.command("status")
@run_options
@click.option("--json", "as_json", is_flag=True, help="Print the state as JSON.")
def status(out: str, region: str | None, as_json: bool) -> None:
    """How a run is doing: its state, its steps, what it has cost; and why it failed, if it did.

    \b
    Example:
      churn emr status s3://bucket/run/
    """
    from churn.aws.state import look

    clients, place = _reached(out, region)
    there, state = look(clients, place)
    show_state(clients, there, state, as_json=as_json)


@command.command("watch")
@run_options
@click.option("--every", type=click.FloatRange(min=0.1), default=30.0, show_default=True,
              help="Seconds between two looks.")  # fmt: skip
def watch(out: str, region: str | None, every: float) -> None:
    """Show how a run goes until its end; exit status 0 if its result is there.

    Ctrl-C ends the watching and nothing else, and a lost connection is waited for.

    \b
    Example:
      churn emr watch s3://bucket/run/
    """
    from churn.aws.watch import watch as states

    clients, place = _reached(out, region)
    try:
        for there, state in states(clients, place, every, lambda text: click.echo(f"churn: {text}", err=True)):
            if not state.over:
                show_line(state)
                continue
            try:
                show_state(clients, there, state, as_json=False)
            finally:
                _tidied(clients, place, there)
            if state.phase == "ended":
                raise RunFailedError("the run was ended without its result", "submit again: it goes on where it was")
    except KeyboardInterrupt:
        click.echo("\nchurn: stopped watching; the run goes on. To end it: churn emr end " + str(place), err=True)
        click.get_current_context().exit(130)


@command.command("fetch")
@run_options
@click.option("--to", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder here.")
@click.option("--all", "everything", is_flag=True, help="Also the tables of events, rollups and snapshots.")
def fetch(out: str, region: str | None, to: Path, everything: bool) -> None:
    """Bring metrics, statistics, report, bundle and risk list here, checked by size and checksum.

    What is here already stays; what was cut off goes on where it ended.

    \b
    Example:
      churn emr fetch s3://bucket/run/ --to run
    """
    from churn.aws.fetch import fetch as bring

    clients, place = _reached(out, region)
    done = bring(clients, place, to, show_fetched, everything=everything)
    new, alone = sum(not one.already for one in done), sum(one.checked == SIZE_ALONE for one in done)
    how = f"{alone} of them checked by size alone" if alone else "all checked"
    click.echo(f"{len(done)} files in {to}, {new} of them new, {sum(one.size for one in done):,} bytes, {how}")


@command.command("end")
@run_options
def end(out: str, region: str | None) -> None:
    """End a run and wait until AWS confirms it; results that are there stay.

    \b
    Example:
      churn emr end s3://bucket/run/
    """
    from churn.aws.end import end as stop

    clients, place = _reached(out, region)
    there, running = stop(clients, place)
    where = there.last.id or "nothing"
    click.echo(f"{where} has ended" if running else f"{where} was running no more" if there.last.id else "nothing ran")


def _tidied(clients: Any, place: Place, there: Record) -> None:
    """Remove what is left; where that cannot be, the run's own end counts for more."""
    from churn.aws.end import tidy

    try:
        tidy(clients, place, there)
    except ChurnError as error:
        click.echo(f"churn: not tidied up: {error}", err=True)


def _reached(out: str, region: str | None) -> tuple[Any, Place]:
    """Clients for the run in an output folder."""
    from churn.aws.checks import check_account, check_bucket
    from churn.aws.client import Clients

    place = Place.folder(out, "OUT")
    clients = Clients(region)
    check_bucket(clients, place, "OUT", check_account(clients))
    return clients, place


def _planned(options: dict[str, Any]) -> tuple[Any, Plan]:
    """Clients, and the plan for a log that is looked at."""
    from churn.aws.client import Clients

    clients = Clients(options["region"])
    asked = asked_of(options, clients.region)
    return clients, make_plan(asked, size_of(clients, asked.log))


def size_of(clients: Any, log: Place) -> InputSize:
    """The size of a log by listing it."""
    from churn.aws.checks import check_account, check_bucket
    from churn.aws.objects import listing

    check_account(clients)
    check_bucket(clients, log, "log", None)
    return listed(log, listing(clients.s3, log))


def _bytes(text: str) -> int:
    try:
        return parse_memory(text)
    except SettingsError as error:
        raise SettingsError(f"--input-size {text}: is no size", "write it like 12GB") from error


def _print(made: Plan, *, as_json: bool, files: bool) -> None:
    if as_json:
        click.echo(json.dumps(made.as_json(), indent=2, ensure_ascii=False, default=str))
    else:
        show_plan(made)
    if files:
        show_files(made)
