"""Bad input: one line that says what, where and what to do; exit status 2; never a traceback."""

from __future__ import annotations

import gzip
import re
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from churn.cli import invoke
from tests.conftest import Row, event, write_log
from tests.e2e.small import ONE_FAMILY, churn, complaint, learnable_log, learnable_rows
from tests.tiny import DAY, ms

pytestmark = pytest.mark.slow  # a run, or a process of its own, each


def stays(user: str, days: int = 64) -> list[Row]:
    return [event(user, ms("10-01") + day * DAY, sessionId=day) for day in range(days)]


def leaves(user: str, day: int) -> list[Row]:
    return [*stays(user, day), event(user, ms("10-01") + day * DAY, "Cancellation Confirmation", sessionId=day)]


def refused(log: Path | str, out: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """Run, be refused, and return the one line that says why."""
    assert invoke(["run", str(log), "--out", str(out), *ONE_FAMILY, *options]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert not (out / "risk.csv").exists() and not (out / "metrics").exists() and not (out / "run.json").exists()
    return complaint(said.err)


FILES: dict[str, tuple[bytes, str]] = {
    "empty.json": (b"", "the log is empty"),
    "blank.json": (b"\n \n\n", "no line that is not blank"),
    "zeros.json": (b"\0" * 100, "is a binary file"),
    "picture.json": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is a binary file"),
    "words.json": (b"Dear diary,\ntoday nothing\n", "line 1, unparseable: Dear diary,"),
    "array.json": (b"[1, 2]\n", "unparseable"),
    "utf16.json": ('{"ts": 1}'.encode("utf-16"), "is UTF-16; convert it to UTF-8"),
    "zip.json": (b"PK\x03\x04rest", "is a ZIP archive; unpack it"),
    "cut.json.gz": (gzip.compress(b'{"ts": 1, "page": "Home", "userId": "1"}\n' * 9999)[:-500], "cut short"),
    "damaged.parquet": (b"PAR1 and no more", "damaged Parquet"),
}


@pytest.mark.parametrize(("content", "words"), FILES.values(), ids=FILES)
def test_a_file_that_is_no_log_is_named_with_a_remedy(
    tmp_path: Path,
    content: bytes,
    words: str,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / request.node.callspec.id
    path.write_bytes(content)
    said = refused(path, tmp_path / "out", capsys)
    assert words in said
    assert str(path) in said
    assert "; " in said  # what and where; what to do


def test_a_path_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("missing.json", "*.json.gz"):
        said = refused(tmp_path / name, tmp_path / "out", capsys)
        assert f"{tmp_path / name}: no such file or folder; check the path" in said
    assert not (tmp_path / "out").exists()


def test_a_folder_without_a_log_says_which_endings_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "log.txt").write_text("{}")
    said = refused(tmp_path / "notes", tmp_path / "out", capsys)
    assert f"{tmp_path / 'notes'}: no log in this folder" in said and ".json.gz" in said


def test_a_wrong_schema_names_the_columns_missing_and_those_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_log(tmp_path / "log.json", [{"timestamp": 1, "user": "7", "page": "Home"}])
    said = refused(log, tmp_path / "out", capsys)
    assert "columns missing from the log: ts, userId; found: page, timestamp, user;" in said
    assert "[columns] in --config" in said


LOGS: dict[str, tuple[Callable[[], list[Row]], str]] = {
    "one day": (lambda: stays("1", 1) + leaves("2", 0), r"0 whole days .* at least 35 days"),
    "one user who stays": (lambda: stays("1"), r"nobody in this log reached Cancellation Confirmation"),
    "one user who leaves": (lambda: leaves("1", 60), r"at least 20 are needed"),
    "no cancellation": (lambda: learnable_rows(users=5, leavers=0), r"the smallest next steps: "),
    "only cancellations": (
        lambda: [row for user in range(40) for row in leaves(str(user), user)[-1:]],
        r"nothing but cancellations.*; give the whole log",
    ),
    "too few leavers": (lambda: learnable_rows(leavers=15), r"\b1\d\b.*at least 20 are needed.*--force"),
    "nobody but visitors": (lambda: [event("", ms("10-01"), "Home")], r"no line of the log belongs to a user"),
    "all have left": (lambda: leaves("1", 20) + leaves("2", 30) + leaves("3", 63), r"at least 20 are needed"),
}


@pytest.mark.parametrize(("rows", "words"), LOGS.values(), ids=LOGS)
def test_a_log_that_nothing_can_be_learned_from_is_refused_with_what_would_be_enough(
    tmp_path: Path, rows: Callable[[], list[Row]], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(write_log(tmp_path / "log.json", rows()), tmp_path / "out", capsys)
    assert re.search(words, said), said
    assert (tmp_path / "out" / "ingest.json").exists() or "belongs to a user" in said  # what was read is kept


@pytest.mark.parametrize("name", ["one day", "one user who leaves"])
def test_force_is_no_traceback_either(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    log = write_log(tmp_path / "log.json", LOGS[name][0]())
    assert refused(log, tmp_path / "out", capsys, "--force")


def test_three_users_can_be_forced_and_the_result_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write_log(tmp_path / "log.json", leaves("1", 20) + stays("2") + leaves("3", 55))
    assert invoke(["run", str(log), "--out", str(tmp_path / "out"), *ONE_FAMILY, "--force"]) == 0
    assert "Mind: forced" in capsys.readouterr().out
    assert (tmp_path / "out" / "risk.csv").read_text().splitlines()[1].split(",")[1] == "2"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log that is fine."""
    return learnable_log(tmp_path_factory.mktemp("fine") / "log.json")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--families", "tarot"], "no model family is called tarot; choose from: logistic_regression"),
        (["--engine", "mars"], "no engine is called mars; choose from: duckdb, spark"),
        (["--master", "local[2]"], "--master and --conf are for Spark alone; add --engine spark, or leave them out"),
        (["--engine", "spark", "--conf", "x"], "--conf x is no setting; write it like spark.executor.memory=4g"),
        (["--learner", "mars"], "no learner is called mars; choose from: local"),
        (["--horizon", "0"], "the horizon is 0 days; give a whole number from 1"),
        (["--horizon", "60"], "too few for a forecast 60 days ahead; give a log of at least 127 days"),
        (["--gap", "-1"], "the gap is -1 days"),
        (["--every", "0"], "the spacing of cut-offs is 0 days"),
        (["--windows", "14,7"], "look-back windows (14, 7) are not ascending; sort them"),
        (["--churn-page", " "], "no churn page is given; name at least one"),
        (["--churn-page", "Farewell"], "nobody in this log reached Farewell"),
        (["--memory", "lots"], "'lots' is no amount of memory; write it like 6GB"),
        (["--memory", "1MB"], "--memory is 1,000,000 bytes; give at least 500MB"),
        (["--seed", "-1"], "--seed is -1; give a number from 0"),
        (["--max-refused", "2"], "--max-refused is 2.0; give a share from 0 to 1"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named_with_what_would(
    log: Path, tmp_path: Path, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in refused(log, tmp_path / "out", capsys, *options)


@pytest.mark.parametrize("below", ["", "sub", "sub/sub"])
def test_an_output_folder_that_is_a_file_is_named(
    log: Path, tmp_path: Path, below: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    said = refused(log, tmp_path / "file" / below, capsys)
    assert str(tmp_path / "file") in said and "cannot be written (Not a directory); choose another --out" in said
    assert (tmp_path / "file").read_text() == "mine"


def test_an_output_folder_that_cannot_be_made_is_named(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = Path("/proc/churn-run")
    if not out.parent.is_dir():
        pytest.skip("no folder here that not even the superuser can write to")
    said = refused(log, out, capsys)
    assert str(out) in said and said.endswith("; choose another --out")


def test_an_output_folder_of_somebody_else_is_left_alone(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    said = refused(log, tmp_path, capsys)
    assert said == f"{tmp_path} holds files that no run of this program made; choose an empty or a new folder"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def _limit(size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A disk of so many kilobytes; skips where none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(size: int) -> Path:
        arguments = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(folder)]
        try:
            subprocess.run(arguments, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("mounting a small disk needs more rights than these tests have")
        return folder

    yield mount
    subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)


@pytest.mark.parametrize("size", [40, 800, 1050])  # full while reading, making features, training
def test_a_full_disk_is_one_line_and_what_was_finished_is_whole(
    log: Path, disk: Callable[[int], Path], size: int
) -> None:
    out = disk(size) / "run"
    found = churn("run", log, "--out", out, *ONE_FAMILY)
    assert found.returncode == 2, found.stderr
    said = complaint(found.stderr)
    assert str(out) in said and "disk" in said and "free some" in said
    assert not (out / "run.json").exists()


def test_a_file_that_may_not_grow_is_a_full_disk_and_with_more_room_the_run_goes_on(log: Path, tmp_path: Path) -> None:
    found = churn("run", log, "--out", tmp_path / "run", *ONE_FAMILY, preexec_fn=_limit(60_000))
    assert found.returncode == 2, found.stderr
    assert "the disk is full" in complaint(found.stderr)
    assert (tmp_path / "run" / "ingest.json").exists()
    again = churn("run", log, "--out", tmp_path / "run", *ONE_FAMILY)
    assert again.returncode == 0, again.stderr
    assert "reading the log (done before)" in again.stderr


def test_a_log_of_another_service_is_read_and_says_the_smallest_next_steps(
    data: Callable[[str], Path], tmp_path: Path
) -> None:
    found = churn("run", data("real/other_log_2018_11"), "--out", tmp_path / "run")
    assert (found.returncode, found.stdout) == (2, "")
    said = complaint(found.stderr)
    assert "nobody in this log reached Cancellation Confirmation, so there is nothing to learn from" in said
    assert "7,770 events" in said and '--churn-page "Submit Downgrade"' in said and "the smallest next steps" in said
    assert (tmp_path / "run" / "ingest.json").exists() and (tmp_path / "run" / "events").is_dir()


def test_seven_users_are_too_few_unless_forced(data: Callable[[str], Path], tmp_path: Path) -> None:
    line = ("run", data("real/seven_users.json.gz"), "--out", tmp_path / "run", *ONE_FAMILY)
    found = churn(*line)
    assert found.returncode == 2
    assert "at least 20 are needed" in complaint(found.stderr) and "--force" in found.stderr
    forced = churn(*line, "--force")
    assert forced.returncode == 0, forced.stderr
    assert "making features and labels (done before)" in forced.stderr
    assert "Mind: forced" in forced.stdout
    assert "forced" in (tmp_path / "run" / "run.json").read_text()
