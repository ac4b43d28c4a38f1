"""The demos' configurations are possible, and small where they promise it."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from rlad.config import ConfigError, load_config
from rlad.players.roles import role_of
from rlad.players.roles.abstraction import DEMONSTRATED
from rlad.problems import load_problems, world_of
from rlad.problems.base import words
from rlad.verifier import extract_answer

WORDS = {"all weights": ["lora.rank=0", "abstraction.lr=1e-5", "solution.lr=5e-6"], "adapters": []}


@pytest.mark.parametrize("way", WORDS)
def test_the_second_demo_is_possible_with_adapters_and_with_all_weights(way):
    run = load_config("configs/smollm2.yaml", ["base.path=SmolLM2/not-here", *WORDS[way]])
    assert run.wording == "short" and run.base.dtype == "float32" and bool(run.lora.rank) == (way == "adapters")
    assert len(load_problems(run.problems, "test")) >= run.sweep.problems


def test_a_model_that_was_not_brought_yet_is_named_with_the_command_that_brings_it(tmp_path, monkeypatch):
    config = (Path("configs") / "smollm2.yaml").resolve()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no model in 'models/smollm2' .*launch.sh model smollm2 brings it"):
        load_config(config)


def test_the_demo_on_countdown_is_the_demo_with_texts_that_fit():
    run, demo = load_config("configs/countdown.yaml"), load_config("configs/demo.yaml")
    assert run.problems.source == "countdown" and run.cotrain.abstractions == demo.cotrain.abstractions
    problems, own = load_problems(run.problems, "train"), world_of(run.problems)
    rng = random.Random(0)
    for problem in problems[:200]:
        hint = own.propose(problem, rng)
        assert len(words(hint)) < run.abstraction.max_new_tokens  # the end of the text is a token too
        assert len(words(own.solve(problem, hint, rng))) < run.solution.max_new_tokens


def test_the_selectors_demo_is_the_demo_with_texts_that_fit_and_room_for_the_votes():
    run, demo = load_config("configs/selector.yaml"), load_config("configs/demo.yaml")
    assert list(run.players) == ["abstraction", "solution", "selector"] and run.solution == demo.solution
    own, rng, role = world_of(run.problems), random.Random(0), role_of("selector")
    for problem in load_problems(run.problems, "train")[:100]:
        shown = role.demonstrate("compare", problem, own, lambda p, text: extract_answer(text) == p.answer, rng)
        assert shown is None or len(words(shown.world)) < run.selector.max_new_tokens
    assert max(n for n, _ in run.sweep.grid) > run.cotrain.abstractions  # a vote may spend the selector's tokens


def test_lists_on_countdown_are_countdown_with_room_for_a_list_of_the_widest_cell():
    run, alone = load_config("configs/lists.yaml"), load_config("configs/countdown.yaml")
    assert run.problems == alone.problems and run.sweep == replace(alone.sweep, joint=True)
    shown = run.warmstart.mixture
    assert shown.propose == shown.propose_set and sum(shown.shares().values()) == pytest.approx(1)
    own, role, rng = world_of(run.problems), role_of("abstraction"), random.Random(0)
    widest = max(n for n, _ in run.sweep.grid)
    assert widest == run.cotrain.abstractions == DEMONSTRATED
    for problem in load_problems(run.problems, "train")[:100]:
        texts = role.demonstrate("propose_set", problem, own, None, rng).world
        assert len(words(texts)) < widest * run.abstraction.max_new_tokens
