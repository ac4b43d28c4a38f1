"""Methods that do not go together, or need something that the configuration does not give them."""

from __future__ import annotations

from rlad.config import ConfigError, RunConfig
from rlad.config.rules.groups import trains, without_proposer


def check_methods(config: RunConfig) -> None:
    """Rewards beyond the verdict, critiques and schedules."""
    _check_needs_abstractions(config)
    _check_abstraction_reward(config)
    _check_joint(config)
    _check_critique(config)
    _check_lag(config)
    if config.abstraction.distillation:
        raise ConfigError(
            "abstraction.distillation teaches prompts without an abstraction, which that player never reads; set "
            "solution.distillation."
        )
    if config.solution.diversity.weight:
        raise ConfigError(
            "solution.diversity pays for being unlike a problem's other abstractions; set abstraction.diversity.weight."
        )
    if config.cotrain.sft_phase.every and config.cotrain.one_pass:
        raise ConfigError(
            "cotrain.sft_phase shows solutions with and without an abstraction, not texts of cotrain.one_pass; switch "
            "one of them off."
        )


def _check_lag(config: RunConfig) -> None:
    lag = config.cotrain.schedule.lag
    if lag and not trains(config, "solution"):
        raise ConfigError(f"cotrain.schedule.lag={lag} renews a snapshot of a solver that never learns; set it to 0.")
    if lag and config.zero.shard_references:
        raise ConfigError(
            "cotrain.schedule.lag begins with a whole copy of the reference on every rank, of which "
            "zero.shard_references leaves none; use one of them."
        )
    if lag and config.cotrain.subtract_bare:
        raise ConfigError(
            f"cotrain.subtract_bare measures b(x) with the learning solver, but cotrain.schedule.lag={lag} pays by "
            "its snapshot; switch one of them off."
        )


def _check_needs_abstractions(config: RunConfig) -> None:
    step, why = config.cotrain, without_proposer(config)
    if why is None:
        return
    used = {
        f"abstraction.reward={config.abstraction.reward}": config.abstraction.reward != "verdict",
        "abstraction.diversity.weight": config.abstraction.diversity.weight,
        "solution.distillation": config.solution.distillation and not step.abstractions,
        "cotrain.schedule.lag": step.schedule.lag,
        "cotrain.rft.every": step.rft.every,
    }
    for key, value in used.items():
        if value:
            raise ConfigError(f"{key} needs abstractions, but {why}.")


def _check_abstraction_reward(config: RunConfig) -> None:
    reward, step = config.abstraction.reward, config.cotrain
    if reward == "verdict":
        return
    if not trains(config, "abstraction"):
        raise ConfigError(
            f"abstraction.reward={reward} pays a player that the schedule never trains; use abstraction.reward=verdict."
        )
    for key, used in (("set_credit", step.set_credit > 0), ("subtract_bare", step.subtract_bare)):
        if used:
            raise ConfigError(
                f"cotrain.{key} is made for success rates and cannot be mixed with abstraction.reward={reward}; "
                "use abstraction.reward=verdict."
            )


def _check_joint(config: RunConfig) -> None:
    """Lists of abstractions: somebody must have shown how, and offline phases write single ones."""
    if config.cotrain.proposals != "joint" or not config.cotrain.abstractions:
        return
    if config.cotrain.rft.every:
        raise ConfigError(
            "cotrain.rft fine-tunes on single abstractions, which cotrain.proposals=joint never asks for; switch one "
            "of them off."
        )
    if config.problems.generated and config.base.path is None and not config.warmstart.mixture.propose_set:
        raise ConfigError(
            "cotrain.proposals=joint needs an abstraction player that was shown how to write lists: set "
            "warmstart.mixture.propose_set above 0."
        )


def _check_critique(config: RunConfig) -> None:
    critique, mixture = config.cotrain.critique, config.warmstart.mixture
    if critique.source == "none":
        return
    if critique.source == "teacher" and not critique.teacher_url:
        raise ConfigError("cotrain.critique.source=teacher needs cotrain.critique.teacher_url.")
    if critique.source == "teacher" and not critique.teacher_url.startswith(("http://", "https://")):
        raise ConfigError(
            f"cotrain.critique.teacher_url='{critique.teacher_url}' is no address; it must begin with http:// or "
            "https://."
        )
    if critique.source == "self" and critique.show_gold:
        raise ConfigError(
            "cotrain.critique.show_gold tells the verifier's critique or the teacher; with source=self leave it out."
        )
    if config.cotrain.one_pass:
        raise ConfigError("cotrain.critique refines solutions, not texts of cotrain.one_pass; switch one of them off.")
    if not trains(config, "solution"):
        raise ConfigError("cotrain.critique teaches the solution player, but the schedule never trains it.")
    solver = config.solution
    if solver.old_logprobs == "sampler" or solver.mismatch.kind != "none" or solver.mismatch.opsm is not None:
        raise ConfigError(
            "cotrain.critique's refinements were sampled under another prompt, so solution.old_logprobs=sampler and "
            "solution.mismatch cannot weigh them; switch one of them off."
        )
    needed = ["refine", "critique"] if critique.source == "self" else ["refine"]
    if config.problems.generated and config.base.path is None:
        for task in needed:
            if not getattr(mixture, task):
                raise ConfigError(
                    f"cotrain.critique.source={critique.source} needs a solver that was shown how: set "
                    f"warmstart.mixture.{task} above 0."
                )
    if config.base.path is None:
        longest = config.abstraction.max_new_tokens + 2 * config.solution.max_new_tokens + critique.max_new_tokens
        if longest >= config.base.max_positions:
            raise ConfigError(
                f"base.max_positions={config.base.max_positions} leaves no room for a question beside an attempt, its "
                f"critique and a second attempt of up to {longest} tokens in all."
            )
