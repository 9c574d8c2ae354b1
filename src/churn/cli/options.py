"""Options that several commands share, and the settings file."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import click

from churn.bundle import load
from churn.bundle.store import MANIFEST
from churn.decision import Policy
from churn.errors import SettingsError
from churn.ingest import OWN_NAMES
from churn.problem import Problem
from churn.s3.url import S3Url, is_s3, work_folder
from churn.settings import Settings, parse_memory

F = TypeVar("F", bound=Callable[..., Any])

DEFAULTS = Problem()


class Days(click.ParamType[tuple[int, ...]]):
    """Whole numbers of days, separated by commas."""

    name = "days"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """From text, or from a list in a settings file."""
        if isinstance(value, (tuple, list)):
            return tuple(int(day) for day in value)
        try:
            return tuple(int(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is no list of days; write it like 7,14,30", param, ctx)


class Place(click.ParamType["Path | str"]):
    """A path on this machine, or an address in S3 as text."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        """From text like run or s3://bucket/run."""
        return str(S3Url.of(value)) if is_s3(value) else Path(value)


class Day(click.ParamType[date]):
    """A UTC date."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """From text like 2018-11-20."""
        try:
            return value if isinstance(value, date) else date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no date; write it like 2018-11-20", param, ctx)


def config_option(command: F) -> F:
    """--config."""
    return click.option(
        "--config",
        type=click.Path(dir_okay=False),
        callback=_load_config,
        is_eager=True,
        expose_value=False,
        help="Settings from a TOML file, by the names of these options.",
    )(command)


def pairs(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """`name=value` as a dictionary."""
    pairs = [value.partition("=") for value in values]
    for name, sign, text in pairs:
        if not name.strip() or not sign:
            raise SettingsError(f"--conf {name}{sign}{text} is no setting", "write it like spark.executor.memory=4g")
    return {name.strip(): text for name, _, text in pairs}


def log_options(command: F) -> F:
    """LOG…, --out and what has to do with reading."""
    for decorate in (
        config_option,
        click.option("--memory", default="6GB", show_default=True, help="Memory that the whole run may use."),
        click.option("--max-refused", type=float, default=0.05, show_default=True, metavar="SHARE",
                     help="Largest share of lines that may be refused."),
        click.option("--conf", multiple=True, callback=pairs, metavar="NAME=VALUE",
                     help="Setting for Spark; may be given several times."),
        click.option("--master", default=None, metavar="URL",
                     help="Where Spark runs: local[*] (default), spark://host:port, yarn, k8s://..."),
        click.option("--engine", default="duckdb", show_default=True, help="What reads and counts: duckdb or spark."),
        click.option("--out", required=True, type=Place(), help="Folder to write to, also s3://bucket/folder."),
        click.argument("logs", nargs=-1, required=True, metavar="LOG..."),
    ):  # fmt: skip
        command = decorate(command)
    return command


def problem_options(command: F) -> F:
    """What is asked of the log."""
    for decorate in (
        click.option("--churn-page", "churn_page", multiple=True, default=DEFAULTS.churn_pages, show_default=True,
                     help="Page that means leaving; may be given several times."),
        click.option("--every", type=int, default=DEFAULTS.every, show_default=True,
                     help="Days between training cut-offs."),
        click.option("--windows", type=Days(), default=",".join(map(str, DEFAULTS.windows)), show_default=True,
                     help="Look-back windows in days."),
        click.option("--gap", type=int, default=DEFAULTS.gap, show_default=True,
                     help="Days between the cut-off and the first day that counts."),
        click.option("--horizon", type=int, default=DEFAULTS.horizon, show_default=True,
                     help="Days to look ahead."),
        click.option("--seed", type=int, default=0, show_default=True, help="Seed of everything that is random."),
    ):  # fmt: skip
        command = decorate(command)
    return command


def model_options(command: F) -> F:
    """How models are made, and whom they flag."""
    for decorate in (
        click.option("--success-rate", type=float, metavar="SHARE",
                     help="Share of contacted leavers who stay because of it."),
        click.option("--value-saved", type=float, metavar="MONEY", help="Worth of a leaver who stays."),
        click.option("--cost-contact", type=float, metavar="MONEY",
                     help="Price of contacting a user; with the two others the threshold is that of the best profit."),
        click.option("--capacity", type=int, metavar="N",
                     help="Users one can contact at a time; the threshold flags no more at any training date, "
                          "and about as many later."),
        click.option("--study", default="", help="Also compare: balance, features (both: with a comma); takes time."),
        click.option("--top-features", type=int, metavar="K", help="Train on the K best features only."),
        click.option("--balance", default="weights", show_default=True,
                     help="What is done about few leavers: none, weights, undersample, oversample, smote."),
        click.option("--families", default="",
                     help="Model families, separated by commas, or winner-of:RUN for the one that run chose "
                          "(a folder on this machine); all by default."),
    ):  # fmt: skip
        command = decorate(command)
    return command


def families_of(text: str) -> tuple[str, ...]:
    """Names of families from `a,b`, or of the one that won in the run of `winner-of:RUN`."""
    if text.startswith("winner-of:"):
        named = text.removeprefix("winner-of:")
        if is_s3(named):
            what = f"--families {text}: the run must lie on this machine"
            raise SettingsError(what, "copy its bundle here and name that folder, or name the family itself")
        run = Path(named)
        return (load(run if (run / MANIFEST).exists() else run / "bundle").manifest.model,)
    return words(text)


def words(text: str) -> tuple[str, ...]:
    """The parts between commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def policy_of(options: dict[str, Any]) -> Policy:
    """How the threshold is chosen."""
    names = ("capacity", "cost_contact", "value_saved", "success_rate")
    return Policy.of(*(options.get(name) for name in names))


