"""How many are still there after so many days: Kaplan and Meier's estimate, with late entry."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from churn.evaluation import Z95, Floats, Row

AT_RISK: Final = 30
"""A curve starts on the first day, and ends before the last, on which so many users were watched."""


def survival_rows(entry: Floats, exit_: Floats, left: npt.NDArray[np.bool_]) -> list[Row]:
    """The share still there after each whole day, for who was there on the first day of the curve.

    A user is watched from `entry` to `exit_`. Who registered before the log began enters late: had they left
    earlier, the log would not show them, so they count only from then on (left truncation). Who stayed is
    watched until the log ends (censored). Kaplan & Meier, 1958; interval: Greenwood's variance on the scale
    of log(-log S), Kalbfleisch & Prentice, 1980.

    Args:
        entry: days since the origin at which each user was first seen, 0 or more.
        exit_: days since the origin at which each user left, or the log ended.
        left: who left.

    Returns:
        `day`, `at_risk`, `leavers`, `survival`, `low`, `high`; empty where too few were watched.
    """
    first, last = np.floor(entry).astype(np.int64), np.floor(exit_).astype(np.int64)
    days = int(last.max(initial=-1)) + 1
    entered = np.bincount(first, minlength=days)[:days].cumsum()
    gone = np.bincount(last, minlength=days)[:days]
    at_risk = entered - np.concatenate([[0], gone.cumsum()[:-1]]) if days else np.zeros(0, dtype=np.int64)
    enough = np.flatnonzero(at_risk >= AT_RISK)
    if not enough.size:
        return []
    start = int(enough[0])
    few = np.flatnonzero(at_risk[start:] < AT_RISK)
    end = start + int(few[0]) if few.size else days
    watched = at_risk[start:end].astype(float)
    leavers = np.bincount(last[left], minlength=days)[start:end].astype(float)
    share = np.cumprod(1 - leavers / watched)
    low, high = _interval(share, leavers, watched)
    return [
        {"day": start + i, "at_risk": int(watched[i]), "leavers": int(leavers[i]),
         "survival": float(share[i]), "low": float(low[i]), "high": float(high[i])}
        for i in range(end - start)
    ]  # fmt: skip


def _interval(share: Floats, leavers: Floats, watched: Floats) -> tuple[Floats, Floats]:
    with np.errstate(divide="ignore", invalid="ignore"):  # before the first leaving, and after the last: no width
        variance = np.cumsum(leavers / (watched * (watched - leavers)))
        half = Z95 * np.sqrt(variance) / np.abs(np.log(share))
        low, high = share ** np.exp(half), share ** np.exp(-half)
    return np.where(np.isfinite(half), low, share), np.where(np.isfinite(half), high, share)
