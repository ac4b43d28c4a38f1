"""A player that chooses as an action of `budget=auto`: asked where it is good, never where it is bad, always paid."""

import doctest

import numpy as np
import pytest
from simulated_pools import simulated

from evals.samples.trees import Choices, Draws, Grown, Guided, Samples
from evals.spending import asking
from evals.spending.asking import Consulted, choosing, seen_in
from evals.spending.pools import Pool
from evals.spending.replay import prices, replay, stopped
from evals.spending.statistics import statistics
from rlad.reasoning.budget_policy import BudgetPolicy, prices_of
from rlad.selection.filtering import BestOfMajorityKeys

N, COST = 6, 7
CELLS = [[3, 1], [N, 1], [N, 2]]


def answers(pool, depths):
    pairs = zip(pool.grown.branches, depths, strict=False)
    return [key for branch, depth in pairs for key in branch.solutions.key[:depth]]


class Player:
    """Chooses the right answer, 0, in a share of the states where it is given, the vote's in the share `copies`, else
    any; every choice costs COST."""

    def __init__(self, share, copies=0.0, seed=0):
        self.share, self.copies, self.rng, self.generated = share, copies, np.random.default_rng(seed), 0

    def choose(self, given):
        self.generated += COST
        luck = self.rng.random()
        if 0 in given and luck < self.share:
            return 0
        return max(given, key=given.count) if luck > 1 - self.copies else int(self.rng.choice(list(set(given))))

    def choices(self, pool):
        """In the grid's cells."""
        found = [answers(pool, (m,) * n) for n, m in CELLS]
        keys = [self.choose(given) if len(set(given)) > 1 else given[0] for given in found]
        tokens = [COST if len(set(given)) > 1 else 0 for given in found]
        return Choices(CELLS, keys, tokens, [0] * len(CELLS))

    def along(self, pool):
        return lambda depths: (self.choose(answers(pool, depths)), COST)


def policies(share, copies=0.0):
    """(the policy that knows votes alone, the one that may ask, the player)."""
    pools, player = simulated(60, seed=1, n=N), Player(share, copies)
    seen = [seen_in(pool, player.choices(pool), 8) for pool in pools]
    counted = statistics(pools)
    return BudgetPolicy(counted), BudgetPolicy(counted, player=choosing("selector", seen, 8)), player


def test_worked_examples_in_docstrings():
    assert doctest.testmod(asking).failed == 0


def test_its_numbers_are_those_of_the_simulation():
    player = policies(0.9)[1].player
    assert player.tokens == (COST,) * len(player.tokens)
    assert 0.7 < player.rescue < 0.9 and 0.7 < player.keep < 0.9  # .9, less the standard errors of 60 problems
    blind = policies(0.0)[1].player
    assert max(blind.rescue, blind.keep) < 0.05 and blind.repeat < 0.1
    assert policies(0.0, copies=0.5)[1].player.repeat == pytest.approx(0.5, abs=0.12)


def test_a_good_player_is_worth_asking_and_its_tokens_are_counted():
    votes, asks, player = policies(0.9)
    table = {}
    for policy in (votes, asks):
        paths = [replay(policy, pool, choice=player.along(pool)) for pool in simulated(20, seed=2, n=N)]
        table[policy] = prices(paths)
    test, gained = simulated(60, seed=3, n=N), []
    paths = {}
    for policy in (votes, asks):
        player.generated = 0
        paths[policy] = [replay(policy, pool, choice=player.along(pool)) for pool in test]
        assert player.generated == sum(path[-1].own for path in paths[policy])  # reported as generated
    assert player.generated > 0
    for pool, path in zip(test, paths[asks], strict=True):
        assert all(step.tokens == pool.cost(step.depths, step.asked) + step.own for step in path)
        assert all(step.own == COST * step.choices and (step.selected is None) == (step.own == 0) for step in path)
    for budget in (60, 90, 120):
        right = {}
        for policy in (votes, asks):
            shares = prices_of(table[policy], budget)
            ends = [(share, [stopped(path, price) for path in paths[policy]]) for price, share in shares]
            spent = sum(share * np.mean([end.tokens for end in some]) for share, some in ends)
            assert spent < 1.25 * budget
            right[policy] = sum(
                share * np.mean([p.accuracy(e.depths, e.asked, e.selected) for p, e in zip(test, some, strict=True)])
                for share, some in ends
            )
        gained.append(right[asks] - right[votes])
    assert min(gained) > 0.02 and max(gained) > 0.05


@pytest.mark.parametrize("copies", [0.0, 0.5, 1.0])
def test_a_bad_player_is_never_asked(copies):
    """One that is blind, one that repeats the vote now and then, which is right where the vote is, one that always."""
    votes, asks, player = policies(0.0, copies)
    assert asks.player.keep == asks.player.rescue == 0
    test = simulated(30, seed=3, n=N)
    for pool in test:
        path = replay(asks, pool, choice=player.along(pool))
        assert path == replay(votes, pool)
        assert not any(step.choices for step in path)


def test_of_more_answers_than_it_is_shown_the_most_frequent_ones_count():
    """Answers 7, 8, 7, 8 and 0 (right): of two that are shown neither is right, of three one is; `best_of_majority`
    leaves the last without a vote, and it is shown all the same."""
    keys = [7, 8, 7, 8, 0]
    verdicts = ["incorrect"] * 4 + ["correct"]
    logs = [-1.0, -2.0, -1.0, -2.0, -0.1]
    solutions = Samples([f"s{i}" for i in range(5)], [4] * 5, logs, verdicts, keys, logs)
    grown = Grown(Draws(["z"], [2], [0], [-1.0]), [Guided("z", False, solutions)])
    choices = Choices([[1, 5]], [7], [COST], [0])
    for most, there in ((2, False), (3, True)):
        for select in ("majority", "best_of_majority"):
            (one,) = seen_in(Pool(grown, select, BestOfMajorityKeys(0.6) if "_" in select else None), choices, most)
            assert (one.answers, one.there, one.right, one.voted, one.same) == (most, there, False, False, True)


def test_where_nothing_is_kept_the_votes_go_on_without():
    asks = policies(0.9)[1]
    pool = simulated(1, seed=5, n=N, levels=(0.4,))[0]
    found = Consulted(asks.player, {"test": [{}]})
    path = replay(asks, pool, choice=found.choice("test", 0))
    assert found.lacking and not any(step.choices or step.own for step in path)
    assert sum(path[-1].depths) > len(path[0].depths)
