"""`budget=auto` in a sweep: replayed on kept trees under the chosen rule, against every fixed split."""

from io import StringIO

import numpy as np
import pytest
from rich.console import Console
from simulated_pools import simulated

from evals.budget import replay
from evals.samples import BreadthSamples
from evals.selecting import BREADTH, Book, Option, Side
from evals.spending import fixed_splits, keep_spending, pools_of, right_at, spending
from evals.spending_table import print_spending
from evals.trees import Condition, Draws, Grown, Guided, Samples
from rlad.config import RunConfig
from rlad.reasoning.budget_policy import BudgetPolicy, Spending
from rlad.reasoning.posterior import Statistics
from rlad.selection.proposing import ProposerKeys

N, M = 5, 2
KEYS = ProposerKeys(alpha=0.5)
STATISTICS = Statistics((0.1, 0.5), 0.9, 0.08, (5.0,), 25.0, slope=1.0, centre=-3.0)


def kept(pool):
    """A pool as a sweep keeps it."""
    draws = Draws([f"z{i}" for i in range(N)], list(pool.drawing), list(range(N)), list(pool.proposals))
    branches = []
    for i, (answers, right, tokens) in enumerate(zip(pool.answers, pool.right, pool.tokens, strict=True)):
        verdicts = ["correct" if flag else "incorrect" for flag in right]
        texts = [f"{i}, {j}" for j in range(M)]
        branches.append(
            Guided(f"z{i}", False, Samples(texts, list(tokens), [-1.0] * M, verdicts, list(answers), [-1.0] * M))
        )
    return Grown(draws, branches)


def samples(pools):
    condition = Condition("cotrained", "co-trained", "distinct", 0.3, depth=(M,) * N)
    return BreadthSamples.of(condition, [kept(pool) for pool in pools])


@pytest.fixture(scope="module")
def sides():
    made = [samples(simulated(count, seed, n=N, m=M)) for count, seed in ((30, 1), (40, 2))]
    return [{("cotrained", BREADTH): [Side(one, (N, M))]} for one in made]


@pytest.fixture(scope="module")
def measured(sides):
    option = Option("proposer", 0.3, KEYS, np.array([0.5]))
    book = Book(RunConfig(), "validation", ["proposer"], [], {("cotrained", BREADTH): [option]})
    assert spending(book, {}, sides[1], 50) is None
    return spending(book, *sides, 50)


def test_a_sweeps_trees_are_the_pools_they_were_made_of(sides):
    pools = pools_of(sides[0]["cotrained", BREADTH][0].samples)
    assert pools == simulated(30, 1, n=N, m=M)


def test_a_state_is_right_as_often_as_its_cell(sides):
    """Where a policy stops at n x m, tokens and accuracy are those of the fixed split."""
    own = sides[1]["cotrained", BREADTH][0].samples
    keys, checked = KEYS, 0
    fixed = {(n, m): (tokens, right) for n, m, tokens, right in fixed_splits(own, "proposer", keys)}
    assert len(fixed) == N * M
    for number, (problem, pool) in enumerate(zip(own.problems, pools_of(own), strict=True)):
        for step in replay(BudgetPolicy(STATISTICS), pool):
            if len(set(step.depths)) == 1:
                tokens, right = fixed[len(step.depths), step.depths[0]]
                assert step.tokens == tokens[number]
                assert right_at(problem, step, "proposer", keys) == right[number]
                checked += 1
    assert checked > 40


def test_rows_compare_at_the_tokens_that_were_spent(measured, sides):
    own = sides[1]["cotrained", BREADTH][0].samples
    means = [tokens.mean() for _, _, tokens, _ in fixed_splits(own, "proposer", KEYS)]
    assert [row["budget"] for row in measured["rows"]] == pytest.approx(
        np.linspace(min(means), max(means), 5)[1:4], abs=1e-3
    )
    for row in measured["rows"]:
        assert row["accuracy"] - row["fixed"] == pytest.approx(row["difference"], abs=2e-4)
        by_split = {(n, m): mean for (n, m, *_), mean in zip(fixed_splits(own, "proposer", KEYS), means, strict=True)}
        spent = sum(by_split[n, m] * share for n, m, share in row["splits"])
        assert spent == pytest.approx(row["tokens"], rel=0.01)
    out = StringIO()
    print_spending({"budget": measured}, Console(file=out, width=160))
    assert "budget=auto, co-trained, by proposer" in out.getvalue() and " x " in out.getvalue()


def test_what_a_server_reads(measured, tmp_path):
    path = tmp_path / "budget.json"
    keep_spending(tmp_path, None)
    assert not path.exists()
    keep_spending(tmp_path, measured)
    found = Spending.read(path)
    assert found.statistics.follow == measured["statistics"]["follow"]
    means = [tokens for tokens, _ in found.prices]
    assert means == sorted(means)
    assert found.policy(means[0]).price >= found.policy(means[-1]).price >= found.policy(None).price == 0
    path.write_text("{}")
    with pytest.raises(ValueError, match="sweep.budget_policy=true"):
        Spending.read(path)
