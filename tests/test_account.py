"""The account of an ingest: sums over files, `ingest.json` and the fingerprint."""

from __future__ import annotations

import json

from churn.account import Account, FileAccount, fingerprint

ACCOUNT = Account(
    files=[
        FileAccount("a.json", {"kept": 5, "unparseable": 2, "blank": 1}),
        FileAccount("ä b.json.gz", {"kept": 1, "no_ts": 3, "no_page": 4, "nobody": 6, "duplicate": 7}),
        FileAccount("empty.json"),
    ],
    coerced={"length": 2},
    first_ts=1_538_352_000_000,
    last_ts=1_543_799_476_000,
    fingerprint="0123",
)


def test_every_line_of_a_file_has_one_status() -> None:
    assert [file.lines for file in ACCOUNT.files] == [8, 21, 0]
    assert [file.refused for file in ACCOUNT.files] == [2, 7, 0]


def test_lines_are_the_sum_over_files_and_statuses() -> None:
    assert ACCOUNT.lines == 29
    assert ACCOUNT.refused == 9
    counted = [ACCOUNT.count(status) for status in ("blank", "kept", "nobody", "duplicate")]
    assert counted == [1, 6, 6, 7]
    assert ACCOUNT.lines == sum(counted) + ACCOUNT.refused


def test_ingest_json_has_the_fields_that_users_script_against() -> None:
    nothing = dict.fromkeys(("blank", "unparseable", "no_ts", "no_page", "nobody", "kept", "duplicate"), 0)
    assert json.loads(ACCOUNT.to_json()) == {
        "lines": 29,
        "blank": 1,
        "kept": 6,
        "nobody": 6,
        "duplicate": 7,
        "quarantined": {"total": 9, "unparseable": 2, "no_ts": 3, "no_page": 4},
        "coerced": {"length": 2},
        "first_ts": 1_538_352_000_000,
        "last_ts": 1_543_799_476_000,
        "fingerprint": "0123",
        "files": [
            {"path": "a.json", "lines": 8, **nothing, "kept": 5, "unparseable": 2, "blank": 1},
            {
                "path": "ä b.json.gz", "lines": 21, **nothing,
                "kept": 1, "no_ts": 3, "no_page": 4, "nobody": 6, "duplicate": 7,
            },
            {"path": "empty.json", "lines": 0, **nothing},
        ],
    }  # fmt: skip


def test_ingest_json_is_read_back_as_it_was_written() -> None:
    again = Account.from_json(ACCOUNT.to_json())
    assert again.to_json() == ACCOUNT.to_json()
    assert again.lines == 29
    assert again.files[1].path == "ä b.json.gz"


def test_fingerprint_tells_days_apart() -> None:
    days = [{"day": "2018-10-01", "n": 3, "ts": 10}, {"day": "2018-10-02", "n": 1, "ts": 4}]
    assert fingerprint(days) == fingerprint([dict(reversed(day.items())) for day in days])
    changed = [{**days[0], "n": 4}, days[1]]
    assert len({fingerprint(days), fingerprint(changed), fingerprint(days[:1]), fingerprint([])}) == 4
