#!/usr/bin/env bash
# transformers 5.19.0 (tokenizers 0.23.3): with truncation from the left, return_assistant_tokens_mask forgets every
# answer of a conversation as soon as the first one is cut, also those that are there in full.
#
# Expected: a token is marked when it lies between {% generation %} and {% endgeneration %}, whatever else was cut off.
# Seen: question, "answer one", question, "answer two" with one token per character; kept tokens (from the left the end
#       of the conversation is kept, from the right its beginning) -> what is marked:
#       truncation_side=left,  all    answer one, answer two
#       truncation_side=left,  35     nothing        ("answer two" and its question are complete)
#       truncation_side=left,  30     nothing
#       truncation_side=right, 40     answer one
#       truncation_side=right, 24     answer
# Why it matters: truncation from the left keeps the newest turns and is what long dialogues, tool use and reasoning in
# turns ask for. Just the long rows lose their loss: SFT learns from short conversations, the number of rows stays the
# same, and a mean over tokens does not show it. Cut conversations by turns before the template is applied.
# Said where: nowhere; apply_chat_template in tokenization_utils_base.py leaves the loop over answers when an answer's
# first character has no token ("due to truncation"), which from the right means that the later ones are gone as well.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile torch==2.13.0 numpy==2.3.5 \
    transformers==5.19.0 tokenizers==0.23.3 safetensors==0.8.0 jinja2==3.1.6 accelerate==1.15.0
nice "$work/venv/bin/python" - <<'PY'
import tokenizers
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

def byte_tokenizer():
    """One token per byte, so that text and tokens are easy to compare."""
    words = {word: i for i, word in enumerate(["<pad>", "<eos>", *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    inner = Tokenizer(models.BPE(vocab=words, merges=[]))
    inner.pre_tokenizer, inner.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<eos>", pad_token="<pad>")

print("transformers", transformers.__version__, "tokenizers", tokenizers.__version__)
tokenizer = byte_tokenizer()
tokenizer.chat_template = (
    "{% for turn in messages %}{% if turn['role'] == 'assistant' %}{% generation %}{{ turn['content'] }}"
    "{% endgeneration %}{% else %}{{ '|' + turn['content'] + '|' }}{% endif %}{% endfor %}"
)
texts = ["a first question", "answer one", "a second question", "answer two"]
talk = [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(texts)]

def marked(side, kept):
    """The kept text, and what of it the mask marks."""
    tokenizer.truncation_side = side
    cut = dict(truncation=True, max_length=kept, return_dict=True)
    row = tokenizer.apply_chat_template(talk, return_assistant_tokens_mask=True, **cut)
    chosen = [token for token, mark in zip(row["input_ids"], row["assistant_masks"]) if mark]
    return tokenizer.decode(row["input_ids"]), tokenizer.decode(chosen)

seen = {
    ("left", 99): "answer oneanswer two",
    ("left", 35): "",
    ("left", 30): "",
    ("right", 40): "answer one",
    ("right", 24): "answer",
}
got = {key: marked(*key) for key in seen}
for (side, kept), (text, chosen) in got.items():
    print(f"{side:5} {kept}: {text!r} -> marked {chosen!r}")
whole = all("|a second question|answer two" in got["left", kept][0] for kept in (35, 30))
raise SystemExit(0 if whole and {key: chosen for key, (_, chosen) in got.items()} == seen else 1)
PY
