"""A log with the shape of the real one, of any size, with the truth known: `simulate`."""

from __future__ import annotations

from churn.simulate.log import SIZES, Simulation
from churn.simulate.write import simulate

__all__ = ["SIZES", "Simulation", "simulate"]
