"""Addresses in S3, as text; nothing here talks to anybody."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from churn.errors import OutputError, SettingsError, writing

SCHEMES: Final = ("s3://", "s3a://")
"""How an address in S3 begins: as AWS writes it, and as Hadoop does; both mean the same here."""


def is_s3(place: str | os.PathLike[str]) -> bool:
    """Whether a place is an address in S3."""
    return os.fspath(place).startswith(SCHEMES)


@dataclass(frozen=True, order=True)
class S3Url:
    """An address: a bucket, and a key in it; the key is empty for the bucket itself."""

    bucket: str
    key: str = ""

    @classmethod
    def of(cls, text: str) -> S3Url:
        """From `s3://bucket/key`; slashes at the end say nothing.

        Raises:
            SettingsError: if there is no bucket in it.
        """
        bucket, _, key = text.partition("://")[2].partition("/")
        if not bucket or not is_s3(text):
            raise SettingsError(f"{text!r} names no bucket", "write it like s3://bucket/folder")
        return cls(bucket, key.rstrip("/"))

    def __str__(self) -> str:
        return self.with_scheme("s3")

    def __truediv__(self, name: str) -> S3Url:
        """An address below."""
        return S3Url(self.bucket, "/".join(part for part in (self.key, name) if part))

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]

    @property
    def below(self) -> str:
        """What all keys in it as a folder begin with."""
        return f"{self.key}/" if self.key else ""

    def with_scheme(self, scheme: str) -> str:
        """As text, the way that a program wants to read it."""
        return f"{scheme}://{self.bucket}/{self.key}"


def work_folder(url: str) -> Path:
    """The folder on this machine for a run in S3: the same for the same address, and nobody else's.

    Raises:
        OutputError: if it cannot be made, or belongs to somebody else.
    """
    name = hashlib.sha256(str(S3Url.of(url)).encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"churn-{os.getuid()}-{name}"
    with writing(folder, "set TMPDIR to a folder that you may write to"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            raise OutputError(f"{folder} belongs to somebody else", "set TMPDIR to a folder of your own")
    return folder
