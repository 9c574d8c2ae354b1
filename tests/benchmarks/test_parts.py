from __future__ import annotations

import json
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.parts import step_figures, together, training_figures


def test_steps_come_from_the_run(tmp_path: Path) -> None:
    steps = [{"name": "ingest", "seconds": 2.0, "memory": 7}, {"name": "risk", "seconds": 1.0, "memory": 8}]
    (tmp_path / "run.json").write_text(json.dumps({"steps": steps}))
    assert step_figures(tmp_path, 10) == [
        Figure("step: ingest", "churn", (2.0,), (), (7,), 10, "line"),
        Figure("step: risk list", "churn", (1.0,), (), (8,)),
    ]


def test_training_is_summed_over_the_tasks_of_each_family(tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    rows = ["task,model,training_time", "forecast,a,1.5", "forecast,b,2.0", "history,a,0.25", "history,b,1.0"]
    (tmp_path / "metrics" / "models.csv").write_text("\n".join(rows) + "\n")
    assert training_figures(tmp_path) == [
        Figure("training, 2 tasks: a", "churn", (1.75,)),
        Figure("training, 2 tasks: b", "churn", (3.0,)),
    ]


def test_rounds_come_together_part_by_part() -> None:
    first = [Figure("ingest", "churn", (1.0,), (2.0,), (3,), 10, "line"), Figure("ingest", "DuckDB", (4.0,))]
    second = [Figure("ingest", "churn", (5.0,), (6.0,), (7,), 10, "line"), Figure("ingest", "DuckDB", (8.0,))]
    assert together([first, second]) == [
        Figure("ingest", "churn", (1.0, 5.0), (2.0, 6.0), (3, 7), 10, "line"),
        Figure("ingest", "DuckDB", (4.0, 8.0)),
    ]
