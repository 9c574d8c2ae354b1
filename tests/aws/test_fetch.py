"""`churn emr fetch`: the whole result, checked, resumed, and never mixed with anything else."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from churn.aws import fetch as fetching
from churn.cli import invoke
from tests.aws.conftest import OUT, Cloud
from tests.aws.proxy import Call, cut, refuse, shortened, spoiled
from tests.e2e.small import start

FILES = {
    "metrics/models.csv": b"task,model\n" * 50,
    "statistics/pages.csv": b"page,n\n",
    "bundle/model.onnx": os.urandom(3_000_000),
    "bundle/manifest.json": b"{}",
    "report.html": b"<html>" * 1000,
    "risk.csv": b"rank,userId\n" * 3000,
    "run.json": b"{}",
}
OTHERS = {"events/day=2018-10-01/part.parquet": b"PAR1", ".churn/steps/ingest.json": b"{}", "quarantine/x.jsonl": b"q"}


@pytest.fixture
def filled(cloud: Cloud) -> Cloud:
    for name, content in {**FILES, **OTHERS}.items():
        cloud.put(f"run/{name}", content)
    return cloud


def fetch(to: Path, *options: str) -> int:
    return invoke(["emr", "fetch", OUT, "--to", str(to), *options])


def there(to: Path) -> dict[str, bytes]:
    files = {path.relative_to(to).as_posix(): path.read_bytes() for path in to.rglob("*") if path.is_file()}
    return {name: content for name, content in files.items() if not name.startswith(".churn/")}


def gets(cloud: Cloud) -> list[Call]:
    return [call for call in cloud.proxy.calls if call.operation == "GetObject"]


def test_results_come_and_tables_stay(filled: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch(tmp_path / "run") == 0
    assert there(tmp_path / "run") == FILES
    said = capsys.readouterr().out
    assert "risk.csv  36,000 bytes, checked by" in said and f"{len(FILES)} files in" in said
    assert "size alone" not in said


def test_with_all_the_tables_come_too_but_not_what_is_private(filled: Cloud, tmp_path: Path) -> None:
    assert fetch(tmp_path / "run", "--all") == 0
    assert set(there(tmp_path / "run")) == {*FILES, *OTHERS} - {".churn/steps/ingest.json"}


def test_what_is_here_stays_and_what_was_changed_comes_again(
    filled: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "run"
    assert fetch(to) == 0
    (to / "risk.csv").write_bytes(b"changed")
    before = len(gets(filled))
    capsys.readouterr()
    assert fetch(to) == 0
    assert [call.path.split("?")[0] for call in gets(filled)[before:]] == ["/results/run/risk.csv"]
    assert f"{len(FILES)} files in {to}, 1 of them new" in capsys.readouterr().out
    assert there(to) == FILES


def test_a_connection_cut_in_the_middle_of_a_file_goes_on_where_it_was(filled: Cloud, tmp_path: Path) -> None:
    filled.proxy.on("GetObject", shortened(1_000_000), path="model.onnx", times=1)
    filled.proxy.on("HeadObject", cut, times=1)
    assert fetch(tmp_path / "run") == 0
    assert there(tmp_path / "run") == FILES
    assert len([call for call in gets(filled) if "model.onnx" in call.path]) >= 2


def test_a_connection_that_is_cut_for_good_is_one_line_and_the_next_fetch_goes_on(
    filled: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "TRIES", 1)
    filled.proxy.on("GetObject", shortened(2_500_000), path="model.onnx", times=1)
    to = tmp_path / "run"
    assert fetch(to) == 2
    assert "run it again" in (said := capsys.readouterr().err) or "run the same command again" in said
    assert "bundle/model.onnx" not in there(to)
    (part,) = (to / ".churn" / "parts").iterdir()
    assert 0 < part.stat().st_size <= 2_500_000
    assert fetch(to) == 0
    assert there(to) == FILES


def test_what_arrives_spoiled_is_thrown_away(filled: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filled.proxy.on("GetObject", spoiled, path="risk.csv", times=1)
    to = tmp_path / "run"
    assert fetch(to) == 2
    assert "what arrived differs from what lies there" in capsys.readouterr().err
    assert "risk.csv" not in there(to)
    assert fetch(to) == 0
    assert there(to) == FILES


def test_a_folder_with_something_else_in_it_is_left_alone(
    filled: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert fetch(tmp_path) == 2
    assert "is not empty, and was not filled by this command" in capsys.readouterr().err
    assert there(tmp_path) == {"mine.txt": b"mine"}


def test_a_folder_of_another_run_is_left_alone(
    filled: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled.put("other/run.json", b"{}")
    assert fetch(tmp_path / "run") == 0
    assert invoke(["emr", "fetch", "s3://results/other/", "--to", str(tmp_path / "run")]) == 2
    assert f"holds another run ({OUT})" in capsys.readouterr().err


def test_a_name_that_leads_out_of_the_folder_is_refused(
    filled: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = "<ListBucketResult><Contents><Key>run/bundle/../../evil</Key><Size>3</Size></Contents></ListBucketResult>"

    def lists(call: Call, pass_on: object) -> object:
        from tests.aws.proxy import Answer

        return Answer(200, {"content-type": "application/xml"}, answer.encode())

    filled.proxy.on("ListObjectsV2", lists)  # type: ignore[arg-type]
    assert fetch(tmp_path / "deep" / "run") == 2
    assert "holds an object called" in capsys.readouterr().err
    assert not list(tmp_path.rglob("evil"))


def test_before_there_are_results_it_says_so(cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch(tmp_path / "run") == 2
    assert "holds no results yet" in capsys.readouterr().err


def test_what_aws_refuses_is_one_line(filled: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filled.proxy.on("GetObject", refuse("AccessDenied"), path="model.onnx")
    assert fetch(tmp_path / "run") == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert "s3://results/run/bundle/model.onnx: access denied" in said


@pytest.mark.slow
def test_killed_in_the_middle_nothing_half_looks_whole_and_the_next_goes_on(filled: Cloud, tmp_path: Path) -> None:
    to = tmp_path / "run"

    def killed(call: Call, pass_on: object) -> None:
        os.kill(child.pid, signal.SIGKILL)

    filled.proxy.on("GetObject", killed, path="report.html", times=1)
    with start("emr", "fetch", OUT, "--to", to) as child:
        child.communicate(timeout=120)
    assert child.returncode == -9
    assert there(to).items() <= FILES.items()
    assert fetch(to) == 0
    assert there(to) == FILES
