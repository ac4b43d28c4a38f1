"""Values do not change on the way in: text stays text, and a number is the number that was written or is refused."""

import pytest
import yaml

from rlad.config import ConfigError, load_config, read_section, save_config
from rlad.config.renamed import RENAMED

TEXTS = ["1.10", "007", "12:30", "1e5", "on", "no", "0x10", "1_000", "2026-11-29", "a #b", "null", "~", "x: y"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_key_keeps_its_text_from_the_command_line_from_a_file_and_when_saved(tmp_path, text):
    given = load_config(None, [f"serving.vllm_arguments={text}"])
    assert given.serving.vllm_arguments == text
    save_config(given, tmp_path / "saved.yaml")
    assert load_config(tmp_path / "saved.yaml") == given
    written = yaml.safe_dump({"x": text}).removeprefix("x: ").strip() if set("#:~") & set(text) else text
    (tmp_path / "run.yaml").write_text(f"serving: {{vllm_arguments: {written}}}\n")
    assert load_config(tmp_path / "run.yaml").serving.vllm_arguments == text


def test_nothing_where_there_may_be_nothing_and_quotes_make_text():
    assert load_config(None, ["abstraction.ppo_clip.dual_clip=null"]).abstraction.of("ppo_clip").dual_clip is None
    assert load_config(None, ["instruments.embedder=~"]).instruments.embedder is None
    assert load_config(None, ["name='1.10'"]).name == "1.10"
    assert load_config(None, ["solution.model=null"]).solution.model is None


REFUSED = {
    "cotrain.steps=010": "octal",
    "cotrain.steps=12:30": "base 60",
    "cotrain.steps=0x10": "not a whole number",
    "cotrain.steps=1e2": "not a whole number",
    "cotrain.steps=true": "not a whole number",
    "solution.lr=00.1": "octal",
    "solution.lr=1:30.5": "base 60",
    "engine.eager=2": "not true or false",
    "engine.eager=1": "not true or false",
    "cotrain.adherence=maybe": "not true or false",
}


@pytest.mark.parametrize(("word", "why"), REFUSED.items())
def test_what_is_not_of_the_keys_type_is_refused_from_both_places(tmp_path, word, why):
    key, _, value = word.partition("=")
    section, name = key.split(".")
    (tmp_path / "run.yaml").write_text(f"{section}: {{{name}: {value}}}\n")
    for path, words in ((None, [word]), (tmp_path / "run.yaml", [])):
        with pytest.raises(ConfigError, match=f"Wrong type for '{key}'.*{why}"):
            load_config(path, words)


def test_whether_a_player_thinks_is_a_word_of_three_and_a_chat_templates_to_hear(tmp_path):
    (tmp_path / "run.yaml").write_text("base: {path: some/model}\nsolution: {thinking: false}\n")
    assert load_config(tmp_path / "run.yaml").solution.thinking == "false"
    with pytest.raises(ConfigError, match="nearest is 'false'"):
        load_config(None, ["solution.thinking=fales"])
    with pytest.raises(ConfigError, match="abstraction.thinking=true.*made from scratch has none"):
        load_config(None, ["abstraction.thinking=true"])


@pytest.mark.parametrize(
    ("word", "value"), [("1_000", 1000.0), ("1e-4", 1e-4), (".5", 0.5), ("5", 5.0), ("1E2", 100.0), ("+2.", 2.0)]
)
def test_numbers_as_they_are_written(word, value):
    assert load_config(None, [f"verifier.time_limit={word}"]).verifier.time_limit == value


@pytest.mark.parametrize(("word", "value"), [("true", True), ("No", False), ("on", True), ("FALSE", False)])
def test_switches(word, value):
    assert load_config(None, [f"engine.eager={word}"]).engine.eager is value


def test_sections_and_lists_of_the_command_line_and_a_key_twice(tmp_path):
    run = load_config(
        None, ["cotrain.bare={share: 0.25, solutions: 4}", "cotrain.bare.solutions=6", "sweep.grid=[[2, 1]]"]
    )
    assert (run.cotrain.bare.share, run.cotrain.bare.solutions, run.sweep.grid) == (0.25, 6, [[2, 1]])
    (tmp_path / "run.yaml").write_text("seed: 1\nseed: 2\n")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_config(tmp_path / "run.yaml")


@pytest.mark.parametrize("old", RENAMED)
def test_an_old_key_answers_with_the_new_one(old):
    name, new = old.replace("ROLE", "solution"), RENAMED[old].replace("ROLE", "solution")
    for word in (f"{name}=1", f"{name}.x=1"):
        if word.count(".") == 2 and old.startswith("ROLE"):
            continue  # a plain key has none below it
        with pytest.raises(ConfigError) as caught:
            load_config(None, [word])
        assert f"'{name}' is now called {new}." in str(caught.value)


def test_a_required_key_is_asked_for():
    from evals.compare.config import CompareConfig

    with pytest.raises(ConfigError, match="'base' must be given"):
        read_section(CompareConfig, {"name": "x", "focus": "a", "max_tokens": "5"})


SOME = ["stages", "sweep.grid", "sweep.select", "sweep.plain_temperatures", "routing.shares", "distill.kinds"]
SOME += ["features.strengths", "concepts.guidance", "concepts.repulsion"]


@pytest.mark.parametrize("key", SOME)
def test_lists_without_which_nothing_is_done_are_not_empty(key):
    with pytest.raises(ConfigError, match=f"^{key} is empty; it must hold at least one.$"):
        load_config(None, [f"{key}=[]"])
