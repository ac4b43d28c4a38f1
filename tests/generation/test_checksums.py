"""Checksums of published weights: any change of any tensor is named, on every way into a sampler."""

import copy
import itertools
from types import SimpleNamespace

import pytest
import torch

from rlad.generation.checksums import CHUNK, MODULUS, checksum, checksums
from rlad.generation.transformers import TransformersSampler
from rlad.generation.vllm.received import Received
from rlad.generation.vllm.weights import tied_head, untied


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64, torch.int8])
def test_a_single_changed_bit_changes_the_sum_and_parts_add_up(dtype):
    whole = (torch.randn(3 * CHUNK + 5, generator=torch.Generator().manual_seed(1)) * 9).to(dtype)
    value = checksum(whole)
    assert 0 <= value < MODULUS
    for place in (0, CHUNK - 1, 2 * CHUNK, len(whole) - 1):
        other = whole.clone()
        other[place : place + 1].view(torch.uint8)[0] ^= 1
        assert checksum(other) != value
    cuts = [0, 7, CHUNK, 2 * CHUNK + 3, len(whole)]
    parts = [checksum(whole[a:b], a) for a, b in itertools.pairwise(cuts)]
    assert sum(parts) % MODULUS == value
    assert checksum(whole.reshape(1, -1).T) == value  # of any shape


def test_words_that_change_places_change_the_sum_however_far_apart():
    for apart in (1, CHUNK, 2 * CHUNK):
        here, there = torch.zeros(2 * CHUNK + 1), torch.zeros(2 * CHUNK + 1)
        here[0] = there[apart] = 1.5
        assert checksum(here) != checksum(there), apart


def gpt(tie):
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(int(tie))
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = Qwen3Config(vocab_size=20, num_key_value_heads=1, head_dim=8, tie_word_embeddings=tie, **sizes)
    return Qwen3ForCausalLM(config)


def trainer_sums(model):
    return checksums(model.named_parameters(remove_duplicate=False))


def test_a_sampler_names_what_it_does_not_hold():
    old = gpt(False)
    sampler = TransformersSampler(copy.deepcopy(old), [1], 0)
    moved = copy.deepcopy(old)
    with torch.no_grad():
        for parameter in moved.parameters():
            parameter.add_(1e-3)
    expected, missing = trainer_sums(moved), "model.layers.0.self_attn.k_proj.weight"
    sampler.load_weights((pair for pair in moved.named_parameters() if pair[0] != missing), 1)
    assert sampler.differing(expected) == [missing]
    sampler.load_weights(moved.named_parameters(), 2)
    assert sampler.differing(expected) == []


def test_a_sampler_begun_with_tied_embeddings_does_not_pass_for_untied_weights():
    tied, free = gpt(True), gpt(False)
    sampler = TransformersSampler(copy.deepcopy(tied), [1], 0)
    sampler.load_weights(free.named_parameters(), 1)  # embedding and head go into one tensor, the head last
    assert sampler.differing(trainer_sums(free)) == ["model.embed_tokens.weight"]
    sampler.load_weights(tied.named_parameters(), 2)
    assert sampler.differing(trainer_sums(tied)) == []
    # vLLM is sent a head of its own: there the head is what is lost.
    sent = checksums(untied(free.named_parameters(), tied_head(tied)))
    assert sent["lm_head.weight"] != trainer_sums(free)["lm_head.weight"]
    assert sent == trainer_sums(free) | {"lm_head.weight": sent["model.embed_tokens.weight"]}


class FusedModel(torch.nn.Module):
    """As vLLM's models are: q, k and v in one parameter, a vocabulary padded to 8 rows, a linear layer kept packed."""

    def __init__(self, forgets=()):
        super().__init__()
        self.packed_modules_mapping, self.forgets = {"qkv": ["q", "k", "v"]}, forgets
        self.a = torch.nn.Module()
        self.a.qkv = torch.nn.Linear(2, 8, bias=False)
        self.embed = torch.nn.Embedding(8, 2)
        self.out = torch.nn.Module()
        self.out.weight = torch.nn.Parameter(torch.empty(0))

    @torch.no_grad()
    def load_weights(self, weights):
        places = {"a.q.weight": slice(0, 4), "a.k.weight": slice(4, 6), "a.v.weight": slice(6, 8)}
        for name, tensor in weights:
            if name in self.forgets:
                continue
            if name in places:
                self.a.qkv.weight[places[name]] = tensor
            elif name == "embed.weight":
                self.embed.weight[: len(tensor)] = tensor


def worker(model):
    made = Received()
    made.model_runner = SimpleNamespace(get_model=lambda: model)
    made.watch_weights()
    made.watch_weights()  # twice changes nothing
    return made


def published():
    shapes = {"a.q.weight": (4, 2), "a.k.weight": (2, 2), "a.v.weight": (2, 2), "embed.weight": (5, 2)}
    return {name: torch.randn(shape) for name, shape in (shapes | {"out.weight": (3, 3)}).items()}


def test_a_vllm_worker_says_what_it_received_and_what_it_kept():
    weights = published()
    model = FusedModel()
    one = worker(model)
    model.load_weights(iter(weights.items()))
    assert one.weight_checksums() == checksums(weights.items())
    kept = dict(weights)
    del kept["out.weight"]
    again = published()
    model.load_weights((name, again[name]) for name in kept)  # one tensor is never sent
    differ = [name for name, value in checksums(again.items()).items() if one.weight_checksums()[name] != value]
    assert differ == ["out.weight"]


@pytest.mark.parametrize("name", ["a.k.weight", "embed.weight"])
def test_a_tensor_that_vllm_received_and_did_not_put_in_place_is_seen(name):
    weights, model = published(), FusedModel(forgets=(name,))
    one = worker(model)
    model.load_weights(iter(weights.items()))
    expected = checksums(weights.items())
    assert {key for key, value in one.weight_checksums().items() if expected[key] != value} == {name}
