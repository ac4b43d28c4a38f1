"""What a model, its tokenizer or its chat template cannot do is said in a sentence before any weights are read."""

import copy
import json

import pytest
from chat_tokenizers import CHATML, chat_tokenizer
from tiny_models import save_sums, save_tiny
from transformers import PreTrainedModel

from rlad.config import ConfigError
from rlad.players.plain import control_tokens
from rlad.players.prompts import Prompts
from trainers.launching.command import main


@pytest.fixture
def dry_run(tmp_path, monkeypatch):
    """A dry run of a tiny model by name, with another tokenizer or description; weights may not be read."""

    def loaded(*_, **__):
        raise AssertionError("weights were read")

    monkeypatch.setattr(PreTrainedModel, "from_pretrained", loaded)

    def run(name, change=None, *words, **described):
        folder = save_tiny(tmp_path / "m", name)
        told = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(told | described))
        if change is not None:
            tokenizer = copy.deepcopy(chat_tokenizer("llama"))
            change(tokenizer)
            (folder / "chat_template.jinja").unlink()
            tokenizer.save_pretrained(folder)
        (tmp_path / "empty.yaml").write_text("{}\n")
        data = ["problems.source=jsonl", f"problems.path={save_sums(tmp_path / 'sums.jsonl', 600)}"]
        data += ["problems.train=0", "problems.validation=4", "problems.test=4"]
        answers = ["abstraction.max_new_tokens=8", "solution.max_new_tokens=12"]
        return main(
            ["train", str(tmp_path / "empty.yaml"), f"base.path={folder}", *data, *answers, *words, "--dry-run"]
        )

    return run


def without_end(tokenizer):
    tokenizer.eos_token = None


def longer(tokenizer):
    tokenizer.add_tokens([f"<|new {i}|>" for i in range(9)])


def template(text):
    return lambda tokenizer: setattr(tokenizer, "chat_template", text)


@pytest.mark.parametrize(
    "change, said",
    [
        (without_end, "has no end-of-sequence token"),
        (longer, "tokens were added without resize_token_embeddings"),
        (
            template("{{ raise_exception('Name a system!') }}"),
            "user's message: Name a system.",
        ),
        (template("{% for m in messages %}{{ m.content }"), "makes no prompt of a user's message: unexpected '}'."),
        (template("{{ messages[0].content }}{{ given.more }}"), "message: 'given' is undefined."),
        (template("{{ messages[0].content[0].text }}"), "leaves out the text of the user's message"),
        (template({"rag": CHATML, "tool_use": CHATML}), "multiple chat templates with no default specified"),
    ],
)
def test_tokenizers_that_cannot_be_used_are_refused_before_weights_are_read(dry_run, change, said):
    with pytest.raises(ConfigError) as caught:
        dry_run("llama3", change)
    message = str(caught.value)
    assert said in message and message.endswith(".") and "\n" not in message


@pytest.mark.parametrize(
    "name, said",
    [
        ("phi3", "the nearest is 'qkv_proj' (it has down_proj, gate_up_proj, o_proj, qkv_proj)"),
        ("qwen3-moe", "lora.targets names 'gate_proj'"),
        ("gpt2", "GPT2LMHeadModel has none outside its output head"),
    ],
)
def test_adapters_on_layers_that_a_model_lacks_are_refused_before_weights_are_read(dry_run, name, said):
    with pytest.raises(ConfigError) as caught:
        dry_run(name, None, "lora.rank=2")
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_an_architecture_that_transformers_does_not_have_is_refused(dry_run):
    with pytest.raises(ConfigError, match="cannot read .* `llama9`") as caught:
        dry_run("llama3", model_type="llama9")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["llama3", "gemma3", "qwen3-thinks"])
def test_what_can_be_trained_passes(dry_run, name):
    assert dry_run(name, None, "lora.rank=2") == 0


def test_of_several_templates_all_tokens_are_control_tokens():
    one, several = chat_tokenizer("chatml"), copy.deepcopy(chat_tokenizer("chatml"))
    several.add_tokens(["[CALL]"])
    several.chat_template = {"default": CHATML, "tool_use": f"{CHATML}[CALL]"}
    assert set(control_tokens(several)) == {*control_tokens(one), "[CALL]"}
    assert Prompts(several).ids("plain", "q") == Prompts(one).ids("plain", "q")
