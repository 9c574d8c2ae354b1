"""Why a run failed, in words, and what to change: from its logs on S3 and from what AWS says."""

from __future__ import annotations

import gzip
import re
import zlib
from dataclasses import dataclass
from typing import Final

from churn.aws import objects
from churn.aws.client import Clients
from churn.aws.places import Place
from churn.aws.state import HARD_LIMIT, State

LAST_LINES: Final = 15
LOOKED_AT: Final = 300
"""Last lines that are searched for a reason, unless the program itself says one."""

MOST_BYTES: Final = 20_000_000
"""Of a log, packed; of a longer one nobody would read the end here."""


@dataclass(frozen=True)
class Sign:
    """What a log says, what it means, and what to do."""

    pattern: str
    means: str
    remedy: str


SIGNS: Final = (
    Sign(r"churn bootstrap: (?P<said>(?!installing|done|this cluster).+)", "the bootstrap failed: {said}",
         "give the machines a way to the package index and to the bucket, then submit again"),
    Sign(r"VcpuLimitExceeded|vCPU limit|InstanceLimitExceeded|ServiceQuotaExceeded|exceeded .*quota|"
         r"ApplicationMaxCapacityExceededException|worker could not be allocated",
         "the account's quota of processors is used up",
         "take fewer --workers or a smaller --instance, or ask AWS for a higher quota of that instance family"),
    Sign(r"InsufficientInstanceCapacity|insufficient capacity|not enough capacity",
         "AWS has no such machines free at the moment", "submit again later, or choose another --instance or --subnet"),
    Sign(r"[Ss]pot.{0,40}(terminat|interrupt|reclaim|lost)|NodeLost.*[Ss]pot|terminated by spot",
         "spot instances were taken away", "submit again, it goes on where it was; or leave out --spot"),
    Sign(r"NoSuchBucket|The specified bucket does not exist", "a bucket is missing", "check the addresses, or make it"),
    Sign(r"PermanentRedirect|AuthorizationHeaderMalformed|status code: 301|Status Code: 301|bucket is in this region",
         "a bucket lies in another region than the cluster", "give the bucket's region by --region"),
    Sign(r"KMS\.|kms:(Decrypt|GenerateDataKey)|KMSAccessDenied", "the machines may not use the KMS key",
         "let the role of --instance-profile use the key"),
    Sign(r"AccessDenied|Access Denied|Status Code: 403|not authorized to perform", "the machines lack a permission",
         "give the role of --instance-profile the policy in docs/emr"),
    Sign(r"OutOfMemoryError|Container killed by YARN|exceeding memory limits|exit code:? 137|exitCode: 137|"
         r"Exit status: 137|Cannot allocate memory|MemoryError",
         "it ran out of memory", "take an --instance with more memory (r5, r6g), or more --workers; then submit again"),
    Sign(r"No space left on device", "a disk is full", "take more --workers, which share the data"),
    Sign(rf"exit(ed with)? (code|status):? 124\b|{HARD_LIMIT}", HARD_LIMIT, "raise --hours, or take more --workers"),
    Sign(r"ModuleNotFoundError|No module named", "the machines lack the program",
         "submit without --cluster-id, or run the bootstrap on all machines of that cluster"),
)  # fmt: skip


@dataclass(frozen=True)
class Diagnosis:
    """What went wrong: in words, what to change, and the last lines of the driver."""

    means: str
    remedy: str
    lines: tuple[str, ...]
    log: str


def diagnose(clients: Clients, state: State) -> Diagnosis:
    """Why a run has failed."""
    log, text = _log(clients, state)
    lines = tuple(line for line in text.splitlines() if line.strip())
    own = next((line for line in reversed(lines) if line.startswith("churn: ")), None)
    sign = _sign(own or "\n".join([*lines[-LOOKED_AT:], state.reason]))
    if own and not sign:
        what, _, remedy = own.removeprefix("churn: ").partition("; ")
        return Diagnosis(what, remedy or "see the lines above", lines[-LAST_LINES:], log)
    if sign:
        return Diagnosis(*sign, lines[-LAST_LINES:], log)
    unknown = state.reason or "no reason is known"
    remedy = "see the driver's lines" if lines else "logs arrive some minutes later: ask again then"
    return Diagnosis(unknown, remedy, lines[-LAST_LINES:], log)


def _sign(text: str) -> tuple[str, str] | None:
    for sign in SIGNS:
        found = re.search(sign.pattern, text)
        if found:
            return sign.means.format(**found.groupdict()), sign.remedy
    return None


def _log(clients: Clients, state: State) -> tuple[str, str]:
    """Address and text of the log that tells most; empty if there is none (yet)."""
    if not state.logs:
        return "", ""
    folder = Place.of(state.logs, "logs")
    keys = {key: size for key, size in objects.listing(clients.s3, folder) if 0 < size <= MOST_BYTES}
    for pattern in _telling(state):
        for key in sorted(key for key in keys if re.search(pattern, key)):
            place = Place(folder.bucket, key)
            text = _unpacked(objects.read(clients.s3, place))
            if text.strip():
                return str(place), text
    return "", ""


def _telling(state: State) -> tuple[str, ...]:
    """Which logs tell most, in this order."""
    step = rf"/steps/{re.escape(state.job)}/stderr(\.gz)?$" if state.job else r"/steps/[^/]+/stderr(\.gz)?$"
    return (
        step,
        r"/SPARK_DRIVER/stderr(\.gz)?$",
        r"/bootstrap-actions/\d+/stderr(\.gz)?$",
        r"/containers/.*_000001/stderr(\.gz)?$",
        r"/steps/[^/]+/(controller|stdout)(\.gz)?$",
    )


def _unpacked(found: tuple[bytes, str] | None) -> str:
    """The text of a log; of a damaged archive what can be read."""
    if found is None:
        return ""
    content = found[0]
    if content.startswith(b"\x1f\x8b"):
        unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error):
            content = unpacker.decompress(content, 10 * MOST_BYTES)
    return content.decode("utf-8", errors="replace")
