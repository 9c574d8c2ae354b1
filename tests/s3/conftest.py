"""A bucket on loopback, and a way to it that breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.s3.broken import Broken

Put = Callable[..., str]


@pytest.fixture
def bucket(aws: str) -> Any:
    """An empty bucket called `logs`, as boto3 sees it."""
    boto3 = pytest.importorskip("boto3")
    made = boto3.resource("s3").Bucket("logs")
    made.create()
    return made


@pytest.fixture
def put(bucket: Any) -> Put:
    """Puts bytes, or a file, at a key; gives the address."""

    def put(key: str, content: bytes | Path = b'{"ts":1538352000000,"userId":"7","page":"Home"}\n') -> str:
        bucket.put_object(Key=key, Body=content.read_bytes() if isinstance(content, Path) else content)
        return f"s3://{bucket.name}/{key}"

    return put


@pytest.fixture
def broken(aws: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broken]:
    """Stands between us and AWS, and breaks what it is told to."""
    with Broken(aws) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", made.address)
        yield made


def keys(bucket: Any, prefix: str = "") -> list[str]:
    """What lies in a bucket."""
    return [entry.key for entry in bucket.objects.filter(Prefix=prefix)]
