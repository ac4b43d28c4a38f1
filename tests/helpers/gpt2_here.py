"""A tiny GPT-2 of a world in a folder: a model with dropout in its attention, its embeddings and its blocks."""

from pathlib import Path

from chat_tokenizers import chat_tokenizer
from transformers import GPT2Config, GPT2LMHeadModel

from rlad.config import ModelConfig, ProblemsConfig
from rlad.players.policy import load_tokenizer


def save_gpt2(folder: Path, positions: int = 128) -> Path:
    tokenizer = load_tokenizer(ModelConfig(max_positions=positions), ProblemsConfig())
    GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(tokenizer),
            n_positions=positions,
            n_embd=32,
            n_layer=2,
            n_head=2,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=None,
        )
    ).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def describe_gpt2(folder: Path, positions: int) -> Path:
    """A folder with a chat model's tokenizer and description, and weights that nobody may load."""
    chat_tokenizer("chatml").save_pretrained(folder)
    GPT2Config(n_positions=positions, architectures=["GPT2LMHeadModel"]).save_pretrained(folder)
    (folder / "model.safetensors").write_text("")
    return folder
