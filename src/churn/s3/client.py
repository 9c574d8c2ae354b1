"""The one module that loads boto3: requests to S3, tried again where that helps, and failures in our words."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import Any, Final, TypeVar

from churn.errors import ChurnError, OutputError, SettingsError, SourceError, UnavailableError, UserError
from churn.s3.url import S3Url

T = TypeVar("T")
R = TypeVar("R")

ATTEMPTS: Final = 6
"""Times that a request is tried, waiting longer each time; AWS_MAX_ATTEMPTS says otherwise."""

KMS_KEY: Final = "CHURN_KMS_KEY"
"""Environment variable with the key, in KMS, that objects are encrypted with; without it, the bucket's rule holds."""

THREADS: Final = 16
"""Requests under way at the same time."""

LONGEST_WAIT: Final = 5.0
"""Seconds between two tries of a download that broke off."""

_AGAIN: Final = "run the same command again; it goes on where it stopped"
_RIGHTS: Final[dict[type[UserError], str]] = {
    SourceError: "the user needs s3:ListBucket and s3:GetObject there",
    OutputError: "the user needs s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject there",
}
_WORDS: Final[tuple[tuple[tuple[str, ...], str, str], ...]] = (
    (("NoSuchBucket",), "there is no such bucket", "check its name"),
    (("NoSuchKey", "404", "NotFound"), "there is no such object", "check the address"),
    (
        ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired"),
        "S3 does not accept the credentials",
        "renew them, or choose others with AWS_PROFILE",
    ),
    (
        ("PermanentRedirect", "301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"),
        "the bucket lies in another region",
        "set AWS_REGION to the region of the bucket",
    ),
    (
        ("SlowDown", "503", "ServiceUnavailable", "InternalError", "500", "502", "504", "RequestTimeout", "Throttling"),
        "S3 was too busy each time it was asked",
        _AGAIN,
    ),
    (("InvalidObjectState",), "the object is in an archive (Glacier)", "restore it first"),
    (("PreconditionFailed", "412"), "the object was changed while it was read", _AGAIN),
    (("InvalidBucketName",), "this is no name of a bucket", "check the address"),
)


@dataclass(frozen=True)
class S3Object:
    """An object as S3 lists it: address, bytes, the mark of its version, and the last change in ns since 1970."""

    url: S3Url
    size: int
    etag: str
    modified: int


class S3:
    """Requests to S3 with the credentials of the usual AWS chain; may be used by several threads."""

    def __init__(self) -> None:
        """Look for credentials and endpoint; nothing is asked yet.

        Raises:
            UnavailableError: without boto3, or with a profile that does not exist.
            SettingsError: for a number of tries that is none.
        """
        if util.find_spec("boto3") is None:
            raise UnavailableError(
                "an address in S3 needs boto3, which is not installed", "pip install 'sparkify-churn[aws]'"
            )
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        attempts = _attempts()
        retries = {"total_max_attempts": attempts, "mode": "standard"}
        config = Config(retries=retries, max_pool_connections=THREADS, connect_timeout=10, read_timeout=60)
        try:
            self._session = boto3.Session()
            self._client: Any = self._session.client("s3", config=config)
        except (BotoCoreError, ValueError) as error:
            raise UnavailableError(f"the settings of AWS do not work: {error}", "see AWS_PROFILE and AWS_*") from error

        self._encryption = _encryption()

    # Reading.

    def objects(self, folder: S3Url, prefix: str, kind: type[UserError] = SourceError) -> Iterator[S3Object]:
        """All objects of a bucket whose keys begin with `prefix`, by key; `folder` is what errors name."""
        with failures(folder, kind):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=folder.bucket, Prefix=prefix)
            for page in pages:
                for entry in page.get("Contents", ()):
                    yield _found(S3Url(folder.bucket, entry["Key"]), entry["Size"], entry)

    def look(self, url: S3Url) -> S3Object | None:
        """One object, or None if there is none, or it may not be looked at."""
        from botocore.exceptions import ClientError

        with failures(url, SourceError):
            try:
                entry = self._client.head_object(Bucket=url.bucket, Key=url.key)
            except ClientError as error:
                # Whoever may not list a bucket gets 403 for a key that does not exist.
                if _code(error) in ("404", "403", "NoSuchKey", "NotFound"):
                    return None
                raise
        return _found(url, entry["ContentLength"], entry)

    def read(self, thing: S3Object, start: int, size: int) -> bytes:
        """Some bytes of an object, of the version that was looked at; tried again where the connection breaks off."""
        from botocore.exceptions import HTTPClientError, IncompleteReadError

        for attempt in range(ATTEMPTS):
            with failures(thing.url, SourceError):
                where = {"Bucket": thing.url.bucket, "Key": thing.url.key, "Range": f"bytes={start}-{start + size - 1}"}
                answer = self._client.get_object(IfMatch=thing.etag, **where)
            try:
                with closing(answer["Body"]) as body:
                    found: bytes = body.read()
            except (HTTPClientError, IncompleteReadError, OSError):
                found = b""
            if len(found) == size:
                return found
            time.sleep(min(0.1 * 2**attempt, LONGEST_WAIT))
        raise SourceError(f"{thing.url}: the connection broke off {ATTEMPTS} times", _AGAIN)

    # Writing.

    def upload(self, path: Path, url: S3Url) -> None:
        """A file to an object; in parts, with checksums, if it is large."""
        with failures(url, OutputError):
            self._client.upload_file(str(path), url.bucket, url.key, ExtraArgs=self._encryption)

    def put(self, url: S3Url, content: bytes = b"") -> None:
        """A few bytes to an object."""
        with failures(url, OutputError):
            self._client.put_object(Bucket=url.bucket, Key=url.key, Body=content, **self._encryption)

    def copy(self, old: S3Url, new: S3Url) -> None:
        """An object to another place, inside S3."""
        with failures(new, OutputError):
            source = {"Bucket": old.bucket, "Key": old.key}
            self._client.copy(source, new.bucket, new.key, ExtraArgs=self._encryption)

    def delete(self, urls: Sequence[S3Url]) -> None:
        """Objects of one bucket; those that are not there are gone already."""
        for i in range(0, len(urls), 1000):
            some = urls[i : i + 1000]
            with failures(some[0], OutputError):
                keys = {"Objects": [{"Key": url.key} for url in some], "Quiet": True}
                answer = self._client.delete_objects(Bucket=some[0].bucket, Delete=keys)
            for error in answer.get("Errors", ())[:1]:
                raise _worded(some[0].bucket, OutputError, error["Code"], error.get("Message", ""))

    # For Hadoop, which has a chain of its own.

    def region(self) -> str:
        """The region that requests are signed for."""
        return str(self._client.meta.region_name or "us-east-1")

    def endpoint(self) -> str | None:
        """The address of a server that is not AWS; None for AWS."""
        address = str(self._client.meta.endpoint_url)
        return None if ".amazonaws.com" in address else address

    def keys(self) -> dict[str, str]:
        """Access key, secret and token, if they come from this user's environment or files, not from the machine."""
        found = self._session.get_credentials()
        if found is None or found.method in ("iam-role", "container-role"):
            return {}
        frozen = found.get_frozen_credentials()
        keys = {"access.key": frozen.access_key, "secret.key": frozen.secret_key, "session.token": frozen.token}
        return {name: value for name, value in keys.items() if value}


