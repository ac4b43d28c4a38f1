"""Tiny random models of the architectures that people train, each in a folder with a tokenizer of its family."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import torch
import transformers
from chat_tokenizers import chat_tokenizer

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "intermediate_size": 64,
    "max_position_embeddings": 512,
}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 512}
HALVES = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 16}
PARTIAL = {"partial_rotary_factor": 0.5, "rope_type": "default", "rope_theta": 10000.0}
EYES = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 28,
} | {"patch_size": 14}
MODELS = {  # transformers' class, its tokenizer (one with a "-" is without a token for padding), what it sets
    "qwen3": ("Qwen3", "chatml", SIZES | {"tie_word_embeddings": True}),
    "qwen3-thinks": ("Qwen3", "thinker", SIZES),
    "qwen3-moe": ("Qwen3Moe", "chatml", SIZES | EXPERTS | {"output_router_logits": True}),
    "llama3": ("Llama", "-llama", SIZES),
    "r1-llama": ("Llama", "r1", SIZES),
    "gemma3": ("Gemma3Text", "gemma", SIZES | HALVES | {"final_logit_softcapping": 30.0, "query_pre_attn_scalar": 16}),
    "gemma3-sees": (
        "Gemma3",
        "gemma",
        {"text_config": SIZES | HALVES, "vision_config": EYES, "mm_tokens_per_image": 4},
    ),
    "phi3": ("Phi3", "-mistral", SIZES | {"sliding_window": 16}),
    "phi4-mini": ("Phi3", "-chatml", SIZES | {"rope_parameters": PARTIAL, "tie_word_embeddings": True}),
    "smollm3": ("SmolLM3", "chatml", SIZES | {"no_rope_layers": [1, 0]}),
    "mistral": ("Mistral", "-mistral", SIZES | {"sliding_window": 16}),
    "mistral-bare": ("Mistral", "appends", SIZES),
    "llama-unigram": ("Llama", "-unigram", SIZES),
    "gpt2": ("GPT2", "-appends", GPT2),
}
"""Name -> what it is made of."""
HEADS = {"GPT2": "GPT2LMHeadModel", "Gemma3": "Gemma3ForConditionalGeneration", "Gemma3Text": "Gemma3ForCausalLM"}


def save_tiny(folder: Path, name: str) -> Path:
    """Writes one of `MODELS`, always the same numbers."""
    kind, words, settings = MODELS[name]
    tokenizer = copy.deepcopy(chat_tokenizer(words.removeprefix("-")))
    if words.startswith("-"):
        tokenizer.pad_token = None
    tokenizer.save_pretrained(folder)
    ends = {"eos_token_id": tokenizer.eos_token_id, "bos_token_id": tokenizer.bos_token_id, "pad_token_id": None}
    sized = {"vocab_size": len(tokenizer)}
    if "text_config" in settings:
        settings, sized = settings | {"text_config": settings["text_config"] | sized | ends}, {}
    config = getattr(transformers, f"{kind}Config")(**sized, **settings, **ends)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        getattr(transformers, HEADS.get(kind, f"{kind}ForCausalLM"))(config).save_pretrained(folder)
    return folder


def save_sums(file: Path, count: int = 24) -> Path:
    """Problems with short texts."""
    rows = [{"problem": f"What is {i} + {i % 5}?", "answer": str(i + i % 5)} for i in range(count)]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return file
