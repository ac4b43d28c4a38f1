#!/usr/bin/env bash
# transformers 5.19.0 (torch 2.13.0): generate(stop_strings=...) looks for the stop string across the border of prompt
# and answer, so the end of a prompt can stop an answer that never wrote the string.
#
# Expected: a stop string is text that the model writes, as in the servers' APIs, where the prompt does not count.
# Seen: prompt ends with  stop string  the model would write  comes back
#       "A:\n"            "\n\n"       "\nSix. Done"          "\n"      (one line break, then stopped)
#       "x = ##"          "###"        "# Answer 6"           "#"
#       "<answer>6</ans"  "</answer>"  "wer> so 6"            "wer>"
#       "A:"              "\n\n"       "\nSix. Done"          "\nSix. Done"
# Why it matters: prompts that end in a line break or in an opened tag are everyday (few-shot formats, prefilled
# answers). A model that starts with a line break ends at once: an empty answer, only here and not behind a server.
# Said where: nowhere; stopping_criteria.py passes the last tokens of input_ids, which holds the prompt.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile torch==2.13.0 numpy==2.3.5 \
    transformers==5.19.0 tokenizers==0.23.3 safetensors==0.8.0 jinja2==3.1.6 accelerate==1.15.0
nice "$work/venv/bin/python" - <<'PY'
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, LogitsProcessor, PreTrainedTokenizerFast

transformers.logging.set_verbosity_error()

def byte_tokenizer():
    words = {word: i for i, word in enumerate(["<pad>", "<eos>", *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    inner = Tokenizer(models.BPE(vocab=words, merges=[]))
    inner.pre_tokenizer, inner.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<eos>", pad_token="<pad>")

class Writes(LogitsProcessor):  # makes any model write the given tokens and then its end
    def __init__(self, tokens, start, end):
        self.tokens, self.start = [*tokens, end], start

    def __call__(self, input_ids, scores):
        forced = torch.full_like(scores, -torch.inf)
        forced[:, self.tokens[input_ids.shape[1] - self.start]] = 0
        return forced

print("transformers", transformers.__version__, "torch", torch.__version__)
tokenizer = byte_tokenizer()
shape = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2)
special = dict(pad_token_id=0, eos_token_id=1, bos_token_id=None)
model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **special, **shape))

def answer(prompt, stop, written):
    row = tokenizer(prompt, return_tensors="pt")
    start = row["input_ids"].shape[1]
    forced = [Writes(tokenizer(written)["input_ids"], start, tokenizer.eos_token_id)]
    settings = dict(stop_strings=[stop], tokenizer=tokenizer, do_sample=False, max_new_tokens=30)
    tokens = model.generate(**row, logits_processor=forced, **settings)[0, start:]
    return tokenizer.decode(tokens, skip_special_tokens=True)

seen = [
    ("A:\n", "\n\n", "\nSix. Done", "\n"),
    ("x = ##", "###", "# Answer 6", "#"),
    ("<answer>6</ans", "</answer>", "wer> so 6", "wer>"),
    ("A:", "\n\n", "\nSix. Done", "\nSix. Done"),
]
changed = 0
for prompt, stop, written, came in seen:
    got = answer(prompt, stop, written)
    print(f"prompt {prompt!r}, stop {stop!r}: expected {written!r}, got {got!r}")
    changed += got != came
raise SystemExit(1 if changed else 0)
PY
