"""The engine for logs that outgrow one machine: Spark SQL through Ibis, on any master or in an active session."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as f

from churn.engines import Progress
from churn.engines.spark_json import NOT_SHOWN, TEXT, JsonLines, fields, unreadable
from churn.engines.spark_lines import (
    BEFORE,
    FILE,
    LINE,
    PIECE,
    PLACE,
    START,
    by_schema,
    number_lines,
    pattern,
    schema_of,
    uri,
)
from churn.engines.spark_s3 import numbers_of, prepare, reads
from churn.engines.spark_shared import check_shared
from churn.engines.spark_sql import casts_of, compiled, parquet_cells, quote, view_of
from churn.engines.spark_start import session_for
from churn.engines.spark_words import GONE, in_our_words
from churn.errors import LineReadError, writing
from churn.files import Files
from churn.sanitise import sanitise, sanitised_here
from churn.schema import NUMBERS, TEXTS
from churn.sources import Source

OURS: Final[dict[str, str]] = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.codegen.hugeMethodLimit": "8000",  # Java never compiles longer methods, and ours are long
    "spark.sql.codegen.aggregate.map.twolevel.enabled": "false",  # its hash goes through texts byte by byte
    "spark.sql.caseSensitive": "true",  # a log may hold `userID` beside `userId`
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "true",
}
"""Set in a session of our own inside the application, so that nobody else's queries change."""

_BYTES_A_PARTITION: Final = 32_000_000
"""Of Parquet, packed, for one task behind a shuffle; unpacked that is five to ten times as much."""

_BYTES_WORTH_A_TASK: Final = 1_000_000
_PIECES: Final = "spark.sql.files.minPartitionNum"
_SHUFFLE: Final = "spark.sql.shuffle.partitions"
BATCH: Final = 10_000
"""Rows of a result that Python has in memory at a time."""

_COMMIT: Final = {"mapreduce.fileoutputcommitter.algorithm.version": "2"}
"""In S3 a rename is a copy: each task puts its files in place itself. What is half written has no marker anyway."""

_PATH: Final = "address_of_the_file"


