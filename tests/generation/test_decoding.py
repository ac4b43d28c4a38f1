"""Decoding methods on a small model: each does what it is named for, and reports the tokens that it generated."""

import doctest
from collections import Counter
from types import SimpleNamespace

import pytest
import torch
from chat_tokenizers import chat_tokenizer

from rlad.config import EngineConfig, ModelConfig, ProblemsConfig
from rlad.config.registry import decoding
from rlad.generation import Sampling, make_sampler
from rlad.generation.decoding import (
    Writer,
    base,
    budget_forcing,
    cot_decoding,
    deepconf_online,
    forking,
    nothinking,
    revision,
    soft_thinking,
)
from rlad.players.policy import build_model, load_tokenizer
from rlad.players.prompts import Prompts
from rlad.reasoning.marks import AGAIN, marks_of

SMALL = ModelConfig(hidden_size=32, layers=2, heads=2, kv_heads=1, intermediate_size=64)
QUESTIONS = ["3 , 5 > 14 ; 4 , 1 > ?", "1 , 2 > 4 ; 7 , 1 > ?", "3 , 3 > 6 ; 2 , 2 > ?"]
MOST = 12


@pytest.fixture(scope="module")
def parts():
    tokenizer = load_tokenizer(SMALL, ProblemsConfig())
    model = build_model(SMALL, tokenizer, seed=1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3.0)
    prompts = Prompts(tokenizer)
    sampler = make_sampler(EngineConfig(kind="transformers", max_batch=7), model, tokenizer)
    return sampler, marks_of(prompts), [prompts.ids("plain", question) for question in QUESTIONS]


def written(parts, name, samples=4, temperature=1.0, seed=0, **keys):
    sampler, marks, prompts = parts
    method = decoding[name]
    own = (method.keys(**keys),) if method.keys else ()
    return method.call(Writer(sampler, marks, seed), prompts, samples, Sampling(temperature, MOST), *own)


@pytest.mark.parametrize(
    "module",
    [base, budget_forcing, cot_decoding, deepconf_online, forking, nothinking, revision, soft_thinking],
)
def test_worked_examples_in_docstrings(module):
    assert doctest.testmod(module).failed == 0


EARLY = {"deepconf_online": {"warmup": 2, "keep": 0.2, "window": 2}, "budget_forcing": {"cap": 5}}


@pytest.mark.parametrize("name", decoding.names())
@pytest.mark.parametrize("seed", range(3))
def test_tokens_reported_are_tokens_generated(parts, name, seed, monkeypatch):
    """Counted at the model: a row of logits for every token, those of traces that were given up too."""
    sampler, marks, prompts = parts
    rows = Counter()
    prefill, forward = sampler.prefill, sampler.model.forward

    def prefilled(given):
        rows["begun"] += len(given)
        rows["inside"] = 1
        found = prefill(given)
        rows["inside"] = 0
        return found

    def fed(*given, **named):
        rows["fed"] += 0 if rows["inside"] else len(named["attention_mask"])
        return forward(*given, **named)

    monkeypatch.setattr(sampler, "prefill", prefilled)
    monkeypatch.setattr(sampler.model, "forward", fed)
    found = written(parts, name, seed=seed, **EARLY.get(name, {}))
    given = (len(marks.again) * (len(traces) - 1) for traces in found) if name == "revision" else ()
    reported = sum(trace.tokens for traces in found for trace in traces)
    assert reported == rows["begun"] + rows["fed"] + sum(given)
    assert len(found) == len(prompts) and all(1 <= len(traces) <= 4 for traces in found)
    for trace in (trace for traces in found for trace in traces):
        assert 0 < trace.tokens <= len(trace.token_ids) <= MOST and trace.weight >= 0
        assert not set(trace.token_ids[:-1]) & set(sampler.eos.tolist())


def test_rows_that_stay_keep_their_positions_when_others_leave(parts):
    sampler, marks, prompts = parts
    ragged = [prompts[0], prompts[1][:4], prompts[2][:7]]
    writer = Writer(sampler, marks)
    rows = writer.write(ragged, base.DecodingMethod(writer, Sampling(0.0, MOST)), [2, MOST, MOST])
    for prompt, row in zip(ragged, rows, strict=True):
        alone = sampler.generate([prompt], Sampling(0.0, MOST))[0]
        assert tuple(row.ids) == alone.token_ids[: len(row.ids)] and len(row.ids) in (2, len(alone.token_ids))


