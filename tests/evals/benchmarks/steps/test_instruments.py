"""The benchmark of the instruments, on steps whose seconds are known."""

import pytest

from evals.benchmarks.steps.instruments import SKIPPED, cost
from rlad.cli import PlainError


def rows(steps, measured_seconds=2.1, bare_seconds=2.0, own=0.1):
    made = []
    for step in range(1, steps + 1):
        measured = step % 2 == 0
        slow = 5.0 if step <= 2 * SKIPPED else 0.0  # the first steps of both kinds
        total = slow + (measured_seconds if measured else bare_seconds)
        solution = {"instruments": {}} if measured else {}
        seconds = {"total": total, "instruments": own if measured else 0.0}
        made.append({"step": step, "solution": solution, "seconds": seconds})
    return made


def test_cost_of_steps_that_take_turns():
    found = cost(rows(20))
    assert (found["steps_with"], found["steps_without"]) == (8, 8)
    assert found["seconds_with"] == pytest.approx(2.1)
    assert found["seconds_without"] == pytest.approx(2.0)
    assert found["share"] == pytest.approx(0.1 / 2.1)
    assert found["seconds_with_error"] == pytest.approx(0, abs=1e-9)


def test_a_run_with_one_kind_of_step_is_refused():
    with pytest.raises(PlainError, match=r"instruments\.every=2"):
        cost(rows(6))
