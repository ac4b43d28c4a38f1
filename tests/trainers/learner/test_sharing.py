"""Completions side by side behind one prompt have the log-probs and gradients that they have in rows of their own."""

import random
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from adapted import adapted
from hypothesis import given
from hypothesis import strategies as st
from one_process import OneProcess, pretend_one_rank
from torch.testing import assert_close
from transformers import BloomConfig, BloomForCausalLM, GPT2Config, GPT2LMHeadModel, MistralConfig, MistralForCausalLM

from rlad.config import LoraConfig, ModelConfig, RunConfig
from rlad.config.registry import loss as losses
from rlad.players import pieces
from rlad.players.policy import tiny_model
from trainers.data.rows import Row
from trainers.learner.batches import collate, micro_batches, token_logprobs
from trainers.learner.layout import Sharing, branched, laid_out, positions_of, width
from trainers.learner.learner import Learner
from trainers.learner.records import TokenRecord
from trainers.learner.sharing import misread, misread_end_to_end, sharing_of, weights_in_keys
from trainers.learner.update import update

CPU = torch.device("cpu")
WORDS = 40
TINY = ModelConfig(hidden_size=16, layers=2, heads=4, kv_heads=2, intermediate_size=16, max_positions=48)


def ragged(prompts=(9, 3, 9, 4), most=12, seed=0):
    """Groups of 6, 1, 5 and 4 completions, of 1 to `most` tokens; one of the groups is bare."""
    draw = random.Random(seed)

    def ids(count):
        return tuple(draw.randrange(2, WORDS) for _ in range(count))

    rows = []
    for prompt, count in zip(map(ids, prompts), (6, 1, 5, 4), strict=True):
        for _ in range(count):
            completion, bare = ids(draw.randint(1, most)), count == 5
            sampled = tuple(-3.5 - draw.random() / 2 for _ in completion)
            advantage = 0.0 if bare else draw.choice((-1.0, 0.5))
            row = Row(prompt, completion, advantage, float(not bare), bare=bare, sampler_logprobs=sampled)
            rows.append(replace(row, given=((1, 3),)) if len(completion) > 8 else row)
    return [*rows, Row(prompt, ids(4), 0.5, kl_weight=0.0, shaping=0.1, sampler_logprobs=(-3.6, -3.5, -3.7, -3.8))]


def with_eager_attention():
    model = tiny_model(TINY, WORDS, 1, 0)
    model.set_attn_implementation("eager")
    return model


MODELS = {
    "grouped queries, rotary positions": lambda: tiny_model(TINY, WORDS, 1, 0),
    "eager attention": with_eager_attention,
    "learned positions": lambda: GPT2LMHeadModel(
        GPT2Config(
            vocab_size=WORDS, n_positions=48, n_embd=16, n_layer=2, n_head=2, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0
        )
    ),
    "adapter": lambda: adapted(tiny_model(TINY, WORDS, 1, 0), LoraConfig(rank=2)),
}


@pytest.fixture(autouse=True)
def one_rank(monkeypatch):
    pretend_one_rank(monkeypatch)


@pytest.mark.parametrize("whole", [True, False], ids=["all logits", "in pieces"])
@pytest.mark.parametrize("varlen", [False, True], ids=["under a mask", "end to end"])
@pytest.mark.parametrize("name", MODELS)
def test_log_probs_entropies_and_gradients_are_those_of_rows_alone(name, varlen, whole, monkeypatch):
    monkeypatch.setattr(pieces, "WHOLE", pieces.WHOLE if whole else 0)
    torch.manual_seed(0)
    model, rows = MODELS[name](), ragged()
    assert (misread_end_to_end if varlen else misread)(model) is None
    learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]

    def measured(batches):
        found, loss = {}, 0.0
        for batch in batches:
            logp, entropy = token_logprobs(model, batch, 0.7, "grad")
            # Every token weighs differently, so that none stands in for another.
            factor = (torch.tensor(batch.index)[:, None] + 1) * torch.arange(1, logp.shape[1] + 1).sqrt() * batch.mask
            loss = loss + (factor * (logp + 0.3 * entropy)).sum()
            for at, i in enumerate(batch.index):
                length = len(rows[i].completion)
                found[i] = torch.stack([logp[at, :length], entropy[at, :length]])
        gradient = torch.autograd.grad(loss / 500, learnt)
        return [found[i] for i in range(len(rows))], torch.cat([part.flatten() for part in gradient])

    shared = micro_batches(rows, 64, 0, CPU, sharing=Sharing(weights=20, prompts=not varlen, varlen=varlen))
    assert all(batch.attention_mask is None and len(batch.input_ids) == 1 for batch in shared if varlen)
    assert any(batch.place is not None and len(batch.input_ids) < len(batch.index) for batch in shared)
    (values, gradient), (alone, expected) = measured(shared), measured([collate(rows, list(range(len(rows))), 0, CPU)])
    for one, other in zip(values, alone, strict=True):
        assert_close(one, other, rtol=1e-5, atol=1e-5)
    assert expected.abs().max() > 0.1
    assert_close(gradient, expected, rtol=1e-5, atol=1e-5)


