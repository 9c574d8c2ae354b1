from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

from benchmarks.log import repeated

ROWS = [
    {"ts": 1, "userId": "7", "sessionId": 1, "page": "Home"},
    {"ts": 2, "userId": "", "sessionId": 2, "page": "Home"},
    {"ts": 3, "userId": "7", "sessionId": 1, "page": "NextSong"},
]


def mini(folder: Path) -> Path:
    path = folder / "mini.json.gz"
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(row, separators=(",", ":")) + "\n" for row in ROWS)
    return path


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_copy_has_users_of_its_own_in_order_of_time(tmp_path: Path) -> None:
    found = rows(repeated(mini(tmp_path), 3, tmp_path / "log.json"))
    assert [row["ts"] for row in found] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert Counter(row["userId"] for row in found) == {"107": 2, "117": 2, "127": 2, "": 3}
    assert len({(row["userId"], row["sessionId"]) for row in found}) == 6


def test_one_user_can_be_given_a_share_of_all_lines(tmp_path: Path) -> None:
    # 89 copies stand for 25.6 million lines, so this asks for every second one.
    found = rows(repeated(mini(tmp_path), 89, tmp_path / "log.json", giant_lines=12_800_000))
    assert Counter(row["userId"] for row in found)["9"] == 89
    assert len(found) == 3 * 89


def test_a_log_that_is_there_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "log.json"
    target.write_text("here")
    assert repeated(tmp_path / "absent.gz", 2, target).read_text() == "here"
