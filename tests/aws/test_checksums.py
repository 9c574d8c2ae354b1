from __future__ import annotations

import base64
import hashlib
import zlib
from pathlib import Path
from typing import Any

import pytest

from churn.aws.checksums import crc64nvme, kind_of, same

CONTENT = b"some bytes of a risk list\n" * 999


def head(**more: Any) -> dict[str, Any]:
    return {"ContentLength": len(CONTENT), "ETag": f'"{hashlib.md5(CONTENT).hexdigest()}"', **more}


def packed(value: bytes) -> str:
    return base64.b64encode(value).decode()


def parts(size: int) -> str:
    digests = [hashlib.md5(CONTENT[i : i + size]).digest() for i in range(0, len(CONTENT), size)]
    return f'"{hashlib.md5(b"".join(digests)).hexdigest()}-{len(digests)}"'


HEADS = {
    "ChecksumSHA256": head(ChecksumSHA256=packed(hashlib.sha256(CONTENT).digest()), ChecksumType="FULL_OBJECT"),
    "ChecksumSHA1": head(ChecksumSHA1=packed(hashlib.sha1(CONTENT).digest())),
    "ChecksumCRC32": head(ChecksumCRC32=packed(zlib.crc32(CONTENT).to_bytes(4, "big"))),
    "ChecksumCRC64NVME": head(ChecksumCRC64NVME=packed(crc64nvme(CONTENT).to_bytes(8, "big"))),
    "md5": head(),
    "md5 of parts": head(ETag=parts(10_000), ChecksumCRC32="abc-3", ChecksumType="COMPOSITE"),
}


def test_the_checksum_that_nobody_ships_is_that_of_the_catalogue_of_crcs() -> None:
    assert crc64nvme(b"123456789") == 0xAE8B14860A799888
    assert crc64nvme(b"6789", crc64nvme(b"12345")) == crc64nvme(b"123456789")


@pytest.mark.parametrize(("kind", "value"), HEADS.items(), ids=HEADS)
def test_a_file_is_the_object_or_not(kind: str, value: dict[str, Any], tmp_path: Path) -> None:
    assert kind_of(value) == kind
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    assert same(path, value, 10_000)
    path.write_bytes(CONTENT[:-1] + b"?")
    assert not same(path, value, 10_000)
    path.write_bytes(CONTENT[:-1])
    assert not same(path, value, 10_000)


def test_where_s3_knows_no_checksum_of_the_content_size_alone_is_named() -> None:
    assert kind_of(head(ServerSideEncryption="aws:kms")) == "size alone"
