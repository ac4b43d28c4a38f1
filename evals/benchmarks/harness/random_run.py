"""What a run of a random model needs beside it, for measurements to which it doesn't matter what anybody says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

END = "<|end|>"


def write_tokenizer(folder: Path, words: Sequence[str] = ()) -> None:
    """A tokenizer with a token for every byte, so that questions are as long as asked for, and a chat template.

    The end of a text is token 256, and `words` are the tokens after it.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE({letter: number for number, letter in enumerate(alphabet)}, []))
    core.pre_tokenizer, core.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    core.add_special_tokens([END])
    core.add_tokens(list(words))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token=END, pad_token=END)
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    tokenizer.save_pretrained(folder)


def write_questions(path: Path, count: int, tokens: int) -> None:
    """Questions of so many tokens of that tokenizer."""
    rows = ({"problem": f"{number:03d}{'x' * (tokens - 3)}", "answer": "7"} for number in range(count))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
