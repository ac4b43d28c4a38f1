"""The real vLLM in an engine process: what it samples, what it records, and that new weights really arrive."""

import copy
import os
from collections import Counter

import pytest
import torch
from adapted import steered
from forked_engines import forked_engines
from scipy.stats import chi2_contingency, ks_2samp
from vllm_here import ENGINE, TOKENIZER, gap, model_of, needs_vllm, prompts_of, tied_model_of

from rlad.config import EngineConfig, ProblemsConfig, SteeringConfig, VerifierConfig
from rlad.generation import Completion, SamplerFailed, Sampling, make_sampler, stop_ids
from rlad.generation.checksums import checksums
from rlad.generation.turns import Turns, TurnSampler
from rlad.generation.vllm.core import request_seed
from rlad.generation.vllm.link import EngineProcess, Link, private_folder
from rlad.generation.vllm.sampler import core_settings, start_vllm
from rlad.generation.vllm.setup import cpu_environment
from rlad.generation.vllm.weights import weight_names, write_weights
from rlad.players.adapters import plain_weights
from rlad.players.prompts import Prompts
from rlad.problems import load_problems, make_world
from rlad.reasoning.flow import Flow
from rlad.reasoning.judge import Judge
from rlad.reasoning.reasoner import Bare, Reasoner
from rlad.reasoning.tree import Plan, Tree

pytestmark = needs_vllm
TOLERANCE = 1e-3


def start(model, log):
    with forked_engines():
        return start_vllm(ENGINE, model, stop_ids(model, TOKENIZER), "cpu", log, "solution player")


@pytest.fixture(scope="module")
def tied(tmp_path_factory):
    """An engine that began with tied embeddings, for all tests that do not need one that began otherwise."""
    sampler = start(tied_model_of(1), tmp_path_factory.mktemp("engine") / "engine.log")
    yield sampler
    sampler.close()


@pytest.fixture
def fresh(tied):
    """A sampler of models with a head of their own over the same engine, with the weights of seed 1."""
    sampler = copy.copy(tied)
    sampler.tie = None
    sampler.load_weights(model_of(1).named_parameters(), tied.version + 1)
    yield sampler
    tied.version = sampler.version


def test_tied_embeddings_are_published_untied(tied):
    """First, because it sees what the engine began with."""
    assert tied.version == 0
    prompts = prompts_of([3, 9, 40]) * 4
    assert gap(tied_model_of(1), prompts, tied.generate(prompts, Sampling(1.0, 8))) <= TOLERANCE
    tied.load_weights(tied_model_of(2).named_parameters(), 1)
    assert gap(tied_model_of(2), prompts, tied.generate(prompts, Sampling(1.0, 8))) <= TOLERANCE
    assert tied.differing(checksums(tied_model_of(2).named_parameters(remove_duplicate=False))) == []
    tied.load_weights(model_of(2).named_parameters(), 2)  # it has a head of its own, which would be lost
    assert tied.differing(checksums(model_of(2).named_parameters())) == ["lm_head.weight"]


@pytest.mark.parametrize("temperature", [1.0, 0.6, 0.0])
def test_logprobs_are_those_of_the_sampling_distribution(fresh, temperature):
    prompts = prompts_of([3, 9, 5, 40]) * 8
    completions = fresh.generate(prompts, Sampling(temperature, 12, seed=3))
    assert gap(model_of(1), prompts, completions, temperature or 1.0) <= TOLERANCE
    for completion in completions:
        ended = completion.token_ids[-1] == TOKENIZER.eos_token_id
        assert completion.finish_reason == ("stop" if ended else "length")
        assert len(completion.token_ids) == len(completion.logprobs) <= 12


class Echo:
    """A tool that says `3 +` to whatever ends in `=`."""

    end, calls, room = "=", 3, 2

    def reply(self, text):
        return "3 +"


def test_texts_go_on_in_turns_with_a_tool(fresh):
    prompts = prompts_of([3, 9, 5, 40]) * 16
    sampler = TurnSampler(fresh, Turns(Echo(), TOKENIZER))
    completions = sampler.generate(prompts, Sampling(1.0, 24, seed=3))
    assert sum(len(c.given) for c in completions) > 4 and max(c.generated for c in completions) == 24
    assert gap(model_of(1), prompts, completions) <= TOLERANCE
    for completion in completions:
        assert all(TOKENIZER.decode(completion.token_ids[a - 1 : b]) == "= 3 +" for a, b in completion.given)
    scores = sampler.score(prompts, [c.token_ids for c in completions])
    assert scores == pytest.approx([c.model_logprob for c in completions], abs=TOLERANCE)


