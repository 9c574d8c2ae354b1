"""The profile of a log: facts in one dict, and one tidy table a topic; written to `statistics/`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from churn.account import Account
from churn.engines import Engine
from churn.evaluation import Row
from churn.problem import Problem
from churn.profile import behaviour, known, log
from churn.profile.collected import Collected
from churn.profile.frame import MS_DAY
from churn.profile.groups import rate_row
from churn.profile.users import BURST
from churn.results import to_csv

FACTS: Final = "overview.json"


@dataclass(frozen=True)
class Profile:
    """The profile of a log.

    Attributes:
        facts: plain JSON values: the log in a few numbers.
        tables: tidy rows by name of the table.
    """

    facts: dict[str, Any]
    tables: dict[str, list[Row]]

    def write(self, folder: Path) -> None:
        """One CSV a table, and the facts as JSON, into a folder that does not exist yet."""
        folder.mkdir(parents=True)
        for name, rows in self.tables.items():
            (folder / f"{name}.csv").write_text(to_csv(rows), encoding="utf-8")
        text = json.dumps(self.facts, indent=2, ensure_ascii=False, allow_nan=False)
        (folder / FACTS).write_text(text + "\n", encoding="utf-8")


def profile_of(engine: Engine, run: Path, account: Account, problem: Problem, scratch: Path) -> Profile:
    """Profile the events of a run folder.

    Args:
        engine: counts.
        run: a run folder after ingest and rollups.
        account: what ingest found.
        problem: what leaving means, and how far ahead to look.
        scratch: an empty or absent folder for tables in between; the caller removes it.
    """
    c = Collected.of(engine, run, problem, scratch)
    dataset = dataset_name(account)
    return Profile(
        _facts(c, account, problem, dataset),
        {
            "lines": log.lines(account),
            "quirks": log.quirks(c, account),
            "columns": log.columns(c, account),
            "pages": log.pages(c),
            "values": log.values(c),
            "activity_by_date": log.by_date(c, account),
            "activity_by_weekday": log.by_weekday(c, account),
            "activity_by_hour": log.by_hour(c),
            "favourites": log.favourites(c),
            "users": behaviour.quantities(c.users),
            "sessions": behaviour.sessions(c),
            "page_rates": behaviour.page_rates(c),
            "churn_by_segment": behaviour.segments(c.users),
            "churn_by_decile": behaviour.deciles(c.users),
            "survival": behaviour.survival(c.users, account),
            "time_to_churn": behaviour.waits(c),
            "churn_after": behaviour.after(c, account, problem.gap + problem.horizon),
            "stats_num": known.stats_num(c, dataset),
            "stats_cat": known.stats_cat(c, dataset),
        },
    )


def dataset_name(account: Account) -> str:
    """What the log is called in tables: the name of its first file, without folder and endings."""
    name = Path(account.files[0].path).name.partition(".")[0]
    more = len(account.files) - 1
    return f"{name} and {more} more" if more else name


def _facts(c: Collected, account: Account, problem: Problem, dataset: str) -> dict[str, Any]:
    users = c.users
    songs, hours = float(users["songs"].sum()), float(users.hours.sum())
    churn = rate_row(int(users.left.sum()), len(users))
    return {
        "dataset": dataset,
        "fingerprint": account.fingerprint,
        "first_event": _utc(account.first_ts),
        "last_event": _utc(account.last_ts),
        "days": account.last_ts // MS_DAY - account.first_ts // MS_DAY + 1,
        "lines": account.lines,
        "events": account.count("kept"),
        "users": len(users),
        "leavers": churn["leavers"],
        "churn_rate": _finite(churn["churn_rate"]),
        "churn_rate_low": _finite(churn["low"]),
        "churn_rate_high": _finite(churn["high"]),
        "users_who_reached_a_churn_page": c.last_seen_leaving,
        "churn_pages": list(problem.churn_pages),
        "pages_in_no_number_of_a_user": list(problem.hidden_pages),
        "songs": int(songs),
        "hours_in_sessions": round(hours, 3),
        "songs_per_hour": _finite(songs / hours if hours else float("nan")),
        "sessions": c.session_ids["pairs"],
        "artists": c.names["artists"],
        "song_titles": c.names["songs"],
        "artist_song_pairs": c.names["pairs"],
        "adverts_in_a_burst": BURST,
    }


def _finite(value: Any) -> float | None:
    return None if value != value else float(value)


def _utc(ts: int) -> str:
    return datetime.fromtimestamp(ts / 1000, UTC).isoformat(timespec="seconds")
