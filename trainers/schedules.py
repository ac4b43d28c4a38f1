"""Who learns in which step. A player that stands still takes no optimiser step (a tiny learning rate isn't frozen)."""

from __future__ import annotations

from rlad.config import ScheduleConfig


def learners(schedule: ScheduleConfig, step: int) -> tuple[str, ...]:
    """The roles that learn in `step` (counted from 1).

    >>> plan = ScheduleConfig(kind="alternating", abstraction_steps=2, solution_steps=1)
    >>> [learners(plan, step)[0] for step in range(1, 7)]
    ['abstraction', 'abstraction', 'solution', 'abstraction', 'abstraction', 'solution']
    """
    if schedule.kind == "simultaneous":
        return ("abstraction", "solution")
    if schedule.kind == "frozen":
        return (schedule.train,)
    position = (step - 1) % (schedule.abstraction_steps + schedule.solution_steps)
    return ("abstraction",) if position < schedule.abstraction_steps else ("solution",)
