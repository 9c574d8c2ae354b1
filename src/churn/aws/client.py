"""boto3's clients, and its errors in the words of this package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib import util
from typing import Any, Final

from churn.errors import ChurnError, CloudError, SettingsError, UnavailableError

INSTALL: Final = "pip install 'sparkify-churn[aws]'"
_NO_CREDENTIALS: Final = "run: aws configure, or set AWS_PROFILE"

EXPIRED: Final = frozenset(("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"))
REJECTED: Final = frozenset(
    (
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "AuthFailure",
        "InvalidSignatureException",
        "InvalidToken",
        "IncompleteSignature",
    )
)
DENIED: Final = frozenset(
    ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AllAccessDisabled", "Forbidden", "403")
)
BUSY: Final = frozenset(
    (
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "InternalError",
        "InternalServerException",
        "InternalServerError",
        "InternalFailure",
        "RequestTimeout",
        "500",
        "502",
        "503",
        "504",
    )
)
ABSENT: Final = frozenset(("404", "NoSuchKey", "NotFound"))


class Clients:
    """Clients for one region; made when they are first used."""

    def __init__(self, region: str | None) -> None:
        """Look for boto3, credentials and region.

        Raises:
            UnavailableError: if boto3 is not installed.
            SettingsError: if no region is given or known, or none is called so.
        """
        if util.find_spec("boto3") is None:
            raise UnavailableError("talking to AWS needs boto3, which is not installed", INSTALL)
        import boto3

        with translated("AWS settings"):
            self._session = boto3.Session(region_name=region)
        self.region: str = self._session.region_name or ""
        if not self.region:
            raise SettingsError("no AWS region is known", "give --region, or set AWS_REGION")
        partitions = self._session.get_available_partitions()
        if not any(self.region in self._session.get_available_regions("emr", name) for name in partitions):
            raise SettingsError(f"no AWS region is called {self.region}", "check --region and AWS_REGION")

    @cached_property
    def s3(self) -> Any:
        """For objects; repeats what fails for a moment."""
        return self._make("s3", attempts=5)

    @cached_property
    def emr(self) -> Any:
        """For looking at and ending clusters; repeats what fails for a moment."""
        return self._make("emr", attempts=5)

    @cached_property
    def emr_once(self) -> Any:
        """For starting one: a call whose answer was lost must not be repeated blindly."""
        return self._make("emr", attempts=1)

    @cached_property
    def serverless(self) -> Any:
        """For EMR Serverless, whose calls carry a token and may be repeated."""
        return self._make("emr-serverless", attempts=5)

    @cached_property
    def iam(self) -> Any:
        """For looking at roles."""
        return self._make("iam", attempts=5)

    @cached_property
    def sts(self) -> Any:
        """For asking who we are."""
        return self._make("sts", attempts=5)

    def _make(self, service: str, attempts: int) -> Any:
        from botocore.config import Config

        config = Config(
            retries={"total_max_attempts": attempts, "mode": "standard"}, connect_timeout=10, read_timeout=60
        )
        with translated(f"AWS settings for {service}"):
            return self._session.client(service, config=config)


def code_of(error: Exception) -> str:
    """The code of an answer of AWS that is an error."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Errors of boto3 in our words.

    Args:
        what: what is being done or looked at, to begin the message with.

    Raises:
        CloudError: where AWS refuses.
        UnavailableError: where it cannot be reached or is busy.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _of_answer(what, error) from error
    except BotoCoreError as error:
        raise _of_library(what, error) from error


def _of_answer(what: str, error: Any) -> ChurnError:
    code = code_of(error)
    said = " ".join(str(error.response.get("Error", {}).get("Message", "")).split())
    if code in EXPIRED:
        return CloudError(f"{what}: the AWS credentials have expired", "log in again, or renew the session token")
    if code in REJECTED:
        return CloudError(f"{what}: AWS does not know these credentials ({code})", _NO_CREDENTIALS)
    if code in DENIED:
        return CloudError(f"{what}: access denied ({said or code})", "see docs/emr for the policies needed")
    if code in BUSY:
        return UnavailableError(f"{what}: AWS is busy and kept saying so ({code})", "run it again later")
    if code == "NoSuchBucket":
        return CloudError(f"{what}: there is no such bucket", "check the address, or make the bucket first")
    if code in ("PermanentRedirect", "301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"):
        return CloudError(f"{what}: the bucket lies in another region", "give that region by --region")
    return CloudError(f"{what}: {code}: {said}", "see the message of AWS")


def _of_library(what: str, error: Exception) -> ChurnError:
    from botocore import exceptions

    if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
        return CloudError("no AWS credentials are found", _NO_CREDENTIALS)
    if isinstance(error, (exceptions.CredentialRetrievalError, exceptions.TokenRetrievalError,
                          exceptions.SSOTokenLoadError, exceptions.UnauthorizedSSOTokenError)):  # fmt: skip
        return CloudError(f"the AWS credentials cannot be fetched ({error})", "log in again: aws sso login")
    if isinstance(error, exceptions.ProfileNotFound):
        return CloudError(str(error), "check AWS_PROFILE")
    if isinstance(error, (exceptions.ParamValidationError, exceptions.UnknownServiceError)):
        return CloudError(f"{what}: {' '.join(str(error).split())}", "check the options")
    gist = " ".join(str(error).split())[:200]
    return UnavailableError(f"{what}: AWS cannot be reached ({gist})", "check the network, then run it again")
