"""A kill or a Ctrl-C at any step: nothing half-written looks finished, and the same command goes on."""

from __future__ import annotations

import csv
import io
import signal
import subprocess
import time
from pathlib import Path

import pytest

from churn.cli import invoke
from churn.steps import PRIVATE
from tests.e2e.small import ONE_FAMILY, STEPS, churn, complaint, finished_run, start

DEADLINE = 60
INTERRUPTED = 130


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run without any trouble gives; only to be read."""
    return finished_run(tmp_path_factory.getbasetemp())[1]


@pytest.fixture(scope="module")
def log(whole: Path) -> Path:
    """The log of that run."""
    return whole.parent / "log.json"


def caught(log: Path, out: Path, step: str, sign: signal.Signals) -> tuple[int, str]:
    """Start a run and send it a signal while it works on a step; its exit status as a shell sees it, and its words."""
    aside = out / PRIVATE / "aside" / step
    until = time.monotonic() + DEADLINE
    with start("run", log, "--out", out, *ONE_FAMILY) as child:
        try:
            while not aside.exists():
                assert child.poll() is None, f"the run ended before its step {step} was seen"
                assert time.monotonic() < until, f"step {step} did not begin within {DEADLINE} s"
                time.sleep(0.0005)
            child.send_signal(sign)
            _, said = child.communicate(timeout=DEADLINE)
        finally:
            child.kill()
    return (child.returncode if child.returncode >= 0 else 128 - child.returncode), said


def names(out: Path) -> set[str]:
    return {path.name for path in out.iterdir()} - {PRIVATE}


def without_times(text: str) -> list[dict[str, str]]:
    return [{k: v for k, v in row.items() if k != "training_time"} for row in csv.DictReader(io.StringIO(text))]


def assert_same_numbers(out: Path, other: Path) -> None:
    """Equal to the byte, but for the time that training took."""
    assert (out / "risk.csv").read_bytes() == (other / "risk.csv").read_bytes()
    assert (out / "bundle" / "model.onnx").read_bytes() == (other / "bundle" / "model.onnx").read_bytes()
    tables = sorted(path.name for path in (out / "metrics").iterdir())
    assert tables == sorted(path.name for path in (other / "metrics").iterdir())
    for name in tables:
        mine, theirs = (folder / "metrics" / name for folder in (out, other))
        if name == "models.csv":
            assert without_times(mine.read_text()) == without_times(theirs.read_text())
        else:
            assert mine.read_bytes() == theirs.read_bytes(), name


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT], ids=lambda sign: sign.name)
def test_stopped_at_every_step_in_turn_a_run_goes_on_and_ends_as_if_nothing_had_been(
    log: Path, whole: Path, tmp_path: Path, sign: signal.Signals
) -> None:
    out = tmp_path / "run"
    finished: list[str] = []
    for step in STEPS:
        status, said = caught(log, out, step, sign)
        assert names(out) == {name for done in finished for name in STEPS[done]}, step
        assert {path.stem for path in (out / PRIVATE).glob("steps/*.json")} == set(finished)
        if sign == signal.SIGINT:
            assert status == INTERRUPTED
            assert said.count("(done before)") == max(0, len(finished) - 1)  # the last one is this child's own work
            assert complaint(said) == "interrupted; run the same command again to go on"
        else:
            assert status == 128 + sign
        finished.append(step)
    last = churn("run", log, "--out", out, *ONE_FAMILY)
    assert last.returncode == 0, last.stderr
    assert last.stderr.count("(done before)") == len(STEPS) - 1
    assert_same_numbers(out, whole)
    assert names(out) == names(whole)


@pytest.mark.slow
def test_two_fresh_runs_give_the_same_numbers_and_another_seed_gives_others(
    log: Path, whole: Path, tmp_path: Path
) -> None:
    for name, seed in (("same", "0"), ("other", "1")):
        assert invoke(["run", str(log), "--out", str(tmp_path / name), *ONE_FAMILY, "--seed", seed]) == 0
    assert_same_numbers(tmp_path / "same", whole)
    assert (tmp_path / "other" / "risk.csv").read_bytes() != (whole / "risk.csv").read_bytes()


def test_a_second_run_in_the_same_folder_is_refused_while_the_first_works_on(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with start("run", log, "--out", out, *ONE_FAMILY) as child:
        try:
            until = time.monotonic() + DEADLINE
            while not (out / PRIVATE / "aside" / "ingest").exists():
                assert child.poll() is None and time.monotonic() < until
                time.sleep(0.0005)
            child.send_signal(signal.SIGSTOP)  # so that it is at work for as long as we look
            second = churn("run", log, "--out", out, *ONE_FAMILY)
        finally:
            child.kill()
    assert second.returncode == 2
    assert complaint(second.stderr) == f"{out} is in use by another run; wait for it, or choose another --out"
    assert names(out) == set()


def test_a_ctrl_c_before_the_first_step_is_no_traceback_of_ours(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with start("run", log, "--out", out, *ONE_FAMILY) as child:
        try:
            until = time.monotonic() + DEADLINE
            while not (out / PRIVATE / "lock").exists():
                assert child.poll() is None and time.monotonic() < until
                time.sleep(0.0005)
            child.send_signal(signal.SIGINT)
            _, said = child.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            child.kill()
            raise
    assert child.returncode in (INTERRUPTED, -signal.SIGINT)
    assert complaint(said).startswith("interrupted")
    assert names(out) == set()
