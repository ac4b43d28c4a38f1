"""The transformers sampler: what it samples, what it records, and that both agree with the trainer's view."""

import pytest
import torch

from rlad.config import EngineConfig, ModelConfig, ProblemsConfig
from rlad.generation import Sampling, make_sampler
from rlad.generation.transformers import sample_tokens
from rlad.players.policy import build_model, load_tokenizer
from trainers.data.rows import Row
from trainers.learner.batches import collate, token_logprobs

SMALL = ModelConfig(hidden_size=32, layers=2, heads=2, kv_heads=1, intermediate_size=64)


@pytest.fixture(scope="module")
def parts():
    tokenizer = load_tokenizer(SMALL, ProblemsConfig())
    model = build_model(SMALL, tokenizer, seed=1)
    with torch.no_grad():  # far from uniform, so that a wrong distribution would show
        for parameter in model.parameters():
            parameter.mul_(3.0)
    return model, tokenizer


def prompts_of(tokenizer, lengths):
    generator = torch.Generator().manual_seed(0)
    return [torch.randint(8, len(tokenizer), (n,), generator=generator).tolist() for n in lengths]


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_logprobs_equal_the_trainers_with_ragged_prompts_shared_prefills_and_rows_that_leave(parts, temperature):
    model, tokenizer = parts
    distinct = prompts_of(tokenizer, [3, 9, 5, 9])
    prompts = [p for p in distinct for _ in range(6)]
    sampler = make_sampler(EngineConfig(max_batch=10), model, tokenizer)
    completions = sampler.generate(prompts, Sampling(temperature, 12, seed=3))
    assert len({c.finish_reason for c in completions}) >= 1
    rows = [Row(tuple(p), c.token_ids) for p, c in zip(prompts, completions, strict=True)]
    batch = collate(rows, list(range(len(rows))), tokenizer.pad_token_id, torch.device("cpu"))
    logp, _ = token_logprobs(model, batch, temperature, False)
    for i, completion in enumerate(completions):
        recorded = torch.tensor(completion.logprobs)
        assert torch.allclose(logp[i, : len(recorded)], recorded, atol=1e-4)
    itself, _ = token_logprobs(model, batch, 1.0, False)  # what weighs votes is never tempered
    for i, completion in enumerate(completions):
        assert completion.model_logprob == pytest.approx(float(itself[i, : len(completion.token_ids)].sum()), abs=1e-4)


def test_given_texts_are_scored_as_if_they_had_been_sampled(parts):
    """Ragged prompts and completions, more of them than are scored together, in the order in which they came."""
    model, tokenizer = parts
    prompts = [p for p in prompts_of(tokenizer, [9, 3, 5, 12]) for _ in range(10)]
    sampler = make_sampler(EngineConfig(), model, tokenizer)
    completions = sampler.generate(prompts, Sampling(1.0, 12, seed=3))
    assert len({len(c.token_ids) for c in completions}) > 1
    scores = sampler.score(prompts, [c.token_ids for c in completions])
    assert scores == pytest.approx([c.model_logprob for c in completions], abs=1e-4)
    assert sampler.score([], []) == []
    with pytest.raises(ValueError, match="empty prompt"):
        sampler.score([[]], [[5]])


