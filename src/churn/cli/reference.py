"""The page docs/cli.md, made from `--help`: python -m churn.cli.reference > docs/cli.md."""

from __future__ import annotations

import click

from churn.cli import COMMANDS, cli

WIDTH = 100


def reference() -> str:
    """Every command with its help, as Markdown."""
    context = click.Context(cli, info_name="churn", help_option_names=cli.context_settings["help_option_names"])
    parts = ["# Commands", "Made from `--help` by `make docs`.", _section("churn", cli, context)]
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        parts += _sections(f"churn {name}", command, click.Context(command, info_name=name, parent=context))
    return "\n\n".join(parts) + "\n"


def _sections(title: str, command: click.Command, context: click.Context) -> list[str]:
    """A command and those below it."""
    found = [_section(title, command, context)]
    if isinstance(command, click.Group):
        for name, part in command.commands.items():
            found += _sections(f"{title} {name}", part, click.Context(part, info_name=name, parent=context))
    return found


def _section(title: str, command: click.Command, context: click.Context) -> str:
    context.terminal_width = context.max_content_width = WIDTH
    return f"## {title}\n\n```\n{command.get_help(context).rstrip()}\n```"


if __name__ == "__main__":
    click.echo(reference(), nl=False)
