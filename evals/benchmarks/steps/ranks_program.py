"""Runs a run on N ranks of this one core, which share what is imported, and counts what each hands to the others.

    python -m evals.benchmarks.steps.ranks_program FOLDER N

FOLDER holds a config.yaml of a run; every rank leaves FOLDER/counts_RANK.json: of each kind of collective and each
place that calls it, how often, and the bytes that the rank gave and got, in the steps alone: what comes before the
first and after the last is left out. The ranks are forked after the imports, so sixteen of them need little more
memory and processor time than one.
"""

from __future__ import annotations

import functools
import importlib
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed import distributed_c10d

from evals.benchmarks.harness.forked import run_ranks

TRAINER, PROBLEMS = "trainers.cotrain", "trainers.data.step_problems"
ZERO3 = "/trainers/runtime/zero3.py"
"""No place is named after it: whoever calls it is meant."""


def _tensors(*values: object) -> list[torch.Tensor]:
    """All tensors in the values, lists among them."""
    found: list[torch.Tensor] = []
    for value in values:
        found += [value] if isinstance(value, torch.Tensor) else _tensors(*value) if isinstance(value, list) else []
    return found


def size(*values: object) -> int:
    """Bytes of all tensors in the values.

    >>> size(torch.zeros(3), [torch.zeros(2, dtype=torch.float64), None])
    28
    """
    return sum(tensor.numel() * tensor.element_size() for tensor in _tensors(*values))


COUNTED: dict[str, Callable[..., tuple[int, int]]] = {
    "all_reduce": lambda tensor, *_, **__: (size(tensor), size(tensor)),
    "all_gather": lambda found, tensor, *_, **__: (size(tensor), size(found)),
    "all_gather_into_tensor": lambda output_tensor, input_tensor, *_, **__: (size(input_tensor), size(output_tensor)),
    "reduce_scatter_tensor": lambda output, input, *_, **__: (size(input), size(output)),  # noqa: A006
    "all_to_all_single": lambda output, input, *_, **__: (size(input), size(output)),  # noqa: A006
    "gather": lambda tensor, gather_list=None, *_, **__: (size(tensor), size(gather_list)),
    "broadcast": lambda tensor, src=0, *_, **__: (size(tensor), 0) if dist.get_rank() == src else (0, size(tensor)),
    "barrier": lambda *_, **__: (0, 0),
}
"""Collective -> (bytes given, bytes got) of a rank, from its arguments."""


def place() -> str:
    """The function of trainers/ that asks for what is being called, or the library where none does."""
    frame, outer = sys._getframe(2), ""
    while frame is not None:
        path = frame.f_code.co_filename
        if "/trainers/" in path and not path.endswith(ZERO3):
            name = f"{Path(path).stem}.{frame.f_code.co_name}"
            return f"{name} (DeepSpeed)" if outer else name
        outer = outer or ("DeepSpeed" if "/deepspeed/" in path else "")
        frame = frame.f_back
    return outer or "start"


def count(counts: dict[str, list[int]]) -> None:
    """Counts every collective of torch from now on: `counts` gets [calls, bytes given, bytes got] by name and place."""
    for name, sizes in COUNTED.items():
        called = getattr(distributed_c10d, name)

        @functools.wraps(called)
        def counted(*args, called=called, name=name, sizes=sizes, **kwargs):
            given, got = sizes(*args, **kwargs)
            entry = counts.setdefault(f"{name} {place()}", [0, 0, 0])
            for i, value in enumerate((1, given, got)):
                entry[i] += value
            return called(*args, **kwargs)

        for module in (distributed_c10d, dist):
            setattr(module, name, counted)


def only_steps(trainer: type, problems: type, counts: dict[str, list[int]]) -> dict[str, list[int]]:
    """What `counts` gets between the first `draw` of problems and the trainer's `export`; empty until then."""
    draw, export, found, begun = problems.draw, trainer.export, {}, []

    def first_draw(self, step):
        if not begun:
            counts.clear()
            begun.append(step)
        return draw(self, step)

    def last_export(self):
        found.update({name: list(entry) for name, entry in counts.items()})
        return export(self)

    problems.draw, trainer.export = first_draw, last_export
    return found


def main() -> None:
    folder, counts = Path(sys.argv[1]), {}
    count(counts)  # before DeepSpeed takes hold of them
    program, problems = (importlib.import_module(name) for name in (TRAINER, PROBLEMS))
    found = only_steps(program.Cotrainer, problems.StepProblems, counts)
    words = [TRAINER, "--run", str(folder)]
    told = partial(_tell, folder, found)
    run_ranks(program.main, words, folder, int(sys.argv[2]), told)


def _tell(folder: Path, found: dict[str, list[int]], rank: int) -> None:
    (folder / f"counts_{rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
