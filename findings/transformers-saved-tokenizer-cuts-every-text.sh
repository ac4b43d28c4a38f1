#!/usr/bin/env bash
# transformers 5.19.0 (tokenizers 0.23.3): save_pretrained() writes the truncation and padding of the last call into
# tokenizer.json, so whoever reads that file with the tokenizers library gets every text cut to that length.
#
# Expected: truncation=True, max_length=8 are arguments of one call, and saving writes the tokenizer that was loaded.
# The docstring of set_truncation_and_padding says that the settings are restored afterwards.
# Seen: tokens of a text of 25, read from the saved folder with
#       last call before saving                          tokenizers' Tokenizer.from_file   AutoTokenizer
#       none, or tokenizer(text)                         25                                25
#       tokenizer(text, truncation=True, max_length=8)   8                                 25
#       the same, then tokenizer(text)                   25                                25
#       padding="max_length", max_length=64              64, of them 39 pads               25
#       So one stray call after the training rows, or its absence, decides what the checkpoint does.
# Why it matters: rows are made with truncation, then a trainer saves the tokenizer next to the weights. In Python all
# is well, because AutoTokenizer resets both settings at each call; servers and tools in Rust, JavaScript or plain
# tokenizers read the file as it is. Prompts longer than the training rows lose their end, which is where the question
# and the turn of the assistant stand, and nothing says so. Call no_truncation() and no_padding() on
# tokenizer.backend_tokenizer before saving.
# Said where: not in save_pretrained's documentation. tokenization_utils_tokenizers.py sets both on the one backend
# object and restores nothing.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 TRANSFORMERS_VERBOSITY=error
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile transformers==5.19.0 tokenizers==0.23.3 numpy==2.3.5
nice "$work/venv/bin/python" - "$work" <<'PY' 2> >(grep -v "PyTorch was not found" >&2)
import sys
from importlib.metadata import version

from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

text = "hello world, this is long"  # one token for each of its 25 characters


def saved_after(name, *calls):
    """Tokens of the text by tokenizers and by AutoTokenizer, from a folder saved after these calls, and the pads."""
    words = {word: i for i, word in enumerate(["<pad>", *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    inner = Tokenizer(models.BPE(vocab=words, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>")
    for settings in calls:
        tokenizer([text, "short"], **settings)
    folder = f"{sys.argv[1]}/{name}"
    tokenizer.save_pretrained(folder)
    read = Tokenizer.from_file(f"{folder}/tokenizer.json").encode(text)
    return len(read.ids), len(AutoTokenizer.from_pretrained(folder)(text)["input_ids"]), read.tokens.count("<pad>")


cut, filled = dict(truncation=True, max_length=8), dict(padding="max_length", max_length=64)
seen = {"none": ([], (25, 25, 0)), "plain": ([{}], (25, 25, 0)), "truncation": ([cut], (8, 25, 0)),
        "truncation-plain": ([cut, {}], (25, 25, 0)), "padding": ([filled], (64, 25, 39))}
print("transformers", version("transformers"), "tokenizers", version("tokenizers"), "- expected 25 and 25 everywhere")
kept = True
for name, (calls, numbers) in seen.items():
    got = saved_after(name, *calls)
    print(f"{name:17} tokenizers {got[0]}, AutoTokenizer {got[1]}, pads {got[2]}")
    kept &= got == numbers
raise SystemExit(0 if kept else 1)
PY
