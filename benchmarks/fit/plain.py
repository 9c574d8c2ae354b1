"""How hard the log is: a fixed plain model on plain counts, the same for every log and for the published user tables.

It is no part of the product and does not change with it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from benchmarks.fit.tables import RATES

HORIZON = 10
"""Days ahead of the forecast."""

CLOCK = ("days_since_registraion", "session_interval")
COUNTS = (
    "level", "count_logs", "count_sessions", "count_distinct_artists", "count_songs", "count_distinct_songs",
    "sum_length_minutes", "avg_songs_per_session", "avg_session_length", "total_hours",
)  # fmt: skip
"""Columns of the published user tables, spelt as there; those without a clock, then `RATES` by hour."""

REAL = {
    # roc_auc of the same model on the published user tables of the real log, by number of users.
    225: {"history, no clock": 0.639, "history": 0.819},
    448: {"history, no clock": 0.657, "history": 0.823},
    22_277: {"history, no clock": 0.730, "history": 0.919},
}

KIN = {"history, no clock": 0.612, "history": 0.745, "forecast, 10 days": 0.511}
"""The same on `eventsim_mini`, a log of the same kind by another program: 251 users, too few to tell much."""

OURS = """
SELECT churned AS churn, paid::INT AS level, events AS count_logs, sessions AS count_sessions,
       artists AS count_distinct_artists, songs AS count_songs, distinct_songs AS count_distinct_songs,
       minutes AS sum_length_minutes, songs_per_session AS avg_songs_per_session,
       session_minutes AS avg_session_length, hours AS total_hours, tenure AS days_since_registraion,
       gap AS session_interval, {rates}
FROM users ORDER BY userId
"""


def history(users: dict[str, NDArray[np.float64]]) -> dict[str, float]:
    """roc_auc of telling leavers from whole histories, out of fold, with and without clocks.

    Args:
        users: columns of a user table as the published ones have them.
    """
    rates = [f"page_{name}_hourly" for name in RATES]
    y = np.asarray(users["churn"]).astype(int)
    return {
        task: _score(np.column_stack([np.asarray(users[c], dtype=float) for c in columns]), y, np.arange(len(y)))
        for task, columns in (("history, no clock", [*COUNTS, *rates]), ("history", [*COUNTS, *rates, *CLOCK]))
    }


def of_log(con: duckdb.DuckDBPyConnection) -> dict[str, float]:
    """All scores of a log; see `benchmarks.fit.tables.connect`."""
    rates = ", ".join(f"coalesce(page_{n} / nullif(hours, 0), 0) AS page_{n}_hourly" for n in RATES)
    found = con.sql(OURS.format(rates=rates)).fetchnumpy()
    return {**history(found), f"forecast, {HORIZON} days": forecast(con)}


def forecast(con: duckdb.DuckDBPyConnection) -> float:
    """roc_auc of telling who leaves in the next days, from window counts; out of fold by user, cut-offs pooled."""
    # Of members, as below: a visitor's line past the window would move every cut-off into days that nobody saw whole.
    (first, last) = con.sql("SELECT min(ts), max(ts) FROM log WHERE userId <> ''").fetchall()[0]
    end = datetime.fromtimestamp(last / 1000, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    parts = []
    while (end := end - timedelta(days=HORIZON)).timestamp() * 1000 >= first + 14 * 86_400_000:
        parts.append(con.sql(_windows(int(end.timestamp() * 1000))).fetchnumpy())
    names = [name for name in parts[0] if name not in ("userId", "label")]
    x = np.column_stack(
        [np.concatenate([np.ma.filled(part[n].astype(float), np.nan) for part in parts]) for n in names]
    )
    y = np.concatenate([part["label"] for part in parts]).astype(int)
    return _score(x, y, np.unique(np.concatenate([part["userId"] for part in parts]), return_inverse=True)[1])


def _windows(cut: int) -> str:
    """Counts of every user still there at a cut-off, by window."""
    pages = ["NextSong", *(name.replace("_", " ").title().replace(" To ", " to ") for name in RATES)]
    day = 86_400_000
    counts = [
        f"count(*) FILTER (page = '{page}' AND ts >= {cut - days * day}) AS \"{page} {days}\""
        for page in pages
        for days in (7, 14, 30, 90)
    ]
    return f"""
        WITH past AS (
            SELECT userId, {", ".join(counts)}, count(DISTINCT sessionId) AS sessions,
                   ({cut} - max(ts)) / 3600000 AS recency, ({cut} - any_value(registration)) / 86400000 AS tenure,
                   (arg_max(level, ts * 10000 + itemInSession) = 'paid')::INT AS paid
            FROM log WHERE userId <> '' AND ts < {cut} GROUP BY ALL
            HAVING count(*) FILTER (page = 'Cancellation Confirmation') = 0
        ), future AS (
            SELECT DISTINCT userId FROM log WHERE page = 'Cancellation Confirmation'
            AND ts >= {cut} AND ts < {cut + HORIZON * day}
        )
        SELECT past.*, (future.userId IS NOT NULL)::INT AS label
        FROM past LEFT JOIN future USING (userId) ORDER BY userId
    """


def _score(x: NDArray[np.float64], y: NDArray[np.int64], groups: NDArray[np.int64]) -> float:
    model = HistGradientBoostingClassifier(
        max_iter=150, learning_rate=0.05, max_leaf_nodes=15, min_samples_leaf=20, l2_regularization=1.0, random_state=0
    )
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    p = cross_val_predict(model, x, y, groups=groups, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc_score(y, p))
