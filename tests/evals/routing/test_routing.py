"""Hybrid routing: ends that are the single players, one guardrail for all gates, recovery that may be undefined."""

import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, Qwen3Config

from evals.routing import gate as gates
from evals.routing.__main__ import main
from evals.routing.hybrid import NO_MARKS, Routed, Rule, together
from evals.routing.players import require_one_vocabulary
from evals.routing.recovery import recovered, share_of_gain
from rlad.cli import PlainError
from rlad.config import load_config, save_config
from rlad.generation import Sampling
from rlad.generation.decoding.base import DecodingMethod, Writer
from rlad.generation.transformers import TransformersSampler
from rlad.players.policy import make_policy

NEVER, ALWAYS = float("inf"), float("-inf")
PROMPTS = [[9, 10, 11], [12, 13], [14, 15, 16, 17], [12, 13]]


def player(seed):
    torch.manual_seed(seed)
    config = Qwen3Config(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1, head_dim=8, vocab_size=24,
        intermediate_size=24, bos_token_id=None, eos_token_id=1, pad_token_id=0, tie_word_embeddings=False,
        initializer_range=0.6,
    )  # fmt: skip
    return TransformersSampler(AutoModelForCausalLM.from_config(config), [1], 0)


@pytest.fixture(scope="module")
def pair():
    return player(0), player(1)


def texts(sampler, method, temperature, *rule):
    writer = Writer(sampler, NO_MARKS, seed=5)
    rows = writer.write(PROMPTS, method(writer, Sampling(temperature, 8), *rule), 8)
    return [row.ids for row in rows], [note for row in rows for note in row.notes]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_gate_that_never_asks_is_the_base_and_one_that_always_asks_the_trained_player(pair, temperature):
    both = together(*pair)
    alone = [texts(sampler, DecodingMethod, temperature)[0] for sampler in pair]
    assert alone[0] != alone[1]
    for own, above in zip(alone, (NEVER, ALWAYS), strict=True):
        found, notes = texts(both, Routed, temperature, Rule(above=above))
        assert found == own
        assert all(asked is (above == ALWAYS) for asked, _, _ in notes)
    greedy = texts(both, Routed, 0.0, Rule(above=ALWAYS, guardrail=True))[0]
    assert greedy == texts(pair[1], DecodingMethod, 0.0)[0]  # of two candidates the likelier is its own


def test_players_that_are_one_dispute_nothing(pair):
    found, notes = texts(together(pair[0], pair[0]), Routed, 1.0, Rule(above=ALWAYS, guardrail=True))
    assert found == texts(pair[0], DecodingMethod, 1.0)[0]
    assert not any(taken or disputed for _, taken, disputed in notes)


def test_the_guardrail_takes_what_the_trained_player_finds_likelier_whoever_drew_it(pair):
    writer = Writer(together(*pair), NO_MARKS, seed=5)
    base, trained = torch.tensor([[9.0, 0.0, 0.0], [9.0, 0.0, 0.0]]), torch.tensor([[1.0, 5.0, 0.0], [9.0, 5.0, 0.0]])
    logits = torch.cat([base, trained, torch.zeros(2, 16)], -1)
    rows = texts_of(2)
    assert Routed(writer, Sampling(0.0, 8), Rule(above=ALWAYS, guardrail=True)).choose(logits, rows) == [1, 0]
    assert [row.notes for row in rows] == [[(True, True, True)], [(True, False, False)]]
    swapped = torch.cat([trained, base, torch.zeros(2, 16)], -1)  # asked, but the base's token is unlikely: its own
    assert Routed(writer, Sampling(0.0, 8), Rule(above=ALWAYS, guardrail=True)).choose(swapped, texts_of(2)) == [0, 0]
    assert Routed(writer, Sampling(0.0, 8), Rule(above=NEVER, guardrail=True)).choose(logits, texts_of(2)) == [0, 0]
    # Drawn by chance, the trained player's unlikely token does not replace a likely one; without the guardrail it does.
    likely, odd = torch.tensor([[2.0, 0.0]]), torch.tensor([[2.0, 1.9]])
    for seed in range(40):
        drawn = []
        for guardrail in (False, True):
            own = Writer(together(*pair), NO_MARKS, seed=seed)
            rule = Rule(above=ALWAYS, guardrail=guardrail)
            drawn += Routed(own, Sampling(1.0, 8), rule).choose(
                torch.cat([likely, odd, torch.zeros(1, 16)], -1), texts_of(1)
            )
        if drawn == [1, 0]:
            return
    pytest.fail("no draw on which the guardrail mattered")


