"""A private folder for what strangers send: nobody else reads it, and it is emptied at the end and at the start."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import IO, Final

from churn.errors import OutputError, writing

_PREFIX: Final = "churn-serve-"
_LOCK: Final = "lock"


class PrivateFolder:
    """A folder of this process alone.

    It lies in a common one beside those of other servers. Each holds a lock for as long as its server lives, so
    whoever starts next knows which were left behind by a server that was killed, and removes them.

    Attributes:
        path: the folder.
    """

    def __init__(self, parent: Path | None = None) -> None:
        """Make the folder, and remove those of servers that are gone.

        Raises:
            OutputError: if the common folder is somebody else's, or cannot be written.
        """
        base = parent.absolute() if parent else Path(tempfile.gettempdir()) / f"sparkify-churn-{os.getuid()}"
        with writing(base, "choose another --uploads"):
            base.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_own(base)
            with (base / f"{_PREFIX}{_LOCK}").open("w") as starting:
                fcntl.flock(starting, fcntl.LOCK_EX)  # one server starts at a time, so none is taken for a dead one
                for old in base.glob(f"{_PREFIX}*/"):
                    _remove_if_dead(old)
                self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))  # for its owner alone: mode 0700
                self._lock = (self.path / _LOCK).open("w")
                fcntl.flock(self._lock, fcntl.LOCK_EX)

    def new_file(self) -> IO[bytes]:
        """A new empty file with a name of ours; whatever the sender called it."""
        path = self.path / f"upload-{secrets.token_hex(16)}"
        return path.open("x+b")

    def close(self) -> None:
        """Remove the folder and all in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def _check_own(base: Path) -> None:
    """Refuse a folder that another user could have put there."""
    if base.is_symlink() or not base.is_dir() or base.stat().st_uid != os.getuid():
        raise OutputError(f"{base} belongs to somebody else", "choose another --uploads")


def _remove_if_dead(folder: Path) -> None:
    with (folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # its server is alive
        shutil.rmtree(folder, ignore_errors=True)
