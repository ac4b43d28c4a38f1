"""Tokenising a prompt in which only the template may write control tokens.

A tokenizer that reads a whole prompt at once turns every `<|im_start|>` in it into the token that opens a turn, whoever
wrote those letters: a user, a data file, the abstraction player. Here the control tokens that the template writes are
replaced by unguessable names before the text is read, by a copy of the tokenizer that knows control tokens by those
names only. Everything else in the text is plain. The whole prompt is still read in one piece, so that tokens merge
across the seams exactly as they always did, and a text without control tokens gives the ids that the tokenizer itself
gives.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Collection, Sequence

from tokenizers import Tokenizer

from rlad.config import ConfigError

THINK = re.compile(r"<(/?)(think|thinking|thought)>", re.IGNORECASE)
"""Tags around a thought."""


def control_tokens(tokenizer) -> dict[str, int]:
    """Tokens that text of others must not become, with their ids: all special ones but the unknown word, and of the
    other added ones those that the chat template writes and the tags of thinking.

    Added tokens that are neither (Gemma's runs of line breaks) are ordinary text.
    """
    template, unknown = tokenizer.chat_template or "", tokenizer.unk_token
    if isinstance(template, dict):  # several by name
        template = "".join(template.values())
    if unknown in (tokenizer.eos_token, tokenizer.bos_token, tokenizer.pad_token):  # GPT-2's, which ends texts
        unknown = None
    return {
        token.content: index
        for index, token in tokenizer.added_tokens_decoder.items()
        if token.content != unknown
        and (token.special or THINK.fullmatch(token.content) or (token.content.strip() and token.content in template))
    }


class PlainTokenizer:
    """Reads texts of which some parts may hold control tokens and others not; made from a fast tokenizer."""

    def __init__(self, tokenizer):
        if getattr(tokenizer, "backend_tokenizer", None) is None:
            raise ConfigError(
                f"The tokenizer of '{tokenizer.name_or_path}' has no fast form (tokenizer.json), and only with one can "
                "text be kept from becoming control tokens; save the model with a fast tokenizer."
            )
        self.control = control_tokens(tokenizer)
        nonce = secrets.token_hex(12)  # nobody can write what nobody can guess; the ids do not depend on it
        self._names = {text: f"qz{nonce}x{i}xzq" for i, text in enumerate(self.control)}
        self._pattern = re.compile("|".join(map(re.escape, sorted(self.control, key=len, reverse=True))) or r"(?!)")
        described = json.loads(tokenizer.backend_tokenizer.to_str())
        added = {token["content"]: token["id"] for token in described["added_tokens"]}
        self._twin = Tokenizer.from_str(json.dumps(_renamed(described, self._names)))
        self._ids = {self._twin.token_to_id(self._names.get(text, text)): index for text, index in added.items()}

    def __call__(self, parts: Sequence[tuple[str, Collection[str] | None]]) -> list[int]:
        """The ids of the parts' texts, joined. Beside each text: which control tokens it may hold; None = all."""
        text = "".join(self._named(text, allowed) for text, allowed in parts)
        return [self._ids.get(i, i) for i in self._twin.encode(text, add_special_tokens=False).ids]

    def replaced(self, text: str, by: str, allowed: Collection[str] = ()) -> str:
        """A text with all control tokens but the allowed ones replaced."""
        return self._pattern.sub(lambda found: found[0] if found[0] in allowed else by, text)

    def _named(self, text: str, allowed: Collection[str] | None) -> str:
        if allowed is not None and not allowed:
            return text
        return self._pattern.sub(
            lambda found: self._names[found[0]] if allowed is None or found[0] in allowed else found[0], text
        )


def _renamed(described: dict, names: dict[str, str]) -> dict:
    """A tokenizer's description with other names for some tokens, in its vocabulary too: there a lone word or a piece
    of a unigram model could still match one. What it adds to texts, and how it cuts and pads them, is left out."""
    for token in described["added_tokens"]:
        token["content"] = names.get(token["content"], token["content"])
    model = described["model"]
    if isinstance(model["vocab"], dict):
        model["vocab"] = {names.get(text, text): index for text, index in model["vocab"].items()}
    else:
        model["vocab"] = [[names.get(text, text), score] for text, score in model["vocab"]]
    if model.get("unk_token") in names:
        model["unk_token"] = names[model["unk_token"]]
    return described | {"truncation": None, "padding": None, "post_processor": None}


def bare_prefix(tokenizer) -> list[int]:
    """What the tokenizer itself puts before a text that no chat template frames, such as a beginning-of-sequence token.

    What it puts behind (an end-of-sequence token, with some) would end the prompt before it is answered: left out.
    """
    plain = tokenizer("x", add_special_tokens=False)["input_ids"]
    framed = tokenizer("x", add_special_tokens=True)["input_ids"]
    starts = [i for i in range(len(framed)) if framed[i : i + len(plain)] == plain]
    return framed[: starts[0]] if starts else []
