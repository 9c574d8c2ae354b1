"""What Spark needs to read and write S3: the file system it has for it, and who we are there.

On EMR it is there under `s3://`; elsewhere it is Hadoop's S3A, from the package hadoop-aws. Nothing here imports
pyspark: a context is handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any, Final
from urllib.parse import unquote

from churn.errors import UnavailableError
from churn.s3.client import S3, kms_key
from churn.sources import Packing, Source

_CLASS: Final = "org.apache.hadoop.fs.s3a.S3AFileSystem"
_BY_ENDING: Final[dict[str, Packing | None]] = {
    ".gz": "gzip",
    ".bz2": "bz2",
    ".zst": "zstd",
    ".deflate": None,
    ".lz4": None,
    ".snappy": None,
}
"""What Hadoop takes a file for by its ending."""

_ATTEMPTS: Final = "6"
_TOGETHER: Final = (
    frozenset(("access.key", "secret.key", "session.token", "aws.credentials.provider")),
    frozenset(("endpoint", "path.style.access", "connection.ssl.enabled")),
    frozenset(("encryption.algorithm", "encryption.key")),
)
_NAMES: Final = frozenset(("endpoint.region", "retry.limit", "attempts.maximum")).union(*_TOGETHER)
"""Of `fs.s3a.` what we know."""


def reads(source: Source) -> bool:
    """Whether Spark reads an object where it lies: by its name it must know the packing, and not pass it over.

    Zstandard needs a system library that is mostly absent.
    """
    name = source.url.rpartition("/")[2]
    told = next((packing for ending, packing in _BY_ENDING.items() if name.endswith(ending)), "none")
    hidden = name.startswith((".", "_"))
    return not hidden and (source.kind == "parquet" or (told == source.packing and told != "zstd"))


def prepare(context: Any, buckets: Iterable[str]) -> str:
    """Tell Hadoop about buckets what boto3 knows about them; settings that are there go before.

    Args:
        context: of Spark.
        buckets: those that will be read or written.

    Returns:
        The scheme under which this Spark knows S3.

    Raises:
        UnavailableError: if it does not know S3.
    """
    hadoop = context._jsc.hadoopConfiguration()
    if hadoop.get("fs.s3.impl"):
        return "s3"
    if hadoop.getClassByNameOrNull(_CLASS) is None:
        version = context._jvm.org.apache.hadoop.util.VersionInfo.getVersion()
        raise UnavailableError(
            "this Spark cannot read s3://", f"add --conf spark.jars.packages=org.apache.hadoop:hadoop-aws:{version}"
        )
    conf, ours = context.getConf(), _settings(S3())

    def chosen(name: str) -> bool:
        """Whether somebody has chosen this: by Spark's settings or Hadoop's files, not by default."""
        sources = hadoop.getPropertySources(f"fs.s3a.{name}") or ()
        files = [source for source in sources if source.endswith(".xml") and source != "core-default.xml"]
        return bool(files) or conf.contains(f"spark.hadoop.fs.s3a.{name}") or _other_key(hadoop, name, ours)

    for bucket in buckets:
        there = {name for name in _NAMES if hadoop.get(f"fs.s3a.bucket.{bucket}.{name}") or chosen(name)}
        for name, value in left_to_us(ours, there).items():
            hadoop.set(f"fs.s3a.bucket.{bucket}.{name}", value)
    return "s3a"


def left_to_us(ours: Mapping[str, str], theirs: Set[str]) -> dict[str, str]:
    """What we set of our settings, where others are theirs; who somebody is comes from one hand, and so does where."""
    taken = {name for group in _TOGETHER if group & theirs for name in group} | theirs
    return {name: value for name, value in ours.items() if name not in taken}


def _other_key(hadoop: Any, name: str, ours: Mapping[str, str]) -> bool:
    """Whether a program has put in another key than ours; Spark itself puts in that of the environment."""
    there = hadoop.get(f"fs.s3a.{name}") if name == "access.key" else None
    return bool(there) and there != ours.get(name)


def _settings(s3: S3) -> dict[str, str]:
    """For `fs.s3a.`; keys go into Hadoop's settings and not into Spark's, which are shown and logged."""
    settings = {"endpoint.region": s3.region(), "retry.limit": _ATTEMPTS, "attempts.maximum": _ATTEMPTS}
    key, endpoint = kms_key(), s3.endpoint()
    if key:
        settings |= {"encryption.algorithm": "SSE-KMS", "encryption.key": key}
    if endpoint:
        settings |= {"endpoint": endpoint, "path.style.access": "true"}
        settings["connection.ssl.enabled"] = str(endpoint.startswith("https://")).lower()
    keys = s3.keys()
    if keys:
        provider = "Temporary" if "session.token" in keys else "Simple"
        settings |= {**keys, "aws.credentials.provider": f"org.apache.hadoop.fs.s3a.{provider}AWSCredentialsProvider"}
    return settings


def numbers_of(found: Iterable[str], wanted: Mapping[str, int]) -> list[tuple[str, int]]:
    """Files as Spark calls them, and their numbers; Spark writes odd characters as %20.

    Args:
        found: as `DataFrame.inputFiles` lists them.
        wanted: numbers by address.
    """
    return [(file, wanted[unquote(file)]) for file in found]
