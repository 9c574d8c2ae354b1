"""The tree of errors: whose mistake each is, what it says, and what an OSError turns into."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from churn import errors
from churn.errors import ChurnError, OutputError, SchemaError, SourceError, UserError, writing


@pytest.mark.parametrize(
    ("name", "exit_status"),
    [
        ("SettingsError", 2),
        ("SourceError", 2),
        ("SchemaError", 2),
        ("QuarantineError", 2),
        ("NotEnoughData", 2),
        ("OutputError", 2),
        ("UnavailableError", 2),
        ("CloudError", 2),
        ("RunFailedError", 1),
        ("RequestError", 2),
        ("LineReadError", 1),
        ("EngineError", 1),
    ],
)
def test_exit_status_says_whose_mistake_it_is(name: str, exit_status: int) -> None:
    kind = getattr(errors, name)
    assert issubclass(kind, ChurnError)
    assert kind("it").exit_status == exit_status
    assert issubclass(kind, UserError) == (exit_status == 2)


def test_a_log_without_its_columns_is_a_bad_source() -> None:
    assert issubclass(SchemaError, SourceError)


def test_message_says_what_was_wrong_and_what_to_do() -> None:
    assert str(ChurnError("the disk is full", "free some")) == "the disk is full; free some"
    assert str(ChurnError("the disk is full")) == "the disk is full"


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "/x/part: the disk is full; free some space, then run again"),
        (errno.EFBIG, "/x/part: the disk is full; free some space, then run again"),
        (errno.EACCES, "/x/part: cannot be written (Permission denied); choose another --out"),
        (errno.EROFS, "/x/part: cannot be written (Read-only file system); choose another --out"),
    ],
)
def test_an_error_while_writing_names_the_file_and_the_remedy(number: int, message: str) -> None:
    with pytest.raises(OutputError) as caught, writing(Path("/x")):
        raise OSError(number, os.strerror(number), "/x/part")
    assert str(caught.value) == message


def test_an_error_of_ours_passes_through_writing_as_it_is() -> None:
    with pytest.raises(SourceError, match=r"^cut short$"), writing(Path("/x")):
        raise SourceError("cut short")
