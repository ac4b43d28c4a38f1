"""Counting what ranks send each other: sizes, the steps alone, and what gives away a gather."""

import torch

from evals.benchmarks.steps.ranks import growth, summary
from evals.benchmarks.steps.ranks_program import COUNTED, only_steps


def test_sizes_of_what_a_rank_gives_and_gets():
    small, large = torch.zeros(2), torch.zeros(8)
    assert COUNTED["all_gather_into_tensor"](large, small) == (8, 32)
    assert COUNTED["reduce_scatter_tensor"](small, large) == (32, 8)
    assert COUNTED["all_gather"]([small] * 4, small) == (8, 32)
    assert COUNTED["gather"](small, [small] * 4, dst=0) == (8, 32) and COUNTED["gather"](small, None) == (8, 0)
    assert COUNTED["all_to_all_single"](large, small, [1], [1]) == (8, 32)
    assert COUNTED["barrier"]() == (0, 0)


def test_start_and_export_do_not_count():
    class Trainer:
        def draw(self, step):
            counts["step"] = [1, 2, 3]

        def export(self):
            counts["export"] = [1, 99, 99]

    counts = {"start": [7, 7, 7]}
    found, trainer = only_steps(Trainer, Trainer, counts), Trainer()
    trainer.draw(1)
    trainer.draw(2)
    trainer.export()
    assert found == {"step": [1, 2, 3]}


def test_what_grows_and_what_rank_0_alone_gets_stand_out():
    """A reduction of 8 bytes, an all-gather of 8 from each, a gather of 100 from each to rank 0."""
    runs = {
        ranks: [
            {"all_reduce a": [1, 8, 8], "all_gather b": [1, 8, 8 * ranks],
             "gather c": [1, 100, 0 if rank else 100 * ranks]}
            for rank in range(ranks)
        ]
        for ranks in (2, 4, 64, 256)
    }  # fmt: skip
    found = summary(runs)
    assert found["all_reduce a"]["growth"] == 0 and found["all_reduce a"]["rank_0"] == 1
    assert 0.8 < found["all_gather b"]["growth"] <= 1 and found["all_gather b"]["rank_0"] == 1
    assert found["gather c"]["rank_0"] == 257 and found["gather c"]["bytes"][256] == 25_700
    assert growth({2: 1, 4: 4, 8: 16, 16: 64}) == 2
