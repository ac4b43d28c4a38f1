"""The players of a checkpoint as a run folder of their own: what `./launch.sh export` (trainers/export.py) writes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from deepspeed.utils.zero_to_fp32 import get_fp32_state_dict_from_zero_checkpoint

from rlad.card import write_cards
from rlad.cli import PlainError
from rlad.config import LoraConfig, RunConfig, SteeringConfig, save_config
from rlad.players.adapters import adapt, plain_weights
from rlad.players.policy import make_policy
from trainers.learner.assembly import export_player, starting_model
from trainers.learner.checkpoint import TAG, player_folder, shards_of
from trainers.learner.checkpoint_files import complete_checkpoints, step_folder


def checkpoint_of(run_folder: Path, step: int | None) -> Path:
    """A complete checkpoint of a run: that of a step, or the newest. Raises PlainError when there is none."""
    found = complete_checkpoints(run_folder / "checkpoints")
    if not found:
        raise PlainError(f"'{run_folder}' has no complete checkpoint yet.")
    if step is None:
        return found[-1]
    wanted = step_folder(run_folder / "checkpoints", step)
    if wanted not in found:
        names = ", ".join(str(int(path.name.removeprefix("step_"))) for path in found)
        raise PlainError(f"'{run_folder}' has no checkpoint of step {step}; it has those of {names}.")
    return wanted


def trained_weights(model: torch.nn.Module, shards: Path) -> dict[str, torch.Tensor]:
    """What a checkpoint holds of a player, by the names in `model`: of an adapter the adapter alone.

    shards: the player's folder in a checkpoint, which any number of ranks has written. Raises PlainError for a
    checkpoint of another model.
    """
    # It says what it reads, file by file, on both streams.
    with open(os.devnull, "w") as hush, contextlib.redirect_stdout(hush), contextlib.redirect_stderr(hush):
        trained = get_fp32_state_dict_from_zero_checkpoint(str(shards), tag=TAG)
    if unknown := set(trained) - set(dict(model.named_parameters())):
        raise PlainError(f"'{shards}' is of another model: it holds '{min(unknown)}'.")
    return trained


def full_weights(model: torch.nn.Module, trained: Mapping[str, torch.Tensor]) -> Iterator[tuple[str, torch.Tensor]]:
    """(name, tensor) pairs of a whole plain model: those that were trained, else the model's own.

    An adapter is added to the base that `model` is.
    """
    own = dict(model.named_parameters())
    whole = ((name, trained.get(name, tensor).detach().to(tensor.dtype)) for name, tensor in own.items())
    yield from plain_weights(whole, model)


def export(run: RunConfig, run_folder: Path, step: int | None = None) -> Path:
    """Writes the players of a checkpoint into a run folder of their own, whole or not at all; returns it.

    Raises PlainError for a checkpoint that is not there. One that was exported before is left as it is.
    """
    checkpoint = checkpoint_of(run_folder, step)
    target = run_folder / "exports" / checkpoint.name
    if target.is_dir():
        return target
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".") as work:
        made = Path(work) / checkpoint.name
        made.mkdir()
        state = json.loads((checkpoint / "state.json").read_text())
        lora, steering = LoraConfig(**state["lora"]), SteeringConfig(**state.get("steering", {}))
        for role, owner in shards_of(state).items():
            shards = player_folder(checkpoint, owner)
            policy = make_policy(role, starting_model(run, role, run_folder), run, made / "export" / role)
            adapt(policy.model, lora, steering, run.seed)
            trained = trained_weights(policy.model, shards)
            export_player(policy, dict(full_weights(policy.model, trained)), trained, lora)
        if (run_folder / "base").is_dir():
            (made / "base").symlink_to(Path("..") / ".." / "base")
        for name in ("metrics.jsonl", "warmstart.jsonl", "samples.jsonl"):
            if (run_folder / name).is_file():
                shutil.copy(run_folder / name, made / name)
        save_config(run, made / "config.yaml")
        write_cards(run, made)
        made.rename(target)
    return target
