"""What requests to S3 carry: tries as the environment says, and the key that objects are encrypted with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from churn.errors import SettingsError
from churn.s3.client import S3
from churn.s3.url import S3Url

KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize("text", ["many", "0", "-1", "1.5", ""])
def test_a_number_of_tries_that_is_none_is_told(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("boto3")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", text)
    with pytest.raises(SettingsError, match=f"AWS_MAX_ATTEMPTS is '{text}'; give a number from 1 on"):
        S3()


@pytest.mark.parametrize("key", [None, KEY])
def test_everything_that_is_written_is_encrypted_with_the_key(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    if key:
        monkeypatch.setenv("CHURN_KMS_KEY", key)
    (tmp_path / "a").write_bytes(b"1")
    s3 = S3()
    s3.upload(tmp_path / "a", S3Url(bucket.name, "up"))
    s3.put(S3Url(bucket.name, "put"), b"2")
    s3.copy(S3Url(bucket.name, "up"), S3Url(bucket.name, "copy"))
    for name in ("up", "put", "copy"):
        head = bucket.meta.client.head_object(Bucket=bucket.name, Key=name)
        assert head.get("SSEKMSKeyId") == key, name
        assert (head.get("ServerSideEncryption") == "aws:kms") == bool(key)
