"""From the inputs to the whole page as sections: the summary, before any HTML."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import Any

from churn.report.blocks import Block, Missing, Plot, Section
from churn.report.inputs import Inputs
from churn.report.sections import behaviour, data, honest, leavers, models, reproduce, risk, short

MAKERS = (short, data, leavers, behaviour, models, honest, risk, reproduce)
"""Modules of the sections, in the order of the page."""


def summarise(inputs: Inputs) -> list[Section]:
    """All sections of the report on one run."""
    return [drawable(maker.section(inputs)) for maker in MAKERS]


def drawable(section: Section) -> Section:
    """With a line in place of each plot that has nothing to draw."""
    blocks: list[Block] = [
        Missing(f"{block.title}: there is nothing to show. {block.alt}")
        if isinstance(block, Plot) and block.empty
        else block
        for block in section.blocks
    ]
    return replace(section, blocks=blocks)


def plots(sections: list[Section]) -> list[Plot]:
    """The plots of all sections, in order."""
    return [block for section in sections for block in section.blocks if isinstance(block, Plot)]


def as_json(plot: Plot) -> dict[str, Any]:
    """A plot as values that JSON can hold: nan becomes null."""
    found = asdict(plot)
    del found["counted"]  # for the file beside the page
    found["choices"] = [{"name": name, "series": series} for name, series in found["choices"].items()]
    cleaned: dict[str, Any] = _clean(found)
    return cleaned


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _clean(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(part) for part in value]
    if isinstance(value, float):
        return None if not math.isfinite(value) else float(f"{value:.6g}")
    return value
