r"""Tokenizers: a WordLevel one for the worlds, a model's own for everything else.

In a world one integer, one word and one LaTeX command is one token, so that a model of a million parameters spends its
capacity on the mathematics. White space separates tokens and is not kept; decoding joins tokens with one space.
"""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from rlad.problems.base import WORD

TASKS = ("plain", "propose", "guided", "one_pass")
PAD, EOS, UNKNOWN, SEPARATOR = "<pad>", "<eos>", "<unk>", "<sep>"
RIGHT, WRONG = "<right>", "<wrong>"
CRITIQUE_TOKENS = ("<critique>", "<refine>", RIGHT, WRONG)
"""In a world's vocabulary only when critiques are written or learnt from."""
SET_TOKEN = "<propose_set>"
"""In a world's vocabulary only when lists of abstractions are written or learnt from."""
SPECIALS = [PAD, EOS, UNKNOWN, SEPARATOR, *(f"<{task}>" for task in TASKS)]
# A world's prompt is its message, unchanged: the role is told by the first token.
PASS_THROUGH = "{% for message in messages %}{{ message['content'] }}{% endfor %}"


def world_tokenizer(words: list[str], max_positions: int, formats: Sequence[str] = ()) -> PreTrainedTokenizerFast:
    r"""The WordLevel tokenizer of a world's vocabulary; `formats` are further tokens that a method's format needs.

    >>> tokenizer = world_tokenizer(["3", "+", "12", "\\boxed{", "}"], 64)
    >>> ids = tokenizer("<plain> 3+12 \\boxed{ 12 }", add_special_tokens=False)["input_ids"]
    >>> tokenizer.decode(ids)
    '<plain> 3 + 12 \\boxed{ 12 }'
    """
    vocabulary = {word: index for index, word in enumerate(dict.fromkeys([*SPECIALS, *words, *formats]))}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    core.pre_tokenizer = pre_tokenizers.Split(Regex(WORD), behavior="removed", invert=True)
    core.post_processor = processors.Sequence([])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token=PAD,
        eos_token=EOS,
        unk_token=UNKNOWN,
        additional_special_tokens=[SEPARATOR, *(f"<{task}>" for task in TASKS), *formats],
        model_max_length=max_positions,
        clean_up_tokenization_spaces=False,
        padding_side="left",
    )
    tokenizer.chat_template = PASS_THROUGH
    return tokenizer


def is_world_tokenizer(tokenizer) -> bool:
    """Whether a tokenizer was made by `world_tokenizer`: it then has the role tokens."""
    return "<propose>" in tokenizer.get_vocab()
