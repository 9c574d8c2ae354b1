"""What tasks and models are called on the page."""

from __future__ import annotations

from churn.report.blocks import shown

TASKS = {
    "forecast": "forecast",
    "history": "history (not a forecast)",
    "history_no_clock": "history without clock features (not a forecast)",
    "table": "table",
}
"""Tasks in the order in which they are shown, and their names."""


def name_of(model: str) -> str:
    """A model as people call it."""
    return shown(model.replace("_", " "), 40)