def test_given_texts_are_scored_as_if_they_had_been_sampled(fresh):
    prompts = prompts_of([3, 9, 5, 40]) * 2
    completions = fresh.generate(prompts, Sampling(1.0, 12, seed=3))
    scores = fresh.score(prompts, [c.token_ids for c in completions])
    assert scores == pytest.approx([c.model_logprob for c in completions], abs=TOLERANCE)
    tempered = fresh.generate(prompts, Sampling(0.3, 12, seed=3))
    assert gap(model_of(1), prompts, tempered, 0.3) <= TOLERANCE  # what is scored leaves nothing behind


def test_seeds_decide_whatever_else_is_decoded(fresh):
    prompts = prompts_of([6, 6, 8])
    first = fresh.generate(prompts, Sampling(1.0, 10, seed=5))
    again = fresh.generate(prompts + prompts_of([20]) * 30, Sampling(1.0, 10, seed=5))
    assert [c.token_ids for c in first] == [c.token_ids for c in again[:3]]
    assert first != fresh.generate(prompts, Sampling(1.0, 10, seed=6))
    copies = fresh.generate(prompts[:1] * 20, Sampling(1.0, 10, seed=5))
    assert len({c.token_ids for c in copies}) > 15  # each has a seed of its own
    assert len({request_seed(5, i) for i in range(1000)}) == 1000


def test_more_prompts_than_one_pass_takes_are_prefilled_one_after_the_other(fresh):
    """Whole ones: of a part of a prompt, in a request with a seed, vLLM's CPU build makes an error that ends it."""
    prompts = prompts_of([100] * 64)  # 6,400 tokens of 4,096
    assert gap(model_of(1), prompts, fresh.generate(prompts, Sampling(1.0, 2, seed=1))) <= TOLERANCE


def test_trees_whose_phases_overlap_are_those_of_the_phases(fresh):
    prompts = Prompts(TOKENIZER)
    judge = Judge(VerifierConfig())
    reasoner = Reasoner(fresh, fresh, prompts, prompts, judge, make_world(ProblemsConfig()))
    problems, found = load_problems(ProblemsConfig(), "train")[:6], []
    plan = Plan(3, 4, Sampling(1.0, 90, seed=1), Sampling(1.0, 60, seed=2), draws=9)
    for overlapping in (False, True):
        trees, others = [Tree(problem) for problem in problems], [Tree(problem) for problem in problems]
        bare = [Bare(others, 2, 3), Bare(trees, 1, 3)]
        if overlapping:
            with Flow(reasoner, trees, plan, bare=bare) as flow:
                flow.propose()
                flow.solve()
                flow.judge()
        else:
            reasoner.propose(trees, plan)
            reasoner.gate(trees)
            reasoner.solve(trees, plan, bare=bare)
            reasoner.judge([*trees, *others])
        found.append([*trees, *others])
    phased, overlapped = found
    for tree, other in zip(phased, overlapped, strict=True):
        assert [(d.completion.token_ids, d.branch) for d in tree.draws] == [
            (d.completion.token_ids, d.branch) for d in other.draws
        ]
        assert [s.completion.token_ids for s in tree.sampled] == [s.completion.token_ids for s in other.sampled]
        assert [s.verdict.outcome for s in tree.sampled] == [s.verdict.outcome for s in other.sampled]
        for one, same in zip(tree.sampled, other.sampled, strict=True):
            assert one.completion.logprobs == pytest.approx(same.completion.logprobs, abs=TOLERANCE)
    assert sum(len(tree.solutions) for tree in phased) > 20 and len({len(tree.draws) for tree in phased}) > 1


def test_what_is_abandoned_runs_no_longer(fresh):
    stream = fresh.stream(lambda key, completion: None)
    stream.send(range(8), prompts_of([5]) * 8, Sampling(1.0, 200, seed=1))
    stream.close()
    fresh.load_weights(model_of(1).named_parameters(), fresh.version + 1)  # refused while requests run
    prompts = prompts_of([5, 9])
    assert gap(model_of(1), prompts, fresh.generate(prompts, Sampling(1.0, 8))) <= TOLERANCE


def test_groups_share_their_prompt_in_the_prefix_cache_until_new_weights_come(fresh):
    prompt = prompts_of([100])[0]
    fresh.generate([prompt], Sampling(1.0, 1))
    before = fresh.stats()
    fresh.generate([prompt] * 10, Sampling(1.0, 4))
    after = fresh.stats()
    assert after["cached_tokens"] - before["cached_tokens"] == 10 * 96  # three full blocks of 32 tokens
    assert after["prompt_tokens"] - before["prompt_tokens"] == 1000
    fresh.load_weights(model_of(1).named_parameters(), fresh.version + 1)
    fresh.generate([prompt], Sampling(1.0, 1))
    assert fresh.stats()["cached_tokens"] == after["cached_tokens"]


