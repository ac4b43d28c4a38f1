"""One real vLLM engine with the base and an adapter per player: parity of each, versions of each, no mixing."""

import copy
import threading

import pytest
from adapted import adapted
from forked_engines import forked_engines
from vllm_here import ENGINE, TOKENIZER, gap, model_of, needs_vllm, prompts_of

from rlad.config import LoraConfig
from rlad.generation import SamplerFailed, Sampling, stop_ids
from rlad.generation.vllm.sampler import VllmSampler, join_vllm, start_vllm
from rlad.players.adapters import add_adapter, is_adapters, merged_weights

pytestmark = needs_vllm
TOLERANCE = 1e-3
LORA = LoraConfig(rank=4, alpha=8.0)
PLAYERS = ("abstraction", "solution")
BASE = model_of(1)
STOPS = stop_ids(BASE, TOKENIZER)
PROMPTS = prompts_of([3, 9, 5, 40]) * 4
WARM = Sampling(1.0, 10, seed=3)


def whole(model):
    """The plain model that a model with an adapter amounts to."""
    plain = copy.deepcopy(BASE)
    plain.load_state_dict(dict(merged_weights(model.named_parameters(), LORA.alpha / LORA.rank)), strict=False)
    return plain


def adapter_of(model):
    return [(name, parameter) for name, parameter in model.named_parameters() if is_adapters(name)]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Both players' samplers over one engine."""
    log = tmp_path_factory.mktemp("engine") / "engine.log"
    fresh = add_adapter(copy.deepcopy(BASE), LORA, 0)
    with forked_engines():
        first = start_vllm(ENGINE, fresh, STOPS, "cpu", log, "players", LORA, PLAYERS)
    yield first, first.beside("solution")
    first.close()


def publish(sampler, seed):
    model = adapted(BASE, LORA, seed)
    sampler.load_weights(adapter_of(model), sampler.version + 1)
    return whole(model)


def versions(completions):
    return {completion.version for completion in completions}


def test_both_begin_as_the_base(pair):
    for sampler in pair:
        completions = sampler.generate(PROMPTS, Sampling(0.7, 10, seed=3))
        assert gap(BASE, PROMPTS, completions, 0.7) <= TOLERANCE and versions(completions) == {0}


def test_two_adapters_are_decoded_together_and_each_is_its_own_merged_model(pair):
    """A rank that shares the engine asks for one player while the other is decoded."""
    models = [publish(sampler, seed) for sampler, seed in zip(pair, (1, 2), strict=True)]
    rank = join_vllm(ENGINE, BASE, STOPS, pair[0].address, "players", "solution")
    rank.load_weights(iter(()), pair[1].version)
    results = {}
    ask = threading.Thread(target=lambda: results.update(solution=rank.generate(PROMPTS * 4, WARM)))
    ask.start()
    results["abstraction"] = pair[0].generate(PROMPTS * 4, WARM)
    ask.join()
    rank.close()
    for role, own, other in (("abstraction", *models), ("solution", *models[::-1])):
        assert gap(own, PROMPTS * 4, results[role]) <= TOLERANCE
        assert gap(other, PROMPTS * 4, results[role]) > 0.1 < gap(BASE, PROMPTS * 4, results[role])


def test_given_texts_are_scored_under_each_players_adapter(pair):
    """Rules of selection ask for it; the log-probs of a given text once ended the engine, at the output head."""
    for sampler, seed in zip(pair, (11, 12), strict=True):
        publish(sampler, seed)
    for sampler, other in (pair, pair[::-1]):
        completions = sampler.generate(PROMPTS, WARM)
        texts, sums = [c.token_ids for c in completions], [sum(c.logprobs) for c in completions]
        assert sampler.score(PROMPTS, texts) == pytest.approx(sums, abs=10 * TOLERANCE)
        assert max(abs(a - b) for a, b in zip(other.score(PROMPTS, texts), sums, strict=True)) > 1


def test_a_new_adapter_of_one_player_does_not_touch_the_other(pair):
    one, other = pair
    kept = publish(other, 4)
    prompt = prompts_of([100])[0]
    before = [one.generate([prompt], WARM), other.generate([prompt], WARM)]
    version, cached = other.version, other.stats()["cached_tokens"]
    new = publish(one, 5)
    again = other.generate([prompt], WARM)
    assert again == before[1] and versions(again) == {version}
    assert other.stats()["cached_tokens"] - cached == 96  # its prompt is still there: three blocks of 32 tokens
    completions = one.generate([prompt], WARM)
    assert other.stats()["cached_tokens"] - cached == 96  # what the old adapter made of it is not found by the new one
    assert versions(completions) == {one.version} and completions != before[0]
    assert gap(new, [prompt], completions) <= TOLERANCE
    assert gap(kept, PROMPTS, other.generate(PROMPTS, WARM)) <= TOLERANCE


def test_old_weights_under_a_new_version_show_in_the_probe(pair):
    """Versions cannot tell: the parity of the publish phase does."""
    one, _ = pair
    publish(one, 6)
    one.load_weights(adapter_of(adapted(BASE, LORA, 6)), one.version + 1)
    assert gap(whole(adapted(BASE, LORA, 7)), PROMPTS, one.generate(PROMPTS, WARM)) > 100 * TOLERANCE


def test_versions_are_each_players_own(pair):
    one, other = pair
    publish(one, 8)
    assert one.version != other.version
    late = VllmSampler(one.link, ENGINE, STOPS, 256, None, adapter="abstraction")
    late.version = one.version - 1
    with pytest.raises(SamplerFailed, match=f"version {late.version} were asked for, it has {one.version}"):
        late.generate(PROMPTS[:1], WARM)


def test_what_is_no_adapter_of_the_engine_is_refused_and_the_engine_goes_on(pair):
    one, other = pair
    now = publish(one, 9)
    with pytest.raises(
        SamplerFailed, match=r"adapter does not fit the model: missing \['base_model.model.model.layers"
    ):
        one.load_weights(adapter_of(adapted(BASE, LORA, 3))[1:], one.version + 1)
    for name in ("critic", None):  # without an adapter vLLM would give it somebody's
        with pytest.raises(SamplerFailed, match=f"there is no adapter '{name}', only .'abstraction', 'solution'"):
            VllmSampler(one.link, ENGINE, STOPS, 256, None, adapter=name).generate(PROMPTS[:1], WARM)
    assert gap(now, PROMPTS, one.generate(PROMPTS, WARM)) <= TOLERANCE
    assert versions(other.generate(PROMPTS, WARM)) == {other.version}
