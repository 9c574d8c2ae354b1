"""How `churn emr` shows a plan and a run."""

from __future__ import annotations

import json
import shlex
import sys
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from churn.aws.cluster import ROOT_DISK
from churn.aws.diagnosis import diagnose
from churn.aws.estimate import Range
from churn.aws.fetch import Fetched
from churn.aws.places import Place
from churn.aws.plan import Plan
from churn.aws.record import Record
from churn.aws.releases import spark_of
from churn.aws.requests import tags
from churn.aws.state import STEPS, State, compared
from churn.errors import RunFailedError


def show_plan(plan: Plan) -> None:
    """Print the whole plan."""
    console = Console(file=sys.stdout, soft_wrap=True)
    asked, size = plan.asked, plan.size
    seen = f"{size.files:,} files, listed" if size.listed else "as told"
    packed = f" ({size.unpacked / 1e9:.1f} GB unpacked, a guess)" if size.unpacked != size.stored else ""
    _part(console, "Input", [f"{asked.log}: {size.stored / 1e9:.2f} GB, {seen}{packed}", f"result in {asked.out}"])
    _part(console, "Files to upload", _files(plan))
    _part(console, "Where it runs", _where(plan))
    _part(console, "Spark settings", [f"{name} = {value}" for name, value in plan.settings.items()])
    if asked.serverless:
        driver = plan.requests()["StartJobRun"]["jobDriver"]["sparkSubmit"]
        _part(console, "Job", [shlex.join([driver["entryPoint"], *driver["entryPointArguments"]])])
    else:
        machines = "the primary, as a step" if asked.cluster else "every machine"
        _part(console, "Bootstrap", [f"bootstrap.sh on {machines}: Python 3.11, the wheel, the pinned versions"])
        _part(console, "Step", [shlex.join(plan.step)])
    _part(console, "The end, whatever happens", _end(plan))
    console.print(Text("\nExpected", style="bold"))
    console.print(_expected(plan))
    _part(console, "It rests on", [*plan.estimate.assumptions])
    _part(console, "Prices", _prices(plan))
    console.print(Text("\nNothing was started or changed. To run it: churn emr submit with the same options."))


def show_files(plan: Plan) -> None:
    """Print the files that would be uploaded, but for the wheel."""
    for name, text in plan.files.texts():
        click.echo(f"\n===== {plan.asked.out.job}files/{name}\n{text.rstrip()}")


def _part(console: Console, title: str, lines: list[str]) -> None:
    console.print(Text(f"\n{title}", style="bold"))
    for line in lines:
        console.print(Text(f"  {line}"))


def _files(plan: Plan) -> list[str]:
    folder = plan.asked.out.job / "files/"
    names = [f"{folder}{name}  {len(content):,} bytes" for name, content in plan.files.contents.items()]
    if not (plan.asked.serverless or plan.asked.cluster):
        names.append(f"{plan.asked.out.job}tls/  a certificate made for this run, for TLS between the machines")
    return names


def _where(plan: Plan) -> list[str]:
    asked, shape = plan.asked, plan.shape
    spark = f"release {asked.release} with Spark {spark_of(asked.release)}, region {asked.region}"
    if asked.serverless:
        image = asked.application or asked.image or "an image is needed: see docs/emr"
        size = f"{shape.worker.vcpu} vCPU, {shape.worker.memory_gib} GB, {shape.disk} GB of disk"
        return [f"EMR Serverless ({image}), {spark}", f"a driver and {shape.workers} workers, each {size}",
                f"role of the job: {asked.job_role or '--job-role is needed'}"]  # fmt: skip
    if asked.cluster:
        return [f"cluster {asked.cluster}, which stays as it is; priced as if it had these machines:", *_machines(plan)]
    keys = asked.kms_key or "S3's own keys; Spark encrypts what it spills (with --kms-key whole disks are, too)"
    return [
        f"a new cluster, {spark}, applications Hadoop and Spark",
        *_machines(plan),
        f"subnet: {asked.subnet or 'of the default VPC'}",
        f"roles: {asked.service_role} for EMR, {asked.instance_profile} for the machines",
        f"encryption: TLS between the machines; at rest by {keys}",
        f"tags: {', '.join(f'{name}={value}' for name, value in tags(asked, plan.key).items())}",
    ]


