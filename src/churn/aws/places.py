"""Addresses in S3."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from churn.errors import SettingsError

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True)
class Place:
    """A bucket and a key in it; the key of a folder ends with a slash."""

    bucket: str
    key: str

    @classmethod
    def of(cls, text: str, what: str) -> Place:
        """From `s3://bucket/key`.

        Args:
            text: what the user wrote; `s3a://` and `s3n://` mean the same.
            what: what it is for, to name it in the message.

        Raises:
            SettingsError: for anything else.
        """
        scheme, found, rest = text.partition("://")
        bucket, _, key = rest.partition("/")
        if not found or scheme not in ("s3", "s3a", "s3n"):
            raise SettingsError(f"{what} {text}: is no address in S3", "write it like s3://bucket/folder/")
        if not _BUCKET.fullmatch(bucket):
            raise SettingsError(f"{what} {text}: no bucket can be called {bucket!r}", "check the address")
        if re.search(r"[\x00-\x1f\s\"'\\]|//", key):
            raise SettingsError(f"{what} {text}: has a space, a quote or an empty part", "choose a plain name")
        return cls(bucket, key)

    @classmethod
    def folder(cls, text: str, what: str) -> Place:
        """Like `of`, for a folder that is not the whole bucket.

        Raises:
            SettingsError: for anything else.
        """
        place = cls.of(text, what)
        if not place.key.strip("/"):
            raise SettingsError(f"{what} {text}: is a whole bucket", f"name a folder, like s3://{place.bucket}/run/")
        return cls(place.bucket, place.key.rstrip("/") + "/")

    def __truediv__(self, name: str) -> Place:
        """A name inside this folder."""
        return Place(self.bucket, self.key + name)

    @property
    def below(self) -> str:
        """What the keys in this folder begin with: of `log` those of `log/…`, and not of `log-2017/…`."""
        return self.key if not self.key or self.key.endswith("/") else f"{self.key}/"

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def job(self) -> Place:
        """The folder beside a run's folder for what belongs to the job and not to the result."""
        return Place(self.bucket, self.key.rstrip("/") + ".emr/")
