"""Sizes that fit together: ranks, groups that credit can be relative to, a solver on its own."""

from __future__ import annotations

from typing import Any

from rlad.config import ConfigError, RunConfig, registry


def bare_problems(config: RunConfig) -> int:
    """How many of a step's problems stay bare, over all ranks: the share, rounded.

    >>> from rlad.config import RunConfig
    >>> bare_problems(RunConfig())  # 0.125 of 16
    2
    """
    return round(config.cotrain.bare.share * config.cotrain.problems)


def trains(config: RunConfig, role: str) -> bool:
    """Whether the schedule ever updates the player `role`."""
    schedule = config.cotrain.schedule
    return schedule.kind != "frozen" or schedule.train == role


def _playing(config: RunConfig) -> list[Any]:
    return [registry.role[given].call() for given in config.roles]


def wants_reference(config: RunConfig, role: str) -> bool:
    """Whether anything asks what the frozen reference says of a player's texts: a KL, as a loss, in the return or as a
    metric; a lagged solver begins as the reference.

    >>> from rlad.config import load_config
    >>> run = load_config(None, ["solution.kl_coef=0"])
    >>> wants_reference(run, "solution"), wants_reference(run, "abstraction")
    (False, True)
    """
    solvers = [one.name for one in _playing(config) if one.solves]
    player, lag = config.players[role], config.cotrain.schedule.lag if role in solvers else 0
    priced = player.chosen("advantage").facts.get("kl_in_return", False)
    return bool(player.kl_coef or priced or config.instruments.reference or lag)


def learning_roles(config: RunConfig) -> list[str]:
    """The players that learn: those that the schedule ever updates, without abstractions the solution player alone."""
    return [one.name for one in _playing(config) if one.plays(config) and trains(config, one.name)]


def check_ranks(config: RunConfig, ranks: int) -> None:
    """Raises ConfigError unless a step's problems and the warm start's batch divide over `ranks` (all nodes')."""
    step = config.cotrain
    if step.problems % ranks:
        tree = f"{step.problems} x {max(1, step.abstractions)} x {step.solutions}"
        raise ConfigError(
            f"cotrain.problems={step.problems} does not divide over {ranks} ranks: the step's {tree} solutions are "
            f"shared out by whole problems; use a multiple of {ranks}."
        )
    if config.warmstart.batch % ranks:
        raise ConfigError(
            f"warmstart.batch={config.warmstart.batch} does not divide over {ranks} ranks; use a multiple of {ranks}."
        )


def check_division(config: RunConfig) -> None:
    ranks, step = config.launch.ranks, config.cotrain
    check_ranks(config, ranks)
    if step.proposals == "distinct" and 0 < step.draws < step.abstractions:
        raise ConfigError(
            f"cotrain.draws={step.draws} cannot give cotrain.abstractions={step.abstractions} distinct proposals; "
            "draw at least as many."
        )


def check_groups(config: RunConfig) -> None:
    """Group-relative advantages need a group to be relative to."""
    step = config.cotrain
    if step.subtract_bare and step.bare.baseline_samples == 0:
        raise ConfigError("cotrain.subtract_bare needs cotrain.bare.baseline_samples above 0 to estimate b(x).")
    if step.abstractions == 0:
        if step.solutions < 2:
            raise ConfigError("cotrain.solutions=1 leaves nothing to compare a solution with; use at least 2.")
        return
    if bare_problems(config) >= step.problems:
        raise ConfigError(
            f"cotrain.bare.share={step.bare.share} of {step.problems} problems leaves none with an abstraction."
        )
    if step.abstractions == 1 and "abstraction" in learning_roles(config) and not step.subtract_bare:
        raise ConfigError(
            "cotrain.abstractions=1 leaves nothing to compare an abstraction with; use at least 2, "
            "or cotrain.subtract_bare=true."
        )
    group = step.solutions * (step.abstractions if step.solution_group == "problem" else 1)
    if group < 2 and trains(config, "solution"):
        raise ConfigError(
            "cotrain.solutions=1 leaves nothing to compare a solution with; use at least 2, "
            "or cotrain.solution_group=problem."
        )
    if step.adherence and not config.problems.generated:
        raise ConfigError(
            f"cotrain.adherence can be checked in generated worlds only, not with problems.source="
            f"{config.problems.source}."
        )


def check_adaptive(config: RunConfig) -> None:
    """Raises ConfigError where a second round of solutions has nothing to spend, or biases what is learnt."""
    step, first = config.cotrain, config.cotrain.adaptive.first
    if not first:
        return
    trees = config.curriculum.trees(step.abstractions, step.solutions)
    if first >= min(m for _, m in trees):
        raise ConfigError(
            f"cotrain.adaptive.first={first} of cotrain.solutions={step.solutions} leaves nothing for a second round; "
            "raise cotrain.solutions, or a band's m."
        )
    if step.adaptive.most <= first:
        raise ConfigError(
            f"cotrain.adaptive.most={step.adaptive.most} is no more than cotrain.adaptive.first={first}; raise it."
        )
    advantage = config.solution.chosen("advantage")
    if trains(config, "solution") and not advantage.facts.get("stopping"):
        raise ConfigError(
            f"cotrain.adaptive.first={first} lets outcomes decide how many solutions a group has, which biases "
            f"solution.advantage={config.solution.advantage}; set solution.advantage=staged."
        )
    if config.abstraction.reward != "verdict" or step.critique.source != "none":
        name = "cotrain.critique" if step.critique.source != "none" else "abstraction.reward"
        raise ConfigError(
            f"{name} compares fixed numbers of solutions; it cannot be used with cotrain.adaptive.first={first}."
        )


def without_proposer(config: RunConfig) -> str | None:
    """The setting because of which nobody writes abstractions; None where the abstraction player does."""
    step = config.cotrain
    if not step.abstractions:
        return "cotrain.abstractions=0"
    return "cotrain.proposals=reference has nobody write them" if step.proposals == "reference" else None


def check_solver_alone(config: RunConfig) -> None:
    step, why = config.cotrain, without_proposer(config)
    if step.abstractions > 0 and step.one_pass:
        raise ConfigError("cotrain.one_pass needs cotrain.abstractions=0: one player writes both parts.")
    if why is None:
        return
    schedule = step.schedule
    idle = schedule.kind == "frozen" and not registry.role[schedule.train].call().plays(config)
    if schedule.kind in ("alternating", "rates") or idle:
        raise ConfigError(
            f"{why} leaves the abstraction player nothing to learn from, but the schedule "
            f"'{schedule.kind}' trains it; use cotrain.schedule.kind=simultaneous."
        )
    for key, used in (("set_credit", step.set_credit > 0), ("subtract_bare", step.subtract_bare)):
        if used:
            raise ConfigError(f"cotrain.{key} needs abstractions, but {why}.")
    if step.adherence and not step.abstractions and not step.one_pass:
        raise ConfigError("cotrain.adherence needs abstractions, but cotrain.abstractions=0.")
