"""Objects in S3: listed, read, and written so that nothing of somebody else is overwritten."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

from churn.aws.client import ABSENT, code_of, translated
from churn.aws.places import Place


def listing(s3: Any, place: Place) -> Iterator[tuple[str, int]]:
    """Key and size of everything that begins like `place`.

    Raises:
        CloudError: without access.
    """
    with translated(str(place)):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.key):
            for found in page.get("Contents", ()):
                yield found["Key"], found["Size"]


def read(s3: Any, place: Place) -> tuple[bytes, str] | None:
    """Content and ETag of an object; None where there is none."""
    from botocore.exceptions import ClientError

    with translated(str(place)):
        try:
            found = s3.get_object(Bucket=place.bucket, Key=place.key)
        except ClientError as error:
            if code_of(error) in ABSENT:
                return None
            raise
        return found["Body"].read(), found["ETag"]


def put(s3: Any, place: Place, content: bytes, kms_key: str | None) -> None:
    """Write an object, unless the very same lies there; S3 compares the checksum."""
    from botocore.exceptions import ClientError

    digest = hashlib.sha256(content)
    checked = base64.b64encode(digest.digest()).decode()
    with translated(str(place)):
        try:
            there = s3.head_object(Bucket=place.bucket, Key=place.key)
        except ClientError as error:
            if code_of(error) not in ABSENT:
                raise
            there = {}
        if there.get("Metadata", {}).get("sha256") != digest.hexdigest():
            s3.put_object(
                Bucket=place.bucket,
                Key=place.key,
                Body=content,
                ChecksumSHA256=checked,
                Metadata={"sha256": digest.hexdigest()},
                **encryption(kms_key),
            )


def put_json(s3: Any, place: Place, value: Any, etag: str | None, kms_key: str | None) -> str | None:
    """Write a record that nobody else has written meanwhile.

    `etag` is that of the record as we read it; None if there was none.

    Returns:
        The new ETag; None if somebody else was faster.
    """
    from botocore.exceptions import ClientError

    condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
    body = (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
    with translated(str(place)):
        try:
            done = s3.put_object(
                Bucket=place.bucket, Key=place.key, Body=body, ContentType="application/json",
                **condition, **encryption(kms_key),
            )  # fmt: skip
        except ClientError as error:
            if code_of(error) not in ("PreconditionFailed", "412", "ConditionalRequestConflict", "409"):
                raise
            there = read(s3, place)  # a repeated call may have met what its first try had written
            return there[1] if there and there[0] == body else None
    return str(done["ETag"])


def encryption(kms_key: str | None) -> dict[str, str]:
    """How an object is to be encrypted."""
    if kms_key:
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key}
    return {"ServerSideEncryption": "AES256"}
