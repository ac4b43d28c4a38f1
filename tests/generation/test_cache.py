"""The cache with room holds what transformers' own does, and copies nothing to take a token more."""

import torch
from transformers import DynamicCache, GPT2Config, MistralConfig
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from rlad.generation.cache import RoomyLayer, roomy_cache


def test_it_holds_the_same_through_tokens_and_rows_that_leave():
    generator, rows = torch.Generator().manual_seed(0), 5
    ours, theirs = RoomyLayer(), DynamicLayer()
    for step in range(60):
        new = torch.randn(2, rows, 2, 7 if step == 0 else 1, 4, generator=generator)
        for one, other in zip(ours.update(*new), theirs.update(*new), strict=True):
            assert torch.equal(one, other)
        if step % 20 == 9:
            rows -= 1
            for layer in (ours, theirs):
                layer.batch_select_indices(torch.arange(1, rows + 1))
        assert ours.get_seq_length() == theirs.get_seq_length() == 7 + step


def test_a_token_more_is_written_in_place():
    layer, token = RoomyLayer(), torch.ones(3, 2, 1, 4)
    layer.update(torch.zeros(3, 2, 100, 4), torch.zeros(3, 2, 100, 4))
    places = set()
    for _ in range(200):
        layer.update(token, token)
        places.add((layer.keys.data_ptr(), layer.values.data_ptr()))
    assert len(places) < 8  # buffers; transformers' own has 200
    assert layer.keys.shape[2] == 300 and layer.keys.sum() == 200 * 24


def test_layers_that_forget_stay_as_they_are():
    window = {"num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "hidden_size": 8}
    sliding = roomy_cache(MistralConfig(**window, sliding_window=4)).layers
    assert [type(layer) for layer in sliding] == [DynamicSlidingWindowLayer] * 2
    assert [type(layer) for layer in roomy_cache(GPT2Config(n_layer=2)).layers] == [RoomyLayer] * 2
    assert isinstance(roomy_cache(GPT2Config(n_layer=2)), DynamicCache)
