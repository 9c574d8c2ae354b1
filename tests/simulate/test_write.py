"""Files: same bytes for the same seed, whole or not at all, and errors in words."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from churn.errors import OutputError, SettingsError
from churn.simulate import Simulation, simulate
from churn.simulate import log as log_module
from churn.simulate import write as module

TINY = Simulation(users=30, days=10, seed=2)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize("form", module.FORMATS)
def test_runs_processes_and_slices_change_no_byte(tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "BLOCK", 16)
    for name, processes in (("a", 1), ("b", 2), ("c", 1)):
        simulate(tmp_path / name, TINY, form=form, processes=processes)
    assert digest(tmp_path / "a") == digest(tmp_path / "b") == digest(tmp_path / "c")
    simulate(tmp_path / "other", Simulation(users=30, days=10, seed=3), form=form, processes=1)
    assert digest(tmp_path / "other") != digest(tmp_path / "a")


def test_packed_lines_are_the_lines(tmp_path: Path) -> None:
    n = simulate(tmp_path / "a.json", TINY)
    simulate(tmp_path / "a.json.gz", TINY, form="json.gz")
    plain = (tmp_path / "a.json").read_bytes()
    assert gzip.decompress((tmp_path / "a.json.gz").read_bytes()) == plain
    assert plain.count(b"\n") == n == pq_rows(tmp_path)


def pq_rows(folder: Path) -> int:
    simulate(folder / "a.parquet", TINY, form="parquet")
    return int(pq.read_metadata(folder / "a.parquet").num_rows)


def test_progress_goes_from_nothing_to_all(tmp_path: Path) -> None:
    told: list[float] = []
    simulate(tmp_path / "a.json", TINY, progress=told.append)
    assert told == sorted(told) and told[-1] == pytest.approx(1) and 0 < told[0] < 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"form": "csv"}, "no format is called csv; choose from: json, json.gz, parquet"),
        ({"form": "parquet", "dirty": True}, "only a file of lines can be dirty"),
        ({"target": None, "dirty": True}, "only a file of lines can be dirty"),
        ({"target": None, "form": "parquet"}, "Parquet cannot go to standard output"),
    ],
)
def test_options_that_do_not_go_together(tmp_path: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        simulate(**{"target": tmp_path / "log", "simulation": TINY, **options})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("target", "truth_file", "dirty"),
    [
        ("a.parquet", "a.parquet", False),
        ("a.json", "sub/../a.json", False),
        ("a.json", "link.json", False),
        ("a.json", "a.json.part", False),
        ("a.json", "a.json.dirt.json", True),
    ],
)
def test_two_outputs_in_one_file_are_refused(tmp_path: Path, target: str, truth_file: str, dirty: bool) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.json").symlink_to(tmp_path / "a.json")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(SettingsError, match=r"two outputs would be written to .*; name another file for one of them"):
        simulate(tmp_path / target, TINY, dirty=dirty, truth_file=tmp_path / truth_file)
    assert sorted(tmp_path.iterdir()) == before


def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_write_lines", fail)
    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path / "log.json", TINY, truth_file=tmp_path / "truth.parquet")
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"nowhere.*cannot be written .*; choose another file"):
        simulate(tmp_path / "nowhere" / "log.json", TINY)
    with pytest.raises(OutputError, match="is a folder; name a file"):
        simulate(tmp_path, TINY)
