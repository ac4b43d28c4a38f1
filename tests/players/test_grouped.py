"""Grouped queries attend to keys that nobody has repeated, and say what they said to repeated ones."""

import pytest
import torch
from transformers.integrations import sdpa_attention

from rlad.config import ModelConfig
from rlad.players.grouped import use_grouped_attention
from rlad.players.policy import tiny_model

TINY = ModelConfig(hidden_size=32, layers=2, heads=4, kv_heads=2, intermediate_size=32, max_positions=32)


@pytest.fixture
def repeated(monkeypatch):
    """Copies of keys and values that were made, as many positions as each had."""
    made, repeat = [], sdpa_attention.repeat_kv
    asked = getattr(sdpa_attention.use_gqa_in_sdpa, "__wrapped__", sdpa_attention.use_gqa_in_sdpa)
    monkeypatch.setattr(sdpa_attention, "use_gqa_in_sdpa", asked)

    def counted(states, times):
        made.append(states.shape[2])
        return repeat(states, times)

    monkeypatch.setattr(sdpa_attention, "repeat_kv", counted)
    return made


def test_a_mask_makes_no_copies_of_keys_and_values_and_changes_no_number(repeated):
    torch.manual_seed(0)
    model, ids = tiny_model(TINY, 40, 1, 0), torch.randint(2, 40, (3, 9))
    mask = torch.ones_like(ids)
    mask[0, :4] = 0

    def outcome():
        model.zero_grad()
        logits = model(input_ids=ids, attention_mask=mask).logits
        logits[:, -1].logsumexp(-1).sum().backward()
        return logits.detach(), torch.cat([one.grad.flatten() for one in model.parameters()])

    logits, gradient = outcome()
    assert repeated == [9] * 2 * TINY.layers
    use_grouped_attention()
    use_grouped_attention()
    own, learnt = outcome()
    assert repeated == [9] * 2 * TINY.layers
    assert torch.equal(own, logits)
    torch.testing.assert_close(learnt, gradient, rtol=1e-5, atol=1e-6)


def test_where_kernels_know_no_groups_with_a_mask_nothing_changes(repeated):
    """On a GPU transformers decides."""
    use_grouped_attention()
    key = torch.empty(1, 2, 3, 4, device="meta")
    assert not sdpa_attention.use_gqa_in_sdpa(torch.ones(1), key, key)
    assert sdpa_attention.use_gqa_in_sdpa(None, key, key)
