"""The registry: one declaration per name, keys with defaults, players by role, and who is told what."""

from dataclasses import dataclass

import pytest

from rlad.config import ConfigError, load_config, save_config
from rlad.config.registry import REGISTRIES, Range, advantage, key, loss, rule


@pytest.mark.parametrize("kind", REGISTRIES)
def test_every_declared_name_is_found_in_its_file_and_says_what_it_is(kind):
    for method in REGISTRIES[kind]:
        assert method.call.__module__.startswith(REGISTRIES[kind].home)
        assert method.summary.endswith("."), method.name


def test_a_name_is_declared_once_and_keys_have_defaults():
    with pytest.raises(ValueError, match="Two losses are called 'gspo'"):
        loss("gspo")(loss["kl_cov"].call)

    @dataclass
    class Keys:
        bound: float

    with pytest.raises(ValueError, match="The key 'bound' of the loss 'mine' has no default"):
        loss("mine", keys=Keys)(test_a_name_is_declared_once_and_keys_have_defaults)


def test_what_is_declared_outside_has_no_short_name():
    @rule("loudest")
    def loudest(candidates):
        """Nobody's."""

    assert "loudest" not in rule
    with pytest.raises(ConfigError, match="'loudest' is unknown"):
        rule["loudest"]


def test_ranges_with_and_without_their_ends():
    for allowed, inside, outside in (
        (Range(0, 1), (0, 1), (-1e-9, 1 + 1e-9)),
        (Range(0, 1, above=True, below=True), (0.5,), (0, 1)),
        (Range(), (-1e300,), (float("nan"), float("inf"))),
    ):
        assert all(value in allowed for value in inside) and not any(value in allowed for value in outside)
    assert key(1, least=0).metadata["range"] == Range(0)


def test_a_method_gets_its_own_keys_those_of_its_section_or_the_defaults():
    run = load_config(
        None, ["solution.advantage=reinforce_pp", "solution.reinforce_pp.kl=0.5", "cotrain.drop_constant_groups=false"]
    )
    assert run.solution.of("reinforce_pp").kl == 0.5
    assert run.abstraction.of("reinforce_pp").kl == 0.01
    assert run.solution.of("dr_grpo") is not run.solution.of("ppo_clip")
    assert advantage["mean"].bound()([1, 0]) == [0.5, -0.5]
    with pytest.raises(ConfigError, match="unknown"):
        run.solution.of("nobody")


def test_chosen_keys_are_saved_and_read_back(tmp_path):
    run = load_config(None, ["solution.loss=gspo", "abstraction.gppo.clip_high=0.5", "problems.countdown.numbers=5"])
    save_config(run, tmp_path / "config.yaml")
    text = (tmp_path / "config.yaml").read_text()
    assert "gspo:" in text and "gppo:" in text and "numbers: 5" in text
    assert load_config(tmp_path / "config.yaml") == run


def test_players_by_role():
    run = load_config(None, ["solution.lr=1e-3"])
    assert list(run.players) == run.roles == ["abstraction", "solution"]
    assert run.solution is run.players["solution"] and run.solution.lr == 1e-3
    assert (run.abstraction.max_new_tokens, run.solution.max_new_tokens) == (16, 48)
    with pytest.raises(AttributeError, match="nor a player called 'selector'"):
        _ = run.selector
    for word, why in (
        ("roles=[abstraction]", "leaves 'solution' out"),
        ("roles=[abstraction,solution,slover]", "names 'slover'"),
    ):
        with pytest.raises(ConfigError, match=why):
            load_config(None, [word])