def test_new_weights_arrive_with_their_version(fresh):
    model, prompts, version = model_of(2), prompts_of([3, 9, 40]) * 4, fresh.version + 1
    fresh.load_weights(iter(model.named_parameters()), version)
    completions = fresh.generate(prompts, Sampling(1.0, 8, seed=1))
    assert {c.version for c in completions} == {version}
    assert gap(model, prompts, completions) <= TOLERANCE < gap(model_of(1), prompts, completions)
    assert fresh.differing(checksums(model.named_parameters())) == []
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight[0, 0] += 1e-3
    assert fresh.differing(checksums(model.named_parameters())) == ["model.layers.1.mlp.up_proj.weight"]


def test_a_publish_without_all_weights_is_refused(fresh):
    some = list(model_of(2).named_parameters())[1:]
    with pytest.raises(SamplerFailed, match="missing \\['model.embed_tokens.weight'\\]"):
        fresh.load_weights(some, 99)
    with pytest.raises(SamplerFailed, match="unknown \\['no.such'\\]"):
        fresh.load_weights([*model_of(2).named_parameters(), ("no.such", torch.zeros(1))], 99)
    prompts = prompts_of([5])
    assert gap(model_of(1), prompts, fresh.generate(prompts, Sampling(1.0, 4))) <= TOLERANCE


def test_rewards_are_distributed_as_with_the_transformers_sampler(fresh):
    """2,000 completions of five prompts from each sampler; a reward that depends on all of a completion's tokens."""
    prompts = [prompt for prompt in prompts_of([4, 7, 7, 9, 12]) for _ in range(400)]
    sampling = Sampling(1.0, 6, seed=11)
    theirs = fresh.generate(prompts, sampling)
    ours = make_sampler(EngineConfig(), model_of(1), TOKENIZER).generate(prompts, sampling)
    rewards = [[sum(token % 5 for token in c.token_ids) for c in completions] for completions in (theirs, ours)]
    assert ks_2samp(*rewards).pvalue > 1e-3
    assert ks_2samp(*[[sum(c.logprobs) for c in completions] for completions in (theirs, ours)]).pvalue > 1e-3
    counts = [Counter(c.token_ids[0] for c in completions) for completions in (theirs, ours)]
    common = [token for token, count in (counts[0] + counts[1]).items() if count >= 20]
    assert len(common) > 5
    assert chi2_contingency([[count[token] for token in common] for count in counts]).pvalue > 1e-3
    cold = fresh.generate(prompts, Sampling(0.8, 6, seed=11))  # and the test would see a wrong temperature
    assert ks_2samp([sum(c.logprobs) for c in cold], [sum(c.logprobs) for c in ours]).pvalue < 1e-6


def test_steering_vectors_are_served_as_biases(tmp_path):
    """Behind Qwen3's attention, where vLLM's own class has none; first those it started with, then new ones."""
    base = model_of(1)
    one, other = (steered(base, SteeringConfig("all"), seed) for seed in (1, 2))
    sampler = start(one, tmp_path / "engine.log")
    try:
        prompts = prompts_of([3, 9, 5, 40]) * 2
        completions = sampler.generate(prompts, Sampling(1.0, 8, seed=3))
        assert gap(one, prompts, completions) <= TOLERANCE < gap(base, prompts, completions)
        sampler.load_weights(plain_weights(other.named_parameters(), other), 1)
        completions = sampler.generate(prompts, Sampling(1.0, 8, seed=3))
        assert gap(other, prompts, completions) <= TOLERANCE
        assert sampler.differing(checksums(plain_weights(other.named_parameters(), other))) == []
        stale = sampler.differing(checksums(plain_weights(one.named_parameters(), one)))
        assert stale == [f"model.layers.{layer}.self_attn.o_proj.bias" for layer in range(2)]
    finally:
        sampler.close()


def test_a_naive_reload_of_tied_embeddings_keeps_the_old_head(tmp_path):
    """Why they are untied: what vLLM's CPU build does when told of the tie. Should this fail, the detour can go."""
    folder, old, new = private_folder(), tied_model_of(1), tied_model_of(2)
    old.save_pretrained(folder / "model")
    assert "lm_head.weight" not in weight_names(folder / "model")
    core = core_settings(ENGINE, folder / "model", "cpu", "float32", 256)
    with forked_engines():
        process = EngineProcess(core, folder, tmp_path / "engine.log", cpu_environment(os.environ, 1))
    link = Link("player", process.address, 600, process)
    prompts = prompts_of([3, 9, 40]) * 4
    sampling = {"temperature": 1.0, "max_new_tokens": 8, "streams": [(0, i) for i in range(60)], "stop_ids": [1]}

    def gap_to(model, version):
        rows = link.call("generate", 600, prompts=prompts, sampling=sampling, version=version)
        return gap(model, prompts, [Completion(tuple(ids), tuple(lps), why, v) for ids, lps, why, v in rows])

    try:
        assert gap_to(old, 0) <= TOLERANCE
        write_weights(new.named_parameters(), folder / "new")
        link.call("load_folder", 600, folder=str(folder / "new"), version=1)
        assert gap_to(new, 1) > 0.05  # the parity probe's threshold is 0.001
    finally:
        link.close()
