"""Players with shared weights: what they must agree on, and what one model takes in place of two."""

import pytest

from rlad.config import ConfigError, load_config
from trainers.launching import memory

SHARED = "cotrain.shared_weights=true"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["solution.lr=1e-5"], r"abstraction\.lr=0\.0001 and solution\.lr=1e-05; give them the same"),
        (["solution.beta2=0.99"], "one model and one optimiser"),
        (["solution.model.path=here"], r"abstraction\.model=None"),
        (["cotrain.abstractions=0"], r"for several players, but cotrain\.abstractions=0"),
        (["cotrain.schedule.kind=alternating"], "use simultaneous"),
        (["warmstart.role_steps=5"], r"warmstart\.role_steps=0"),
        (["abstraction.shaping=autopilot"], "steers a learning rate"),
        (["cotrain.shared_norm=joint", "solution.aggregation=sequence-mean"], r"\(sequence-mean, token-mean\)"),
        (["cotrain.shared_norm=joint", "solution.loss=dr_grpo", "abstraction.loss=dr_grpo"], r"\(constant\)"),
        (
            ["cotrain.shared_norm=joint", "solution.forking.share=0.2", "solution.forking.denominator=kept"],
            "counts its own tokens",
        ),
        (
            ["cotrain.shared_weights=false", "cotrain.shared_norm=joint", "cotrain.abstractions=0"],
            r"shared_norm=joint is for several players, but cotrain\.abstractions=0",
        ),
        (
            ["cotrain.shared_weights=false", "cotrain.shared_norm=joint", "solution.aggregation=sequence-mean"],
            r"\(sequence-mean, token-mean\)",
        ),
    ],
)
def test_what_one_model_cannot_be_is_refused(words, sentence, monkeypatch):
    monkeypatch.setattr("rlad.config.rules.checks.check_model", lambda *_: None)
    with pytest.raises(ConfigError, match=sentence):
        load_config(None, [SHARED, *words])


def test_what_is_a_roles_own_may_differ():
    run = load_config(
        None,
        [
            SHARED,
            "abstraction.lr=1e-5",
            "solution.lr=1e-5",
            "solution.temperature=0.6",
            "solution.loss=gspo",
            "solution.kl_coef=0",
        ],
    )
    assert run.solution.lr == run.abstraction.lr == 1e-5


def test_two_models_may_share_a_count():
    run = load_config(None, ["cotrain.shared_norm=joint", "solution.lr=1e-5"])
    assert not run.cotrain.shared_weights and run.cotrain.shared_norm == "joint"


def test_one_model_takes_half_of_two():
    two, one = (memory.memory(load_config(None, words), 2) for words in ([], [SHARED]))
    for part in (memory.TRAINING, "sampling copies", "frozen references", "gradients' buckets"):
        assert two[part] == 2 * one[part] > 0
    fixed = two.get("compiled matrix products", 0.0)  # a process's own, where its processor has them
    assert memory.staying(two) - fixed == 2 * (memory.staying(one) - fixed)