def _machines(plan: Plan) -> list[str]:
    shape = plan.shape
    kind = "spot" if shape.spot else "on demand"
    each = f"{shape.worker.vcpu} vCPU, {shape.worker.memory_gib} GiB"
    return [
        f"1 primary {shape.primary.name} (on demand), {shape.workers} core {shape.worker.name} ({kind}, {each})",
        f"{shape.disk} GB of gp3 disk on each, and {ROOT_DISK} GB for the system",
    ]


def _end(plan: Plan) -> list[str]:
    """Every end that the run has, and what its budget has to do with it."""
    asked, likely = plan.asked, plan.estimate.hours.likely
    tight = [f"that is less than the likely {likely:.2f} hours"] if plan.hours < likely else []
    cap = [f"before it costs more than --max-cost ${asked.max_cost:.2f}"] if asked.max_cost else []
    return [*_ends(plan), *tight, *cap]


def _ends(plan: Plan) -> list[str]:
    asked = plan.asked
    if asked.serverless:
        return [
            f"the job ends after {plan.hours:g} hours at the latest",
            f"the application stops after {asked.idle_minutes} minutes on which nothing runs",
        ]
    if asked.cluster:
        limit = f"each of the two steps ends after {plan.hours:g} hours at the latest"
        return [f"{limit}; {asked.cluster} is not ours and goes on"]
    return [
        "after the step, or when it fails",
        f"after {asked.idle_minutes} minutes on which nothing runs",
        f"after {plan.hours:g} hours, by a timer on the primary that the bootstrap sets",
    ]


def _expected(plan: Plan) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2))
    for name in ("", "low", "likely", "high"):
        table.add_column(name, justify="right" if name else "left")
    for name, figures, form in (
        ("hours", plan.estimate.hours, "{:.2f}"),
        ("dollars", plan.estimate.dollars, "${:.2f}"),
        ("dollars an hour", plan.estimate.dollars_an_hour, "${:.3f}"),
    ):
        table.add_row(name, *_figures(figures, form))
    most = plan.hours * plan.estimate.dollars_an_hour.high
    table.add_row("at the hard limit", "", "", f"${most:.2f}")
    return table


def _figures(figures: Range, form: str) -> list[str]:
    return [form.format(figure) for figure in (figures.low, figures.likely, figures.high)]


def _prices(plan: Plan) -> list[str]:
    found = []
    for price in plan.estimate.prices:
        note = f"; {price.note}" if price.note else ""
        found.append(f"{price.key}  ${price.dollars:g} a {price.unit}  ({price.source}, {price.date}{note})")
    return found


def show_submitted(out: Place, done: Any) -> None:
    """Print how a submit went, and what to do next."""
    there = done.record
    where = f"{there.last.id} {there.last.job}".strip()
    how = {
        "started": f"started: {where}; it ends after {there.hours:g} hours at the latest",
        "found": f"runs already: {where}, submitted at {there.last.claimed}; nothing was started",
        "done": "done before: the result is there; nothing was started",
    }
    click.echo(how[done.how])
    click.echo(f"next: churn emr {'fetch' if done.how == 'done' else 'watch'} {out}")


def show_line(state: State) -> None:
    """Print where a run is, in one line."""
    click.echo(f"{datetime.now().astimezone():%H:%M:%S}  {_line(state)}")


def _line(state: State) -> str:
    steps = f", {len(state.steps)} of {len(STEPS)} steps done, last {state.steps[-1]}" if state.steps else ""
    cost = f", {state.hours:.2f} hours, ${state.dollars:.2f}" if state.where else ""
    return f"{state.phase}: {' '.join(filter(None, (state.where, state.words)))}{steps}{cost}"


def show_state(clients: Any, there: Record, state: State, *, as_json: bool) -> None:
    """Print how a run is doing.

    Raises:
        RunFailedError: if it has failed, with the reason.
    """
    found = diagnose(clients, state) if state.phase == "failed" else None
    if as_json:
        value = {**vars(state), "estimate": there.estimate, "diagnosis": vars(found) if found else None}
        click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))
    else:
        click.echo(_line(state))
        if state.over and state.where:
            click.echo(compared(there, state))
        for line in found.lines if found else ():
            click.echo(f"  | {line}")
        if found and found.log:
            click.echo(f"  the last lines of {found.log}")
    if found:
        raise RunFailedError(f"the run failed: {found.means}", found.remedy)


def show_fetched(one: Fetched) -> None:
    """Print one file that is here."""
    click.echo(f"  {one.name}  {one.size:,} bytes, {'already here, ' if one.already else ''}checked by {one.checked}")
