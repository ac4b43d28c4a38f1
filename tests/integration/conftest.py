"""What the tests on two ranks share: the ranks, and a tiny model with a chat template."""

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast
from two_ranks import ROOT, Ranks

from rlad.config import ModelConfig
from rlad.players.policy import tiny_model


@pytest.fixture(scope="session")
def ranks(tmp_path_factory):
    """Two ranks for all programs that need none to themselves."""
    shared = Ranks(tmp_path_factory.mktemp("ranks"))
    yield shared
    shared.end()


@pytest.fixture(scope="session")
def tiny_chat_model(tmp_path_factory):
    """A Hugging Face folder: random Qwen3 weights, a byte-level BPE tokenizer, a chat template."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["<|end|>", "<|user|>", "<|assistant|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    core.train_from_iterator((ROOT / "tests" / "data" / "gsm8k_rows.jsonl").read_text().splitlines(), trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<|end|>", pad_token="<|end|>")
    tokenizer.chat_template = (
        "{% for m in messages %}<|user|>{{ m['content'] }}<|end|>{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )
    tokenizer.save_pretrained(folder)
    tiny = ModelConfig(hidden_size=32, layers=2, heads=2, kv_heads=1, intermediate_size=64, max_positions=2048)
    tiny_model(tiny, len(tokenizer), 0, 0).save_pretrained(folder)
    return folder
