"""Opening a trained pair: two Hugging Face folders in, a Reasoner out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from rlad.config import ROLES, ConfigError, RunConfig
from rlad.config.rules import require_weights
from rlad.generation import Sampler, make_sampler
from rlad.generation.turns import in_turns
from rlad.players.adapters import FOLDER
from rlad.players.policy import build_model, load_tokenizer, make_prompts
from rlad.players.prompts import Prompts
from rlad.problems import Tool, world_of
from rlad.reasoning.judge import Judge
from rlad.reasoning.reasoner import Reasoner


def pretrained(run: RunConfig) -> dict[str, str] | None:
    """Role -> the pretrained model that its player starts from; None where one of them is built from scratch.

    >>> from rlad.config import ModelConfig
    >>> pretrained(RunConfig(base=ModelConfig(path="models/x"))), pretrained(RunConfig())
    ({'abstraction': 'models/x', 'solution': 'models/x'}, None)
    """
    found = {role: (getattr(run, role).model or run.base).path for role in ROLES}
    return None if None in found.values() else found


def newest_pair(run: RunConfig, folder: Path) -> dict[str, str]:
    """Role -> its player's newest model: trained, else warm-started, else pretrained. Players that are one model (all
    that are not trained yet, and those with `cotrain.shared_weights`) have one folder, and are loaded once.

    Raises ConfigError for a run that has none of them, that trained one player only, or whose model is a server's.
    """
    export = {role: folder / "export" / role for role in ROLES}
    there = [role for role, path in export.items() if (path / "config.json").is_file()]
    if len(there) == len(ROLES):
        one = export[ROLES[0]] if run.cotrain.shared_weights else None  # the others' folders hold the same
        return {role: str(one or path) for role, path in export.items()}
    if not there and (found := untrained_pair(run, folder)):
        return found
    missing = next(role for role in ROLES if role not in there)
    raise ConfigError(f"There is no {missing} player in '{export[missing]}'; train the pair first, with both players.")


def untrained_pair(run: RunConfig, folder: Path) -> dict[str, str] | None:
    """Role -> the model that its player's co-training begins with: warm-started, else pretrained; None without one."""
    base = folder / "base"
    if (base / "config.json").is_file():
        return dict.fromkeys(ROLES, str(base))
    require_weights(run)
    return pretrained(run)


def adapted_pair(run: RunConfig, folder: Path) -> tuple[Path, dict[str, Path]]:
    """The frozen base of a trained pair with `lora.rank`, and role -> the folder of its player's adapter.

    Raises ConfigError for a run without adapters, or whose export does not hold them.
    """
    if not run.lora.rank:
        raise ConfigError("serving.adapters is for pairs that were trained with lora.rank, and this one was not.")
    found = {role: folder / "export" / role / FOLDER for role in ROLES}
    missing = next((path for path in found.values() if not (path / "adapter_config.json").is_file()), None)
    base = untrained_pair(run, folder)
    if missing or base is None:
        raise ConfigError(
            f"There is no adapter in '{missing or folder}'; './launch.sh export {folder}' writes those of a checkpoint "
            "into a folder that can be served."
        )
    return Path(base[ROLES[0]]), found


def open_pair(run: RunConfig, abstraction: str | None, solution: str, device: str = "auto") -> Reasoner:
    """A reasoner over the two folders; without an abstraction player it can only solve bare."""
    world = world_of(run.problems)
    solver, solver_prompts = open_player(run, solution, device)
    # One folder for both (the warm-started base): one copy in memory.
    shared = abstraction in (None, solution)
    proposer, prompts = (solver, solver_prompts) if shared else open_player(run, abstraction, device)
    judge = Judge(run.verifier, world, run.problems.value_answers)
    return Reasoner(proposer, solver, prompts, solver_prompts, judge, world)


def open_reader(run: RunConfig, folder: str, device: str = "auto") -> tuple[Sampler, Prompts]:
    """The player of a role that reads trees: what samples its texts, and its prompts."""
    return _open_player(run, folder, device, None)


def open_player(run: RunConfig, folder: str, device: str = "auto") -> tuple[Sampler, Prompts]:
    """One of the pair's players, with the world's tool at hand: what samples its texts, and its prompts."""
    world = world_of(run.problems)
    return _open_player(run, folder, device, world.tool() if world else None)


def _device(run: RunConfig, device: str) -> str:
    usable = torch.cuda.is_available() and run.launch.device != "cpu"
    return device if device != "auto" else "cuda" if usable else "cpu"


def _open_player(run: RunConfig, folder: str, device: str, tool: Tool | None):
    model, device = replace(run.base, path=folder), _device(run, device)
    tokenizer = load_tokenizer(model, run.problems)
    sampler = make_sampler(run.engine, build_model(model, tokenizer).to(device), tokenizer)
    return in_turns(sampler, tool, tokenizer), make_prompts(tokenizer, run)
