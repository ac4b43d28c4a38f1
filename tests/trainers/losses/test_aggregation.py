"""One number from per-token losses, the same however a batch is split."""

import pytest
import torch

from trainers.losses.aggregate import MODES, row_weights


@pytest.mark.parametrize("mode", MODES)
def test_aggregation_is_the_same_however_the_batch_is_split(mode):
    generator = torch.Generator().manual_seed(0)
    lengths = [3, 1, 7, 2, 5, 4, 6]
    prompts = [0, 0, 1, 1, 2, 2, 2]
    losses = [torch.rand(n, generator=generator, dtype=torch.float64) for n in lengths]
    of_prompt = [sum(n for n, q in zip(lengths, prompts, strict=False) if q == p) for p in prompts]

    def total(split):
        parts = [range(start, len(lengths), split) for start in range(split)]
        value = 0.0
        for part in parts:
            weights = row_weights([lengths[i] for i in part], [of_prompt[i] for i in part], mode, 28, 7, 3, 10)
            value += sum(w * losses[i].sum().item() for w, i in zip(weights, part, strict=True))
        return value

    direct = {
        "token-mean": sum(x.sum() for x in losses) / 28,
        "sequence-mean": sum(x.mean() for x in losses) / 7,
        "prompt-mean": sum(x.sum() / n for x, n in zip(losses, of_prompt, strict=True)) / 3,
        "constant": sum(x.sum() for x in losses) / 70,
    }
    assert [total(split) for split in (1, 2, 7)] == pytest.approx([direct[mode].item()] * 3, abs=1e-9)


def test_a_mean_of_means_is_not_the_mean():
    """Micro-batches with sums 4, 0 over 4, 12 tokens; ranks with sums 6, 2 over 3, 5 tokens."""

    def token_mean(parts):
        total = sum(n for _, n in parts)
        return sum(s * row_weights([n], [n], "token-mean", total, len(parts), 1, 1)[0] for s, n in parts)

    assert token_mean([(4, 4), (0, 12)]) == 0.25
    assert token_mean([(6, 3), (2, 5)]) == 1.0
    # As an update does it: every rank scales its share by the ranks, and DeepSpeed averages.
    local = [s * row_weights([n], [n], "token-mean", 8, 2, 1, 1)[0] * 2 for s, n in [(6, 3), (2, 5)]]
    assert sum(local) / 2 == 1.0


def test_a_row_without_active_tokens_weighs_nothing():
    for mode in ("sequence-mean", "prompt-mean"):
        assert row_weights([0, 2], [0, 2], mode, 2, 2, 2, 4)[0] == 0
    assert row_weights([0], [0], "token-mean", 0, 1, 1, 4) == [0]
