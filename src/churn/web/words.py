"""What templates use to put numbers into words."""

from __future__ import annotations

import math

from flask import Flask

from churn.web.state import state

NAVIGATION = (
    ("pages.overview", "Overview", True),
    ("pages.risk", "At risk", True),
    ("pages.ask", "Ask", False),
    ("pages.score", "Score a file", False),
    ("pages.model", "Model", False),
    ("pages.api_page", "API", False),
)
"""Endpoint, title, and whether it needs the folder of a run."""


def percent(value: float | None, digits: int = 1) -> str:
    """A share in percent.

    >>> percent(0.1234), percent(None)
    ('12.3 %', '-')
    """
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}%}".replace("%", " %")


def short(value: float | str | None) -> str:
    """A number with no more digits than people read; cells of tables are texts.

    >>> short(31.0), short(0.12345), short("1234.5"), short(None), short(True)
    ('31', '0.123', '1,234', '-', '1')
    """
    if value is None or value == "":
        return "-"
    number = float(value)
    if math.isnan(number):
        return "-"
    return f"{number:,.0f}" if abs(number) >= 999.5 else f"{number:.3g}"


def sentence(probability: float, band: str) -> str:
    """An answer as a plain sentence."""
    manifest = state().manifest
    horizon = manifest.problem.get("horizon")
    when = f"leave in the {horizon} days after" if horizon else "leave"
    base = manifest.base_rate
    times = probability / base if base else math.nan
    compared = "" if math.isnan(times) else f", {times:.2g} times the {percent(base)} that the model learned from"
    return f"Of 100 users like this one, about {probability * 100:.0f} {when}{compared}: band {band}."


def add_words(app: Flask) -> None:
    """Give templates the filters `percent` and `short`, the function `sentence`, and what every page shows."""
    app.jinja_env.filters |= {"percent": percent, "short": short}
    app.jinja_env.globals |= {"sentence": sentence}

    @app.context_processor
    def shared() -> dict[str, object]:
        held = state()
        return {
            "navigation": NAVIGATION,
            "has_run": held.store is not None,
            "has_token": held.settings.token is not None,
            "manifest": held.manifest,
        }
