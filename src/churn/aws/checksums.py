"""Whether a file is what S3 holds: by the best checksum that S3 knows of the object."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

_CHUNK: Final = 1 << 20
_NVME: Final = 0x9A6C9329AC4BC9B5
"""The polynomial of CRC-64/NVME, bits reversed."""


@cache
def _table() -> tuple[int, ...]:
    found = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ _NVME if byte & 1 else byte >> 1
        found.append(byte)
    return tuple(found)


def crc64nvme(content: bytes, value: int = 0) -> int:
    """CRC-64/NVME of some bytes after others.

    >>> hex(crc64nvme(b"123456789"))
    '0xae8b14860a799888'
    """
    table, value = _table(), value ^ 0xFFFFFFFFFFFFFFFF
    for byte in content:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFFFFFFFFFF


def _hashed(name: str) -> Callable[[Path], bytes]:
    def of(path: Path) -> bytes:
        with path.open("rb") as file:
            return hashlib.file_digest(file, name).digest()

    return of


def _summed(step: Callable[[bytes, int], int], size: int) -> Callable[[Path], bytes]:
    def of(path: Path) -> bytes:
        value = 0
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                value = step(chunk, value)
        return value.to_bytes(size, "big")

    return of


KINDS: Final[dict[str, Callable[[Path], bytes]]] = {
    "ChecksumSHA256": _hashed("sha256"),
    "ChecksumSHA1": _hashed("sha1"),
    "ChecksumCRC32": _summed(zlib.crc32, 4),
    "ChecksumCRC64NVME": _summed(crc64nvme, 8),
}
"""Checksums of whole objects that can be computed here, best first."""


SIZE_ALONE: Final = "size alone"
"""How an object is checked of which S3 tells no checksum that can be computed here."""


def kind_of(head: dict[str, Any]) -> str:
    """Which checksum of an object is compared: a name of `KINDS`, md5, md5 of parts, or size alone."""
    if head.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT":
        for kind in KINDS:
            if kind in head and "-" not in head[kind]:
                return kind
    tag = head["ETag"].strip('"')
    if head.get("ServerSideEncryption") == "aws:kms":
        return SIZE_ALONE
    return "md5" if len(tag) == 32 else "md5 of parts" if "-" in tag else SIZE_ALONE


def same(path: Path, head: dict[str, Any], part_size: int | None) -> bool:
    """Whether a file has the size and the checksum of an object.

    Args:
        path: the file.
        head: what S3 says of the object.
        part_size: bytes of the object's first part, where it was uploaded in parts.
    """
    if path.stat().st_size != head["ContentLength"]:
        return False
    kind = kind_of(head)
    if kind in KINDS:
        return bool(KINDS[kind](path) == base64.b64decode(head[kind]))
    tag = head["ETag"].strip('"')
    if kind == "md5":
        return bool(_hashed("md5")(path).hex() == tag)
    if kind == "md5 of parts" and part_size:
        return bool(_md5_of_parts(path, part_size) == tag)
    return True


def _md5_of_parts(path: Path, part_size: int) -> str:
    """What S3 gives as ETag of an object that was uploaded in parts of one size."""
    parts = []
    with path.open("rb") as file:
        while chunk := file.read(part_size):
            parts.append(hashlib.md5(chunk, usedforsecurity=False).digest())
    return f"{hashlib.md5(b''.join(parts), usedforsecurity=False).hexdigest()}-{len(parts)}"
