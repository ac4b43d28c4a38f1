"""metrics.jsonl: one line per step; seconds per phase; TensorBoard where it is installed, W&B where it is asked for."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rlad.config.phases import PHASES


class Stopwatch:
    """Seconds per phase of the current step; knows the phases of `rlad.config.phases` and no others."""

    def __init__(self):
        self.seconds: dict[str, float] = {}
        self._start = time.perf_counter()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measures a block, added to what the phase took before. Raises ValueError for a phase nobody would read."""
        if name not in PHASES:
            raise ValueError(f"Unknown phase '{name}'; known: {', '.join(PHASES)}.")
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin

    def lap(self) -> dict[str, float]:
        """The step's seconds, with their `total`, and a fresh start."""
        now = time.perf_counter()
        seconds = {**self.seconds, "total": now - self._start}
        self.seconds, self._start = {}, now
        return {name: round(value, 4) for name, value in seconds.items()}


class JsonLines:
    """A file of one JSON object per line, written by rank 0 only. `truncate_after` drops the lines of later steps."""

    def __init__(self, path: Path, writes: bool):
        self.path, self.writes = path, writes

    def truncate_after(self, step: int, label: str | None = None) -> None:
        """Forgets lines with a step beyond `step`, or cut off in the middle: a resumed run writes them again. With a
        `label`, of the other lines only those with that label."""
        if not self.writes or not self.path.exists():
            return
        kept = []
        for line in self.path.read_text().splitlines():
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                continue  # the line that was being written when the run was killed
            if row["step"] <= step or (label is not None and row.get("label") != label):
                kept.append(line)
        self.path.write_text("".join(f"{line}\n" for line in kept))

    def write(self, row: dict) -> None:
        if self.writes:
            with self.path.open("a") as file:
                file.write(json.dumps(_rounded(row), allow_nan=False) + "\n")


class Events:
    """TensorBoard event files under `events/`, when tensorboard is installed (the `track` extra)."""

    def __init__(self, folder: Path, writes: bool):
        self._writer = None
        if writes:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                return
            self._writer = SummaryWriter(str(folder))

    def write(self, row: dict, step: int) -> None:
        if self._writer:
            for name, value in _flat(row):
                self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        if self._writer:
            self._writer.close()


class WandB:
    """A Weights & Biases run under `wandb/` (the `track` extra); None as project = off.

    The run is named after its folder and goes on under the same id when training resumes. Where it is logged in, or
    that it works offline, is decided by W&B's own settings (`wandb login`, `WANDB_MODE`).
    """

    def __init__(self, folder: Path, project: str | None, config: dict, writes: bool):
        self._run = None
        if writes and project is not None:
            import wandb

            settings = wandb.Settings(silent=True)
            self._run = wandb.init(
                project=project, name=folder.name, id=folder.name, resume="allow", dir=str(folder), config=config,
                settings=settings,
            )  # fmt: skip

    def write(self, row: dict, step: int) -> None:
        if self._run:
            self._run.log(dict(_flat(row)), step=step)

    def close(self) -> None:
        if self._run:
            self._run.finish()


def _flat(row: dict, prefix: str = "") -> Iterator[tuple[str, float]]:
    for key, value in row.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}/")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield f"{prefix}{key}", value


def _rounded(value):
    """Floats to six digits; what is not finite becomes null, as JSON has no word for it."""
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return value
