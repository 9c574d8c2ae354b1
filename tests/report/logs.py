"""Logs that are made to break a page."""

from __future__ import annotations

from tests.conftest import Row, event
from tests.e2e.small import learnable_rows
from tests.tiny import ms

SCRIPT = "<script>document.title='owned';window.owned=1</script>"
HOSTILE = (
    SCRIPT,
    '"><img src=x onerror="window.owned=1">',
    "</script><script>window.owned=1</script>",
    "\u202e\u0645\u0631\u062d\u0628\u0627 right to left",
    "x" * 10_000,
    "<a href='https://example.invalid/'>click</a>",
    "{{ 7 * 7 }} {% raw %}",
    "a\u2028b\u0000c\tline\nbreak",
    "=cmd|' /C calc'!A0",
)
"""Texts as somebody might choose them for a name."""


def hostile_rows() -> list[Row]:
    """A log with leavers in which every text of a user is hostile."""
    rows = learnable_rows()
    for i, row in enumerate(rows):
        text = HOSTILE[int(row["userId"]) % len(HOSTILE)]
        row |= {"location": f"{text}, CA", "userAgent": text, "firstName": text, "lastName": text, "gender": text}
        if row["page"] == "NextSong":
            row |= {"artist": HOSTILE[i % len(HOSTILE)], "song": HOSTILE[(i + 1) % len(HOSTILE)]}
        if i % 50 == 0 and row["page"] == "NextSong":
            row["page"] = HOSTILE[(i // 50) % len(HOSTILE)]
    return rows


def nobody_leaves() -> list[Row]:
    """Three users, one level, no location, nobody leaves, no songs."""
    return [
        event(str(user), ms(f"10-0{day} 12:0{user}"), "Home", location=None, registration=None, gender=None)
        for user in (1, 2, 3)
        for day in (1, 2, 3, 4)
    ]
