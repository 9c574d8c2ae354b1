"""The model card: what a bundle is, how good it is, and what it must not be used for, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from churn.bundle.manifest import Manifest

SHOWN: Final = (
    "roc_auc", "average_precision", "f1_churn", "precision_churn", "recall_churn", "lift_10", "ece", "brier",
    "brier_skill",
)  # fmt: skip

LIMITS: Final = """\
- A probability is a statement about users like this one in the past, not about this person.
- It is calibrated on the log named above. Another service, another season, another price: measure again.
- Reasons say what moves the model's answer, not what causes people to leave. Whether an offer changes a mind
  is another question, answered by not contacting some of them.
- Users without an event before the cut-off are not judged at all.
- Do not use it to decide on anything but whom to ask or to please: not on access, prices or rights."""


def card(manifest: Manifest) -> str:
    """The text of `card.md`."""
    training, problem = manifest.training, manifest.problem
    parts = (
        f"# Churn model: {manifest.model}, task {manifest.task}",
        f"Made {manifest.created} by sparkify-churn {manifest.versions.get('sparkify-churn', '')}.",
        "## What it answers",
        _question(manifest),
        "## What it was trained on",
        _lines(
            f"{training['rows']:,} rows of {training['users']:,} users, {training['leavers']:,} of whom left",
            *([f"cut-offs: {', '.join(training['cutoffs'])}"] if training["cutoffs"] else []),
            f"data fingerprint: {manifest.fingerprint}",
            f"seed: {training['seed']}",
            "enough leavers to learn from: " + ("yes" if training["enough"] else "NO, forced; do not rely on it"),
            *_asked(problem),
        ),
        "## How good it is",
        f"On {training['test']}{'' if manifest.task == 'table' else ', which it has not seen'}:",
        _lines(*(f"{name}: {_number(manifest.metrics.get(name))}" for name in SHOWN)),
        f"The threshold for high risk is {manifest.threshold:.4f}, chosen on training folds{_rule(training)}; "
        f"medium risk starts at the base rate, {manifest.base_rate:.4f}.",
        f"The ONNX model gives the trained model's probabilities to {manifest.parity['max_abs_difference']:.1e} "
        f"on {int(manifest.parity['rows']):,} rows.",
        "## Limits",
        LIMITS,
        "## Inputs",
        _lines(*(f"`{f.name}`: {f.sentence} (usual {f.usual:.4g})" for f in manifest.features)),
    )
    return "\n\n".join(parts) + "\n"


def _asked(problem: Mapping[str, Any]) -> list[str]:
    """What makes a leaver, in a log or in a table."""
    if "churn_pages" in problem:
        return [f"churn pages: {', '.join(problem['churn_pages'])}"]
    return [f"label: column {problem['label']} of a ready-made table"]


def _question(manifest: Manifest) -> str:
    problem = manifest.problem
    if manifest.task == "table":
        return (
            f"Is the label `{problem['label']}` of the table 1 for this user? Whether that is a forecast depends on "
            "whether the columns were known before the label was; features of whole histories are not."
        )
    if manifest.task != "forecast":
        return "Who is a leaver, told from the whole history? This is not a forecast."
    gap = f", starting {problem['gap']} days later" if problem["gap"] else ""
    return f"How likely is this user to leave in the {problem['horizon']} days after the cut-off{gap}?"


def _rule(training: Mapping[str, Any]) -> str:
    """How the threshold was chosen; older bundles do not say."""
    chosen = training.get("threshold", {})
    words = {
        "f1_churn": " for the best F1 of the churn class",
        "capacity": (
            f" so that of their users at most {chosen.get('capacity')} a date are at high risk (at other dates it may "
            "be some more or fewer: the list is in order of risk, contact it from the top)"
        ),
        "profit": (
            f" for the best expected profit (contact {chosen.get('cost_contact')}, saved {chosen.get('value_saved')}, "
            f"success rate {chosen.get('success_rate')})"
        ),
    }
    return words.get(chosen.get("rule", ""), "")


def _lines(*items: str) -> str:
    return "\n".join(f"- {item}" for item in items)


def _number(value: Any) -> str:
    return "not defined" if value is None else f"{value:.4f}"
