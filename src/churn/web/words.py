"""What templates use to put numbers into words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Flask

from churn.report.blocks import shown
from churn.web.gauge import gauge
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
    when = f"leave within {horizon} days" if horizon else "leave"
    base = manifest.base_rate
    times = probability / base if base else math.nan
    compared = "" if math.isnan(times) else f", {rough(times)} times the {percent(base)} that the model learned from"
    return f"Of 100 users like this one, {of_hundred(probability)} {when}{compared}: band {band}."


def of_hundred(probability: float) -> str:
    """How many of 100 users.

    >>> of_hundred(0.004), of_hundred(0.005), of_hundred(0.42), of_hundred(0.998)
    ('fewer than 1', 'about 1', 'about 42', 'more than 99')
    """
    if probability < 0.005:
        return "fewer than 1"
    return "more than 99" if probability > 0.995 else f"about {math.floor(100 * probability + 0.5)}"


def rough(number: float) -> str:
    """A positive number by its first two digits, without an exponent.

    >>> rough(183.0), rough(2.345), rough(0.0412), rough(0.00001), rough(12345.6)
    ('180', '2.3', '0.041', 'less than 0.01', '12,000')
    """
    return "less than 0.01" if number < 0.01 else short(float(f"{number:.2g}"))


def first_up(text: str) -> str:
    """A text that begins with a capital letter, and is else as it was.

    >>> first_up("share of US users"), first_up("")
    ('Share of US users', '')
    """
    return text[:1].upper() + text[1:]


def people(number: float) -> str:
    """An expected number of people: in tenths where there are few.

    >>> people(0.31), people(12.34), people(1234.5)
    ('0.3', '12.3', '1,234')
    """
    return f"{number:,.0f}" if number >= 99.95 else f"{number:.1f}"


def moment(seconds: float) -> str:
    """A time in seconds since 1970 as people read it, UTC.

    >>> moment(0)
    '1970-01-01 00:00:00'
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def schema_words(schema: Mapping[str, Any]) -> str:
    """A small JSON schema in words.

    >>> schema_words({"type": "integer", "minimum": 1}), schema_words({"enum": ["a", "b"]})
    ('integer, minimum 1', 'a, b')
    """
    if "anyOf" in schema:
        return ", or ".join("empty" if one.get("maxLength") == 0 else schema_words(one) for one in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    kinds = schema.get("type", "")
    kind = kinds if isinstance(kinds, str) else " or ".join(kinds)
    rest = [f"{name} {value}" for name, value in schema.items() if name not in ("type", "description")]
    return ", ".join([part for part in (kind, schema.get("description", ""), *rest) if part])


def add_words(app: Flask) -> None:
    """Give templates filters and functions for words and numbers, and what every page shows."""
    filters = {"percent": percent, "short": short, "people": people, "moment": moment, "cut": shown}
    app.jinja_env.filters |= {**filters, "first_up": first_up, "schema": schema_words}
    app.jinja_env.globals |= {"sentence": sentence, "gauge": gauge}

    @app.context_processor
    def shared() -> dict[str, object]:
        held = state()
        return {
            "navigation": NAVIGATION,
            "has_run": held.store is not None,
            "has_token": held.settings.token is not None,
            "manifest": held.manifest,
        }
