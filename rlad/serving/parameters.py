"""Parameters that clients of other servers send: what asks for nothing is taken, what would be disobeyed is refused."""

from __future__ import annotations

import difflib
import json
from typing import Any

from pydantic import BaseModel

from rlad.serving.errors import ApiError
from rlad.serving.schema import Message

IGNORED = frozenset({
    "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
    "parallel_tool_calls", "include_obfuscation", "request_id", "cache_salt",
})  # fmt: skip
"""What changes no answer: labels, bookkeeping, and how tools would be called if there were any."""

NEUTRAL: dict[str, tuple[Any, ...]] = {
    # OpenAI's
    "top_p": (1, 1.0),
    "frequency_penalty": (0, 0.0),
    "presence_penalty": (0, 0.0),
    "logit_bias": ({},),
    "logprobs": (False,),  # a completion's 0 asks for the log-prob of every token
    "top_logprobs": (0,),
    "best_of": (1,),
    "echo": (False,),
    "suffix": ("",),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "audio": (),
    "prediction": (),
    "reasoning_effort": (),
    "verbosity": ("medium",),
    "web_search_options": (),
    # vLLM's
    "top_k": (-1, 0),
    "min_p": (0, 0.0),
    "repetition_penalty": (1, 1.0),
    "length_penalty": (1, 1.0),
    "stop_token_ids": ([],),
    "include_stop_str_in_output": (False,),
    "ignore_eos": (False,),
    "min_tokens": (0,),
    "use_beam_search": (False,),
    "skip_special_tokens": (True,),
    "spaces_between_special_tokens": (True,),
    "truncate_prompt_tokens": (),
    "prompt_logprobs": (),
    "allowed_token_ids": (),
    "bad_words": ([],),
    "logits_processors": ([],),
    "thinking_token_budget": (),
    "structured_outputs": (),
    "guided_json": (),
    "guided_regex": (),
    "guided_choice": (),
    "guided_grammar": (),
    "guided_decoding_backend": (),
    "guided_whitespace_pattern": (),
    "chat_template": (),
    "chat_template_kwargs": ({},),
    "add_generation_prompt": (True,),
    "continue_final_message": (False,),
    "add_special_tokens": (),
    "documents": ([],),
    "mm_processor_kwargs": ({},),
    "priority": (0,),
    "return_tokens_as_token_ids": (False,),
    "return_token_ids": (False,),
    "continuous_usage_stats": (False,),
    "enable_thinking": (),
    "include_reasoning": (True,),
}
"""What OpenAI's and vLLM's servers have and this one has not, with the values that ask for nothing."""


def refuse_unsupported(request: BaseModel, within: str = "") -> None:
    """Raises ApiError for a parameter that would be silently disobeyed: one of others' servers, or of nobody's."""
    for name, value in (request.model_extra or {}).items():
        if value is None or name in IGNORED or any(_same(value, neutral) for neutral in NEUTRAL.get(name, ())):
            continue
        where = f"{within}{name}"
        if name in NEUTRAL:
            raise ApiError(400, f"'{where}' is not supported; leave it out.", where, "unsupported_parameter")
        shown, known = where[:80], [*type(request).model_fields, *NEUTRAL]
        near = difflib.get_close_matches(name[:80], known, n=1, cutoff=0.6)
        more = f"; the nearest is '{near[0]}'" if near else "; leave it out"
        raise ApiError(400, f"There is no parameter '{shown}'{more}.", shown, "unknown_parameter")


def _same(value: Any, neutral: Any) -> bool:
    """Equality as JSON sees it: 0 is not false.

    >>> _same(0, False), _same(1.0, 1.0), _same([], [])
    (False, True, True)
    """
    return type(value) is type(neutral) and value == neutral


def refuse_unreadable(message: Message, where: str) -> None:
    """Raises ApiError for a message with tools or with parts that are no text, wherever it stands in the chat."""
    if message.role in ("tool", "function") or any((message.model_extra or {}).get(key) for key in TOOLS):
        raise ApiError(400, "Tools are not supported: messages hold text alone.", where, "unsupported_parameter")
    for number, part in enumerate(message.content if isinstance(message.content, list) else []):
        if part.type == "text" and part.text is not None:
            continue
        kind = json.dumps(part.type[:40])
        sentence = f"Parts of type {kind} are not supported: the players read text alone."
        if part.type == "text":
            sentence = "A part of type \"text\" holds its words as 'text'."
        raise ApiError(400, sentence, f"{where}.content.{number}", "unsupported_part")


TOOLS = ("tool_calls", "tool_call_id", "function_call")
