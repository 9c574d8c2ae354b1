"""The log's 18 columns and 22 pages, and the sets of pages that have a meaning of their own.

Figures and quirks behind these choices come from public analyses of the log; see docs/architecture.md.
"""

from __future__ import annotations

from typing import Final

NUMBERS: Final = ("itemInSession", "length", "registration", "sessionId", "status", "ts")
"""Columns that hold numbers: counts, seconds (`length`), milliseconds since 1970 UTC (`registration`, `ts`)."""

TEXTS: Final = (
    "artist",
    "auth",
    "firstName",
    "gender",
    "lastName",
    "level",
    "location",
    "method",
    "page",
    "song",
    "userAgent",
    "userId",
)
"""Columns that hold text. `userId` may also be written as a number."""

COLUMNS: Final = tuple(sorted(NUMBERS + TEXTS, key=str.lower))
"""All 18 columns, in alphabetical order."""

REQUIRED: Final = ("page", "ts", "userId")
"""Columns without which there is nothing to compute; the others may be absent from single lines."""

PAGES: Final = (
    "NextSong",
    "Add to Playlist",
    "Thumbs Up",
    "Thumbs Down",
    "Add Friend",
    "Logout",
    "Save Settings",
    "Submit Upgrade",
    "Submit Downgrade",
    "Home",
    "Roll Advert",
    "Downgrade",
    "Help",
    "Settings",
    "About",
    "Upgrade",
    "Error",
    "Login",
    "Register",
    "Submit Registration",
    "Cancel",
    "Cancellation Confirmation",
)
"""The 22 pages."""

COUNTED: Final[dict[str, str]] = {
    "NextSong": "songs",
    "Add to Playlist": "playlist_adds",
    "Thumbs Up": "thumbs_up",
    "Thumbs Down": "thumbs_down",
    "Add Friend": "friend_adds",
    "Logout": "logouts",
    "Save Settings": "settings_saves",
    "Submit Upgrade": "upgrade_submits",
    "Submit Downgrade": "downgrade_submits",
    "Home": "home_visits",
    "Roll Advert": "adverts",
    "Downgrade": "downgrade_views",
    "Help": "help_visits",
    "Settings": "settings_visits",
    "About": "about_visits",
    "Upgrade": "upgrade_views",
    "Error": "errors",
}
"""Pages of a member who stays, and the column that counts each. Other pages count as events only."""

CANCEL_PAGES: Final = ("Cancel", "Cancellation Confirmation")
"""Pages that are the leaving itself, or one click before it: in no feature, whatever the problem."""

NOBODY_AUTH: Final = ("Logged Out", "Guest")
"""Login states of lines that belong to no user, whatever user id they carry."""

TS_FIRST: Final = 946_684_800_000
"""2000-01-01T00:00Z in ms: an earlier `ts` is no time of this log (seconds given as milliseconds, zero)."""

TS_END: Final = TS_FIRST + 2**41
"""2069-09-06 in ms: times from here on are refused, so that a time and a rank fit one 64-bit integer."""

LENGTH_UNITS: Final = 100_000
"""Song lengths are summed as integers of 1/100,000 s, the precision of the log."""
