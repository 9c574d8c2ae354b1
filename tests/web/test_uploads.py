"""The private folder: for its owner alone, gone at the end, and rid of what a killed server left."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from churn.errors import OutputError
from churn.web.uploads import PrivateFolder
from tests.e2e.small import environment


def test_it_is_private_and_goes_away(tmp_path: Path) -> None:
    folder = PrivateFolder(tmp_path / "base")
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "base").stat().st_mode) == 0o700
    with folder.new_file() as file:
        file.write(b"x")
        assert Path(file.name).parent == folder.path
    folder.close()
    assert not folder.path.exists()


def test_two_servers_do_not_touch_each_other(tmp_path: Path) -> None:
    first, second = PrivateFolder(tmp_path), PrivateFolder(tmp_path)
    assert first.path.is_dir()
    assert second.path.is_dir()
    assert first.path != second.path
    second.close()
    assert first.path.is_dir()
    first.close()


def test_what_a_killed_server_left_is_removed_and_other_files_are_not(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from churn.web.uploads import PrivateFolder; "
        "folder = PrivateFolder(Path(sys.argv[1])); folder.new_file().write(b'x' * 100000); "
        "print(folder.path, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env=environment(), capture_output=True, text=True, check=False
    )
    left = Path(done.stdout.strip())
    assert (done.returncode, left.is_dir()) == (-9, True)
    (tmp_path / "mine.txt").write_text("mine")
    folder = PrivateFolder(tmp_path)
    assert not left.exists()
    assert (tmp_path / "mine.txt").read_text() == "mine"
    folder.close()


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "base").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="somebody else"):
        PrivateFolder(tmp_path / "base")


@pytest.mark.slow
def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="--uploads"):
        PrivateFolder(tmp_path / "file" / "base")
