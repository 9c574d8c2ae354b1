"""What a server may be told, and its limits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from churn.errors import SettingsError

MB: Final = 1_000_000

LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class WebSettings:
    """How a server is run.

    Attributes:
        host: address that it listens at.
        token: secret that every page and call asks for; nobody is asked if None.
        names: further names that it may be called by in the header Host; if given, there are no others but loopback's.
        uploads: folder below which uploaded logs are kept while they are worked on; the system's by default.
        largest_upload: bytes of an uploaded log.
        largest_call: bytes of the body of a call with features.
        most_rows: rows of a call.
        most_fields: fields of a row.
        job_space: bytes that one job may fill on the disk, which also ends a file that unpacks to something huge.
        job_seconds: time that one job may take.
        job_memory: bytes that one job may use.
        most_waiting: jobs that may wait for their turn; one is worked on at a time.
        kept_jobs: finished jobs whose results are kept.
        patience: seconds that a large call waits for its turn.
        stalled: seconds after which a connection is closed whose client takes nothing of its answer.
        login_seconds: time that a login holds.

    Raises:
        SettingsError: for a token that no header can carry.
    """

    host: str = "127.0.0.1"
    token: str | None = None
    names: tuple[str, ...] = ()
    uploads: Path | None = None
    largest_upload: int = 4_000 * MB
    largest_call: int = 64 * MB
    most_rows: int = 10_000
    most_fields: int = 2_000
    job_space: int = 20_000 * MB
    job_seconds: float = 1_800.0
    job_memory: int = 2_000 * MB
    most_waiting: int = 4
    kept_jobs: int = 10
    patience: float = 20.0
    stalled: float = 60.0
    login_seconds: float = 12 * 3600.0

    def __post_init__(self) -> None:
        if self.token is not None and not re.fullmatch(r"[!-~]{8,200}", self.token):
            raise SettingsError(
                "the token cannot be used", "give 8 to 200 letters, digits or signs of ASCII, without spaces"
            )

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return self.host == "localhost" or ip_address(self.host).is_loopback
        except ValueError:
            return False
