"""Opening a trained pair: two Hugging Face folders in, a Reasoner out."""

from __future__ import annotations

from dataclasses import replace

import torch

from rlad.config import RunConfig
from rlad.generation import make_sampler
from rlad.players.policy import build_model, load_tokenizer, make_prompts
from rlad.problems import world_of
from rlad.reasoning.judge import Judge
from rlad.reasoning.reasoner import Reasoner


def open_pair(run: RunConfig, abstraction: str | None, solution: str, device: str = "auto") -> Reasoner:
    """A reasoner over the two folders; without an abstraction player it can only solve bare."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() and run.launch.device != "cpu" else "cpu"
    world = world_of(run.problems)
    solver, solver_prompts = _open_player(run, solution, device)
    # One folder for both (the warm-started base): one copy in memory.
    shared = abstraction in (None, solution)
    proposer, prompts = (solver, solver_prompts) if shared else _open_player(run, abstraction, device)
    judge = Judge(run.verifier, world, run.problems.value_answers)
    return Reasoner(proposer, solver, prompts, solver_prompts, judge, world)


def _open_player(run: RunConfig, folder: str, device: str):
    model = replace(run.base, path=folder)
    tokenizer = load_tokenizer(model, run.problems)
    return make_sampler(run.engine, build_model(model, tokenizer).to(device), tokenizer), make_prompts(tokenizer, run)
