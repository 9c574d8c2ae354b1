"""The page "Model": the model card as tiles, facts and limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from churn.bundle import Manifest
from churn.web.overview import Tile
from churn.web.words import percent, short

MEASURES: Final = {
    "roc_auc": "a leaver ranks above one who stays so often; chance is 0.5",
    "average_precision": "chance is the base rate",
    "lift_10": "leavers among the riskiest tenth, as a multiple of all",
    "recall_churn": "of the leavers are in the high band",
    "precision_churn": "of the high band leave",
    "ece": "mean distance of probabilities from what came true",
}
"""Metrics that are shown first, and what each means."""

_SHARES: Final = ("recall_churn", "precision_churn")


def measures(manifest: Manifest) -> list[Tile]:
    """The metrics of the model on what it had not seen."""
    metrics = manifest.metrics
    return [
        Tile(name, percent(metrics[name]) if name in _SHARES else short(metrics[name]), words)
        for name, words in MEASURES.items()
        if metrics.get(name) is not None
    ]


def facts(manifest: Manifest) -> list[tuple[str, str]]:
    """Question, data, dates and versions, by name; what the bundle does not say is left out."""
    problem, training = manifest.problem, manifest.training
    horizon, gap = problem.get("horizon"), problem.get("gap")
    question = f"leaves in the {horizon} days after a cut-off" + (f" and a gap of {gap} days" if gap else "")
    found = {
        "Question": question if horizon else "is marked as leaving in the table",
        "Leaving is": _listed(problem.get("churn_pages")),
        "Looks back over": f"{_listed(problem.get('windows'))} days, and all time" if problem.get("windows") else "",
        "Trained on": _size(training),
        "Cut-offs": _listed(training.get("cutoffs")),
        "Measured on": str(training.get("test") or ""),
        "Base rate": percent(manifest.base_rate),
        "High band from": percent(manifest.threshold),
        "Threshold rule": str((training.get("threshold") or {}).get("rule") or ""),
        "Settings": ", ".join(f"{name} {value}" for name, value in (training.get("settings") or {}).items()),
        "Seed": str(training.get("seed", "")),
        "Data fingerprint": manifest.fingerprint,
        "Made": f"{manifest.created[:19].replace('T', ' ')} UTC",
        "With": ", ".join(f"{name} {version}" for name, version in manifest.versions.items()),
    }
    return [(name, value) for name, value in found.items() if value]


def limits(card: str) -> list[str]:
    """The points under the heading "Limits" of a model card."""
    section = re.search(r"^## Limits\n(.*?)(?=^## |\Z)", card, re.MULTILINE | re.DOTALL)
    points = re.split(r"^- ", section[1] if section else "", flags=re.MULTILINE)[1:]
    return [" ".join(point.split()) for point in points]


def _size(training: Mapping[str, Any]) -> str:
    named = [f"{training[name]:,} {name}" for name in ("rows", "users", "leavers") if training.get(name) is not None]
    return ", ".join(named)


def _listed(values: Any) -> str:
    return ", ".join(map(str, values or ()))
