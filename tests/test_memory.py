"""Peak memory by step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from churn.memory import peak_memory, reset_peak_memory

BIG = 300_000_000


def test_the_peak_sees_memory_that_was_given_back() -> None:
    before = peak_memory()
    np.ones(BIG // 8)
    assert peak_memory() >= min(before + BIG // 2, BIG)
    assert 1_000_000 < peak_memory() < 100_000_000_000


def test_a_reset_forgets_what_earlier_steps_needed() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pytest.skip("this system cannot forget a peak")
    np.ones(BIG // 8)
    high = peak_memory()
    reset_peak_memory()
    assert peak_memory() < high - BIG // 2
