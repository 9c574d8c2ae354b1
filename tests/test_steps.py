"""Steps: written aside, renamed when whole, not done twice; a folder is one run's alone."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from churn.errors import OutputError
from churn.steps import PRIVATE, Done, Silence, Step, do_steps, remove, replace_text, run_folder


class Diary:
    """A watcher that writes down what it is told."""

    def __init__(self) -> None:
        self.started_steps: list[str] = []
        self.done: list[Done] = []

    def started(self, step: Step) -> None:
        self.started_steps.append(step.name)

    def finished(self, step: Step, done: Done) -> None:
        assert done.name == step.name
        self.done.append(done)


def copying(name: str, text: str = "", outputs: tuple[str, ...] = ()) -> Step:
    """A step that writes its outputs as files that hold its name."""
    outputs = outputs or (name + ".txt",)

    def make(folder: Path) -> None:
        for output in outputs:
            (folder / output).write_text(name + text)

    return Step(name, name, outputs, {"text": text}, make)


def failing(name: str, error: BaseException) -> Step:
    """A step that writes one of two outputs and then breaks."""

    def make(folder: Path) -> None:
        (folder / f"{name}.txt").write_text("half")
        raise error

    return Step(name, name, (f"{name}.txt", f"{name}.more"), {}, make)


def three(**texts: str) -> list[Step]:
    return [copying(name, texts.get(name, "")) for name in ("first", "second", "third")]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    (folder / PRIVATE).mkdir(parents=True)
    return folder


def done_now(out: Path, steps: list[Step]) -> list[str]:
    diary = Diary()
    do_steps(out, steps, diary)
    return diary.started_steps


def names(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir() if path.name != PRIVATE)


def test_all_steps_are_done_in_order_into_an_empty_folder(out: Path) -> None:
    assert done_now(out, three()) == ["first", "second", "third"]
    assert names(out) == ["first.txt", "second.txt", "third.txt"]
    assert (out / "second.txt").read_text() == "second"


def test_a_second_time_nothing_is_done_and_the_report_is_that_of_the_first_time(out: Path) -> None:
    first = do_steps(out, three(), Silence())
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    diary = Diary()
    again = do_steps(out, three(), diary)
    assert diary.started_steps == []
    assert [done.resumed for done in diary.done] == [True, True, True]
    assert [(d.name, d.seconds, d.memory) for d in again] == [(d.name, d.seconds, d.memory) for d in first]
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("changed", "redone"),
    [("first", ["first", "second", "third"]), ("second", ["second", "third"]), ("third", ["third"])],
)
def test_a_change_redoes_the_first_step_that_it_touches_and_all_later_ones(
    out: Path, changed: str, redone: list[str]
) -> None:
    do_steps(out, three(), Silence())
    assert done_now(out, three(**{changed: " anew"})) == redone
    assert (out / f"{changed}.txt").read_text() == f"{changed} anew"


def test_what_later_steps_made_is_gone_before_an_earlier_one_is_redone(out: Path) -> None:
    do_steps(out, three(), Silence())
    seen: list[list[str]] = []
    again = Step("second", "second", ("second.txt",), {"other": 1}, lambda folder: seen.append(names(out)))
    steps = three()
    with pytest.raises(FileNotFoundError):  # this step never writes what it promised
        do_steps(out, [steps[0], again, steps[2]], Silence())
    assert seen == [["first.txt"]]
    assert sorted(path.stem for path in (out / PRIVATE / "steps").iterdir()) == ["first"]


def test_a_step_with_other_outputs_is_another_step(out: Path) -> None:
    do_steps(out, [copying("first")], Silence())
    assert done_now(out, [copying("first", outputs=("first.txt", "more.txt"))]) == ["first"]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
def test_a_step_that_breaks_leaves_nothing_and_the_steps_before_it_are_kept(out: Path, error: BaseException) -> None:
    steps = [copying("first"), failing("second", error), copying("third")]
    with pytest.raises(type(error)):
        do_steps(out, steps, Silence())
    assert names(out) == ["first.txt"]
    assert not any((out / PRIVATE / "aside").iterdir())  # it may have filled the disk
    assert done_now(out, three()) == ["second", "third"]


def test_leftovers_of_a_killed_step_are_cleared_away(out: Path) -> None:
    (out / PRIVATE / "aside" / "first" / "deep").mkdir(parents=True)
    (out / PRIVATE / "aside" / "first" / "half.txt").write_text("half")
    do_steps(out, three(), Silence())
    assert list((out / PRIVATE / "aside").iterdir()) == []


def test_outputs_without_a_marker_do_not_look_finished(out: Path) -> None:
    """What a kill between rename and marker leaves."""
    do_steps(out, three(), Silence())
    (out / PRIVATE / "steps" / "second.json").unlink()
    (out / "second.txt").write_text("half")
    assert done_now(out, three()) == ["second", "third"]
    assert (out / "second.txt").read_text() == "second"


def test_a_marker_without_its_output_does_not_count(out: Path) -> None:
    do_steps(out, three(), Silence())
    (out / "first.txt").unlink()
    assert done_now(out, three()) == ["first", "second", "third"]


@pytest.mark.parametrize("text", ["", '{"key": "ab', "null x"])
def test_a_marker_cut_short_does_not_count(out: Path, text: str) -> None:
    do_steps(out, three(), Silence())
    (out / PRIVATE / "steps" / "third.json").write_text(text)
    assert done_now(out, three()) == ["third"]


def test_seconds_and_memory_of_a_step_are_measured(out: Path) -> None:
    (done,) = do_steps(out, [copying("first")], Silence())
    assert 0 < done.seconds < 10
    assert done.memory > 1_000_000
    assert json.loads((out / PRIVATE / "steps" / "first.json").read_text())["done"]["seconds"] == done.seconds


def test_a_new_folder_is_made_and_an_empty_one_taken(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("new/below/it", "empty"):
        with run_folder(tmp_path / name):
            assert (tmp_path / name / PRIVATE).is_dir()


def test_the_folder_of_an_earlier_run_is_taken_again(tmp_path: Path) -> None:
    with run_folder(tmp_path / "out"):
        (tmp_path / "out" / "risk.csv").write_text("mine")
    with run_folder(tmp_path / "out"):
        assert (tmp_path / "out" / "risk.csv").read_text() == "mine"


def test_a_folder_of_somebody_else_is_refused_and_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with (
        pytest.raises(OutputError, match=r"no run of this program made; choose an empty or a new folder"),
        run_folder(tmp_path),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_folder_in_use_is_refused_and_free_again_afterwards(tmp_path: Path) -> None:
    with run_folder(tmp_path / "out"), pytest.raises(OutputError, match="in use by another run"):  # noqa: SIM117
        with run_folder(tmp_path / "out"):
            pass
    with run_folder(tmp_path / "out"):
        pass


@pytest.mark.parametrize("where", ["file", "file/below"])
def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=rf"{tmp_path / where}.*: cannot be written \(Not a dir.*\); choose"):  # noqa: SIM117
        with run_folder(tmp_path / where):
            pass


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_during_a_run_is_said_in_words_that_help(tmp_path: Path, number: int) -> None:
    with pytest.raises(OutputError, match="the disk is full; free some space, then run again"):  # noqa: SIM117
        with run_folder(tmp_path / "out"):
            raise OSError(number, os.strerror(number))


def test_a_text_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "text"
    replace_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        replace_text(path, "new \ud800")
    assert path.read_text() == "old"
    replace_text(path, "né")
    assert path.read_text(encoding="utf-8") == "né"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["text"]


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_text("x"),
        lambda path: (path / "deep").mkdir(parents=True),
        lambda path: None,
        lambda path: path.symlink_to(path.parent / "kept"),
    ],
)
def test_removing_takes_files_folders_and_links_but_not_what_a_link_points_to(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    (tmp_path / "kept").mkdir()
    make(tmp_path / "gone")
    remove(tmp_path / "gone")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_an_output_that_was_damaged_or_emptied_since_is_made_anew(out: Path) -> None:
    do_steps(out, three(), Silence())
    (out / "second.txt").write_text("sec")
    assert done_now(out, three()) == ["second", "third"]
    assert (out / "second.txt").read_text() == "second"


def test_until_stops_there_and_takes_back_what_later_steps_had_made(out: Path) -> None:
    do_steps(out, three(), Silence())
    do_steps(out, three(first="changed"), Silence(), until="first")
    assert names(out) == ["first.txt"]
    assert done_now(out, three(first="changed")) == ["second", "third"]
