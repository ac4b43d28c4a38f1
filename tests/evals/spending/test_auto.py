"""`budget=auto` in a sweep: replayed on kept trees under the chosen rule, against every fixed split."""

from io import StringIO

import numpy as np
import pytest
from rich.console import Console
from simulated_pools import simulated

from evals.cells.selecting import BREADTH, Book, Option, Side
from evals.samples.judged import BreadthSamples
from evals.samples.trees import Condition
from evals.spending.auto import fixed_splits, keep_spending, pools_of, spending
from evals.tables.spending import print_spending
from rlad.config import RunConfig
from rlad.reasoning.budget_policy import Spending
from rlad.selection.proposing import ProposerKeys

N, M = 5, 2
KEYS = ProposerKeys(alpha=0.5)


def samples(pools):
    condition = Condition("cotrained", "co-trained", "distinct", 0.3, depth=(M,) * N)
    return BreadthSamples.of(condition, [pool.grown for pool in pools])


@pytest.fixture(scope="module")
def sides():
    made = [
        samples(simulated(count, seed, n=N, m=M, select="proposer", keys=KEYS)) for count, seed in ((30, 1), (40, 2))
    ]
    return [{("cotrained", BREADTH): [Side(one, (N, M))]} for one in made]


@pytest.fixture(scope="module")
def measured(sides):
    option = Option("proposer", 0.3, KEYS, np.array([0.5]))
    book = Book(RunConfig(), "validation", ["proposer"], [], {("cotrained", BREADTH): [option]})
    assert spending(book, {}, sides[1], 50) is None
    return spending(book, *sides, 50)


def test_a_state_is_right_as_often_as_its_cell(sides):
    """At n x m, tokens and accuracy are those of the fixed split."""
    own = sides[1]["cotrained", BREADTH][0].samples
    pools = pools_of(own, "proposer", KEYS)
    splits = fixed_splits(own, "proposer", KEYS)
    assert len(splits) == N * M
    for n, m, tokens, right in splits:
        assert [pool.cost((m,) * n) for pool in pools] == tokens.tolist()
        assert [pool.accuracy((m,) * n) for pool in pools] == right.tolist()


def test_rows_compare_at_the_tokens_that_were_spent(measured, sides):
    own = sides[1]["cotrained", BREADTH][0].samples
    means = [tokens.mean() for _, _, tokens, _ in fixed_splits(own, "proposer", KEYS)]
    even, steep = (space(min(means), max(means), 5)[1:4] for space in (np.linspace, np.geomspace))
    assert [row["budget"] for row in measured["rows"]] == pytest.approx(sorted([*even, *steep]), abs=1e-3)
    for row in measured["rows"]:
        assert row["accuracy"] - row["fixed"] == pytest.approx(row["difference"], abs=2e-4)
        by_split = {(n, m): mean for (n, m, *_), mean in zip(fixed_splits(own, "proposer", KEYS), means, strict=True)}
        spent = sum(by_split[n, m] * share for n, m, share in row["splits"])
        assert spent == pytest.approx(row["tokens"], rel=0.01)
        assert row["foreseen"]["fixed"] <= row["fixed"]  # chosen without the test problems
    out = StringIO()
    print_spending({"budget": measured}, Console(file=out, width=160))
    assert "budget=auto, co-trained, by proposer" in out.getvalue() and " x " in out.getvalue()


def test_what_a_server_reads(measured, tmp_path):
    path = tmp_path / "budget.json"
    keep_spending(tmp_path, None)
    assert not path.exists()
    keep_spending(tmp_path, measured)
    found = Spending.read(path)
    assert found.rule == "proposer" and found.statistics.follow == measured["statistics"]["follow"]
    means = [tokens for tokens, _ in found.prices]
    assert means == sorted(means)
    assert found.policy(means[0]).price >= found.policy(means[-1]).price and found.policy(None).price == 0
    path.write_text("{}")
    with pytest.raises(ValueError, match="sweep.budget_policy=true"):
        Spending.read(path)
