"""Which objects in S3 make a log: an object, a folder or a pattern, by the same rules as on disk."""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, Final

from churn.errors import SourceError
from churn.s3.client import S3, S3Object, together
from churn.s3.url import S3Url
from churn.sources import ENDINGS, HEAD, RUN_MARK, Source, known_by_head

_PATTERN: Final = re.compile(r"[*?[]")


def find_objects(logs: Iterable[str]) -> list[Source]:
    """The objects behind addresses, sorted, each once; each is known by its first bytes.

    Raises:
        SourceError: for an address with nothing behind it, an object that is no log, or where S3 refuses.
    """
    s3 = S3()
    found = {thing.url: thing for log in logs for thing in _expand(s3, log)}

    def source(thing: S3Object) -> Source:
        head = s3.read(thing, 0, min(thing.size, HEAD)) if thing.size else b""
        plain = Source(
            Path(thing.url.name), thing.size, thing.modified, url=str(thing.url), etag=thing.etag, here=False
        )
        return known_by_head(plain, head)

    return together(source, [found[url] for url in sorted(found)])


def _expand(s3: S3, log: str) -> list[S3Object]:
    url = S3Url.of(log)
    if url.key and not log.endswith("/") and (thing := s3.look(url)):
        return [thing]
    pattern = _PATTERN.search(url.key)
    if pattern:
        rule = re.compile(_regex(url.key))
        things = s3.objects(url, url.key[: pattern.start()])
        found = [thing for thing in things if rule.fullmatch(thing.url.key) and not thing.url.key.endswith("/")]
        if not found:
            raise SourceError(f"{log}: no object fits this pattern", "check the address")
        return found
    below = list(s3.objects(url, url.below))
    if not below:
        raise SourceError(f"{log}: there is no such object or folder", "check the address")
    logs = logs_below([thing.url.key for thing in below], url.below)
    if not logs:
        raise SourceError(f"{log}: no log in this folder", f"objects are found by their ending: {', '.join(ENDINGS)}")
    return [thing for thing in below if thing.url.key in logs]


def logs_below(keys: Collection[str], root: str) -> set[str]:
    """Those keys below a folder, itself with its slash, that are logs: neither hidden nor a result of this program."""
    below = [key for key in keys if key.startswith(root)]
    ours = tuple({before for key in below if (before := _run_around(key)) is not None})
    return {key for key in below if _is_log(key, root) and not key.startswith(ours)}


def _run_around(key: str) -> str | None:
    """The folder of a run of ours, if the key is that of a mark in it."""
    before, mark, _ = f"/{key}".partition(f"/{RUN_MARK}/")
    return f"{before}/".removeprefix("/") if mark else None


def _is_log(key: str, root: str) -> bool:
    hidden = any(part.startswith((".", "_")) for part in key.removeprefix(root).split("/"))
    return not hidden and key.lower().endswith(ENDINGS)


def _regex(pattern: str) -> str:
    """A shell's pattern for a whole key: `*` and `?` stay inside a folder, `**` goes through folders."""
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.findall(r"\*\*/|\*\*|\*|\?|\[[^]]+\]|.", pattern, re.DOTALL)
    return "".join(
        words.get(part) or (part.replace("[!", "[^") if len(part) > 1 else re.escape(part)) for part in parts
    )


class Ranges(io.RawIOBase):
    """An object as a file that is read from the place where it lies: a Parquet file's columns stand at its end."""

    def __init__(self, s3: S3, thing: S3Object) -> None:
        self._s3, self._thing, self._place = s3, thing, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """The place of the next byte."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._thing.size}[whence]
        return self._place

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, as far as the object goes."""
        size = min(len(buffer), self._thing.size - self._place)
        if size > 0:
            buffer[:size] = self._s3.read(self._thing, self._place, size)
            self._place += size
        return max(size, 0)


def object_of(source: Source) -> S3Object:
    """The object that a source lies in."""
    return S3Object(S3Url.of(source.url), source.size, source.etag, source.modified)
