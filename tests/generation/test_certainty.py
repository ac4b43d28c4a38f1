"""How sure a model is along a text: the published examples, and what the transformers sampler keeps of its logits."""

import doctest
import json
from dataclasses import asdict, replace

import pytest
import torch

from evals.samples.judged import first_candidates
from evals.samples.trees import Samples, samples_of
from rlad.config import EngineConfig, ModelConfig, ProblemsConfig
from rlad.generation import Sampling, certainty, make_sampler
from rlad.generation.certainty import certainty_of, token_certainty, window_means
from rlad.generation.streaming import pieces_of
from rlad.generation.turns import Text
from rlad.players.policy import build_model, load_tokenizer
from rlad.reasoning.requests import Request
from rlad.reasoning.tree import Solution
from rlad.selection import Candidate, select
from rlad.selection.filtering import BordaKeys
from rlad.selection.sureness import TraceConfidenceKeys, self_certainty, trace_confidence
from rlad.verifier import Outcome, Verdict

SMALL = ModelConfig(hidden_size=32, layers=2, heads=2, kv_heads=1, intermediate_size=64)


def test_worked_examples_in_docstrings():
    assert doctest.testmod(certainty).failed == 0


def test_self_certainty_is_the_divergence_from_the_uniform_distribution():
    logits = torch.tensor([[0.25, 0.25, 0.25, 0.25], [0.7, 0.1, 0.1, 0.1]]).log() + 3  # any constant is the same
    uniform, sure = token_certainty(logits)[0].tolist()
    by_hand = sum(0.25 * torch.log(torch.tensor(0.25 / p)).item() for p in (0.7, 0.1, 0.1, 0.1))
    assert uniform == pytest.approx(0, abs=1e-6) and sure == pytest.approx(by_hand, abs=1e-6)
    two = token_certainty(torch.tensor([[0.9, 0.1]]).log())
    assert [one.item() for one in two] == pytest.approx([0.5108, 1.2040], abs=1e-4)


def test_only_the_twenty_likeliest_tokens_are_deepconfs():
    logits = torch.zeros(1, 30)
    logits[0, :20] = 5.0
    expected = -logits.log_softmax(-1)[0, 0].item()
    assert token_certainty(logits)[1].item() == pytest.approx(expected)


def test_a_trace_has_a_mean_a_lowest_window_a_bottom_tenth_and_a_tail():
    falling = [20.0 - i for i in range(21)]  # windows of 2: 19.5, 18.5, ... .5; a tenth of the 20 are the last two
    found = certainty_of([1.0] * 21, falling, 2)
    assert found == (1.0, 10.0, 0.5, 1.0, 0.5)
    dip = certainty_of([0.0] * 4, [4, 2, 6, 4], 2)
    assert (dip.lowest, dip.tail, dip.mean) == (3, 5, 4)
    short = certainty_of([0.0], [3.0], 16)
    assert short == (0, 3, 3, 3, 3) and window_means([3.0], 16) == [3.0]


@pytest.fixture(scope="module")
def sampler():
    tokenizer = load_tokenizer(SMALL, ProblemsConfig())
    model = build_model(SMALL, tokenizer, seed=1)
    with torch.no_grad():  # far from uniform, so that a wrong distribution would show
        for parameter in model.parameters():
            parameter.mul_(3.0)
    return make_sampler(EngineConfig(max_batch=10), model, tokenizer)


PROMPTS = [[9, 10, 11], [12, 13, 14, 15, 16]] * 6


@pytest.mark.parametrize("temperature", [0.0, 0.6, 1.0])
def test_measuring_changes_no_draw_and_reads_the_models_own_distribution(sampler, temperature):
    """Rows that end leave the batch; what was measured of a text is what its logits say, at temperature 1."""
    plain = sampler.generate(PROMPTS, Sampling(temperature, 12, seed=3))
    found = sampler.generate(PROMPTS, Sampling(temperature, 12, seed=3, certainty=4))
    assert [replace(one, certainty=None) for one in found] == plain
    assert {one.certainty for one in plain} == {None}
    for prompt, one in zip(PROMPTS, found, strict=True):
        logits = sampler.model(torch.tensor([[*prompt, *one.token_ids]])).logits[0, len(prompt) - 1 : -1]
        assert one.certainty == pytest.approx(
            certainty_of(*(own.tolist() for own in token_certainty(logits)), 4), abs=1e-3
        )


def test_it_comes_through_pieces_and_trees_and_is_not_made_up(sampler):
    done = sampler.generate(PROMPTS[:1], Sampling(1.0, 6, seed=3, certainty=4))[0]
    request = Request("solution", 0, 0, [1], 1, 6)
    for piece in pieces_of(0, done):
        request.add(piece)
    assert request.completion(0, done.finish_reason).certainty == done.certainty
    text = Text([1], 6)  # of turns nobody measures a whole
    text.write(done.token_ids, done.logprobs, done.model_logprob)
    text.reason = "stop"
    assert text.completion.certainty is None

    verdict = Verdict(Outcome.correct, "", None, "1", 0.0)
    kept = Samples.of([Solution([1], done, "1", verdict)])
    back = samples_of(json.loads(json.dumps(asdict(kept))), 1.0)
    (candidate,) = first_candidates(Candidate(None), back)
    assert candidate.certainty == pytest.approx(done.certainty, abs=1e-4)
    assert candidate.self_certainty == candidate.certainty.divergence
    unasked = Samples.of([Solution([1], replace(done, certainty=None), "1", verdict)])
    assert unasked.certainty == [] and first_candidates(Candidate(None), unasked)[0].certainty is None


def test_filters_by_hand():
    """Three traces: A's is sure on the whole and not at its end, B's at its end, C's never very."""
    a, b, c = (certainty_of([s] * 3, values, 1) for s, values in [(0.9, [9, 9, 1]), (0.5, [2, 3, 7]), (0.1, [3, 3, 3])])
    drawn = [Candidate("A", certainty=a), Candidate("B", certainty=b), Candidate("C", certainty=c)]
    chosen = {by: trace_confidence(drawn, TraceConfidenceKeys(by, 0.1)) for by in ("mean", "lowest", "bottom", "tail")}
    assert chosen == {"mean": {"A": 19 / 3}, "lowest": {"C": 3}, "bottom": {"C": 3}, "tail": {"B": 7}}
    assert trace_confidence(drawn, TraceConfidenceKeys("tail", 0.67)) == {"B": 7, "C": 3, "A": 1}
    assert trace_confidence(drawn, TraceConfidenceKeys("tail", 0.6)) == {"B": 7, "C": 3}
    assert self_certainty(drawn, BordaKeys(power=2.0)) == {"A": 9, "B": 4, "C": 1}
    assert drawn[select("self_certainty", drawn)].key == "A"
