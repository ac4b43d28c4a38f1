"""Tiny tokenizers built like those of real chat models, with their chat templates."""

from __future__ import annotations

import json
from functools import cache

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

CORPUS = ["What is 3 + 5? Reason step by step and put your final answer within \\boxed{}.", "user assistant system"] * 3
CORPUS += ["A hint that may help; use it where it does:\n<abstraction>\ntry small cases\n</abstraction>\n\n" * 2]
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
OPENS_THINKING = CHATML.replace("<think>\n\n</think>\n\n{% endif %}", "{% endif %}<think>\n")
LLAMA = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n"
    "{{ m['content'] | trim }}<|eot_id|>{% endfor %}<|start_header_id|>assistant<|end_header_id|>\n\n"
)
GEMMA = (
    "{{ bos_token }}{% for m in messages %}<start_of_turn>{{ m['role'] }}\n{{ m['content'] | trim }}<end_of_turn>\n"
    "{% endfor %}<start_of_turn>model\n"
)
R1 = (
    "{{ bos_token }}{% for m in messages %}<｜User｜>{{ m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<｜Assistant｜><think>\n{% endif %}"
)
MISTRAL = "{{ bos_token }}{% for m in messages %}[INST] {{ m['content'] }}[/INST]{% endfor %}"


def _byte_level(control: list[str], ignore_merges: bool = False) -> Tokenizer:
    core = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    core.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=420, initial_alphabet=alphabet, show_progress=False)
    )
    core.add_special_tokens(control)
    return core


def _sentence_piece(control: list[str], prepend: str) -> Tokenizer:
    """Control tokens stand in the vocabulary, as in models converted from SentencePiece."""
    core = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    core.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=prepend, split=False)
    core.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    fallback = [f"<0x{byte:02X}>" for byte in range(256)]
    special = ["<unk>", *control, *fallback]
    core.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=560, special_tokens=special, show_progress=False))
    described = json.loads(core.to_str())  # bytes are ordinary pieces
    described["added_tokens"] = [token for token in described["added_tokens"] if token["content"] not in fallback]
    return Tokenizer.from_str(json.dumps(described))


def _unigram(control: list[str]) -> Tokenizer:
    pieces = [("<unk>", 0.0), *((token, 0.0) for token in control)]
    letters = sorted({c for text in CORPUS for c in text if c != " "} | set("▁|<>/[]_"))
    pieces += [(letter, -5.0) for letter in letters] + [("▁What", -3.0), ("▁is", -3.0), ("▁answer", -3.0)]
    core = Tokenizer(models.Unigram(pieces, unk_id=0))
    core.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    core.decoder = decoders.Metaspace()
    core.add_special_tokens(["<unk>", *control])
    return core


def _wrapped(core: Tokenizer, template: str | None, bos: str | None, eos: str, **more) -> PreTrainedTokenizerFast:
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, bos_token=bos, eos_token=eos, pad_token=eos, **more)
    tokenizer.chat_template = template
    return tokenizer


@cache
def chat_tokenizer(name: str) -> PreTrainedTokenizerFast:
    """chatml, thinker and r1 (their prompts open `<think>`), llama, gemma, mistral, unigram, or appends (BOS and EOS,
    no template)."""
    if name in ("chatml", "thinker"):
        core = _byte_level(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
        core.add_tokens([AddedToken(tag, normalized=False, special=False) for tag in ("<think>", "</think>")])
        return _wrapped(core, CHATML if name == "chatml" else OPENS_THINKING, None, "<|im_end|>")
    if name == "llama":
        core = _byte_level(["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"], True)
        return _wrapped(core, LLAMA, "<|begin_of_text|>", "<|eot_id|>")
    if name == "r1":
        core = _byte_level(["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>"])
        core.add_tokens([AddedToken(tag, normalized=False, special=False) for tag in ("<think>", "</think>")])
        return _wrapped(core, R1, "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>")
    if name == "gemma":
        core = _sentence_piece(["<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"], "never")
        core.normalizer = normalizers.Replace(" ", "▁")
        core.pre_tokenizer = pre_tokenizers.Split(Regex(" "), "merged_with_previous")
        core.add_tokens([AddedToken(text, normalized=False, special=False) for text in ("\n\n", "<h1>")])
        return _wrapped(core, GEMMA, "<bos>", "<end_of_turn>")
    if name == "mistral":
        core = _sentence_piece(["<s>", "</s>", "[INST]", "[/INST]"], "first")
        return _wrapped(core, MISTRAL, "<s>", "</s>", unk_token="<unk>")
    if name == "unigram":
        return _wrapped(_unigram(["<s>", "</s>", "[INST]", "[/INST]"]), MISTRAL, "<s>", "</s>", unk_token="<unk>")
    core = _sentence_piece(["<s>", "</s>"], "first")
    core.add_special_tokens(["<s>", "</s>"])
    ids = [(text, core.token_to_id(text)) for text in ("<s>", "</s>")]
    core.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ids)
    return _wrapped(core, None, "<s>", "</s>", unk_token="<unk>")