def texts_of(count):
    from rlad.generation.decoding.base import GrowingSequence

    return [GrowingSequence(i) for i in range(count)]


def test_a_gate_finds_what_decides_and_controls_know_less():
    generator = torch.Generator().manual_seed(0)
    states, at = torch.randn(2000, 12, generator=generator), torch.randint(0, 4, (2000,), generator=generator)
    disputed = (states[:, 3] + 0.5 * (at == 2) > 0.5).float()
    learned = gates.fit_gate(states, at, disputed, ridge=1.0)
    assert learned.weight.abs().argmax() == 3 and len(learned.positions) == 4
    assert learned.positions.argmax() == 2
    arms = {"learned": learned, "bias only": gates.position_gate(at, disputed, learned),
            "random vector": gates.random_vector(learned, 0), "random gate": gates.random_gate(learned)}  # fmt: skip
    hit = {}
    for name, one in arms.items():
        scores = one.scores(states, at, generator)
        asked = scores > gates.threshold(scores, 0.25)
        assert abs(float(asked.float().mean()) - 0.25) < 0.01, name  # ties are broken
        hit[name] = float(disputed[asked].mean())
    assert hit["learned"] > 0.95 and all(hit["learned"] > hit[name] + 0.3 for name in arms if name != "learned")
    assert torch.isclose(arms["random vector"].weight.norm(), learned.weight.norm())
    assert torch.equal(
        learned.scores(states[:1], torch.tensor([99]), generator),
        learned.scores(states[:1], torch.tensor([3]), generator),
    )


def test_recovery_is_undefined_where_the_ends_are_equal_and_without_interval_where_they_may_be():
    assert recovered(90.8, 93.0, 94.2) == pytest.approx(0.647, abs=1e-3)
    same = np.tile([0.0, 1.0], 50)
    assert share_of_gain(1 - same, same, same, same, 100) == {"share": None, "ci95": None}
    barely = same.copy()
    barely[0] = 1.0
    assert share_of_gain(same, same, same, barely, 100) == {"share": 0.0, "ci95": None}


WORDS = ["base.hidden_size=16", "base.layers=1", "base.heads=2", "base.kv_heads=1", "base.intermediate_size=32",
         "problems.test=5", "problems.train=20", "problems.validation=0", "abstraction.max_new_tokens=5",
         "solution.max_new_tokens=8", "routing.gate_problems=15", "routing.samples=2", "routing.shares=[0.5]",
         "sweep.bootstrap=50"]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run with a random base and another random pair beside it."""
    runs = tmp_path_factory.mktemp("runs")
    run = load_config(None, [f"runs_dir={runs}", "name=tiny", *WORDS])
    for seed, place in enumerate(("base", "export/abstraction", "export/solution")):
        run.seed = seed
        policy = make_policy("base", run.base, run, runs / "tiny" / place)
        with torch.no_grad():
            policy.model.get_output_embeddings().weight[policy.tokenizer.eos_token_id] += 1.0
        policy.export()
    run.seed = 0
    save_config(run, runs / "tiny" / "config.yaml")
    return runs / "tiny"


@pytest.mark.parametrize("role", ["abstraction", "solution"])
def test_the_command_measures_the_curve_with_all_controls_under_both_rules(folder, role, capsys):
    main([str(folder), f"routing.role={role}"])
    found = json.loads((folder / "routing.json").read_text())
    assert found["ends"]["base"]["asked"] == 0 and found["ends"]["trained"]["asked"] == 1
    arms = {(row["guardrail"], row["gate"]) for row in found["curve"]}
    assert arms == {
        (g, name) for g in (True, False) for name in ("learned", "random vector", "bias only", "random gate")
    }
    assert all(row["taken"] <= row["asked"] for row in found["curve"])
    assert set(found["gate"]["auroc"]) == {"learned", "random vector", "bias only", "random gate"}
    out = capsys.readouterr().out
    assert "under the guardrail" in out and "without the guardrail" in out
    if found["ends"]["base"]["accuracy"] == found["ends"]["trained"]["accuracy"]:
        assert "is undefined" in out


def test_a_run_without_both_players_and_two_vocabularies_are_refused(folder, tmp_path):
    (tmp_path / "bare").mkdir()
    save_config(load_config(folder / "config.yaml"), tmp_path / "bare" / "config.yaml")
    (tmp_path / "bare" / "base").symlink_to(folder / "base")
    with pytest.raises(PlainError, match="does not hold both"):
        main([str(tmp_path / "bare")])
    with pytest.raises(PlainError, match="different tokenizers"):
        require_one_vocabulary({"a": 0, "b": 1}, {"a": 1, "b": 0})
