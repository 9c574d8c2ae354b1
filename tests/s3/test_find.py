"""Which objects make a log, and how the ways to fail are told."""

from __future__ import annotations

import gzip
import io
import socket
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.errors import SettingsError, SourceError, UnavailableError
from churn.s3.client import S3
from churn.s3.find import Ranges, object_of
from churn.s3.url import S3Url
from churn.sources import find_sources
from tests.s3.broken import Broken
from tests.s3.conftest import Put
from tests.test_sources import LINE


def found(*logs: str) -> list[str]:
    return [source.address for source in find_sources(logs)]


def test_an_object_is_known_by_its_first_bytes(put: Put) -> None:
    table = io.BytesIO()
    pq.write_table(pa.table({"ts": [1]}), table)
    logs = [put("a.json", gzip.compress(LINE)), put("b", LINE), put("c c/%20+é.json", table.getvalue())]
    kinds = [(s.address, s.kind, s.packing, s.size > 0, s.here) for s in find_sources(logs)]
    assert kinds == [
        (logs[0], "json", "gzip", True, False),
        (logs[1], "json", "none", True, False),
        (logs[2], "parquet", "none", True, False),
    ]
    assert all(source.etag and source.modified for source in find_sources(logs))


def test_a_folder_is_searched_by_ending_without_hidden_objects_and_without_results_of_ours(put: Put) -> None:
    good = [put(f"log/{name}") for name in ("a.json", "b.jsonl.gz", "x/y/c.JSON", "x/y=1/d.ndjson")]
    for name in ("a.txt", "_SUCCESS", "_a.json", ".a.json", "x/_y/a.json", "run/.churn/mark", "run/ingest.json"):
        put(f"log/{name}")
    put("log/empty.folder/", b"")
    put("logbook.json")
    assert found("s3://logs/log") == found("s3://logs/log/") == found("s3a://logs/log", "s3://logs/log/a.json") == good
    assert found("s3://logs") == [*good, "s3://logs/logbook.json"]


def test_patterns_stay_in_a_folder_unless_they_say_otherwise(put: Put) -> None:
    a, b, c = (put(f"log/{name}") for name in ("1.json", "2.json", "x/3.json"))
    assert found("s3://logs/log/*.json") == [a, b]
    assert found("s3://logs/log/[!2].json") == found("s3://logs/log/[1].json") == [a]
    assert found("s3://logs/log/**/?.json") == found("s3://logs/**.json") == [a, b, c]
    odd = put("log/[1].json")
    assert found("s3://logs/log/[1].json") == [odd]
    with pytest.raises(SourceError, match=r"^s3://logs/log/\*\.csv: no object fits this pattern; check"):
        found("s3://logs/log/*.csv")


def test_local_files_and_objects_make_one_log(put: Put, tmp_path: Any) -> None:
    (tmp_path / "a.json").write_bytes(LINE)
    assert found(put("b.json"), str(tmp_path)) == [str(tmp_path / "a.json"), "s3://logs/b.json"]


@pytest.mark.parametrize(
    ("log", "message"),
    [
        ("s3://logs/gone.json", r"^s3://logs/gone.json: there is no such object or folder; check the address$"),
        ("s3://nobody/log/", r"^s3://nobody/log: there is no such bucket; check its name$"),
        ("s3://logs/text/", r"^s3://logs/text/: no log in this folder; objects are found by their ending: \.json"),
        ("s3://logs/zip", r"^s3://logs/zip: is a ZIP archive; unpack it"),
        ("s3://logs/empty.json", r"^the log is empty: s3://logs/empty.json; give a file"),
    ],
)
def test_what_is_missing_or_no_log_is_told_in_a_line(put: Put, log: str, message: str) -> None:
    put("text/a.txt")
    put("zip", b"PK\x03\x04")
    put("empty.json", b"")
    with pytest.raises(SourceError, match=message):
        find_sources([log])