KEYS = {
    "of rows": {"kl_coef": 0.3, "entropy_coef": 0.2},
    "of positions, corrected, 80/20": {
        "old_logprobs": "sampler", "forking.share": 0.4, "mismatch.kind": "truncated", "micro_tokens": 60,
    },
}  # fmt: skip


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("name", losses.names())
def test_an_update_is_the_same_for_every_loss(name, keys):
    def outcome(sharing):
        torch.manual_seed(0)
        model, reference = tiny_model(TINY, WORDS, 1, 0), tiny_model(TINY, WORDS, 1, 0)
        run = RunConfig()
        run.cotrain.micro_batch, run.cotrain.updates_per_rollout = 8, 2
        run.cotrain.micro_tokens = keys.get("micro_tokens", 0)
        player = run.solution
        player.loss, player.temperature, player.kl_coef = name, 0.7, 0.0
        for key, value in keys.items():
            *section, key = key.split(".")
            setattr(getattr(player, section[0]) if section else player, key, value)
        policy = SimpleNamespace(tokenizer=SimpleNamespace(pad_token_id=0))
        learner = Learner(policy, player, OneProcess(model), reference, None, CPU, player.entropy_coef, sharing)
        stats = update(learner, ragged(), run)
        seen = sorted(zip(learner.record.tokens, map(torch.Tensor.tolist, learner.record.logp), strict=True))
        return stats, torch.cat([parameter.grad.flatten() for parameter in model.parameters()]), seen

    (stats, gradient, seen), (expected, alone, seen_alone) = outcome(Sharing(weights=20)), outcome(None)
    assert alone.abs().max() > 1e-3
    assert_close(gradient, alone, rtol=1e-5, atol=1e-5)
    assert stats == pytest.approx(expected, rel=1e-5, abs=1e-5)
    assert [tokens for tokens, _ in seen] == [tokens for tokens, _ in seen_alone]
    for (_, one), (_, other) in zip(seen, seen_alone, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def unread():
    sizes = {"vocab_size": WORDS, "hidden_size": 16}
    yield "ALiBi", BloomForCausalLM(BloomConfig(**sizes, n_layer=1, n_head=2))
    more = {"num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 16}
    yield "sliding_attention", MistralForCausalLM(MistralConfig(**sizes, **more, sliding_window=4))


def test_models_that_do_not_read_such_a_mask_keep_plain_rows():
    for word, model in unread():
        sharing, reason = sharing_of(model, RunConfig().cotrain)
        assert sharing is None and word in reason


def flashing(model, attends):
    """A model that says it has flash attention, and attends as it likes: no processor runs that attention."""
    forward, model.config._attn_implementation = model.forward, "flash_attention_2"

    def run(**given):
        model.config._attn_implementation = "sdpa"
        try:
            return forward(**attends(given))
        finally:
            model.config._attn_implementation = "flash_attention_2"

    model.forward = run
    return model


def test_attention_of_variable_lengths_has_its_sequences_end_to_end():
    config = RunConfig().cotrain
    model = flashing(tiny_model(TINY, WORDS, 1, 0), lambda given: given)
    assert sharing_of(model, config) == (Sharing(weights_in_keys(model), False, True, True), None)
    config.packing = False
    assert sharing_of(model, config) == (None, "its attention, flash_attention_2, takes no mask of rows by columns")


def test_attention_that_reads_on_where_positions_begin_anew_keeps_plain_rows():
    def through(given):
        return given | {"attention_mask": torch.ones_like(given["input_ids"])}

    torch.manual_seed(0)
    sharing, reason = sharing_of(flashing(tiny_model(TINY, WORDS, 1, 0), through), RunConfig().cotrain)
    assert sharing is None and "mixes sequences that lie end to end" in reason


class Deaf(torch.nn.Module):
    """A model that goes by its own mask, or by none, or that takes no such mask."""

    def __init__(self, model, does):
        super().__init__()
        self.model, self.does = model, does

    def __getattr__(self, name):
        if name == "config" and self.does == "says nothing":
            return SimpleNamespace(to_dict=dict, _attn_implementation="sdpa", get_text_config=SimpleNamespace)
        return super().__getattr__(name) if name in ("model", "does") else getattr(self.model, name)

    def forward(self, attention_mask, position_ids, **given):
        if attention_mask.dim() == 4 and self.does == "raises":
            raise ValueError("not enough values to unpack")
        if self.does == "ignores the mask":
            attention_mask = None
        if self.does == "ignores positions":
            position_ids = torch.arange(position_ids.shape[1])[None]
        return self.model(attention_mask=attention_mask, position_ids=position_ids, **given)


REASONS = {
    "raises": "takes no mask",
    "ignores the mask": "mixes sequences",
    "ignores positions": "mixes sequences",
    "says nothing": "does not describe its size",
}


@pytest.mark.parametrize("does", REASONS)
def test_a_model_is_asked_whether_it_reads_the_mask(does):
    torch.manual_seed(0)
    sharing, reason = sharing_of(Deaf(tiny_model(TINY, WORDS, 1, 0), does), RunConfig().cotrain)
    assert sharing is None and REASONS[does] in reason


def test_without_the_keys_nobody_is_asked():
    run = RunConfig()
    run.cotrain.share_prompts = run.cotrain.packing = False
    assert sharing_of(None, run.cotrain) == (None, None)


def test_what_a_position_costs_is_read_from_the_model():
    """Two layers' 4 matrices of attention, 3 of the MLP, norms; 2 x 4 heads of 4."""
    layer = 16 * 4 * 2 * (4 + 2) + 3 * 16 * 16 + 2 * 16 + 2 * 4
    assert weights_in_keys(tiny_model(TINY, WORDS, 1, 0)) == pytest.approx((layer + 16 / 2) / (2 * 16))


def equal(prompts, group, prompt, completion):
    return [Row((number,) * prompt, (i,) * completion, 1.0) for number in range(prompts) for i in range(group)]


def count(rows, plan):
    return sum(len(part) * width(rows, part) for part in plan)


def test_a_long_prompt_is_computed_once():
    rows = equal(4, 16, 512, 24)
    plan = laid_out(rows, Sharing(weights=769), 64, 0, plain=1e12)
    assert count(rows, plan) == 3520 == 4 * (512 + 16 * 23)  # of 64 x 536 = 34,304


def test_behind_a_short_prompt_a_few_are_cheapest():
    rows = equal(16, 16, 12, 24)
    assert {len(part) for part in branched(rows, Sharing(weights=769), 256)} == {4}
    assert count(rows, laid_out(rows, Sharing(769), 256, 0, plain=1e12)) == 6656 == 64 * (12 + 4 * 23)
    assert {len(part) for part in branched(equal(2, 8, 12, 3500), Sharing(weights=769), 64)} == {1}


def test_ragged_rows_are_filled_and_what_is_even_is_left_alone():
    draw = random.Random(0)
    rows = [Row((i // 16,) * 12, (1,) * min(256, 1 + int(draw.expovariate(1 / 62)))) for i in range(256)]
    assert count(rows, laid_out(rows, Sharing(769), 256, 0, plain=1e12)) == 18_829
    alone = count(rows, laid_out(rows, Sharing(769, prompts=False), 256, 0, plain=1e12))
    assert alone < 1.02 * sum(positions_of(rows, [i]) for i in range(256))
    assert laid_out(equal(64, 1, 12, 24), Sharing(769), 64, 0, plain=Sharing(769).cost(64, 36)) is None


@pytest.mark.parametrize("sharing", [Sharing(769), None])
def test_rows_become_as_many_tensors_however_many_they_are(sharing, monkeypatch):
    def made(rows):
        count, whole = [], torch.tensor
        with monkeypatch.context() as patch:
            patch.setattr(torch, "tensor", lambda *given, **more: count.append(1) or whole(*given, **more))
            (batch,) = micro_batches(rows, 256, 0, torch.device("cpu"), sharing=sharing)
            TokenRecord().add(batch, batch.mask, batch.mask)
        return len(count)

    assert made(equal(2, 8, 12, 24)) == made(equal(8, 16, 12, 24)) < 30


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 30), st.integers(1, 60)), max_size=30),
    st.integers(1, 8),
    st.sampled_from([0, 70, 200]),
    st.sampled_from([(True, True), (True, False), (False, True), (False, False), (False, True, True)]),
)
def test_every_row_is_in_one_micro_batch_of_its_size(drawn, size, budget, shared):
    rows = [Row((number,) * (7 * number + 1), (i,) * length) for number, i, length in drawn]
    prompts, packing, *varlen = shared
    plan = laid_out(rows, Sharing(50, *shared), size, budget, plain=1e12) or []
    for own in plan if varlen else ():
        assert len(own) == 1 and (not budget or width(rows, own) <= budget or len(own[0]) == 1)
    assert sorted(i for own in plan for row in own for part in row for i in part) == list(range(len(rows) * bool(plan)))
    for own in plan:
        longest = width(rows, own)
        assert len(own) * longest <= budget or len(own) == 1 if budget else sum(len(p) for r in own for p in r) <= size
        assert all(len({rows[i].prompt for i in part}) == 1 for row in own for part in row)
        assert packing or all(len(row) == 1 for row in own)
        assert prompts or all(len(part) == 1 for row in own for part in row)
