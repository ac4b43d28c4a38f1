"""The lagged solver: a snapshot of the solver that pays the abstractions, so that their target stands still."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial
from pathlib import Path

from safetensors.torch import load_model, save_file

from rlad.config import RunConfig
from rlad.generation import make_sampler
from rlad.generation.turns import in_turns
from rlad.players.steering import add_vectors
from rlad.problems import tool_of
from trainers.learner.learner import Learner
from trainers.runtime import zero3
from trainers.runtime.snapshots import Files, host_copy

FILE = "lagged_solver.safetensors"


class LaggedSolver:
    """Samples with the solver's weights of the step at which it was last renewed; they are part of the checkpoint.

    It always samples with the transformers sampler: a full copy inside the rank, whatever sampler the players use.
    """

    def __init__(self, run: RunConfig, solver: Learner):
        self.run, self.solver = run, solver
        # The weights that training starts from; biases that vectors merge into are not in the reference.
        self.model = add_vectors(copy.deepcopy(solver.reference), run.steering)
        tokenizer = solver.policy.tokenizer
        sampler = make_sampler(replace(run.engine, kind="transformers"), self.model, tokenizer)
        self.sampler = in_turns(sampler, tool_of(run.problems), tokenizer)
        self.step = 0
        """Before which step it was renewed."""

    def renew(self, step: int) -> None:
        """Takes the solver's current weights. Collective."""
        zero3.send_weights(self.solver.model_engine, self.sampler, self.solver.version, self.run.zero.bucket_size)
        self.step = step

    def files(self, folder: Path) -> Files:
        """A copy of the weights, each once, for rank 0 to write; every rank holds the same."""
        if zero3.rank() != 0:
            return {}
        once, every = (dict(self.model.named_parameters(remove_duplicate=one)) for one in (True, False))
        tied = every.keys() - once.keys()
        weights = {name: value for name, value in self.model.state_dict().items() if name not in tied}
        return {str(folder / FILE): partial(save_file, host_copy(weights))}

    def load(self, folder: Path) -> None:
        load_model(self.model, str(folder / FILE))

    def state(self) -> int:
        """Before which step it was renewed."""
        return self.step

    def restore(self, state: int) -> None:
        self.step = state
