"""Log files to clean events on disk, with an account of every line."""

from __future__ import annotations

import itertools
import json
import logging
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import ibis
import ibis.expr.types as ir

from churn.account import Account, FileAccount, fingerprint
from churn.engines import Engine
from churn.errors import EngineError, LineReadError, OutputError, QuarantineError, SchemaError, SourceError, writing
from churn.events import REFUSED, judge
from churn.files import Files
from churn.sanitise import refuse_cut_short, sanitise, sanitised_here
from churn.schema import COLUMNS, NUMBERS, REQUIRED, TEXTS
from churn.sources import Source

logger = logging.getLogger(__name__)

OWN_NAMES: Final[Mapping[str, str]] = {name: name for name in COLUMNS}
"""The names of the columns in a log of this service."""


@dataclass(frozen=True)
class Ingest:
    """One ingest: which files, by which names, onto which engine, into which folder.

    Attributes:
        engine: runs the work.
        sources: the files.
        folder: an empty folder; gets `events/`, `nobody/`, `quarantine/` and `ingest.json`.
        columns: for each of our column names the one that this log uses.
        max_refused: largest share of lines, from 0 to 1, that may be refused.
        files: moves and removes what the engine has written.
    """

    engine: Engine
    sources: Sequence[Source]
    folder: Path
    columns: Mapping[str, str]
    max_refused: float = 0.05
    files: Files = field(default_factory=Files)

    def run(self) -> Account:
        """Read, judge, account and write.

        Raises:
            SourceError: for a file that is cut short, or a log without a single event of a user.
            SchemaError: if a column that everything rests on never occurs.
            QuarantineError: if more lines were refused than allowed; `quarantine/` is complete then.
            OutputError: if the folder cannot be written.
        """
        if any("=" in part for part in self.folder.parts):
            raise OutputError(f"{self.folder}: a folder key=value is read as a column", "choose an --out without =")
        with writing(self.folder):
            return self._run()

    def _run(self) -> Account:
        staging = self.folder / "staging"
        lines = self.folder / "lines"
        sources = self._write_lines(lines, staging)
        tally = self._tally(lines)
        counts = _by_file_and_status(tally)
        files = [FileAccount(s.address, counts.get(i, {})) for i, s in enumerate(self.sources)]
        self._quarantine(sources, files)
        self._check(sources, files)
        files = self._without_duplicates(lines, files)
        if any(file.counts["duplicate"] for file in files):
            tally = self._tally(lines)
        account = self._account(lines, files, _coerced(tally))
        for status, name in (("kept", "events"), ("nobody", "nobody")):
            part = lines / f"judged={status}"
            if part.exists():
                self.files.move(part, self.folder / name)
        self.files.remove(lines)
        shutil.rmtree(staging, ignore_errors=True)
        (self.folder / "ingest.json").write_text(account.to_json(), encoding="utf-8")
        return account

    def _write_lines(self, lines: Path, staging: Path) -> Sequence[Source]:
        """Write every line, judged, in one pass; files that do not split into lines are sanitised first."""
        for source in self.sources:
            if source.packing == "zstd":
                refuse_cut_short(source)
        sources = [
            sanitise(source, staging / str(i)) if source.packing == "bz2" and source.here else source
            for i, source in enumerate(self.sources)
        ]
        try:
            self._judged(sources, lines)
        except LineReadError as error:
            logger.info("sanitising files that do not split into lines: %s", error)
            self.files.remove(lines)
            sources = [
                source
                if source is not given or self.engine.readable(given)
                else sanitised_here(given, staging / str(i))
                for i, (given, source) in enumerate(zip(self.sources, sources, strict=True))
            ]
            try:
                self._judged(sources, lines)
            except LineReadError as again:
                raise SourceError(f"the log cannot be read ({again})", "fetch or pack it again") from again
        return sources

    def _judged(self, sources: Sequence[Source], folder: Path) -> None:
        table = judge(self.engine.lines(sources, dict(self.columns))).drop("text")
        self.engine.write(table, folder, partition_by=("judged", "day"))

    def _tally(self, lines: Path) -> list[dict[str, Any]]:
        """How many lines (`n`) there are of each `file`, status (`judged`) and set of `coerced` values."""
        if not any(lines.rglob("*.parquet")):
            return []  # not one line
        judged = self.engine.read(lines)
        found = self.engine.fetch(judged.group_by("file", "judged", "coerced").aggregate(n=ibis._.count()))
        rows: list[dict[str, Any]] = found.to_pylist()
        return rows

    def _quarantine(self, sources: Sequence[Source], files: Sequence[FileAccount]) -> None:
        """A second look, only at files with bad lines: where each is and why it was refused."""
        folder = self.folder / "quarantine"
        folder.mkdir()
        bad = [i for i, account in enumerate(files) if account.refused]
        for start in range(0, len(bad), self.engine.numbered):
            some = {i: (sources[i], files[i]) for i in bad[start : start + self.engine.numbered]}
            written = _write_refused(self.engine, some, self.columns, folder)
            if written != {i: files[i].refused for i in some}:
                raise EngineError(
                    f"{sum(written.values()):,} refused lines were found again of those in {len(some)} files"
                )

    def _check(self, sources: Sequence[Source], files: Sequence[FileAccount]) -> None:
        found = Account(files)
        lines, refused, kept = found.lines, found.refused, found.count("kept")
        if lines == found.count("blank"):
            raise SourceError(f"the log has no line that is not blank: {files[0].path}", "give one with events")
        if refused > self.max_refused * lines or not kept:
            self._check_schema(sources)
        if refused > self.max_refused * lines:
            raise QuarantineError(
                f"{refused:,} of {lines:,} lines were refused, more than {self.max_refused:.0%}; "
                f"the first: {self._first_refused()}",
                "mend the log (all refused lines are in quarantine/), or raise --max-refused",
            )
        if not kept:
            raise SourceError("no line of the log belongs to a user", "check the column userId")

    def _check_schema(self, sources: Sequence[Source]) -> None:
        found = {key for source in sources[:20] for key in self.engine.keys(source)}
        missing = [self.columns[name] for name in REQUIRED if self.columns[name] not in found]
        if missing and found:
            raise SchemaError(
                f"columns missing from the log: {', '.join(missing)}; found: {', '.join(sorted(found))}",
                "give a log of this service, or name its columns under [columns] in --config",
            )

    def _first_refused(self) -> str:
        first = min((self.folder / "quarantine").glob("*.jsonl"))
        with first.open(encoding="utf-8") as file:
            line = json.loads(file.readline())
        return f"{line['file']}, line {line['line']}, {line['reason']}: {line['text'][:120]}"

    def _without_duplicates(self, lines: Path, files: Sequence[FileAccount]) -> list[FileAccount]:
        """Drop duplicates day by day; days without a suspect are not touched."""
        removed: Counter[tuple[int, str]] = Counter()
        for status in ("kept", "nobody"):
            part = lines / f"judged={status}"
            for day in _suspect_days(self.engine, part) if part.exists() else ():
                removed.update({(i, status): n for i, n in self._rewrite(part / f"day={day}").items()})
        return [replace(file, counts=_moved(file.counts, i, removed)) for i, file in enumerate(files)]

    def _rewrite(self, folder: Path) -> dict[int, int]:
        """Keep one of several equal lines, the one of the earliest file; says how many went, by file."""
        t = self.engine.read(folder)
        names = [name for name in t.columns if name not in ("file", "coerced", "day", "judged")]
        unique = t.group_by(names).aggregate(file=t.file.min(), coerced=t.coerced.min())
        aside = folder.with_name(folder.name + ".unique")
        self.engine.write(unique, aside)
        before, after = _by_file(self.engine, t), _by_file(self.engine, self.engine.read(aside))
        self.files.remove(folder)
        self.files.move(aside, folder)
        return {file: n - after.get(file, 0) for file, n in before.items() if n > after.get(file, 0)}

    def _account(self, lines: Path, files: Sequence[FileAccount], coerced: Mapping[str, int]) -> Account:
        kept = self.engine.read(lines / "judged=kept")
        days = kept.group_by("day").aggregate(
            n=kept.count(), first=kept.ts.min(), last=kept.ts.max(), ts=(kept.ts - TS_BASE).sum(),
            item=kept.itemInSession.sum(), session=kept.sessionId.sum(), length=kept.length_e5.sum(),
            users=kept.userId.length().sum(), pages=kept.page.length().sum(),
        )  # fmt: skip
        rows = self.engine.fetch(days.order_by("day")).to_pylist()
        _refuse_stray(rows)
        first, last = min(row["first"] for row in rows), max(row["last"] for row in rows)
        return Account(files, coerced, first, last, fingerprint(rows))


