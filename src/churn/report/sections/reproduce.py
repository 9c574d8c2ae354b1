"""How to get every number again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from churn.report.blocks import Block, Code, Missing, Section, Table, Words, decimal, shown
from churn.report.inputs import Inputs

_OPTIONS = ("engine", "learner", "horizon", "gap", "every", "seed", "memory", "max_refused")


def section(inputs: Inputs) -> Section:
    """The section `reproduce`."""
    blocks: list[Block] = []
    settings = inputs.run.get("settings")
    if settings:
        blocks += [Words("This command makes this page and every file beside it again:"), Code(command(settings))]
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
    """The command line of a run, every setting spelled out."""
    words = ["churn", "run", *(str(log) for log in settings["logs"]), "--out", str(settings["out"])]
    for name in _OPTIONS:
        if name in settings:
            words += [f"--{name.replace('_', '-')}", str(settings[name])]
    words += ["--windows", ",".join(map(str, settings["windows"]))]
    for page in settings["churn_pages"]:
        words += ["--churn-page", str(page)]
    if settings["families"]:
        words += ["--families", ",".join(settings["families"])]
    if settings["force"]:
        words.append("--force")
    return shlex.join(words)


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
