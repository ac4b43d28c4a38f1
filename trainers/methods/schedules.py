"""Who learns in which step and how fast, and what happens between steps. Pure functions of the step, counted from 1.

A player that stands still takes no optimiser step: a tiny learning rate isn't frozen, because Adam's moments and weight
decay go on (which is what `rates` means to do).
"""

from __future__ import annotations

from collections.abc import Sequence

from rlad.config import ROLES, CotrainConfig, RunConfig, ScheduleConfig


def _whose_turn(schedule: ScheduleConfig, step: int) -> str:
    """Whose turn it is when players take turns."""
    position = (step - 1) % (schedule.abstraction_steps + schedule.solution_steps)
    return "abstraction" if position < schedule.abstraction_steps else "solution"


def learners(schedule: ScheduleConfig, step: int, roles: Sequence[str] = ROLES) -> tuple[str, ...]:
    """Those of a run's roles that learn in `step`. Only the pair takes turns; other roles learn in every step.

    >>> plan = ScheduleConfig(kind="alternating", abstraction_steps=2, solution_steps=1)
    >>> [learners(plan, step)[0] for step in range(1, 7)]
    ['abstraction', 'abstraction', 'solution', 'abstraction', 'abstraction', 'solution']
    """
    if schedule.kind == "frozen":
        return (schedule.train,)
    waiting = set(ROLES) - {_whose_turn(schedule, step)} if schedule.kind == "alternating" else set()
    return tuple(role for role in roles if role not in waiting)


def rate(schedule: ScheduleConfig, step: int, role: str) -> float:
    """The share of its learning rate that a player learns with (MetaAgent-X, 2605.14212).

    >>> plan = ScheduleConfig(kind="rates", abstraction_steps=1, solution_steps=1, low_rate=.01)
    >>> [rate(plan, step, "solution") for step in (1, 2, 3)]
    [0.01, 1.0, 0.01]
    """
    waits = schedule.kind == "rates" and role in ROLES and _whose_turn(schedule, step) != role
    return schedule.low_rate if waits else 1.0


def straight(step: int, steps: int, final: float) -> float:
    """1 at the first step, `final` at the last, a straight line between.

    >>> [round(straight(step, 5, 0.2), 3) for step in (1, 3, 5)]
    [1.0, 0.6, 0.2]
    """
    return 1.0 - (1.0 - final) * (step - 1) / max(1, steps - 1)


def done(step: int, tokens: int, config: CotrainConfig) -> float:
    """Share of the training that lies before `step`, 0 to 1: of the steps or of the token budget, the further one.

    >>> done(1, 0, CotrainConfig(steps=5)), done(5, 0, CotrainConfig(steps=5))
    (0.0, 1.0)
    >>> done(2, 300, CotrainConfig(steps=5, max_tokens=400))
    0.75
    """
    spent = tokens / config.max_tokens if config.max_tokens else 0.0
    return min(1.0, max((step - 1) / max(1, config.steps - 1), spent))


def renews_lagged_solver(schedule: ScheduleConfig, step: int) -> bool:
    """Whether the lagged solver is renewed before `step`.

    >>> [step for step in range(1, 8) if renews_lagged_solver(ScheduleConfig(lag=3), step)]
    [1, 4, 7]
    """
    return schedule.lag > 0 and (step - 1) % schedule.lag == 0


def offline_phases(config: CotrainConfig, step: int) -> tuple[str, ...]:
    """The supervised phases due before `step`: `rft` also before the first, `sft_phase` only between RL steps.

    >>> from rlad.config import RftConfig, SftPhaseConfig
    >>> config = CotrainConfig(rft=RftConfig(every=4), sft_phase=SftPhaseConfig(every=2))
    >>> [offline_phases(config, step) for step in range(1, 6)]
    [('rft',), (), ('sft_phase',), (), ('rft', 'sft_phase')]
    """
    due = ["rft"] if config.rft.every and (step - 1) % config.rft.every == 0 else []
    if config.sft_phase.every and step > 1 and (step - 1) % config.sft_phase.every == 0:
        due.append("sft_phase")
    return tuple(due)


def checkpoint_due(config: CotrainConfig, step: int) -> bool:
    """Whether a step ends with a checkpoint; the last one always does."""
    return step % config.checkpoint_every == 0 or step == config.steps


def grows_ahead(run: RunConfig, step: int) -> bool:
    """Whether the rollout of `step` begins beside the update of the step before it (`launch.overlap`).

    A checkpoint holds no trees, so none grow over one: a resumed run goes on exactly as the other does, from trees
    that the newest weights sample. Nor do trees grow over an offline phase, which changes the weights once more.

    >>> from rlad.config import LaunchConfig, RftConfig
    >>> run = RunConfig(cotrain=CotrainConfig(steps=9, checkpoint_every=4, rft=RftConfig(every=6)))
    >>> [step for step in range(2, 11) if grows_ahead(run, step)]
    []
    >>> run.launch = LaunchConfig(overlap=1)
    >>> [step for step in range(2, 11) if grows_ahead(run, step)]
    [2, 3, 4, 6, 8]
    """
    config = run.cotrain
    return bool(run.launch.overlap) and not checkpoint_due(config, step - 1) and not offline_phases(config, step)
