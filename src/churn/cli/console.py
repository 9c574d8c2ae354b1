"""Progress bar and closing summary."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from churn.engines import Engine
from churn.steps import Done, Step
from churn.summary import SHOWN, Score, Summary

TASKS = {
    "forecast": "forecast: who leaves in the next {horizon} days?",
    "history": "history: who is a leaver, told from everything? (not a forecast)",
    "history_no_clock": "history without features that tell the time (not a forecast)",
}

_TICK = 0.1


class Bars:
    """A progress bar for each step; see `churn.steps.Watcher`. Fed by the engine where it knows."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None
        self._gone = threading.Event()
        self.engines: list[Engine] = []

    def started(self, step: Step) -> None:
        """See `Watcher`."""
        self._task = self._progress.add_task(step.title, total=1.0)

    def finished(self, step: Step, done: Done) -> None:
        """See `Watcher`."""
        task = self._task if self._task is not None else self._progress.add_task(step.title, total=1.0)
        title = f"{step.title} (done before)" if done.resumed else step.title
        self._progress.update(task, completed=1.0, description=title)
        self._progress.stop_task(task)
        self._task = None

    def follow(self) -> None:
        """Ask the engine how far it is, until `leave` is called."""
        while not self._gone.wait(_TICK):
            share = self.engines[-1].progress() if self.engines else None
            if share is not None and self._task is not None:
                self._progress.update(self._task, completed=min(share, 0.99))

    def leave(self) -> None:
        """Stop following."""
        self._gone.set()


@contextmanager
def progress_bars() -> Iterator[Bars]:
    """Bars on standard error for as long as the block runs; plain lines where that is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<34}"), BarColumn(bar_width=30), TimeElapsedColumn())
    with Progress(*columns, console=console, refresh_per_second=5) as progress:
        bars = Bars(progress)
        thread = threading.Thread(target=bars.follow, daemon=True)
        thread.start()
        try:
            yield bars
        finally:
            bars.leave()
            thread.join()


def show(summary: Summary, horizon: int, console: Console | None = None) -> None:
    """Print the closing summary."""
    (console or Console(file=sys.stdout)).print(render(summary, horizon))


def render(summary: Summary, horizon: int) -> RenderableType:
    """The closing summary, for the screen and for pictures."""
    parts: list[RenderableType] = [_counts(summary), *(_warning(text) for text in summary.warnings)]
    parts += [Text(), _scores(summary, horizon), Text(), _top(summary), Text(), _places(summary)]
    return Panel(Group(*parts), title="churn run", title_align="left", padding=(1, 2))


def _counts(summary: Summary) -> Text:
    share = summary.leavers / summary.users if summary.users else 0.0
    return Text.from_markup(
        f"[bold]{summary.events:,}[/] events of [bold]{summary.users:,}[/] users, "
        f"[bold]{summary.leavers:,}[/] of whom left ({share:.1%}). "
        f"{summary.lines:,} lines read, {summary.refused:,} refused.\n"
        f"Learned at {', '.join(summary.cutoffs['train'])}; tested at {summary.cutoffs['test']} "
        f"on {summary.test['users']:,} users, {summary.test['leavers']:,} of whom left."
    )


def _warning(text: str) -> Text:
    return Text(f"Mind: {text}.", style="yellow")


def _scores(summary: Summary, horizon: int) -> Table:
    table = Table(box=None, pad_edge=False, title="How good it is (test rows, 95 % interval)", title_justify="left")
    table.add_column("")
    for name in SHOWN:
        table.add_column(name, justify="right")
    for task, words in TASKS.items():
        table.add_row(Text(words.format(horizon=horizon), style="bold"), *[""] * len(SHOWN))
        for score in summary.scores:
            if score.task == task:
                table.add_row(_name(score), *(_cell(score, name) for name in SHOWN))
    return table


def _name(score: Score) -> Text:
    title = score.model.replace("_", " ")
    if score.trivial:
        return Text(f"  {title} (trivial rule)", style="dim")
    return Text(f"  {title}{' *' if score.selected else ''}")


def _cell(score: Score, name: str) -> Text:
    value, low, high = (score.metrics[name + end] for end in ("", "_low", "_high"))
    if value is None:
        return Text("-", style="dim")
    interval = f" [{low:.2f}-{high:.2f}]" if low is not None and high is not None else ""
    return Text(f"{value:.3f}{interval}", style="dim" if score.trivial else "")


def _top(summary: Summary) -> Table:
    bands = ", ".join(f"{n:,} {band}" for band, n in summary.bands.items())
    title = f"Most at risk on {summary.cutoffs['as_of']} (of {sum(summary.bands.values()):,} users: {bands})"
    table = Table(box=None, pad_edge=False, title=title, title_justify="left")
    for name, justify in (("user", "left"), ("probability", "right"), ("strongest reason", "left")):
        table.add_column(name, justify="right" if justify == "right" else "left")
    for row in summary.top:
        table.add_row(escape(row["userId"]), f"{float(row['probability']):.1%}", escape(row["reason_1"]))
    return table


def _places(summary: Summary) -> Group:
    files = Table.grid(padding=(0, 2))
    for path, words in summary.files.items():
        files.add_row(Text(path, style="cyan"), words)
    steps = [Text(f"Next: {step}.") for step in summary.next_steps]
    return Group(files, Text(), *steps)
