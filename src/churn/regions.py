"""The states of the USA and the four regions of its census."""

from __future__ import annotations

from typing import Final

REGIONS: Final = {
    "northeast": "CT ME MA NH RI VT NJ NY PA",
    "midwest": "IL IN MI OH WI IA KS MN MO NE ND SD",
    "south": "DE DC FL GA MD NC SC VA WV AL KY MS TN AR LA OK TX",
    "west": "AZ CO ID MT NV NM UT WY AK CA HI OR WA",
}
"""Regions with their states; a metro area belongs to the region of the first of its states."""

STATES: Final = tuple(sorted(state for states in REGIONS.values() for state in states.split()))
"""The 50 states and the District of Columbia."""


def region_of(state: str) -> str | None:
    """The region of a state.

    >>> region_of("MA"), region_of("XX")
    ('northeast', None)
    """
    return next((name for name, states in REGIONS.items() if state in states.split()), None)
