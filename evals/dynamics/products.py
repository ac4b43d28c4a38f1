"""What a comparison of courses leaves behind: dynamics.json, dynamics.md and dynamics.png."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from evals.dynamics.charts import plot
from evals.dynamics.measure import Record, measured, over_seeds
from evals.dynamics.show import markdown, tables
from evals.runs import read_json, read_jsonl
from evals.statistics.rounding import compact
from rlad.cli import PlainError

JSON = "dynamics.json"


def runs_in(given: str | Path) -> Iterator[Record]:
    """The records of what was named: a run's folder, a comparison's, or a dynamics.json of earlier.

    Raises PlainError where it is none of these, or a run's course cannot be read.
    """
    path = Path(given)
    if path.suffix == ".json":
        kept = read_json(path)
        if kept is None or not isinstance(kept.get("runs"), list):
            raise PlainError(f"'{path}' holds no courses of trainings.")
        yield from kept["runs"]
        return
    if not path.is_dir():
        raise PlainError(f"There is no folder '{path}'.")
    files = [path / "metrics.jsonl"] if (path / "metrics.jsonl").is_file() else sorted(path.glob("*/*/metrics.jsonl"))
    if not files:
        raise PlainError(f"'{path}' holds no training: no metrics.jsonl in it, or in the folders of seeds and arms.")
    yield from map(record_of, files)


def record_of(file: Path) -> Record:
    """The record of a run by its metrics.jsonl; its arm and seed are the names of the folders that it is in."""
    rows = read_jsonl(file)
    if not rows or not all("step" in row for row in rows):
        raise PlainError(f"'{file}' holds no training steps.")
    folder = file.resolve().parent
    seed = re.fullmatch(r"seed(\d+)", folder.parent.name)
    return measured(rows, folder.name, int(seed[1]) if seed else None)


def write(records: list[Record], name: str, arms: dict[str, str], command: str, folder: Path) -> list[Path]:
    """Prints the tables and writes the three files; returns their paths. `arms`: descriptions by name, in order."""
    if not records:
        raise PlainError("Nothing can be compared yet: no run has finished its training.")
    order = {arm: place for place, arm in enumerate(arms)}
    records = sorted(records, key=lambda one: (order.get(one["arm"], len(order)), one["arm"], one["seed"] or 0))
    folder.mkdir(parents=True, exist_ok=True)
    result = {"name": name, "command": command, "arms": arms, "over_seeds": over_seeds(records), "runs": records}
    (folder / JSON).write_text(compact(result) + "\n")
    (folder / "dynamics.md").write_text(markdown(name, records, arms, command))
    for table in tables(records):
        Console().print(table)
    return [folder / JSON, folder / "dynamics.md", plot(records, folder / "dynamics.png")]