def test_an_address_without_a_bucket_is_refused() -> None:
    for text in ("s3://", "s3:///log", "s3a://"):
        with pytest.raises(SettingsError, match="names no bucket; write it like s3://bucket/folder"):
            find_sources([text])


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("AccessDenied", r"permission denied; the user needs s3:ListBucket and s3:GetObject there"),
        ("InvalidAccessKeyId", r"S3 does not accept the credentials; renew them"),
        ("ExpiredToken", r"S3 does not accept the credentials; renew them"),
        ("AuthorizationHeaderMalformed", r"the bucket lies in another region; set AWS_REGION"),
        ("InvalidObjectState", r"the object is in an archive \(Glacier\); restore it first"),
        ("Other", r"S3 refuses \(Other: no\)"),
    ],
)
def test_refusals_are_told_in_a_line(put: Put, broken: Broken, code: str, message: str) -> None:
    broken.rule = lambda method, path, times: f"refused:{code}" if method == "GET" else None
    with pytest.raises(SourceError, match=rf"^s3://logs/a.json: {message}"):
        find_sources([put("a.json")])


def test_whoever_may_not_look_at_an_object_is_told_so(put: Put, broken: Broken) -> None:
    log = put("a.json")
    broken.rule = lambda method, path, times: "refused:AccessDenied"
    with pytest.raises(SourceError, match=r"^s3://logs/a.json: permission denied"):
        find_sources([log])


def test_no_credentials(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    log = put("a.json")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(SourceError, match=r"^s3://logs/a.json: no credentials for AWS \(.*\); run aws configure"):
        find_sources([log])
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(UnavailableError, match=r"the settings of AWS do not work: .*nobody.*; see AWS_PROFILE"):
        find_sources([log])


def test_nobody_answers(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    log = put("a.json")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{unused.getsockname()[1]}")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
        with pytest.raises(SourceError, match=r"^s3://logs/a.json: S3 cannot be reached .*; check the network"):
            find_sources([log])


def test_without_boto3_the_command_to_install_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("churn.s3.client.util.find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match=r"needs boto3, which is not installed; pip install 'sparkify-churn\["):
        find_sources(["s3://logs/a.json"])


@pytest.mark.parametrize("kind", ["busy", "drop", "half"])
def test_what_passes_is_tried_again(put: Put, broken: Broken, kind: str) -> None:
    log = put("log/a.json")
    broken.rule = lambda method, path, times: kind if method == "GET" and times < 2 else None
    (source,) = find_sources([log])
    assert source.packing == "none"
    assert broken.asked["GET", "/logs/log/a.json"] == 3


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "message"), [("busy", "S3 was too busy"), ("half", "the connection broke off 6")])
def test_what_does_not_pass_ends_with_a_line(put: Put, broken: Broken, kind: str, message: str) -> None:
    log = put("log/a.json")
    broken.rule = lambda method, path, times: kind if method == "GET" else None
    with pytest.raises(SourceError, match=rf"^s3://logs/log/a.json: {message}.*; run the same command again"):
        find_sources([log])
    assert broken.asked["GET", "/logs/log/a.json"] == 6


def test_parquet_is_opened_where_it_lies(put: Put) -> None:
    made = io.BytesIO()
    pq.write_table(pa.table({"ts": list(range(50_000))}), made)
    (source,) = find_sources([put("a.parquet", made.getvalue())])
    ranges = Ranges(S3(), object_of(source))
    assert pq.read_schema(pa.PythonFile(ranges)).names == ["ts"]
    assert (ranges.seek(-4, io.SEEK_END), ranges.read(10), ranges.read(1)) == (source.size - 4, b"PAR1", b"")


def test_addresses() -> None:
    url = S3Url.of("s3a://b/x/y//")
    assert (str(url), url.name, url.below, str(url / "z"), url.with_scheme("s3a")) == (
        "s3://b/x/y", "y", "x/y/", "s3://b/x/y/z", "s3a://b/x/y",
    )  # fmt: skip
    assert (str(S3Url.of("s3://b/") / "z"), S3Url.of("s3://b").below) == ("s3://b/z", "")