def settings_of(options: dict[str, Any]) -> Settings:
    """Settings from the options of a command."""
    problem = Problem(
        churn_pages=tuple(options.get("churn_page", DEFAULTS.churn_pages)),
        horizon=options.get("horizon", DEFAULTS.horizon),
        gap=options.get("gap", DEFAULTS.gap),
        windows=options.get("windows", DEFAULTS.windows),
        every=options.get("every", DEFAULTS.every),
    )
    names = ("engine", "master", "conf", "seed", "max_refused", "force", "balance")
    chosen = {name: options[name] for name in names if name in options}
    context = click.get_current_context()
    out, remote = options["out"], str(options["out"]) if is_s3(options["out"]) else None
    return Settings(
        logs=tuple(options["logs"]),
        out=work_folder(remote) if remote else out,
        remote=remote,
        problem=problem,
        families=families_of(options.get("families", "")),
        policy=policy_of(options),
        best=options.get("top_features"),
        studies=words(options.get("study", "")),
        learner=options.get("learner"),
        memory=parse_memory(str(options["memory"])),
        columns={**OWN_NAMES, **context.meta.get("columns", {})},
        **chosen,
    )


def _load_config(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    """Take the values of a settings file as defaults; what is on the command line wins."""
    if value is None:
        return
    try:
        found = tomllib.loads(Path(value).read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"--config {value}: {error.strerror}", "check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"--config {value}: {error}", "mend the file") from error
    columns = found.pop("columns", {})
    if not isinstance(columns, dict) or not all(isinstance(name, str) for name in columns.values()):
        raise SettingsError(f"--config {value}: [columns] is no table of names", 'write it like: userId = "user"')
    ctx.meta["columns"] = columns
    options = {o.opts[0].removeprefix("--"): o for o in ctx.command.params if isinstance(o, click.Option)}
    del options["config"]
    settings = {name.replace("_", "-"): setting for name, setting in found.items()}
    unknown = sorted(set(settings) - set(options))
    if unknown:
        there_are = f"there are: {', '.join(sorted(options))}"
        raise SettingsError(f"--config {value}: no option is called {', '.join(unknown)}", there_are)
    ctx.default_map = {options[name].name: _as_typed(options[name], setting) for name, setting in settings.items()}


def _as_typed(option: click.Option, setting: Any) -> Any:
    """A value of a settings file as the command line would give it; a list may stand for text with commas."""
    values = [str(value) for value in (setting if isinstance(setting, list) else [setting])]
    return values if option.multiple else ",".join(values)
