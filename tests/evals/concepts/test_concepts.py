"""The concept model: sentences that come back to the letter, futures that are averaged or kept apart, equal budgets."""

import json

import pytest
import torch
from torch.testing import assert_close

from evals.concepts import codec as codecs
from evals.concepts.__main__ import main
from evals.concepts.coverage import Outcome, compared
from evals.concepts.diffusion import repulsion, sample
from evals.concepts.flops import core_parameters, steps_for
from evals.concepts.learning import Documents, train_concepts, train_tokens
from evals.concepts.models import MODELS, Noised
from evals.concepts.normaliser import Normaliser
from evals.concepts.proposers import ConceptSampler, Way
from evals.concepts.sentences import gather, split
from evals.concepts.table import verdict
from rlad.cli import PlainError
from rlad.config import ConfigError, ModelConfig, load_config, save_config
from rlad.config.concepts import ConceptsConfig
from rlad.players.policy import make_policy, tiny_model
from rlad.problems import Problem
from rlad.problems.induction import Induction

KINDS = ("standard", "iqr", "robust")


@pytest.mark.parametrize(("width", "layers", "parameters"), [(128, 4, 1_048_576), (512, 8, 26_214_400)])
def test_a_model_has_the_parameters_that_are_counted_in_its_core(width, layers, parameters):
    assert core_parameters(width, layers) == parameters
    model = MODELS["base"](16, 32, 2, places=3, levels=10)
    matrices = sum(
        p.numel() for name, p in model.named_parameters() if p.dim() == 2 and name not in ("place", "level.weight")
    )
    assert matrices == core_parameters(32, 2, 16)


