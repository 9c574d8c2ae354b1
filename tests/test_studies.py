"""How many features a study of the best ones tries."""

from __future__ import annotations

import pytest

from churn.studies import counts


@pytest.mark.parametrize(
    ("whole", "tried"),
    [
        (219, [4, 8, 12, 16, 20, 24, 28, 32, 48, 72, 108, 160, 219]),
        (39, [4, 8, 12, 16, 20, 24, 28, 32, 39]),
        (8, [4, 8]),
        (3, [3]),
    ],
)
def test_every_fourth_number_then_wider_steps_and_all(whole: int, tried: list[int]) -> None:
    assert list(counts(whole)) == tried
