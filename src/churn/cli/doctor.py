"""`churn doctor`: what is installed, what is missing, what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata, util

import click

from churn.engines.java import HOW, NEWER, java_path, java_version, missing_java, spark_too_old


@dataclass(frozen=True)
class Need:
    """One thing that some part of the program needs.

    Attributes:
        part: what it is for.
        modules: importable names; all must be there.
        remedy: what to do where one is not.
        core: without it nothing works.
    """

    part: str
    modules: tuple[str, ...]
    remedy: str
    core: bool = False


NEEDS = (
    Need("reading and counting (DuckDB)", ("duckdb", "ibis", "pyarrow"), "pip install sparkify-churn", core=True),
    Need("training (scikit-learn, XGBoost)", ("sklearn", "xgboost", "onnx"), "pip install sparkify-churn", core=True),
    Need("scoring (ONNX Runtime)", ("onnxruntime",), "pip install sparkify-churn", core=True),
    Need("report (Jinja2, Plotly)", ("jinja2", "plotly"), "pip install sparkify-churn", core=True),
    Need("Spark", ("pyspark", "pandas"), "pip install 'sparkify-churn[spark]'; only for logs larger than one machine"),
    Need("notebook", ("ipykernel", "nbconvert"), "pip install 'sparkify-churn[notebook]'"),
    Need("web page", ("flask", "waitress", "orjson", "prometheus_client"), "pip install 'sparkify-churn[web]'"),
    Need("AWS", ("boto3", "cryptography"), "pip install 'sparkify-churn[aws]'"),
)


@click.command("doctor")
def command() -> None:
    """Say what is installed, what is missing, and what to do about it; exit status 1 if the core is incomplete.

    \b
    Example:
      churn doctor
    """
    click.echo(f"sparkify-churn {metadata.version('sparkify-churn')}")
    missing_core = False
    for need in NEEDS:
        missing = [name for name in need.modules if util.find_spec(name) is None]
        state = f"missing {', '.join(missing)}: {need.remedy}" if missing else _versions(need.modules)
        old = "pyspark" in need.modules and "pyspark" not in missing and spark_too_old(_version("pyspark"))
        if old:
            state = f"pyspark {_version('pyspark')} is too old: {NEWER}"
        click.echo(f"{'--' if missing or old else 'ok'}  {need.part}: {state}")
        missing_core |= bool(missing) and need.core
    click.echo(_java())
    if missing_core:
        click.get_current_context().exit(1)


def _java() -> str:
    wrong, java = missing_java(), java_path()
    if wrong or java is None:
        return f"--  Java: {wrong}: only Spark needs it; {HOW}"
    return f"ok  Java: {java_version(java)} ({java})"


def _versions(modules: tuple[str, ...]) -> str:
    return ", ".join(f"{name} {_version(name)}" for name in modules)


def _version(name: str) -> str:
    """Of an importable module; empty where no package holds it, as on clusters that come with their own Spark."""
    packages = _packages().get(name)
    return metadata.version(packages[0]) if packages else ""


@cache
def _packages() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()  # looks at every file that is installed
