"""Every error that this package raises on purpose.

    ChurnError                  catch this one to catch them all
    ├── UserError               the caller can mend it; exit status 2
    │   ├── SettingsError       a setting, or a pair of settings, that makes no sense
    │   ├── SourceError         a log that is missing, empty, binary or cut short
    │   │   └── SchemaError     a log without the columns that everything rests on
    │   ├── QuarantineError     more lines refused than the caller allows
    │   ├── NotEnoughData       a log that nothing can be learned from
    │   ├── OutputError         a folder that cannot be written, is full, or is somebody else's
    │   ├── BundleError         a bundle that is incomplete, changed, or newer than this program
    │   ├── UnavailableError    an engine or a service that is not installed, lacks Java, or cannot be reached
    │   ├── CloudError          AWS refuses: credentials, a permission, a bucket, a quota
    │   └── RequestError        a request to the web page or the API that cannot be answered
    ├── RunFailedError          a run on a cluster ended without its result; exit status 1
    ├── FeatureError            a feature that asks for more than the past; a mistake of whoever declared it
    ├── LineReadError           an engine cannot split a file into lines; it has to be sanitised first
    └── EngineError             an engine failed in a way nobody foresaw; exit status 1

A message says what was wrong, where, and what to do:

>>> try:
...     raise SettingsError("--horizon is 0 days", "give at least 1")
... except ChurnError as error:
...     print(error)
--horizon is 0 days; give at least 1
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class ChurnError(Exception):
    """Base of all errors of this package; `what` went wrong and where, and the `remedy`."""

    exit_status = 1

    def __init__(self, what: str, remedy: str = "") -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(f"{what}; {remedy}" if remedy else what)


class UserError(ChurnError):
    """The caller can mend it: another file, another setting, another folder."""

    exit_status = 2


class SettingsError(UserError):
    """Raised for a setting, or a pair of settings, that makes no sense."""


class SourceError(UserError):
    """Raised for a log that is missing, empty, binary or cut short."""


class SchemaError(SourceError):
    """Raised for a log in which a column that everything rests on never occurs."""


class QuarantineError(UserError):
    """Raised where more lines were refused than the caller allows."""


class NotEnoughData(UserError):
    """Raised for a log that nothing can be learned from; says how much would be enough."""


class OutputError(UserError):
    """Raised for a folder that cannot be written, is full, or is somebody else's."""


class BundleError(UserError):
    """Raised for a bundle that is incomplete, changed since it was made, or newer than this program."""


class UnavailableError(UserError):
    """Raised for an engine or a service that is not installed, lacks Java, or cannot be reached."""


class CloudError(UserError):
    """Raised where AWS refuses: credentials, a permission, a bucket, a quota."""


class RunFailedError(ChurnError):
    """Raised for a run on a cluster that ended without its result; says why, as far as its logs do."""


class FeatureError(ChurnError):
    """Raised for a feature that asks for more than the past of a cut-off: its declaration is wrong."""


class RequestError(UserError):
    """Raised for a request to the web page or the API that cannot be answered.

    Attributes:
        status: of HTTP, 4xx; 503 for what this server lacks.
        errors: what is wrong with which field, each with `detail` and, where known, `row` and `field`.
        retry_after: seconds after which the same request may do better; None where it will not.
    """

    def __init__(
        self,
        what: str,
        remedy: str = "",
        *,
        status: int = 422,
        errors: Sequence[Mapping[str, Any]] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(what, remedy)
        self.status = status
        self.errors = tuple(errors)
        self.retry_after = retry_after


class LineReadError(ChurnError):
    """Raised by an engine that cannot split a file into lines; ingest sanitises such a file and goes on."""


class EngineError(ChurnError):
    """Raised where an engine failed in a way nobody foresaw: worth a bug report."""


@contextmanager
def writing(folder: Path, remedy: str = "choose another --out") -> Iterator[None]:
    """Errors of the operating system while a folder is written, in the words of this package.

    Args:
        folder: named where the error names no file.
        remedy: what to do, unless the disk is full.

    Raises:
        OutputError: for any OSError inside.
    """
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
        what = "the disk is full" if full else f"cannot be written ({error.strerror or error})"
        todo = "free some space, then run again" if full else remedy
        raise OutputError(f"{error.filename or folder}: {what}", todo) from error