def test_what_closes_a_thought_is_no_part_of_it():
    marks = base.Marks(close=(8, 9), cue=(5,), done=(), again=(7,), piece=str)
    writer = SimpleNamespace(marks=marks, eos={1})
    forcing = budget_forcing._Forcing(writer, Sampling(1.0, 20), budget_forcing.BudgetForcingKeys(cap=5, waits=1))
    row = base.GrowingSequence(0, ids=[2, 3, 4, 8])
    forcing.begin(row)
    assert forcing.settle(row, 9) == 7  # three tokens of thought and one to go on are below the cap of five


def test_nothinking_begins_behind_the_cue(parts):
    cue = parts[1].cue
    assert all(trace.token_ids[: len(cue)] == cue for traces in written(parts, "nothinking") for trace in traces)


def test_a_thought_is_closed_at_the_cap_and_goes_on_once(parts):
    _, marks, _ = parts
    for traces in written(parts, "budget_forcing", cap=4, waits=0):
        for trace in traces:
            ended = [i for i in range(len(trace.token_ids)) if marks.ends(trace.token_ids[: i + 1])]
            assert (ended and ended[0] <= 4) or len(trace.token_ids) <= 4
    sampler = parts[0]
    for traces in written(parts, "budget_forcing", cap=9, waits=20):
        for trace in traces:  # what would end the thought before the cap never stands there
            assert not set(trace.token_ids[:8]) & set(sampler.eos.tolist())


def test_cot_decoding_begins_with_the_likeliest_tokens_and_is_greedy(parts):
    sampler, _, prompts = parts
    greedy = sampler.generate(prompts, Sampling(0.0, MOST))
    for traces, best in zip(written(parts, "cot_decoding"), greedy, strict=True):
        assert traces[0].token_ids == best.token_ids
        assert len({trace.token_ids[0] for trace in traces}) == 4


def test_soft_thinking_with_one_token_in_the_mixture_is_greedy(parts):
    sampler, marks, prompts = parts
    greedy = sampler.generate(prompts, Sampling(0.0, MOST))
    for traces, best in zip(written(parts, "soft_thinking", samples=1, mixed=1), greedy, strict=True):
        thought = next((i for i in range(MOST) if marks.ends(best.token_ids[: i + 1])), len(best.token_ids))
        assert traces[0].token_ids[: thought + 1] == best.token_ids[: thought + 1]
    assert len({trace.token_ids for trace in written(parts, "soft_thinking_gumbel")[0]}) > 1


def test_cold_stop_asks_for_the_answer(parts):
    cue = parts[1].cue
    for traces in written(parts, "soft_thinking", cold=100.0, patience=2):
        assert all(trace.token_ids[1 : 1 + len(cue)] == cue for trace in traces)


def test_deepconf_gives_up_what_is_less_sure_than_the_first(parts):
    found = written(parts, "deepconf_online", samples=12, warmup=3, keep=0.05, window=2)
    late = [trace for traces in found for trace in traces[3:]]
    assert any(trace.weight == 0 and len(trace.token_ids) < MOST for trace in late)
    assert all(any(trace.weight for trace in traces[:3]) for traces in found)  # the surest first one is kept
    whole = written(parts, "deepconf_online", samples=12, warmup=3, keep=0.05, window=100)
    assert sum(t.tokens for ts in found for t in ts) < sum(t.tokens for ts in whole for t in ts)


def test_the_last_of_several_attempts_has_the_vote(parts):
    for traces in written(parts, "revision", samples=3):
        assert [trace.weight for trace in traces] == [0.0] * (len(traces) - 1) + [1.0]
        assert all(trace.token_ids[: len(parts[1].again)] == parts[1].again for trace in traces[1:])


def test_branches_part_from_the_trunk_at_its_forks(parts):
    for trunk, *branches in written(parts, "forking", samples=4, least_entropy=0.0):
        assert len(branches) == 3
        for branch in branches:
            shared = len(branch.token_ids) - branch.tokens
            assert branch.token_ids[:shared] == trunk.token_ids[:shared]
            assert branch.token_ids[shared] != trunk.token_ids[shared]


def test_a_player_with_tags_around_its_thoughts_is_closed_by_them():
    marks = marks_of(Prompts(chat_tokenizer("thinker")))
    text = "".join(marks.piece(token) for token in marks.close)
    assert text.strip() == "</think>" and marks.ends([1, 2, *marks.close])
    assert "".join(marks.piece(token) for token in marks.again).strip() == AGAIN
    assert "finished thinking" in "".join(marks.piece(token) for token in marks.done)
