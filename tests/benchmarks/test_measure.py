from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks.measure import cost_of, members, usage

pytestmark = pytest.mark.slow  # processes of their own

CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}], check=True)"
HOG = "import time; held = bytearray(b'x') * 300_000_000; time.sleep(1.5)"

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="other processes are seen through /proc")


def test_the_cost_of_a_process_of_its_own(tmp_path: Path) -> None:
    ours = bytearray(b"x") * 600_000_000
    cost = cost_of([sys.executable, "-c", HOG], folder=tmp_path)
    assert cost.wall > 1.5
    assert 300e6 < cost.memory < 500e6
    assert cost.cpu > 0
    assert len(ours) > cost.memory  # what the caller holds is not counted


@needs_proc
def test_memory_of_children_counts_beside_that_of_their_parent(tmp_path: Path) -> None:
    both = f"held = bytearray(b'x') * 200_000_000; {CHILD.format(code=HOG)}"
    assert cost_of([sys.executable, "-c", both], folder=tmp_path).memory > 500e6


@needs_proc
def test_processor_time_of_children_that_nobody_waited_for_counts(tmp_path: Path) -> None:
    spin = "import time\nwhile time.process_time() < 0.6: pass\ntime.sleep(1)"
    code = (
        "import subprocess, sys, os, time; "
        f"child = subprocess.Popen([sys.executable, '-c', {spin!r}]); time.sleep(0.2)\n"
        "while open(f'/proc/{child.pid}/stat').read().rpartition(')')[2].split()[0] == 'R': time.sleep(0.05)\n"
        "os._exit(0)"
    )
    assert cost_of([sys.executable, "-c", code], folder=tmp_path).cpu > 0.5


def test_a_command_that_fails_ends_the_benchmark_with_its_words(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no such log"):
        cost_of([sys.executable, "-c", "raise SystemExit('no such log')"], folder=tmp_path)


def test_a_process_that_has_ended_uses_nothing(tmp_path: Path) -> None:
    assert (members(1, tmp_path), usage(1, tmp_path)) == ([1], None)


def test_processes_are_found_through_their_parents(tmp_path: Path) -> None:
    for pid, children in ((1, "2 3"), (2, ""), (3, "4"), (4, "")):
        (tmp_path / str(pid) / "task" / str(pid)).mkdir(parents=True)
        (tmp_path / str(pid) / "task" / str(pid) / "children").write_text(children)
        fields = ["S", *["0"] * 10, str(pid), "100", *["0"] * 8, str(pid * 10)]
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (a (strange) name) {' '.join(fields)}")
    assert sorted(members(1, tmp_path)) == [1, 2, 3, 4]
    assert members(3, tmp_path) == [3, 4]
    assert usage(4, tmp_path) == (104, 40 * os.sysconf("SC_PAGE_SIZE"))
