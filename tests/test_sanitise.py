"""Sanitised copies: same lines and line numbers, nothing in them that breaks a line reader."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from churn.errors import SourceError
from churn.sanitise import refuse_cut_short, sanitise
from churn.sources import MAX_LINE, Packing, Source, find_sources
from tests.test_sources import put, zstd

PACK: dict[Packing, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "zstd": zstd,
}
GOOD = b'{"artist":"Bj\xc3\xb6rk \xe2\x80\xa8 \xf0\x9f\x8e\xb5","song":"a\\u0000\\\\x"}'


def sanitised(tmp_path: Path, content: bytes, packing: Packing = "none") -> bytes:
    path = put(tmp_path / "log", PACK[packing](content))
    target = tmp_path / "staging" / "0"
    assert sanitise(Source(path, 5, 6, "json", packing), target) == Source(target, 5, 6, "json", "none")
    return target.read_bytes()


@pytest.mark.parametrize("packing", PACK)
def test_good_lines_come_out_of_every_packing_as_they_were(tmp_path: Path, packing: Packing) -> None:
    assert sanitised(tmp_path, GOOD + b"\n\n{}\n", packing) == GOOD + b"\n\n{}\n"


@pytest.mark.parametrize(
    ("line", "readable"),
    [
        (b'{"a":"\xff\xc3"}', b'{"a":"\\xff\\xc3"}'),
        (b'{"a":"\xed\xa0\x80"}', b'{"a":"\\xed\\xa0\\x80"}'),
        (b'{"a":"\x1f"}', b'{"a":"\\x1f"}'),
        (b'{"a":"\x00"}', b'{"a":"\\x00"}'),
        (b'{"a":"\x0b\x0c\x08"}', b'{"a":"\\x0b\\x0c\\x08"}'),
        (b'{"a":\r1}', b'{"a":\\x0d1}'),
        (b'{"a":\t1}', b'{"a":\t1}'),
        (b'{"a":1}\r', b'{"a":1}'),
        (b'{"a":1}\r\r', b'{"a":1}'),
        (b" \x0b\x0c\t\r", b""),
        (b'\xef\xbb\xbf{"a":1}', b'\xef\xbb\xbf{"a":1}'),
    ],
)
def test_a_line_inside_a_file(tmp_path: Path, line: bytes, readable: bytes) -> None:
    assert sanitised(tmp_path, b'{"b":2}\n' + line + b'\n{"c":3}') == b'{"b":2}\n' + readable + b'\n{"c":3}\n'


def test_a_byte_order_mark_goes_from_the_start_of_the_file(tmp_path: Path) -> None:
    assert sanitised(tmp_path, b'\xef\xbb\xbf{"a":1}\n') == b'{"a":1}\n'


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (b"x" * MAX_LINE, b"x" * MAX_LINE),
        (b"x" * (MAX_LINE + 1), b"x" * 1_000_000 + b"... cut, too long"),
        (b"\xff" * (MAX_LINE // 4 + 1), b"\\xff" * 1_000_000 + b"... cut, too long"),
        (b" " * (MAX_LINE + 1), b""),
    ],
    ids=["as long as allowed", "too long", "too long once escaped", "long and blank"],
)
def test_a_line_too_long_for_a_reader_is_cut(tmp_path: Path, line: bytes, kept: bytes) -> None:
    assert sanitised(tmp_path, b"{}\n" + line + b"\n{}\n") == b"{}\n" + kept + b"\n{}\n"


@pytest.mark.parametrize("packing", ["gzip", "bz2", "zstd"])
@pytest.mark.parametrize("missing", [1, 5, 0.5])
def test_a_packed_file_that_was_cut_short_is_refused(tmp_path: Path, packing: Packing, missing: float) -> None:
    packed = PACK[packing](b"".join(b'{"ts":%d}\n' % (i * 7919) for i in range(5000)))
    left = int(len(packed) * (1 - missing)) if missing < 1 else len(packed) - int(missing)
    (source,) = find_sources([put(tmp_path / "log", packed[:left])])
    with pytest.raises(SourceError, match=r"log: cut short or damaged after .*; fetch or pack it again"):
        sanitise(source, tmp_path / "copy")
    with pytest.raises(SourceError, match="cut short"):
        refuse_cut_short(source)


@pytest.mark.parametrize("packing", PACK)
def test_a_whole_file_is_not_cut_short(tmp_path: Path, packing: Packing) -> None:
    (source,) = find_sources([put(tmp_path / "log", PACK[packing](GOOD) * (1 if packing == "none" else 2))])
    refuse_cut_short(source)
    assert sanitise(source, tmp_path / "copy").path.read_bytes().startswith(GOOD)


def test_damage_inside_is_refused_with_the_line_before_it(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(b"{}\n" * 10))
    packed[-6] ^= 0xFF  # the checksum
    (source,) = find_sources([put(tmp_path / "log", bytes(packed))])
    with pytest.raises(SourceError, match=r"damaged after line \d+ .CRC check failed"):
        sanitise(source, tmp_path / "copy")


def test_a_file_that_vanished_is_told_as_such(tmp_path: Path) -> None:
    (source,) = find_sources([put(tmp_path / "log")])
    source.path.unlink()
    with pytest.raises(FileNotFoundError):
        sanitise(source, tmp_path / "copy")
