"""Random rewards: coins that know nothing of the text, the same when a step is done again; verdicts stay."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from credit_rows import solution_rows
from one_process import pretend_one_rank
from trees import tree

from rlad.config import ConfigError, CotrainConfig, RunConfig, load_config
from rlad.generation import Sampling
from trainers.credit.draws import draw_rewards
from trainers.methods.hooks import Methods
from trainers.metrics.rollouts import rollout_statistics
from trainers.rewards import Evidence, measure_rewards, solution_reward

CPU = torch.device("cpu")


def random_run(**cotrain):
    run = RunConfig(cotrain=CotrainConfig(**cotrain))
    run.solution.reward = "random"
    return run


def means(counts, device):
    return {name: total / number if number else None for name, (total, number) in counts.items()}


def coins(run, seed, right=True, count=1000):
    """What so many bare solutions are paid in a step of this seed."""
    t = tree(bare=[right] * count)
    counts = measure_rewards([t], Evidence(run, None, None, seed=seed))
    return [solution_reward(one, run.cotrain) for one in t.bare], counts


def test_coins_know_the_step_alone():
    run = random_run(abstractions=0)
    paid, counts = coins(run, 17)
    assert paid == coins(run, 17)[0] == coins(run, 17, right=False)[0]  # done again; whatever the verdicts
    other, _ = coins(run, 18)
    assert paid != other and abs(sum(a == b for a, b in zip(paid, other, strict=True)) - 500) < 60
    assert set(paid) == {0.0, 1.0} and counts["random"] == (sum(paid), 1000.0)
    assert counts["agreement"] == (sum(paid), 1000.0)  # all are right
    run.solution.of("random").share = 0.2
    assert abs(sum(coins(run, 17)[0]) - 200) < 50


def test_a_step_gives_its_own_seed(monkeypatch):
    """What `judged` hands on is the step's and the rank's seed, so a resumed run has the coins of the first."""
    pretend_one_rank(monkeypatch)
    monkeypatch.setattr("trainers.runtime.zero3.means", lambda counts, device: counts)
    run, found = random_run(abstractions=0), []
    methods = SimpleNamespace(config=run.cotrain, refiner=None, evidence=Evidence(run, None, None), device=CPU)
    for seed in (5, 6, 5):
        t = tree(bare=[1, 0] * 20)
        Methods.judged(methods, [t], Sampling(seed=seed))
        found.append([one.reward for one in t.bare])
    assert found[0] == found[2] != found[1]


def test_accuracy_and_abstractions_go_by_the_verdicts(monkeypatch):
    pretend_one_rank(monkeypatch)
    monkeypatch.setattr("trainers.runtime.zero3.means", means)
    run = random_run()
    t = tree([[1, 1, 1, 1], [0, 0, 0, 0]], bare=[0])
    measure_rewards([t], Evidence(run, None, None, seed=3))
    assert draw_rewards(t, run.cotrain) == [1, 0]
    numbers = rollout_statistics([t], run.cotrain, CPU)["rollout"]
    assert numbers["accuracy"] == 0.5 and numbers["bare_accuracy"] == 0
    paid = [one.reward for one in t.solutions]
    rows = solution_rows([t], replace(run.cotrain, drop_constant_groups=False), run.solution)
    group = [row.advantage for row in rows][:4]
    assert group == pytest.approx([value - sum(paid[:4]) / 4 for value in paid[:4]])


def test_only_solutions_are_paid_by_a_coin():
    with pytest.raises(ConfigError, match="random"):
        load_config(None, ["abstraction.reward=random"])
    with pytest.raises(ConfigError, match="share"):
        load_config(None, ["solution.reward=random", "solution.random.share=1"])
