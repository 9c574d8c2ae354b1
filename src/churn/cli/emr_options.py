"""Options of the commands below `churn emr`, and what they ask for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, TypeVar

import click

from churn.aws.asked import Asked
from churn.aws.places import Place
from churn.errors import SettingsError

F = TypeVar("F", bound=Callable[..., Any])

OURS: Final = ("--out", "--engine", "--master", "--conf", "--config", "--json")
"""Options of `churn run` that the step sets itself, or that mean a file on this machine."""


def asked_options(function: F) -> F:
    """What `plan` and `submit` take."""
    for decorate in (
        click.option("--price", "prices", multiple=True, metavar="ROW=DOLLARS",
                     help="What you pay, for a row of the price table, like ec2:m5.xlarge=0.15; may be repeated."),
        click.option("--max-cost", type=float, metavar="DOLLARS",
                     help="Refuse if the low estimate is above, and end the run before it costs more."),
        click.option("--hours", type=float, help="Hard limit: the run ends after that long whatever it does."),
        click.option("--idle", "idle_minutes", type=int, default=Asked.idle_minutes, show_default=True,
                     help="Minutes after which a cluster that does nothing ends."),
        click.option("--kms-key", metavar="ARN", help="Key for disks and objects; without it S3's own keys."),
        click.option("--job-role", metavar="ARN", help="With --serverless: what the job may do."),
        click.option("--instance-profile", default=Asked.instance_profile, show_default=True,
                     help="What the machines may do."),
        click.option("--service-role", default=Asked.service_role, show_default=True, help="What EMR itself may do."),
        click.option("--subnet", metavar="ID", help="Where the cluster lies; the default VPC's by default."),
        click.option("--region", help="AWS region; by default that of the AWS settings."),
        click.option("--cluster-id", "cluster", metavar="ID", help="Run on this cluster, which then stays as it is."),
        click.option("--image", metavar="URI", help="With --serverless: the image of a new application."),
        click.option("--application", metavar="ID", help="With --serverless: an application that has the image."),
        click.option("--serverless", is_flag=True, help="On EMR Serverless instead of a cluster."),
        click.option("--spot", is_flag=True, help="Spot instances as workers; the primary never is one."),
        click.option("--release", default=Asked.release, show_default=True, help="Release of EMR; needs Spark 3.5."),
        click.option("--primary", metavar="TYPE", help="Instance type of the primary; by default the workers'."),
        click.option("--instance", default=Asked.instance, show_default=True, metavar="TYPE",
                     help="Instance type of the workers."),
        click.option("--workers", type=int, default=Asked.workers, show_default=True,
                     help="Machines that read, beside the primary."),
        click.option("--out", required=True, metavar="S3", help="Folder in S3 for the result."),
        click.argument("run_options", nargs=-1, metavar="[-- OPTIONS OF churn run]"),
        click.argument("log", metavar="LOG"),
    ):  # fmt: skip
        function = decorate(function)
    return function


def run_options(function: F) -> F:
    """What the commands for a submitted run take."""
    for decorate in (
        click.option("--region", help="AWS region; by default that of the AWS settings."),
        click.argument("out", metavar="OUT"),
    ):
        function = decorate(function)
    return function


def asked_of(options: dict[str, Any], region: str) -> Asked:
    """What is asked for, from the options of a command.

    Raises:
        SettingsError: for options that make no sense.
    """
    given_prices = {}
    for text in options["prices"]:
        name, found, dollars = text.partition("=")
        if not found:
            raise SettingsError(f"--price {text}: has no =", "write it like --price ec2:m5.xlarge=0.2")
        given_prices[name] = dollars
    same = {name: options[name] for name in Asked.__dataclass_fields__ if name in options}
    log, out = Place.of(options["log"], "log"), Place.folder(options["out"], "--out")
    _check_run_options(str(log), str(out), options["run_options"])
    return Asked(**same | {"log": log, "out": out, "region": region, "prices": given_prices})


def _check_run_options(log: str, out: str, words: tuple[str, ...]) -> None:
    """Have `churn run` look at its options now and not on the cluster."""
    for word in words:
        if word.partition("=")[0] in OURS:
            raise SettingsError(f"{word.partition('=')[0]} cannot be given after --", "leave it out: the step sets it")
    if words:
        run = import_module("churn.cli.run").command
        try:
            run.make_context(
                "run", [log, "--out", out, "--engine", "spark", *words], parent=click.get_current_context()
            )
        except click.UsageError as error:
            raise SettingsError(f"after --: {error.format_message()}", "see churn run --help") from error
