"""One problem at a time, its calls answered here: a world's leak gate, strategies by vectors, unreadable groups."""

import asyncio

import numpy as np
import pytest
import stub_teacher
from stub_teacher import PROBLEMS, made, stub

import trainers.distill.__main__ as command
from rlad.config import VerifierConfig, load_config
from rlad.problems import Problem, load_problems, make_world
from rlad.reasoning.judge import Judge
from trainers.distill.pipeline import Distiller, TeacherAbstraction, Worked
from trainers.distill.rows import rows

SIGN, PICTURE, SIDE = (
    "A useful sign is the word 'more': the amount grows.",
    "A useful picture: lay both heaps together.",
    "It is useful to lay both heaps side by side, as one.",
)
VECTORS = {SIGN: (1.0, 0.0), PICTURE: (0.0, 1.0), SIDE: (np.sqrt(1 - 0.9**2), 0.9)}
"""The cosine of the last two is 0.9."""


def encode(texts):
    return [VECTORS[text] for text in texts]


class Scripted:
    """Calls that the stub teacher answers at once; `groups`: what it says about which notes are the same."""

    def __init__(self, groups=None):
        self.groups, self.grouped = groups, 0

    async def ask(self, role, message, n, temperature, max_tokens, seed):
        if "Group the notes" in message:
            self.grouped += 1
            return [self.groups]
        return stub_teacher.answers(message, n)


def worked(calls, encoder, *overrides):
    run = load_config(None, ["distill.candidates=3", "distill.most_chars=200", *overrides])
    row = PROBLEMS[0]
    problem = Problem("1", row["problem"], str(row["answer"]), solution=row["solution"])
    distiller = Distiller(run, calls, Judge(VerifierConfig()), encoder)
    return run, asyncio.run(distiller.work(problem))


def kept(done):
    return [(one.text, one.strategy) for one in done.kept]


def test_an_encoder_tells_strategies_apart_and_nobody_is_asked():
    calls = Scripted()
    _, done = worked(calls, encode)
    assert kept(done) == [(SIGN, 0), (PICTURE, 1)] and calls.grouped == 0
    reasons = [one.reason for one in done.candidates if one.gate == "strategy"]
    assert reasons == [f"the strategy of: {PICTURE}"]
    _, done = worked(Scripted(), encode, "distill.same_strategy=0.95")
    assert kept(done) == [(SIGN, 0), (PICTURE, 1), (SIDE, 2)]


def test_every_wording_of_a_strategy_may_be_kept_and_a_list_has_one_of_each():
    run, done = worked(Scripted(), encode, "distill.one_per_strategy=false")
    assert kept(done) == [(SIGN, 0), (PICTURE, 1), (SIDE, 1)]
    assert [row["abstractions"] for row in rows(done, run.distill) if row["kind"] == "list"] == [[SIGN, PICTURE]]


def test_the_configured_encoder_is_loaded_and_named(configured, tmp_path, monkeypatch):
    loaded = []
    monkeypatch.setattr(command, "local_model", lambda folder: loaded.append(folder) or encode)
    with stub() as (url, _):
        card, *_ = made(configured(url), tmp_path / "out", "distill.encoder=models/small")
    assert loaded == ["models/small"] and "12 wordings, 8 strategies, told apart by the encoder models/small." in card


def test_groups_that_cannot_be_read_leave_every_wording_a_strategy(configured, tmp_path, monkeypatch):
    calls = Scripted("They are all the same.")
    _, done = worked(calls, None)
    assert done.ungrouped and calls.grouped == 1 and kept(done) == [(SIGN, 0), (PICTURE, 1), (SIDE, 2)]
    usual = stub_teacher.answers
    monkeypatch.setattr(stub_teacher, "answers", lambda m, n: ["no"] * n if "Group the notes" in m else usual(m, n))
    with stub() as (url, _):
        card, *_ = made(configured(url), tmp_path / "out")
    assert "12 strategies, told apart by the teacher (not for 4 problems, where its answer could not be read)." in card


@pytest.mark.parametrize(("text", "gate"), [("there are seven of them", ""), ("so it is = 7 at last", "leak")])
def test_a_world_has_its_own_leak_rule(text, gate):
    """As in training: a formal world's texts are no English, where 'seven' would give the answer away."""
    run = load_config(None, ["distill.least_chars=1"])
    world = make_world(run.problems)
    problem = next(one for one in load_problems(run.problems, "train") if one.question)
    problem = Problem("1", problem.question, "7", meta=problem.meta)
    done = Worked(problem, candidates=[TeacherAbstraction(text, "contrast")])
    Distiller(run, None, Judge(VerifierConfig(), world))._cheap_gates(done)
    assert done.candidates[0].gate == gate
    without = Worked(problem, candidates=[TeacherAbstraction(text, "contrast")])
    Distiller(run, None, Judge(VerifierConfig()))._cheap_gates(without)
    assert without.candidates[0].gate == "leak"


def test_problems_without_an_abstraction_give_rows_too():
    config = load_config(None, ["distill.traces=4"]).distill
    problem = Problem("1", "What is 3 + 4?", "7")

    def shown(right, wrong):
        found = rows(Worked(problem, right=right, wrong=wrong), config)
        assert all(row["problem"] == problem.question and row["answer"] == "7" for row in found)
        return {row["kind"]: {k: v for k, v in row.items() if k not in ("problem", "answer", "kind")} for row in found}

    always = shown([r"So it is \boxed{7}", r"\boxed{7}", r"\boxed{7}", r"3 + 4 = \boxed{7}"], [])
    assert always == {
        "plain": {"solution": r"\boxed{7}", "base_success": 1.0},
        "verdict": {
            "attempt": r"\boxed{7}",
            "critique": "The solution reaches the right answer.\n\nConclusion: right",
            "base_success": 1.0,
        },
    }
    never = shown([], [r"\boxed{8}", "", "what?", r"It is \boxed{8}"])
    critique = "The solution does not reach the right answer.\n\nConclusion: wrong"
    assert never == {"verdict": {"attempt": "what?", "critique": critique, "base_success": 0.0}}
    some = shown([r"\boxed{7}"], [r"\boxed{8}", r"It is \boxed{8}", r"\boxed{}"])["choice"]
    assert some == {"right_solutions": [r"\boxed{7}"], "wrong_solutions": [r"\boxed{8}"], "base_success": 0.25}
