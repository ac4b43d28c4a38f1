"""RLCR: the reward table, the proper score behind it, the format, and what the warm start demonstrates."""

import random

import numpy as np
import pytest
from credit_rows import solution_rows
from trees import solution, tree

from rlad.config import ConfigError, CotrainConfig, MixtureConfig, RunConfig, load_config
from rlad.players.confidence import CONFIDENCE_TOKENS, LEVELS, stated_confidence
from rlad.players.policy import format_tokens, load_tokenizer, make_policy, make_prompts
from rlad.players.prompts import Prompts
from rlad.problems import load_problems, make_world
from rlad.reasoning.judge import Judge
from trainers.credit.draws import draw_rewards
from trainers.data.demonstrations import Demonstrations
from trainers.metrics.rollouts import tree_record
from trainers.rewards import Evidence, measure_rewards, solution_reward
from trainers.rewards.rlcr import rlcr_reward

TABLE = {(1, 1): 1, (1, 0.5): 0.75, (1, 0): 0, (0, 0): 0, (0, 0.5): -0.25, (0, 1): -1}


@pytest.mark.parametrize(("c", "q"), TABLE)
def test_reward_table(c, q):
    assert rlcr_reward(bool(c), q) == pytest.approx(TABLE[c, q], abs=1e-4)


def test_expected_reward_at_p_of_seven_tenths():
    expected = [0.7 * rlcr_reward(True, q) + 0.3 * rlcr_reward(False, q) for q in (0.5, 0.7, 0.9)]
    assert expected == pytest.approx([0.45, 0.49, 0.45], abs=1e-4)


def test_honesty_is_best_and_being_right_more_often_never_hurts():
    """From the formula alone: argmax over q is p, the best value is p squared, whatever p."""
    grid = np.linspace(0, 1, 1001)
    best = []
    for p in np.linspace(0, 1, 21):
        outcomes = np.array([[rlcr_reward(True, q), rlcr_reward(False, q)] for q in grid])
        values = outcomes @ [p, 1 - p]
        assert grid[values.argmax()] == pytest.approx(p, abs=1e-9)
        best.append(values.max())
    assert best == pytest.approx(np.linspace(0, 1, 21) ** 2)


def test_same_order_as_the_published_code():
    """Its reward is the mean of a format bit and c + 1 - (q - c)^2, 0 for malformed text: ours, scaled and moved."""
    cases = [(True, 0.9), (True, 0.2), (False, 0.0), (False, 0.8), (True, None)]
    published = [0.0 if q is None else 0.5 * (1 + c + 1 - (q - c) ** 2) for c, q in cases]
    ours = [rlcr_reward(c, q) for c, q in cases]
    assert [2 * value - 2 for value in published] == pytest.approx(ours)


def rlcr_run(**cotrain):
    run = RunConfig(cotrain=CotrainConfig(**cotrain))
    run.solution.reward = "rlcr"
    return run


def test_measured_on_a_tree():
    t = tree([[1, 1], [0, 0]], bare=[0])
    texts = ["0.9", "none", "0.5", "0.0"]
    for s, q in zip(t.solutions, texts, strict=True):
        s.text = f"\\boxed{{1}} <confidence>{q}</confidence>"
    run = rlcr_run()
    counts = measure_rewards([t], Evidence(run, None, None))
    assert [solution_reward(s, run.cotrain) for s in t.solutions] == pytest.approx([0.99, -2, -0.25, 0])
    assert t.bare[0].reward == -2
    assert counts == {"confidence": (1.4, 3), "brier": (pytest.approx(0.01 + 0.25), 3), "stated": (3, 5)}
    # The abstraction player is still paid by success, not by how well the solver knows itself.
    assert draw_rewards(t, run.cotrain) == [1, 0]
    rows = solution_rows([t], run.cotrain, run.solution)
    assert [row.advantage for row in rows] == pytest.approx([1.495, -1.495, -0.125, 0.125])


def test_samples_show_what_is_stated_and_what_it_earned():
    t = tree([[1]])
    t.solutions[0].text = "<confidence>0.9</confidence>"
    t.branches[0].refined = [solution(True)]
    run = rlcr_run()
    measure_rewards([t], Evidence(run, None, None))
    (branch,) = tree_record(t, 3, run)["abstractions"]
    assert branch["solutions"][0]["confidence"] == 0.9 and branch["solutions"][0]["reward"] == pytest.approx(0.99)
    assert branch["refined"][0]["correct"]
    plain = tree_record(tree([[1]]), 3, RunConfig())["abstractions"][0]
    assert "refined" not in plain and "confidence" not in plain["solutions"][0]


def test_without_adherence_a_right_answer_is_a_failure_to_be_doubted():
    t = tree([[1]], adheres=False)
    t.solutions[0].text = "<confidence>1.0</confidence>"
    run = rlcr_run(adherence=True)
    measure_rewards([t], Evidence(run, None, None))
    assert t.solutions[0].reward == -1


@pytest.mark.parametrize("source", ["induction", "countdown", "algebra"])
def test_warm_start_demonstrates_a_format_that_the_judge_reads_past(source):
    run = load_config(None, [f"problems.source={source}", "problems.train=20", "solution.reward=rlcr"])
    world = make_world(run.problems)
    problems = load_problems(run.problems, "train")
    prompts = make_prompts(load_tokenizer(run.base, run.problems, format_tokens(run)), run)
    demonstrations = Demonstrations(problems, world, prompts, MixtureConfig(one_pass=0.2))
    rng, levels, right = random.Random(3), set(), 0
    by_prompt = {tuple(prompts.ids("plain", p.question)): p for p in problems}
    for _ in range(120):
        task, row = demonstrations.draw(rng)
        text = prompts.decode(list(row.completion))
        assert "<unk>" not in text
        q = stated_confidence(text)
        assert (q is None) == (task == "propose")
        if q is not None:
            levels.add(q)
        if task == "plain":
            right += Judge(run.verifier, world)([(by_prompt[row.prompt], text)])[0].correct
    assert len(levels) == len(LEVELS)
    assert right > 0


def test_default_vocabulary_is_unchanged_and_a_base_without_the_tokens_is_refused(tmp_path):
    run = load_config(None, [])
    plain = load_tokenizer(run.base, run.problems)
    assert not set(CONFIDENCE_TOKENS) & set(plain.get_vocab())
    policy = make_policy("base", run.base, run, tmp_path)
    policy.export()
    rlcr = load_config(None, ["solution.reward=rlcr", f"base.path={tmp_path}"])
    with pytest.raises(ConfigError, match="warm start again"):
        make_policy("solution", rlcr.base, rlcr, tmp_path)


def test_chat_models_are_asked_for_it(tmp_path):
    run = load_config(None, [])
    tokenizer = load_tokenizer(run.base, run.problems)
    asked, silent = Prompts(tokenizer, confidence=True), Prompts(tokenizer)
    for prompts in (asked, silent):
        prompts.world = False
    for task in ("plain", "guided"):
        z = "z" if task == "guided" else None
        assert "<confidence></confidence>" in asked.text(task, "x", z)
        assert "confidence" not in silent.text(task, "x", z)
    assert "confidence" not in asked.text("propose", "x")


def test_solution_states_nothing():
    assert solution(True).confidence is None