@pytest.mark.parametrize("kind", KINDS)
def test_denormalised_normalised_vectors_are_what_they_were(kind):
    vectors = 3 + 5 * torch.randn(200, 6, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    vectors[:, 2] = 7.0  # does not vary
    normaliser = Normaliser.of(vectors, kind)
    assert_close(normaliser.denormalise(normaliser.normalise(vectors)), vectors)
    assert torch.isfinite(normaliser.normalise(vectors)).all()
    assert_close(normaliser.normalise(normaliser.centre), torch.zeros(6, dtype=torch.double))


@pytest.mark.parametrize("text", ["3 , 5 > 14 ; 4 , 1 > ?", "It is 2.5 m. So?  Add!\n\nThen 3.", " ; ; .", "", "a\n"])
def test_sentences_put_together_are_the_text(text):
    assert "".join(split(text)) == text and all(split(text))


def test_a_codec_returns_sentences_it_learnt_and_knows_the_end_apart():
    known = [f"{a} + {b} = {a + b} ; " for a in range(5) for b in range(5)] + ["2 a + 1 b"]
    codec = codecs.train_codec(known, vector=16, width=64, steps=400, batch=64, noise=0.05, lr=5e-3, seed=0)
    back = codec.decode(codec.encode(["", *known]))
    assert back[0] == "" and codecs.exactness(known, back[1:])["exact"] == 1.0
    assert codecs.exactness(["1 + 2 = 3", "2 a"], ["1 + 3 = 3", "2 b"]) == {
        "sentences": 2, "exact": 0.0, "numbers": 4, "numbers_exact": 0.75}  # fmt: skip
    assert codec.decode(codec.encode(["9 nine 1"])) != ["9 nine 1"]  # unknown words cannot come back


def two_futures(answers=(1.0, -1.0)):
    """Documents of one question with two next sentences, as likely: all components 1 and all -1."""
    table = torch.stack([torch.zeros(4), 0.5 * torch.ones(4), *(answer * torch.ones(4) for answer in answers)])
    table[1, ::2] *= -1
    rows = torch.tensor([[1, 2 + i % len(answers)] for i in range(64)])
    return Documents(table, rows, torch.ones_like(rows, dtype=torch.bool), known=1)


KEYS = ConceptsConfig(
    width=32, layers=2, petaflops=2e-6, batch=64, lr=5e-3, vector=4, noise_steps=50, sampling_steps=25
)


def drawn(model, documents, count, seed=0, push=None, strength=0.0):
    clean = documents.table[documents.rows[:1, :1]].expand(count, -1, -1)
    seen = model.context(clean, torch.ones(count, 1, dtype=torch.bool))

    def denoise(noisy, level):
        given = Noised(noisy[:, None], torch.full((count, 1), level), torch.ones(count, 1, dtype=torch.bool))
        return model(seen, torch.tensor([1]), given)[:, 0]

    return sample(denoise, (count, 4), 50, 25, torch.Generator().manual_seed(seed), push, strength)


def test_the_squared_error_averages_two_futures_and_its_loss_is_their_variance():
    documents = two_futures()
    model, facts = train_concepts("base", documents, KEYS, seed=0)
    seen = model.context(documents.table[documents.rows[:1, :1]], torch.ones(1, 1, dtype=torch.bool))
    assert model(seen, torch.tensor([1])).abs().max() < 0.15
    assert facts["loss"] == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("kind", ["one_tower", "two_tower"])
def test_a_diffusion_samples_both_futures_and_not_their_mean(kind):
    documents = two_futures()
    model, _ = train_concepts(kind, documents, KEYS, seed=0)
    found = drawn(model, documents, 200)
    assert ((found.abs() - 1).abs() < 0.35).all(1).float().mean() > 0.9  # near 1 or near -1
    assert 0.25 < float((found.mean(1) > 0).float().mean()) < 0.75


def test_repulsion_spreads_a_pair_over_both_futures_and_none_is_the_same_bit_for_bit():
    documents = two_futures()
    model, _ = train_concepts("two_tower", documents, KEYS, seed=0)
    owners, nobody = torch.arange(100).repeat_interleave(2), (torch.empty(0, 4), torch.empty(0, dtype=torch.long))
    push = lambda clean: repulsion(clean, owners, *nobody)  # noqa: E731
    apart = lambda found: float((found.mean(1) > 0).view(100, 2).float().sum(1).eq(1).float().mean())  # noqa: E731
    alone = drawn(model, documents, 200)
    assert torch.equal(alone, drawn(model, documents, 200, push=push, strength=0.0))
    assert apart(drawn(model, documents, 200, push=push, strength=2.0)) > apart(alone) + 0.2
    # What was written earlier drives as well, and stays where it is.
    one = repulsion(torch.ones(1, 4), torch.tensor([0]), torch.zeros(1, 4), torch.tensor([0]))
    assert (one > 0).all() and torch.equal(one, repulsion(torch.ones(1, 4), torch.tensor([0]),
                                                          torch.zeros(2, 4), torch.tensor([0, 1])))  # fmt: skip


@pytest.mark.parametrize("kind", MODELS)
def test_a_sentence_is_foretold_from_those_before_it_alone_and_padding_is_not_seen(kind):
    torch.manual_seed(0)
    model = MODELS[kind](4, 16, 2, places=4, levels=10).eval()
    clean, real = torch.randn(1, 3, 4), torch.tensor([[False, True, True]])
    given = Noised(torch.randn(1, 2, 4), torch.tensor([[3, 7]]), torch.ones(1, 2, dtype=torch.bool))
    at = torch.tensor([2, 3])
    before = model(model.context(clean, real), at, given)
    later, padded = clean.clone(), clean.clone()
    later[:, 2] += 1.0
    padded[:, 0] += 1.0
    after = model(model.context(later, real), at, given)
    assert torch.equal(before[:, 0], after[:, 0]) and not torch.allclose(before[:, 1], after[:, 1])
    assert_close(before, model(model.context(padded, real), at, given))
    if model.diffuses:  # without its context a target is the same whatever stands before it
        alone = given._replace(kept=torch.zeros(1, 2, dtype=torch.bool))
        assert_close(model(model.context(clean, real), at, alone), model(model.context(later, real), at, alone))


def test_every_model_gets_the_same_budget_to_within_a_step():
    documents = two_futures()
    for kind in MODELS:
        _, facts = train_concepts(kind, documents, KEYS, seed=0)
        step = facts["flops_per_document"] * KEYS.batch
        assert facts["flops"] <= 1e15 * KEYS.petaflops < facts["flops"] + step
        assert facts["steps"] == steps_for(1e15 * KEYS.petaflops, facts["flops_per_document"], KEYS.batch)


def test_the_token_model_makes_logits_of_completions_alone_and_its_loss_is_theirs():
    """A pretrained model's vocabulary is large: logits of questions, which teach nothing, are gigabytes."""
    model = tiny_model(ModelConfig(hidden_size=16, layers=1, heads=4, kv_heads=4, intermediate_size=32), 20, 1, 0)
    texts = [([5, 6, 7, 4, 9], [8, 9, 1]), ([5, 6, 4], [3, 1])]
    torch.manual_seed(0)
    drawn = [texts[i] for i in torch.randint(2, (4,)).tolist()]
    with torch.no_grad():
        losses = [
            model(torch.tensor([[*prompt, *completion]]))
            .logits[0, len(prompt) - 1 : -1]
            .log_softmax(-1)[range(len(completion)), completion]
            for prompt, completion in drawn
        ]
    rows = []
    model.get_output_embeddings().register_forward_pre_hook(
        lambda module, given: rows.append(given[0].shape[:-1].numel())
    )
    facts = train_tokens(model, texts, 0, ConceptsConfig(petaflops=1e-15, batch=4), seed=0)
    assert facts["steps"] == 1 and rows == [sum(len(completion) for _, completion in drawn)]
    assert facts["loss"] == pytest.approx(-torch.cat(losses).mean().item(), abs=1e-3)


def test_comparisons_are_paired_and_give_both_sides_the_same_tokens():
    ours = Outcome([[True], [True], [False, False]], [[20], [20], [20, 20]], 4, 4, 4, 0)
    theirs = Outcome([[True], [False, True], [False]], [[20], [20, 20], [20]], 4, 4, 4, 0)
    assert theirs.covered.tolist() == [1, 1, 0] and theirs.first.tolist() == [1, 0, 0]
    found = compared(ours, theirs, 50)
    assert found["equal_n"]["difference"] == 0.0 and found["tokens"] == 20.0
    assert found["equal_tokens"]["difference"] == pytest.approx(1 / 3, abs=1e-4)  # the second is theirs no more


WORDS = ["base.hidden_size=16", "base.layers=1", "base.heads=2", "base.kv_heads=1", "base.intermediate_size=32",
         "problems.test=5", "problems.train=40", "problems.validation=4", "abstraction.max_new_tokens=8",
         "solution.max_new_tokens=8", "sweep.bootstrap=50", "concepts.documents=60", "concepts.vector=8",
         "concepts.codec_width=32", "concepts.codec_steps=60", "concepts.width=16", "concepts.petaflops=1e-7",
         "concepts.sampling_steps=5", "concepts.noise_steps=10", "concepts.abstractions=3",
         "concepts.batch=16"]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run with a random pair."""
    runs = tmp_path_factory.mktemp("runs")
    run = load_config(None, [f"runs_dir={runs}", "name=tiny", *WORDS])
    for role in ("abstraction", "solution"):
        make_policy("base", run.base, run, runs / "tiny" / "export" / role).export()
    save_config(run, runs / "tiny" / "config.yaml")
    return runs / "tiny"


def test_the_command_says_exactness_first_and_compares_all_proposers(folder, capsys):
    main([str(folder)])
    found = json.loads((folder / "concepts.json").read_text())
    arms = {"base-LCM", "one-tower", "two-tower", "two-tower, repelling", "token model", "run's proposer", "shuffled"}
    assert set(found["test"]) == arms
    assert set(found["repelling_minus"]) == {"run's proposer", "two-tower", "token model", "shuffled"}
    shuffled = found["test"]["shuffled"]
    assert shuffled["valid"] == 1.0 and shuffled["distinct"] == 3.0 and shuffled["finished"] == 1.0
    assert found["test"]["base-LCM"]["distinct"] <= 1.0  # one future, however often it is asked
    assert {row["arm"] for row in found["validation"]} == {"one-tower", "two-tower", "two-tower, repelling"}
    out = capsys.readouterr().out
    assert out.index("Encoded and decoded again") < out.index("distinct abstractions") < out.index(verdict(found)[:20])


def test_what_cannot_be_measured_is_refused_in_a_sentence(folder, tmp_path):
    with pytest.raises(ConfigError, match="concepts.width=12 cannot be dealt"):
        main([str(folder), "concepts.width=12"])
    with pytest.raises(ConfigError, match="more than the concepts.noise_steps=10"):
        main([str(folder), "concepts.sampling_steps=11"])
    with pytest.raises(PlainError, match="no abstractions to learn from"):
        gather([Problem("a", "1 + 1", "2", solution="2")], None, 4, seed=0)
    untrained = tmp_path / "untrained"
    untrained.mkdir()
    save_config(load_config(folder / "config.yaml"), untrained / "config.yaml")
    (untrained / "base").symlink_to(folder / "export" / "solution")
    with pytest.raises(PlainError, match="holds no trained pair"):
        main([str(untrained)])


def test_a_set_remembers_what_it_wrote_and_unfinished_texts_are_told_so():
    world = Induction()
    problems = [Problem("p", "3 , 5 > 14 ; 4 , 1 > ?", "", meta={"examples": [(3, 5, 14)], "query": (4, 1)})]
    corpus = gather(problems, world, 20, seed=0)
    codec = codecs.train_codec(corpus.sentences, 8, 32, 20, 16, 0.1, 1e-3, 0)
    normaliser = Normaliser.of(codec.encode(corpus.sentences), "standard")
    documents = Documents.of(corpus, codec, normaliser)
    assert documents.known == 2 and documents.targets == 2 and bool((documents.rows[:, -1] == 0).all())
    keys = ConceptsConfig(width=16, vector=8, noise_steps=10, sampling_steps=5)
    model = MODELS["two_tower"](8, 16, 2, 4, 10).eval()
    run = load_config(None, ["problems.source=induction"])
    from rlad.generation import Sampling
    from rlad.players.policy import load_tokenizer, make_prompts

    prompts = make_prompts(load_tokenizer(run.base, run.problems), run)
    texts = []
    for way in (Way(), Way(repulsion=5.0)):
        sampler = ConceptSampler(prompts, codec, normaliser, model, documents, keys, way)
        ids = prompts.ids("propose", problems[0].question)
        sampler.questions[tuple(ids)] = problems[0].question
        found = sampler.generate([ids, ids], Sampling(seed=1))
        sampler.generate([ids], Sampling(seed=2))
        assert len(sampler.sets[tuple(ids)]) == 3
        assert {one.finish_reason for one in found} <= {"stop", "length"}
        texts.append(torch.stack(sampler.sets[tuple(ids)]))
    assert not torch.equal(*texts)
