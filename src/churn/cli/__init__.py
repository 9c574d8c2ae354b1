"""The command line: one file a command, no logic that the library lacks."""

from __future__ import annotations

import logging
import os
import sys
from importlib import import_module
from typing import Final

import click

from churn.errors import ChurnError

COMMANDS: Final = {
    "run": "churn.cli.run",
    "train": "churn.cli.train",
    "score": "churn.cli.score",
    "ingest": "churn.cli.ingest",
    "snapshot": "churn.cli.snapshot",
    "simulate": "churn.cli.simulate",
    "profile": "churn.cli.profile",
    "report": "churn.cli.report",
    "serve": "churn.cli.serve",
    "features": "churn.cli.features",
    "emr": "churn.cli.emr",
    "doctor": "churn.cli.doctor",
}


class Commands(click.Group):
    """Loads a command only when it is called, so that `churn --help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which people need them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name]).command
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="sparkify-churn", prog_name="churn")
@click.option("-v", "--verbose", count=True, help="Log what happens to standard error; twice for details.")
def cli(verbose: int) -> None:
    """Find the users of a streaming service who are about to leave, and say why.

    \b
    Example:
      churn run log.json.gz --out run
    """
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
    for library in ("boto3", "botocore", "s3transfer", "urllib3"):
        # Their details hold the headers, and so session tokens.
        logging.getLogger(library).setLevel(max(level, logging.INFO))


def main() -> None:
    """Entry point: exit status 0 done, 2 the user's mistake, 1 ours, 130 interrupted."""
    # Threads of XGBoost that wait by spinning make training ten times slower where cores are shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    sys.exit(invoke(sys.argv[1:]))


def invoke(arguments: list[str]) -> int:
    """Run a command line and return its exit status; errors become one line on standard error."""
    try:
        status = cli.main(args=arguments, prog_name="churn", standalone_mode=False)
    except ChurnError as error:
        click.echo(f"churn: {error}", err=True)
        return error.exit_status
    except click.Abort:
        click.echo("churn: interrupted; run the same command again to go on", err=True)
        return 130
    except KeyboardInterrupt:
        click.echo("churn: interrupted; run the same command again to go on", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return status if isinstance(status, int) else 0  # click hands out the status of `ctx.exit`
