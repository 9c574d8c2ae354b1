"""Who is at risk now."""

from __future__ import annotations

import numpy as np

from churn.report.blocks import Axis, Missing, Plot, Section, Series, Table, Tiles, Words, count, percent, shown
from churn.report.inputs import Inputs, number

TOP = 25
"""Users shown by name."""


def section(inputs: Inputs) -> Section:
    """The section `risk`."""
    title = "Who is at risk now"
    rows = inputs.tables["risk"]
    if not rows:
        return Section("risk", title, [Missing("No risk list was made in this folder: run churn run to make one.")])
    bands = {band: sum(row["band"] == band for row in rows) for band in ("high", "medium", "low")}
    as_of = rows[0]["as_of"]
    top = [
        [row["rank"], shown(row["userId"], 40), percent(number(row, "probability")),
         "; ".join(shown(row[f"reason_{i}"]) for i in (1, 2, 3) if row.get(f"reason_{i}")) or "–", row["band"],
         shown(row["level"], 20) or "–", shown(row["region"], 20) or "–", row["last_seen"][:10]]
        for row in rows[:TOP]
    ]  # fmt: skip
    return Section(
        "risk", title,
        [
            Tiles([("users on the list", count(len(rows))), ("as of", as_of),
                   *((f"band {band}", count(n)) for band, n in bands.items())]),
            Words(
                "Band high: the probability reaches the threshold that the model was given on training folds; "
                "medium: at least the usual rate of leaving; low: less. A reason names what, set to usual, would "
                "lower the probability most; it is no proof of a cause."
            ),
            _histogram([number(row, "probability") for row in rows]),
            Table(f"The {min(TOP, len(rows))} users most at risk",
                  ["rank", "user", "probability", "reasons", "band", "level", "region", "last seen"], top,
                  [True, False, True, False, False, False, False, True], "risk.csv"),
        ],
    )  # fmt: skip


def _histogram(probabilities: list[float]) -> Plot:
    top = max(probabilities, default=0.0)
    width = next(w for w in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05) if top <= 40 * w or w == 0.05)
    bins = np.floor(np.array(probabilities) / width + 1e-9).astype(int)
    counts = np.bincount(bins)
    middles = [(i + 0.5) * width for i in range(counts.size)]
    counted = [
        {"from": round(i * width, 6), "to": round((i + 1) * width, 6), "users": int(n)} for i, n in enumerate(counts)
    ]
    return Plot(
        "risk", "How the probabilities spread", f"The highest is {percent(top)}, half are below "
        f"{percent(float(np.median(probabilities)))}.",
        Axis("probability of leaving", percent=True), Axis("users", zero=True),
        {"": [Series("users", middles, [float(n) for n in counts], "bar")]}, "figures/risk.csv",
        counted=counted,
    )  # fmt: skip
