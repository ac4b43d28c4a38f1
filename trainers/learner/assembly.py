"""A learner from a configuration: its model, its reference, its sampler, its model engine."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import torch

from rlad.config import LoraConfig, ModelConfig, RunConfig, ZeroConfig
from rlad.config.rules import wants_reference
from rlad.players.adapters import FOLDER, adapt, write_adapter
from rlad.players.policy import Policy, make_policy
from rlad.players.roles import playing
from trainers.learner.learner import Learner
from trainers.learner.records import TokenRecord
from trainers.learner.sharing import sharing_of
from trainers.runtime import zero3
from trainers.runtime.samplers import place_sampler


def make_learner(
    run: RunConfig, role: str, folder: Path, device: torch.device, other: Learner | None = None
) -> Learner:
    """The learner of a role, whose probe is still empty. Collective.

    other: the learner that was made before, where there is one; players that are adapters of one base share its
    reference, and may share its sampler's process. Players with shared weights share all but what is a role's own.
    """
    player = getattr(run, role)
    if run.cotrain.shared_weights and other is not None:
        policy = replace(other.policy, role=role, folder=folder / "export" / role)
        reference = other.reference if wants_reference(run, role) else None
        return replace(other, policy=policy, config=player, reference=reference, lead=other.owner, probe=[],
                       entropy_coefficient=player.entropy_coef, first_gaps=[], record=TokenRecord())  # fmt: skip
    policy = make_policy(role, starting_model(run, role, folder), run, folder / "export" / role)
    # Full copies are taken before ZeRO-3 partitions the model in place; adapters have one base, so one reference.
    reference = None
    asking = playing(run) if run.cotrain.shared_weights else [role]
    if any(wants_reference(run, one) for one in asking):
        shared = other.reference if run.frozen_base and other is not None else None
        reference = shared or frozen_copy(policy.model, run.zero, device)
    seed = len(run.players) * run.seed + list(run.players).index(role)
    adapt(policy.model, run.lora, run.steering, seed)
    sampler = place_sampler(run, policy, folder, device, other and other.sampler)
    settings = zero3.model_engine_config(
        run.zero,
        policy.model.dtype,
        player.lr,
        player.weight_decay,
        (player.beta1, player.beta2),
        player.max_grad_norm,
    )
    policy.model.to(device).train()
    sharing, reason = sharing_of(policy.model, run.cotrain)
    if reason and zero3.rank() == 0:
        print(f"The {role} player's rows share no prompts and are not packed: {reason}.", flush=True)
    model_engine = zero3.make_model_engine(policy.model, settings)
    return Learner(policy, player, model_engine, reference, sampler, device, player.entropy_coef, sharing)


def frozen_copy(model: torch.nn.Module, zero: ZeroConfig, device: torch.device) -> torch.nn.Module:
    """A player's reference: its starting weights, whole on this rank or partitioned over all of them. Collective."""
    reference = copy.deepcopy(model).to(device).eval().requires_grad_(False)
    return zero3.frozen(reference, zero) if zero.shard_references else reference


def export_player(policy: Policy, state: dict, adapter: dict, lora: LoraConfig) -> None:
    """Writes a trained player as a plain Hugging Face folder and, of a run with `lora.rank`, its adapter by itself.

    state: name -> tensor of the plain model, the adapter merged. adapter: name -> tensor of what was trained.
    """
    policy.export(state=state)
    if lora.rank:
        write_adapter(adapter.items(), policy.folder / FOLDER, lora)


def starting_model(run: RunConfig, role: str, folder: Path) -> ModelConfig:
    """The model a player starts from: its warm-started own, the warm-started base, or what the configuration names."""
    config = copy.deepcopy(getattr(run, role).model or run.base)
    own = [] if run.frozen_base else [folder / "base" / role]  # adapters share one base
    for candidate in (*own, folder / "base"):
        if (candidate / "config.json").is_file() and getattr(run, role).model is None:
            config.path = str(candidate)
            break
    return config