class SparkEngine:
    """Implements `churn.engines.Engine` on Spark 3.5 and 4."""

    name = "spark"
    numbered = 500

    def __init__(
        self,
        *,
        memory: int,
        scratch: Path,
        master: str | None = None,
        conf: Mapping[str, str] | None = None,
        files: Files | None = None,
    ) -> None:
        """Take the session that is active, or start one.

        Args:
            memory: bytes for the heap of a driver that is started here.
            scratch: folder for temporary files; on a cluster all machines must see it.
            master: as in `spark-submit --master`; by default what spark-submit says, else all local cores.
            conf: Spark settings that go before ours.
            files: where tables lie; in folders that all machines see, unless told otherwise.

        Raises:
            UnavailableError: without Java, with a Spark that is too old, or if the master does not answer or has
                no machine to spare.
            SettingsError: if a session on another master is active.
        """
        self._scratch = scratch
        self._views = itertools.count()
        self._sizes: dict[str, int] = {}
        self._files = files or Files()
        self._schemes: dict[str, str] = {}
        self._conf = dict(conf or {})
        base, self._owned = session_for(master, self._conf, memory, scratch)
        self._session = base.newSession()
        for name, value in {**OURS, **_runtime(self._conf)}.items():
            self._session.conf.set(name, value)
        self._context: Any = self._session.sparkContext
        self._group = f"churn-{uuid4().hex}"
        self._closed = False
        self._counting = str(self._context.master).split("[")[0] != "local"  # one machine sees what it has written

    def lines(
        self, sources: Sequence[Source], columns: dict[str, str], *, counted: Sequence[int] | None = None
    ) -> ir.Table:
        """See `Engine.lines`; the lines are counted once more, by the pieces that tasks read."""
        parts: list[DataFrame] = []
        numbered = counted is not None
        if numbered and _PIECES not in self._conf:  # machines that come meanwhile would have files cut anew
            self._session.conf.set(_PIECES, str(self._context.defaultParallelism))
        json = {i: source for i, source in enumerate(sources) if source.kind == "json"}
        parquet = {i: source for i, source in enumerate(sources) if source.kind == "parquet"}
        if json:
            parts.append(self._json(self._readable_copy(json) if numbered else json, columns, numbered))
        for schema, members in by_schema(parquet):
            parts.append(self._parquet(members, schema, columns, numbered))
        whole = parts[0]
        for part in parts[1:]:
            whole = whole.unionByName(part)
        return self._view(whole, sum(source.size for source in sources))

    def reaches(self, source: Source) -> bool:
        """See `Engine.reaches`."""
        return source.here or reads(source)

    def readable(self, source: Source) -> bool:
        """See `Engine.readable`: all but damaged archives, as lines with odd bytes are known one by one."""
        if source.kind == "parquet":
            return True
        try:
            with self._translated(self._scratch):
                self._text({0: source}).selectExpr("max(length(value))").collect()
        except LineReadError:
            return False
        return True

    def keys(self, source: Source) -> tuple[str, ...]:
        """See `Engine.keys`."""
        if source.kind == "parquet":
            return tuple(sorted(schema_of(source).names))
        with self._translated(self._scratch):
            text = self._text({0: source}).limit(10_000).selectExpr(TEXT)
            found = fields(self._session.version)
            rows = text.selectExpr(f"explode(map_keys({found})) AS key").distinct().collect()
        return tuple(sorted(row["key"] for row in rows))

    def read(self, *folders: Path) -> ir.Table:
        """See `Engine.read`."""
        size = sum(self._files.size(file) for folder in folders for file in folder.rglob("*.parquet"))
        reader = self._session.read
        if len(folders) > 1:  # folders key=value stay columns where their parent is known
            reader = reader.option("basePath", self._at(Path(os.path.commonpath(folders))))
        with self._translated(self._scratch):
            return self._view(reader.parquet(*(pattern(self._at(folder)) for folder in folders)), size)

    def write(self, table: ir.Table, folder: Path, *, partition_by: Sequence[str] = ()) -> None:
        """See `Engine.write`."""
        with writing(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
        with self._translated(folder):
            frame, commit = self._frame(table), _COMMIT if self._files.table(folder) else {}
            counted = self._counting and not commit
            seen = Observation() if counted else None
            watched = frame.observe(seen, f.count(f.lit(1)).alias("n")) if seen else frame
            watched.write.options(**commit).partitionBy(*partition_by).parquet(self._at(folder))
            if seen:
                check_shared(folder, seen.get["n"])
        with writing(folder):
            self._files.written(folder)
            for extra in (*folder.rglob(".*.crc"), *folder.glob("_SUCCESS")):
                extra.unlink()

    def fetch(self, table: ir.Table) -> pa.Table:
        """See `Engine.fetch`."""
        with self._translated(self._scratch):
            frame: Any = self._frame(table)
            if hasattr(frame, "toArrow"):  # from Spark 4 on
                return frame.toArrow()
            from pyspark.sql.pandas.types import to_arrow_schema

            return pa.Table.from_batches(frame._collect_as_arrow(), to_arrow_schema(frame.schema))

    def batches(self, table: ir.Table) -> Iterator[pa.RecordBatch]:
        """See `Engine.batches`: the driver holds one partition at a time."""
        from pyspark.sql.pandas.types import to_arrow_schema

        with self._translated(self._scratch):
            frame = self._frame(table)
            names, schema = frame.columns, to_arrow_schema(frame.schema)
            rows = frame.toLocalIterator()
            while some := list(itertools.islice(rows, BATCH)):
                columns = [pa.array(column, schema.field(i).type) for i, column in enumerate(zip(*some, strict=True))]
                yield pa.RecordBatch.from_arrays(columns, names=names)

    def progress(self) -> Progress | None:
        """See `Engine.progress`: the share of tasks that are done, among the stages that are known."""
        if self._closed:
            return None
        try:
            return self._tasks()
        except GONE:  # whoever waits for the work itself is told
            return None

    def _tasks(self) -> Progress | None:
        tracker = self._context.statusTracker()
        jobs = [tracker.getJobInfo(job) for job in tracker.getJobIdsForGroup(self._group)]
        running = [stage for job in jobs if job and job.status == "RUNNING" for stage in job.stageIds]
        stages = [stage for number in running if (stage := tracker.getStageInfo(number))]
        total = sum(stage.numTasks for stage in stages)
        done = min(sum(stage.numCompletedTasks for stage in stages), total)  # an attempt too many may be counted
        whole = sum(stage.numCompletedTasks >= stage.numTasks for stage in stages)
        words = f"{done:,} of {total:,} tasks, {whole} of {len(stages)} stages"
        return Progress(done / total, words) if total else None

    @property
    def session(self) -> SparkSession:
        """The engine's own session, for learners."""
        return self._session

    def frame(self, table: ir.Table) -> DataFrame:
        """An expression as a table of Spark."""
        return self._frame(table)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """For work of others on the session: it shows in the progress, and its errors come in our words."""
        with self._translated(self._scratch):
            self._context.setJobGroup(self._group, "churn", interruptOnCancel=True)
            yield

    def close(self) -> None:
        """See `Engine.close`; a session that was there before stays.

        Where Spark's Java has ended there is nothing left to close, and what ended it has been told already.
        """
        self._closed = True
        with suppress(*GONE):
            for name in self._sizes:
                self._session.catalog.dropTempView(name)
            if self._owned:
                self._session.stop()

    # Reading.

    def _text(self, members: Mapping[int, Source]) -> DataFrame:
        """`value`, one row a line, and the number of the file."""
        return self._numbered_files(members, lambda paths: self._session.read.text(list(paths), lineSep="\n"))

    def _numbered_files(self, members: Mapping[int, Source], read: Callable[[Sequence[str]], DataFrame]) -> DataFrame:
        """The rows of files, `FILE`, the number of each, and `START`, where in it the piece begins that a task reads.

        Files that are here get links with names by which Spark knows number and packing; objects in S3 keep theirs,
        and their addresses are looked up in a small table.
        """
        folder, far = self._folder(), {}
        for i, source in members.items():
            ending = {"gzip": ".gz", "bz2": ".bz2"}.get(source.packing, "")
            link = folder / f"{i:08d}.{source.kind}{ending}"
            if source.here and source.packing == "zstd":  # Hadoop reads it with a library that is mostly absent
                link = link.with_suffix("")
                source = sanitise(source, folder.with_name(f"{folder.name}-unpacked") / str(i))
            at = self._files.spread(source.path, f"{folder.name}/{link.name}") if source.here and source.url else None
            if source.here and not at:
                link.symlink_to(source.path.absolute())
            else:
                far[self._in_s3(at or source.url.partition("://")[2])] = i
        frames = []
        if len(far) < len(members):
            number = f"cast(left(_metadata.file_name, 8) AS int) AS {FILE}"
            frames.append(read([uri(folder)]).selectExpr("*", number, PIECE))
        if far:
            frames.append(self._looked_up(read([pattern(address) for address in far]), far))
        return frames[0] if len(frames) == 1 else frames[0].unionByName(frames[1])

    def _looked_up(self, rows: DataFrame, numbers: Mapping[str, int]) -> DataFrame:
        if len(numbers) == 1:
            return rows.selectExpr("*", f"{next(iter(numbers.values()))} AS {FILE}", PIECE)
        known = numbers_of(rows.inputFiles(), numbers)
        table = self._session.createDataFrame(known, f"{_PATH} string, {FILE} int")
        addressed = rows.selectExpr("*", f"_metadata.file_path AS {_PATH}", PIECE)
        return addressed.join(f.broadcast(table), _PATH).drop(_PATH)

    def _json(self, members: Mapping[int, Source], columns: dict[str, str], with_lines: bool) -> DataFrame:
        json = JsonLines(columns, self._session.version)
        text, extra, line = self._text(members), [], []
        if with_lines:
            with self._translated(self._scratch):
                text = number_lines(text)
            extra, line = [PLACE, BEFORE], [LINE]
        file = f"cast({FILE} AS int) AS file"
        shown = "text" if with_lines else "CASE WHEN NOT plain THEN text END AS text"  # copying it is dear
        parsed = text.selectExpr("*", TEXT).selectExpr(file, *extra, "text", f"{json.typed} AS p")
        told = parsed.selectExpr("*", f"{json.plain} AS plain")
        judged = told.selectExpr(
            "file", *extra, shown, "p", "plain", f"CASE WHEN NOT plain THEN {json.other()} END AS n"
        )
        whole = "plain OR n IS NOT NULL AS object"
        rows = judged.selectExpr("file", *line, "text", whole, f"{json.row()} AS row", "coalesce(n.odd, 0L) AS odd")
        cells = (f"{json.cell(name)} AS {quote(name)}" for name in NUMBERS + TEXTS)
        return rows.selectExpr(*rows.columns[:-2], *cells, "odd")

    def _readable_copy(self, members: Mapping[int, Source]) -> Mapping[int, Source]:
        """Files with bytes that cannot be shown are copied with such bytes written out; see `churn.sanitise`."""
        with self._translated(self._scratch):
            text = self._text(members).selectExpr(FILE, TEXT)
            odd = text.filter(f"{unreadable(self._session.version)} OR {NOT_SHOWN}")
            bad = {row[FILE] for row in odd.select(FILE).distinct().collect()}
        copies = self._folder()
        return {i: sanitised_here(source, copies / str(i)) if i in bad else source for i, source in members.items()}

    def _parquet(
        self, members: Mapping[int, Source], schema: pa.Schema, columns: dict[str, str], with_lines: bool
    ) -> DataFrame:
        with self._translated(self._scratch):
            rows = self._numbered_files(members, lambda paths: self._session.read.parquet(*paths))
        cells = [f"{what} AS {quote(name)}" for name, what in parquet_cells(columns, schema).items()]
        if not with_lines:
            return rows.selectExpr(
                f"{FILE} AS file",
                "cast(NULL AS string) AS text",
                "true AS object",
                *cells,
            )
        shown = "to_json(struct(*), map('ignoreNullFields', 'false')) AS text"
        with self._translated(self._scratch):
            numbered = number_lines(rows)
        names = ", ".join(quote(name) for name in rows.columns if name not in (FILE, START))
        return numbered.selectExpr(f"{FILE} AS file", LINE, shown.replace("*", names), "true AS object", *cells)

    def _at(self, folder: Path) -> str:
        """The address of a folder of ours, as Hadoop takes it."""
        at = self._files.table(folder)
        return self._in_s3(at) if at else uri(folder)

    def _in_s3(self, at: str) -> str:
        """The address of bucket/key, as this Spark takes it."""
        bucket = at.partition("/")[0]
        if bucket not in self._schemes:
            self._schemes[bucket] = prepare(self._context, [bucket])
        return f"{self._schemes[bucket]}://{at}"

    def _folder(self) -> Path:
        folder = self._scratch / f"spark-{uuid4().hex}"
        with writing(folder):
            folder.mkdir(parents=True)
        return folder.absolute()

    # Running.

    def _view(self, frame: DataFrame, size: int) -> ir.Table:
        name = f"churn_{next(self._views)}"
        frame.createOrReplaceTempView(name)
        self._sizes[name] = size
        return view_of(name, dict(frame.dtypes))

    def _frame(self, table: ir.Table) -> DataFrame:
        """The expression as Spark sees it, with as many tasks behind a shuffle as its inputs are worth."""
        views = {node.name for node in table.op().find(ops.UnboundTable)}
        size = sum(self._sizes[name] for name in views)
        cores = self._context.defaultParallelism
        tasks = max(-(-size // _BYTES_A_PARTITION), min(cores, -(-size // _BYTES_WORTH_A_TASK)), 1)
        if _SHUFFLE not in self._conf:
            self._session.conf.set(_SHUFFLE, str(tasks))
        self._context.setJobGroup(self._group, "churn", interruptOnCancel=True)
        asked, tasks = table.op(), int(str(self._session.conf.get(_SHUFFLE)))
        frame = self._ordered(asked, tasks) if tasks > 1 and _by_columns(asked) else self._sql(table)
        casts = casts_of(dict(frame.dtypes), {name: str(kind) for name, kind in table.schema().items()})
        return frame.selectExpr(*casts)

    def _sql(self, table: ir.Table) -> DataFrame:
        return self._session.sql(compiled(table))

    def _ordered(self, sort: ops.Sort, tasks: int) -> DataFrame:
        """A result in the order of some of its columns.

        What is below is done and handed on first: Spark would do all of it twice, once to see where to cut the order.
        """
        columns = [f.col(quote(key.arg.name)) for key in sort.keys]
        order = [
            column.asc_nulls_last() if key.ascending else column.desc_nulls_last()
            for key, column in zip(sort.keys, columns, strict=True)
        ]
        return self._sql(sort.parent.to_expr()).repartition(tasks, *columns).orderBy(order)

    @contextmanager
    def _translated(self, folder: Path) -> Iterator[None]:
        """Spark's errors in the words of this package."""
        try:
            yield
        except (PySparkException, *GONE) as error:
            raise in_our_words(error, folder) from error


def _by_columns(asked: ops.Node) -> bool:
    """Whether a result is ordered by columns of its own, nulls last."""
    return isinstance(asked, ops.Sort) and all(
        isinstance(key.arg, ops.Field) and not key.nulls_first for key in asked.keys
    )


def _runtime(conf: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in conf.items() if name.startswith("spark.sql.") and "warehouse" not in name}