def test_what_texts_begin_with_alike_is_scored_once(parts):
    """A text without each of its tokens, behind two questions: computed by themselves they are the same to rounding."""
    model, tokenizer = parts
    sampler = make_sampler(EngineConfig(), model, tokenizer)
    questions = prompts_of(tokenizer, [40, 32])
    text = list(sampler.generate(questions[:1], Sampling(1.0, 12, seed=3))[0].token_ids)
    shortened = [text[:t] + text[t + 1 :] for t in range(len(text))]
    joint = [(question, short) for question in questions for short in shortened]
    answer = [(question + short[:-2], short[-2:]) for question in questions for short in shortened]
    positions = []
    handle = model.register_forward_pre_hook(
        lambda module, args, kwargs: positions.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    try:
        for asked in (joint, answer):
            alone = [sampler.score([prompt], [completion])[0] for prompt, completion in asked]
            by_themselves = sum(positions)
            positions.clear()
            assert sampler.score(*map(list, zip(*asked, strict=True))) == pytest.approx(alone, abs=1e-4)
            assert sum(positions) < by_themselves / 2
            positions.clear()
    finally:
        handle.remove()


def test_scoring_holds_no_logits_of_a_large_vocabulary(parts, monkeypatch):
    """At 152,000 words the logits of 32 rows of 500 tokens are 10 GB."""
    model, tokenizer = parts
    prompts = prompts_of(tokenizer, [9, 3])
    sampler = make_sampler(EngineConfig(), model, tokenizer)
    texts = [c.token_ids for c in sampler.generate(prompts, Sampling(1.0, 12, seed=3))]
    whole, widths = sampler.score(prompts, texts), []
    monkeypatch.setattr("rlad.players.pieces.WHOLE", 0)
    handle = model.register_forward_hook(lambda module, args, out: widths.append(out.logits.shape[-1]))
    try:
        assert sampler.score(prompts, texts) == pytest.approx(whole, abs=1e-4)
    finally:
        handle.remove()
    assert widths[-1] == 2 < model.config.vocab_size  # a log-prob and an entropy


def test_identical_prompts_are_prefilled_once(parts):
    model, tokenizer = parts
    sampler = make_sampler(EngineConfig(), model, tokenizer)
    widths = []
    handle = model.register_forward_pre_hook(
        lambda module, args, kwargs: widths.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    try:
        sampler.generate(prompts_of(tokenizer, [4]) * 50 + prompts_of(tokenizer, [4, 6])[1:] * 50, Sampling(1.0, 3))
    finally:
        handle.remove()
    assert widths[0] == (2, 6)  # two distinct prompts, not a hundred rows
    assert widths[1][1] == 1


def test_the_head_is_given_states_in_one_piece(parts):
    """The last positions of several prompts lie apart; a product with them would copy the head's weights for each."""
    model, tokenizer = parts
    pieces = []
    head = model.get_output_embeddings()
    handle = head.register_forward_pre_hook(lambda module, given: pieces.append(given[0].is_contiguous()))
    try:
        make_sampler(EngineConfig(), model, tokenizer).generate(prompts_of(tokenizer, [4, 6, 5]), Sampling(1.0, 3))
    finally:
        handle.remove()
    assert len(pieces) == 3 and all(pieces)


def test_rows_that_stay_keep_their_own_places_when_others_leave(parts):
    """The first prompts of a batch end at once and leave; the longer ones go on as they do alone, token by token."""
    model, tokenizer = parts
    short, long = prompts_of(tokenizer, [2, 2, 2]), prompts_of(tokenizer, [6, 11])
    sampler = make_sampler(EngineConfig(), model, tokenizer)
    sampler.eos = torch.tensor([-1])
    greedy = Sampling(0.0, 8)
    alone = [sampler.generate([prompt], greedy)[0] for prompt in [*short, *long]]
    firsts, others = {c.token_ids[0] for c in alone[:3]}, {t for c in alone[3:] for t in c.token_ids}
    assert not firsts & others, "the prompts were badly chosen: what ends the short ones must not end the others"
    sampler.eos = torch.tensor(sorted(firsts))
    together = sampler.generate([*short, *long], greedy)
    assert [len(c.token_ids) for c in together] == [1, 1, 1, 8, 8]
    for one, other in zip(together[3:], alone[3:], strict=True):
        assert one.token_ids == other.token_ids
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)


def test_finished_rows_leave_the_batch_and_stop_at_the_end_token(parts):
    model, tokenizer = parts
    sampler = make_sampler(EngineConfig(), model, tokenizer)
    sampler.eos = torch.arange(0, len(tokenizer), 3)  # a third of all tokens end a row
    rows = []
    handle = model.register_forward_pre_hook(
        lambda module, args, kwargs: rows.append(len(kwargs["input_ids"])), with_kwargs=True
    )
    try:
        completions = sampler.generate(prompts_of(tokenizer, [5]) * 64, Sampling(1.0, 8, seed=5))
    finally:
        handle.remove()
    assert rows[-1] < 16 < rows[1]
    assert {completion.finish_reason for completion in completions} == {"stop", "length"}
    for completion in completions:
        ends = [token % 3 == 0 for token in completion.token_ids]
        assert not any(ends[:-1])
        assert (completion.finish_reason == "stop") == ends[-1]
        assert len(completion.token_ids) == len(completion.logprobs)


def test_same_seed_same_samples_and_order_is_kept(parts):
    model, tokenizer = parts
    sampler = make_sampler(EngineConfig(), model, tokenizer)
    prompts = prompts_of(tokenizer, [7, 3, 5])
    first, again = (sampler.generate(prompts, Sampling(1.0, 6, seed=9)) for _ in range(2))
    assert first == again
    assert first != sampler.generate(prompts, Sampling(1.0, 6, seed=10))
    greedy = sampler.generate(prompts, Sampling(0.0, 6))
    assert [sampler.generate([p], Sampling(0.0, 6))[0].token_ids for p in prompts] == [c.token_ids for c in greedy]


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_several_calls_in_one_draw_what_each_draws_alone(parts, temperature):
    """Prompts of other lengths, rows that leave at other times; and fewer forwards than one call after the other."""
    model, tokenizer = parts
    calls = [
        (prompts_of(tokenizer, [3, 9, 5]) * 8, 3),
        (prompts_of(tokenizer, [2]) * 7, 4),
        (prompts_of(tokenizer, [12]), 3),
    ]
    together = Sampling(temperature, 14, seed=0, parts=tuple((len(prompts), seed) for prompts, seed in calls))
    prompts, forwards = [prompt for own, _ in calls for prompt in own], []
    for most in (512, 20):  # too many for one batch: one call after the other
        sampler, before = make_sampler(EngineConfig(max_batch=most), model, tokenizer), len(forwards)
        sampler.eos = torch.arange(0, len(tokenizer), 9)
        handle = model.register_forward_pre_hook(lambda *_: forwards.append(1))
        found = sampler.generate(prompts, together)
        handle.remove()
        used = len(forwards) - before
        alone = [c for own, seed in calls for c in sampler.generate(own, Sampling(temperature, 14, seed))]
        assert [c.token_ids for c in found] == [c.token_ids for c in alone]
        assert len({len(c.token_ids) for c in found}) > 4
        for one, other in zip(found, alone, strict=True):
            assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)
        assert used <= 14 if most == 512 else used > 28


