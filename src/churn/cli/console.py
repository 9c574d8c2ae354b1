"""Progress bar and closing summary."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from churn.engines import Engine
from churn.steps import Done, Step
from churn.summary import SHOWN, Score, Summary

TASKS = {
    "forecast": "forecast: who leaves in the next {horizon} days?",
    "history": "history: who is a leaver, told from the whole log? Not a forecast",
    "history_no_clock": "history without clock features. Not a forecast",
}

INTERVAL = "roc_auc"
"""The metric whose interval is shown; all intervals are in `metrics/models.csv`."""

WIDE = 112
"""Columns of a terminal from which on there is room for what the engine says beside the bar."""

_TICK = 0.1


class Bars:
    """A progress bar for each step; see `churn.steps.Watcher`. Fed by the engine where it knows."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None
        self._shown = 0.0
        self._gone = threading.Event()
        self._turn = threading.Lock()
        self.engines: list[Engine] = []

    def started(self, step: Step) -> None:
        """See `Watcher`."""
        self._shown = 0.0
        self._task = self._progress.add_task(step.title, total=None, words="")  # a moving bar until somebody knows more

    def finished(self, step: Step, done: Done) -> None:
        """See `Watcher`."""
        task = self._task if self._task is not None else self._progress.add_task(step.title, total=1.0, words="")
        title = f"{step.title} (done before)" if done.resumed else step.title
        with self._turn:
            self._task = None
            self._progress.update(task, total=1.0, completed=1.0, description=title, words="")
            self._progress.stop_task(task)

    def follow(self) -> None:
        """Ask the engine how far it is, until `leave` is called."""
        while not self._gone.wait(_TICK):
            now = self.engines[-1].progress() if self.engines else None
            with self._turn:  # the step may end at any moment
                if now is not None and self._task is not None:
                    # A step of several queries would fall back with each.
                    self._shown = max(self._shown, min(now.share, 0.99))
                    self._progress.update(self._task, total=1.0, completed=self._shown, words=now.words)

    def leave(self) -> None:
        """Stop following."""
        self._gone.set()


class Lines:
    """A line of JSON on standard error for every bit of progress; see `churn.steps.Watcher`. For programs."""

    def __init__(self) -> None:
        self._step: Step | None = None
        self._told = -1.0
        self._gone = threading.Event()
        self.engines: list[Engine] = []

    def started(self, step: Step) -> None:
        """See `Watcher`."""
        self._step = step
        self._say(step, 0.0)

    def finished(self, step: Step, done: Done) -> None:
        """See `Watcher`."""
        self._step = None
        self._say(step, 1.0)

    def follow(self) -> None:
        """Ask the engine how far it is, until `leave` is called."""
        while not self._gone.wait(2 * _TICK):
            now = self.engines[-1].progress() if self.engines else None
            step = self._step  # looked at once: the step may end at any moment
            if now is not None and step is not None and now.share > self._told:
                self._say(step, min(now.share, 0.99))

    def leave(self) -> None:
        """Stop following."""
        self._gone.set()

    def _say(self, step: Step, share: float) -> None:
        self._told = share
        line = json.dumps({"step": step.name, "title": step.title, "share": round(share, 3)})
        click.echo(line, err=True)


@contextmanager
def progress_lines() -> Iterator[Lines]:
    """Lines of JSON on standard error for as long as the block runs."""
    lines = Lines()
    with _following(lines):
        yield lines


@contextmanager
def _following(watcher: Bars | Lines) -> Iterator[None]:
    thread = threading.Thread(target=watcher.follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        watcher.leave()
        thread.join()


@contextmanager
def progress_bars() -> Iterator[Bars]:
    """Bars on standard error for as long as the block runs; plain lines where that is no terminal."""
    console = Console(stderr=True)
    columns = [TextColumn("{task.description:<34}"), BarColumn(bar_width=30), TimeElapsedColumn()]
    if console.width >= WIDE:
        columns.append(TextColumn("{task.fields[words]}", style="dim"))
    with Progress(*columns, console=console, refresh_per_second=5) as progress:
        bars = Bars(progress)
        with _following(bars):
            yield bars


def show(summary: Summary, horizon: int, console: Console | None = None) -> None:
    """Print the closing summary."""
    (console or Console(file=sys.stdout)).print(render(summary, horizon))


def render(summary: Summary, horizon: int) -> RenderableType:
    """The closing summary, for the screen and for pictures."""
    parts: list[RenderableType] = [_counts(summary), *(_warning(text) for text in summary.warnings)]
    parts += [Text(), _scores(summary, horizon), Text(), _top(summary), Text(), _places(summary)]
    return Padding(Group(*parts), (1, 0))


def _counts(summary: Summary) -> Text:
    share = summary.leavers / summary.users if summary.users else 0.0
    train = summary.cutoffs["train"]
    return Text.from_markup(
        f"[bold]{summary.events:,}[/] events of [bold]{summary.users:,}[/] users, "
        f"[bold]{summary.leavers:,}[/] of whom left ({share:.1%}). "
        f"{summary.lines:,} lines read, {summary.refused:,} refused.\n"
        f"Learned at {len(train)} cut-offs from {train[0]} to {train[-1]}; tested at {summary.cutoffs['test']} "
        f"on {summary.test['users']:,} users, {summary.test['leavers']:,} of whom left."
    )


def _warning(text: str) -> Text:
    return Text(f"Mind: {text}.", style="yellow")


def _scores(summary: Summary, horizon: int) -> Group:
    parts: list[RenderableType] = [Text("How good it is, on rows that nothing was learned from", style="bold")]
    for task, words in TASKS.items():
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(width=30)
        for name in SHOWN:
            table.add_column(name, justify="right")
            if name == INTERVAL:
                table.add_column("95 %", justify="right", style="dim")
        for score in summary.scores:
            if score.task == task:
                table.add_row(_name(score), *(cell for name in SHOWN for cell in _cells(score, name)))
        parts += [Text(), Text(words.format(horizon=horizon)), table]
    return Group(*parts, Text("* chosen by out-of-fold average_precision", style="dim"))


def _name(score: Score) -> Text:
    title = score.model.replace("_", " ")
    if score.trivial:
        return Text(f"  {title} (rule)", style="dim")
    return Text(f"  {title}{' *' if score.selected else ''}")


def _cells(score: Score, name: str) -> list[str]:
    """The value, and for one of the metrics its interval."""
    value, low, high = (score.metrics[name + end] for end in ("", "_low", "_high"))
    cells = ["-" if value is None else f"{value:.3f}"]
    if name == INTERVAL:
        cells.append("" if low is None or high is None else f"{low:.2f}-{high:.2f}")
    return cells


def _top(summary: Summary) -> Table:
    bands = ", ".join(f"{n:,} {band}" for band, n in summary.bands.items())
    title = f"Most at risk on {summary.cutoffs['as_of']} (of {sum(summary.bands.values()):,} users: {bands})"
    table = Table(box=None, pad_edge=False, title=title, title_justify="left")
    table.add_column("user")
    table.add_column("probability", justify="right")
    table.add_column("strongest reason")
    for row in summary.top:
        table.add_row(escape(row["userId"]), f"{float(row['probability']):.1%}", escape(row["reason_1"]))
    return table


def _places(summary: Summary) -> Group:
    files = Table.grid(padding=(0, 2))
    for path, words in summary.files.items():
        files.add_row(Text(path, style="cyan"), words)
    steps = [Text(f"Next: {step}.") for step in summary.next_steps]
    return Group(files, Text(), *steps)
