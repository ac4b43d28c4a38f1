"""Micro-batches by positions: little padding, no row lost, budgets kept; rows dealt evenly."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.learner.batches import plan_micro_batches
from trainers.learner.token_budget import dealt, plan_by_tokens, positions


def geometric(count, mean, longest, prompts):
    draw = random.Random(0)
    return [(draw.choice(prompts), min(longest, 1 + int(draw.expovariate(1 / mean)))) for _ in range(count)]


RAGGED = {
    "12 + geometric to 256": (geometric(256, 62, 256, [12]), 2048),
    "the same, large budget": (geometric(256, 62, 256, [12]), 16384),
    "short completions of unlike prompts": (geometric(200, 6, 12, range(40, 200)), 2048),
    "long reasoning": (geometric(64, 3500, 32768, [200]), 65536),
}


@pytest.mark.parametrize("name", RAGGED)
def test_padding_is_at_most_five_per_cent(name):
    sizes, budget = RAGGED[name]
    begin = time.process_time()
    plan = plan_by_tokens(sizes, budget)
    assert time.process_time() - begin < 2
    tokens = sum(map(sum, sizes))
    assert positions(sizes, plan) <= 1.05 * tokens
    assert all(positions(sizes, [part]) <= budget for part in plan)


def test_rows_of_one_length_fill_their_micro_batches():
    """Nothing is cut further than the budget asks for."""
    assert [len(part) for part in plan_by_tokens([(12, 24)] * 256, 36 * 64)] == [64] * 4


def test_what_a_fixed_number_of_rows_pads():
    sizes, _ = RAGGED["12 + geometric to 256"]
    plan = plan_micro_batches([sum(size) for size in sizes], 256)
    assert positions(sizes, plan) > 2 * sum(map(sum, sizes))


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 60)), max_size=40), st.integers(1, 200))
def test_every_row_is_in_one_micro_batch_and_budgets_are_kept(sizes, budget):
    plan = plan_by_tokens(sizes, budget)
    assert sorted(i for part in plan for i in part) == list(range(len(sizes)))
    assert all(len(part) == 1 or positions(sizes, [part]) <= budget for part in plan)


@given(st.lists(st.integers(1, 1000), max_size=60), st.integers(1, 5))
def test_ranks_get_as_many_rows_and_as_long_ones(lengths, ranks):
    of = dealt(lengths, ranks)
    shares = [sorted(length for length, rank in zip(lengths, of, strict=True) if rank == own) for own in range(ranks)]
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert max(map(sum, shares)) - min(map(sum, shares)) <= max(lengths, default=0)