def test_sampling_frequencies_are_the_distributions():
    logits = torch.tensor([[0.0, 1.0, -1.0]]).repeat(20_000, 1)
    tokens, logp = sample_tokens(logits, 0.5, torch.Generator().manual_seed(0))
    expected = torch.softmax(torch.tensor([0.0, 2.0, -2.0]), -1)
    frequencies = torch.bincount(tokens, minlength=3) / len(tokens)
    assert torch.allclose(frequencies, expected, atol=0.01)
    assert torch.allclose(logp, expected[tokens].log(), atol=1e-6)


def test_new_weights_are_taken_with_their_version_and_unknown_names_refused(parts):
    model, tokenizer = parts
    sampler = make_sampler(EngineConfig(), build_model(SMALL, tokenizer, seed=2), tokenizer)
    sampler.load_weights(model.named_parameters(), 7)
    prompts = prompts_of(tokenizer, [6])
    expected = make_sampler(EngineConfig(), model, tokenizer).generate(prompts, Sampling(0.0, 4))
    got = sampler.generate(prompts, Sampling(0.0, 4))
    assert got[0].token_ids == expected[0].token_ids and got[0].version == 7
    with pytest.raises(KeyError):
        sampler.load_weights([("no.such.weight", torch.zeros(1))], 8)


def test_an_empty_prompt_is_refused(parts):
    model, tokenizer = parts
    with pytest.raises(ValueError, match="empty prompt"):
        make_sampler(EngineConfig(), model, tokenizer).generate([[]], Sampling())
