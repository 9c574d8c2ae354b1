"""The risk list: every eligible user at a date, ranked by the probability of leaving, with reasons."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from churn.evaluation import Row
from churn.scoring import REASONS, ROUNDED, Scorer
from churn.tables import Table


def risk_rows(table: Table, scorer: Scorer, attributes: Mapping[str, Mapping[str, Any]], as_of: date) -> list[Row]:
    """Rows of `risk.csv`.

    Args:
        table: snapshots at `as_of`, labels unknown.
        scorer: a bundle, opened.
        attributes: by user id, `level`, `region` and `last_ts` (ms).
        as_of: the date of the snapshots.

    Returns:
        One row a user, the highest probability first, ties by user id.
    """
    x = table.x[:, scorer.columns(table.names)]
    p = np.round(scorer.probabilities(x), ROUNDED)  # first, so that rank and band follow from what the file says
    bands, reasons = scorer.bands(p), scorer.reasons(x)
    order = np.lexsort((table.users.astype(str), -p))
    rows: list[Row] = []
    for rank, i in enumerate(order, 1):
        user = str(table.users[i])
        texts = [reason.text for reason in reasons[i]] + [""] * REASONS
        rows.append(
            {
                "rank": rank,
                "userId": user,
                "probability": float(p[i]),
                "band": bands[i],
                **{f"reason_{k}": texts[k - 1] for k in range(1, REASONS + 1)},
                "level": attributes[user]["level"],
                "region": attributes[user]["region"],
                "last_seen": _utc(attributes[user]["last_ts"]),
                "as_of": as_of.isoformat(),
            }
        )
    return rows


def _utc(ts: int) -> str:
    return datetime.fromtimestamp(ts / 1000, UTC).isoformat(timespec="seconds")
