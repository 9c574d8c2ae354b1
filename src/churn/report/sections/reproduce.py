"""How to get every number again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from churn.report.blocks import Block, Code, Missing, Section, Table, Words, decimal, shown
from churn.report.inputs import Inputs

_OPTIONS = (
    "engine", "learner", "horizon", "gap", "every", "seed", "memory", "max_refused", "balance", "top_features",
    "capacity", "cost_contact", "value_saved", "success_rate",
)  # fmt: skip
_LISTS = {"windows": "--windows", "families": "--families", "studies": "--study"}


def section(inputs: Inputs) -> Section:
    """The section `reproduce`."""
    blocks: list[Block] = []
    settings = inputs.run.get("settings")
    if settings:
        more = " (with the [columns] listed below in a file for --config)" if settings.get("columns") else ""
        blocks += [Words(f"This command makes this page and all files beside it again{more}:"), Code(command(settings))]
    else:
        blocks.append(Missing("Settings and versions: the folder has no run.json, since no run was finished in it."))
    if inputs.facts.get("fingerprint"):
        blocks.append(
            Words(
                f"Fingerprint of the data: {inputs.facts['fingerprint']}. The same events give the same, however they "
                "lie in files. Same data, settings, seed and versions give the same numbers."
            )
        )
    if settings:
        rows = [[shown(name, 40), shown(_text(value), 300)] for name, value in sorted(settings.items())]
        blocks.append(Table("Settings", ["setting", "value"], rows, [False, False], "", folded=True))
    versions = inputs.run.get("versions", {})
    if versions:
        cells = [[shown(name, 60), shown(str(version), 40)] for name, version in versions.items()]
        blocks.append(Table("Versions", ["library", "version"], cells, [False, False], "", folded=True))
    steps = inputs.run.get("steps", [])
    if steps:
        cells = [[step["name"], decimal(step["seconds"], 1), decimal(step["memory"] / 1e6, 0)] for step in steps]
        blocks.append(Table("Steps", ["step", "seconds", "peak memory (MB)"], cells, [False, True, True]))
    return Section("reproduce", "How to get every number again", blocks)


def command(settings: Mapping[str, Any]) -> str:
    """The command line of a run, every setting spelled out; `columns` alone have to stand in a file for --config."""
    words = ["churn", "run", *(str(log) for log in settings["logs"]), "--out", str(settings["out"])]
    values = {**settings, **settings.get("threshold", {})}
    for name in _OPTIONS:
        if values.get(name) is not None:
            words += [f"--{name.replace('_', '-')}", str(values[name])]
    for name, option in _LISTS.items():
        if settings.get(name):
            words += [option, ",".join(map(str, settings[name]))]
    for page in settings["churn_pages"]:
        words += ["--churn-page", str(page)]
    if settings.get("force"):
        words.append("--force")
    return shlex.join(words)


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
