"""What a model's description says against it is found before anything is loaded."""

import json

import pytest

from rlad.config import ConfigError, load_config
from rlad.config.rules.models import WITHOUT_CACHE, dropouts

GPT2 = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_positions": 1024, "attn_pdrop": 0.1}


def model(folder, **described):
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(described))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_text("")
    return f"base.path={folder}"


@pytest.mark.parametrize(
    "described, words",
    [
        ({"is_encoder_decoder": True, "model_type": "t5"}, "is an encoder-decoder (t5)"),
        ({"architectures": ["BertForMaskedLM"], "model_type": "bert"}, "is no causal language model"),
        ({"architectures": ["Qwen3Model"], "model_type": "qwen3"}, "its architecture is Qwen3Model"),
        ({"architectures": ["MambaForCausalLM"], "model_type": "mamba"}, "is a mamba, which keeps no keys and values"),
        (GPT2 | {"n_positions": 64}, "has 64 positions, no room for a question"),
        ({"text_config": {"max_position_embeddings": 60}, "model_type": "gemma3"}, "has 60 positions"),
    ],
)
def test_models_that_cannot_play_are_refused_in_a_sentence(tmp_path, described, words):
    with pytest.raises(ConfigError) as caught:
        load_config(None, [model(tmp_path / "m", **described)])
    message = str(caught.value)
    assert words in message and f"'{tmp_path / 'm'}' (base.path)" in message and "\n" not in message


def test_a_players_own_model_is_named_by_its_key(tmp_path):
    path = model(tmp_path / "m", is_encoder_decoder=True, model_type="t5").partition("=")[2]
    with pytest.raises(ConfigError, match=r"\(solution.model.path\) is an encoder-decoder"):
        load_config(None, [f"solution.model.path={path}"])


def test_models_that_can_play_pass(tmp_path):
    load_config(None, [model(tmp_path / "a", **GPT2)])
    load_config(None, [model(tmp_path / "b", auto_map={"AutoModelForCausalLM": "m.M"}, architectures=["ChatGLMModel"])])


def test_a_description_that_cannot_be_read_is_named(tmp_path):
    word = model(tmp_path / "m")
    (tmp_path / "m" / "config.json").write_text("{")
    with pytest.raises(ConfigError, match=r"config.json' is not JSON"):
        load_config(None, [word])
    (tmp_path / "m" / "config.json").write_text("[]")
    with pytest.raises(ConfigError, match="holds no JSON object"):
        load_config(None, [word])


def test_the_list_of_models_without_a_cache_is_true_of_transformers():
    """All of its causal LMs were looked at; that takes a minute, so here are the listed ones and a few others."""
    import inspect

    import transformers
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as NAMES

    for kind in (*WITHOUT_CACHE, "gpt2", "llama", "qwen3", "gemma3_text", "mistral", "opt"):
        parameters = inspect.signature(getattr(transformers, NAMES[kind]).forward).parameters
        assert ("past_key_values" in parameters) is (kind not in WITHOUT_CACHE), kind


def test_dropout_is_found_wherever_a_description_has_it():
    assert dropouts(GPT2) == {"attn_pdrop": 0.1}
    assert dropouts({"layerdrop": 0.5, "drop_path": True, "id2label": {0: "a"}}) == {"layerdrop": 0.5}