def _by_file_and_status(tally: Sequence[Mapping[str, Any]]) -> dict[int, dict[str, int]]:
    counts: dict[int, Counter[str]] = {}
    for row in tally:
        counts.setdefault(row["file"], Counter())[row["judged"]] += row["n"]
    return {file: dict(found) for file, found in counts.items()}


def _coerced(tally: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """By column, the values of a wrong type on lines that were not refused."""
    counts: Counter[str] = Counter()
    for row in tally:
        for i, name in enumerate(TEXTS + NUMBERS):
            counts[name] += row["n"] if row["judged"] in ("kept", "nobody") and row["coerced"] >> i & 1 else 0
    return {name: counts[name] for name in sorted(counts) if counts[name]}


TS_BASE: Final = 1_500_000_000_000
"""Taken off every time before summing, so that sums of billions of events stay within 64 bits."""


LONGEST_SILENCE: Final = 365
"""Days without an event after which what lies on one side is taken for a slip of a clock."""


def _refuse_stray(days: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a log of two parts years apart: cut-offs would be counted from a slip of a clock.

    Raises:
        SourceError: with the last day before and the first day after the silence, and the lines on each side.
    """
    for i, (before, after) in enumerate(itertools.pairwise(days), 1):
        if (after["day"] - before["day"]).days > LONGEST_SILENCE:
            left, right = (sum(day["n"] for day in part) for part in (days[:i], days[i:]))
            raise SourceError(
                f"nothing happens from {before['day']} to {after['day']}: {left:,} events lie before, {right:,} after",
                "take out the lines with a wrong ts, or give the two parts one at a time",
            )


def _write_refused(
    engine: Engine, files: Mapping[int, tuple[Source, FileAccount]], columns: Mapping[str, str], folder: Path
) -> dict[int, int]:
    """The refused lines of some files, each with its number and its address, one file of JSON lines each: how many."""
    sources, accounts = zip(*files.values(), strict=True)
    judged = judge(engine.lines(sources, dict(columns), counted=[account.lines for account in accounts]))
    refused = judged.filter(judged.judged.isin(REFUSED)).select("file", "line", "judged", "text")
    rows = (row for batch in engine.batches(refused.order_by("file", "line")) for row in batch.to_pylist())
    numbers, written = tuple(files), dict.fromkeys(files, 0)
    for place, lines in itertools.groupby(rows, lambda row: row["file"]):
        number, path = numbers[place], accounts[place].path
        with (folder / f"{number:05d}.jsonl").open("w", encoding="utf-8") as out:
            for row in lines:
                entry = {"file": path, "line": row["line"], "reason": row["judged"], "text": row["text"]}
                out.write(json.dumps(entry, ensure_ascii=False) + "\n")
                written[number] += 1
    return written


def _suspect_days(engine: Engine, part: Path) -> list[str]:
    """Days on which two lines share user, time, session and place in it: duplicates are among them."""
    t = engine.read(part)
    key = ibis.struct({name: t[name] for name in ("userId", "ts", "sessionId", "itemInSession")}).hash()
    days = t.group_by("day").aggregate(n=t.count(), distinct=key.nunique())
    suspects = days.filter(days.n > days["distinct"]).order_by("day")
    return [str(row["day"]) for row in engine.fetch(suspects).to_pylist()]


def _by_file(engine: Engine, t: ir.Table) -> dict[int, int]:
    rows = engine.fetch(t.group_by("file").aggregate(n=ibis._.count())).to_pylist()
    return {row["file"]: row["n"] for row in rows}


def _moved(counts: Mapping[str, int], file: int, removed: Counter[tuple[int, str]]) -> dict[str, int]:
    gone = {status: removed[file, status] for status in ("kept", "nobody")}
    rest = {status: n - gone.get(status, 0) for status, n in counts.items()}
    return {**rest, "duplicate": sum(gone.values())}
