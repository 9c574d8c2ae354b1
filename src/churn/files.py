"""Where the files of a run lie: in a folder on this machine, or, behind the same words, kept in S3 beside it."""

from __future__ import annotations

import shutil
from pathlib import Path


class Files:
    """A run folder on this machine: what is written is kept where it stands."""

    def fetch(self, path: Path) -> None:
        """Have a file or folder of the run here, if an earlier run has kept it."""

    def keep(self, path: Path) -> None:
        """Have a file or folder of the run kept; whole when this returns."""

    def move(self, old: Path, new: Path) -> None:
        """Rename a file or folder."""
        old.rename(new)

    def remove(self, path: Path) -> None:
        """Remove a file or folder, if it is there."""
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def size(self, path: Path) -> int:
        """Bytes of a file."""
        return path.stat().st_size

    def table(self, folder: Path) -> str | None:
        """Where a cluster reads and writes the table of this folder, if that is not the folder itself: bucket/key."""
        return None

    def written(self, folder: Path) -> None:
        """A cluster has written the table of this folder."""

    def spread(self, copy: Path, name: str) -> str | None:
        """Put a file where all machines of a cluster can read it, under a name; None where they share the disk."""
        return None
