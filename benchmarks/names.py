"""What the rivals count, by name: written out anew, so that no rival leans on the program it is compared with."""

from __future__ import annotations

from typing import Final

INTEGERS: Final = ("itemInSession", "registration", "sessionId", "status", "ts")
TEXTS: Final = ("artist", "auth", "firstName", "gender", "lastName", "level", "location", "method", "page", "song",
                "userAgent", "userId")  # fmt: skip

PAGES: Final = {
    "songs": "NextSong", "playlist_adds": "Add to Playlist", "thumbs_up": "Thumbs Up", "thumbs_down": "Thumbs Down",
    "friend_adds": "Add Friend", "logouts": "Logout", "settings_saves": "Save Settings",
    "upgrade_submits": "Submit Upgrade", "downgrade_submits": "Submit Downgrade", "home_visits": "Home",
    "adverts": "Roll Advert", "downgrade_views": "Downgrade", "help_visits": "Help", "settings_visits": "Settings",
    "about_visits": "About", "upgrade_views": "Upgrade", "errors": "Error",
}  # fmt: skip
CODE: Final = {page: i for i, page in enumerate(PAGES.values(), 1)}
"""A page's number in the walk; 0 for all others."""

HIDDEN: Final = ("Cancel", "Cancellation Confirmation")
LEAVING: Final = "Cancellation Confirmation"
PARTS: Final = {"night": (0, 6), "morning": (6, 12), "afternoon": (12, 18), "evening": (18, 24)}
TRIGGERS: Final = {"advert": "Roll Advert", "error": "Error", "thumbs_up": "Thumbs Up", "thumbs_down": "Thumbs Down",
                   "home": "Home", "downgrade_view": "Downgrade"}  # fmt: skip
OUTCOMES: Final = {"song": (("NextSong",), 1), "rating": (("Thumbs Up", "Thumbs Down"), 2), "logout": (("Logout",), 2),
                   "downgrade": (("Downgrade", "Submit Downgrade"), 2)}  # fmt: skip
ATTRIBUTES: Final = ("gender", "registration", "location", "userAgent", "level")
FIRST_TS: Final = 946_684_800_000
"""2000-01-01 in ms: an earlier time is none."""
