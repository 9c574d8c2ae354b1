"""The activity of one user as a chart: every day from the first to the date of the list, idle ones too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from churn.report.blocks import Axis, Plot, Series, count
from churn.web.charts import FULL, Chart, chart

MS_A_MINUTE: Final = 60_000
MOST_BARS: Final = 120
"""A longer time is shown by weeks."""

KINDS: Final = {
    "songs": "songs played",
    "session_ms": "minutes in sessions",
    "events": "things done",
    "thumbs_up": "thumbs up",
    "thumbs_down": "thumbs down",
    "adverts": "adverts met",
    "errors": "errors met",
    "downgrade_views": "views of the Downgrade page",
}
"""Columns of the daily activity that can be chosen, and their names."""


def timeline(activity: Sequence[Mapping[str, Any]], as_of: str) -> Chart | None:
    """The timeline of a user.

    Args:
        activity: rows of active days, in order of time.
        as_of: the date of the risk list; its day is not over, so it is left out.

    Returns:
        A chart; None for a user without an active day.
    """
    if not activity:
        return None
    first, end = date.fromisoformat(activity[0]["day"]), date.fromisoformat(as_of)
    last = max(end - timedelta(days=1), date.fromisoformat(activity[-1]["day"]))
    step = 1 if (last - first).days < MOST_BARS else 7
    starts = [first + timedelta(days=k) for k in range(0, (last - first).days + 1, step)]
    names = [day.isoformat() for day in starts]
    choices = {}
    for column, words in KINDS.items():
        sums = [0.0] * len(names)
        for row in activity:
            sums[(date.fromisoformat(row["day"]) - first).days // step] += row[column]
        if any(sums):
            scale = MS_A_MINUTE if column == "session_ms" else 1
            choices[words] = [Series(words, names, [value / scale for value in sums], "bar")]
    if not choices:
        return None
    unit = "a day" if step == 1 else "a week"
    songs = sum(row["songs"] for row in activity)
    alt = f"{count(songs)} songs on {len(activity)} active days since {names[0]}; last active on {activity[-1]['day']}."
    axis = Axis("day (UTC)" if step == 1 else "week from (UTC)")
    return chart(Plot("timeline", "Activity", alt, axis, Axis(f"number {unit}", zero=True), choices, ""), FULL)