def kms_key() -> str | None:
    """The key that the environment asks for; None if objects are encrypted as their bucket says."""
    return os.environ.get(KMS_KEY) or None


def _encryption() -> dict[str, str]:
    key = kms_key()
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}


def _attempts() -> int:
    text = os.environ.get("AWS_MAX_ATTEMPTS", str(ATTEMPTS)).strip()
    if not text.isdecimal() or int(text) < 1:
        raise SettingsError(f"AWS_MAX_ATTEMPTS is {text!r}", "give a number from 1 on")
    return int(text)


def together(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Call `work` for all items, several at a time; the first failure ends it."""
    pool = ThreadPoolExecutor(THREADS)
    try:
        return list(pool.map(work, items))
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def failures(place: S3Url, kind: type[UserError]) -> Iterator[None]:
    """What boto3 raises, as an error of this kind in one line."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        HTTPClientError,
        NoCredentialsError,
        PartialCredentialsError,
    )
    from botocore.exceptions import ConnectionError as NoConnection

    try:
        yield
    except ClientError as error:
        answer = error.response.get("Error", {})
        raise _worded(str(place), kind, _code(error), answer.get("Message", "")) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise kind(
            f"{place}: no credentials for AWS ({error})", "run aws configure, or set AWS_PROFILE or AWS_ACCESS_KEY_ID"
        ) from error
    except (HTTPClientError, NoConnection) as error:
        remedy = f"check the network and AWS_ENDPOINT_URL, then {_AGAIN}"
        raise kind(f"{place}: S3 cannot be reached ({error})", remedy) from error
    except (BotoCoreError, Boto3Error) as error:
        cause = error.__cause__ or error.__context__
        if isinstance(cause, ClientError):
            raise _worded(str(place), kind, _code(cause), str(cause)) from error
        raise kind(f"{place}: {error}", _AGAIN) from error


def _worded(place: str, kind: type[UserError], code: str, message: str) -> ChurnError:
    if code in ("AccessDenied", "403", "AllAccessDisabled", "AccessForbidden", "Forbidden"):
        return kind(f"{place}: permission denied", _RIGHTS.get(kind, ""))
    for codes, what, remedy in _WORDS:
        if code in codes:
            return kind(f"{place}: {what}", remedy)
    return kind(f"{place}: S3 refuses ({code}: {message})")


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def _found(url: S3Url, size: int, entry: dict[str, Any]) -> S3Object:
    return S3Object(url, size, entry["ETag"], int(entry["LastModified"].timestamp() * 1000) * 1_000_000)
