#!/usr/bin/env bash
# transformers 5.19.0 (torch 2.13.0): an explicit GenerationConfig passed to generate() is filled up from the model's
# own generation_config, and None means two opposite things: "inherit" in the object, "off" as a keyword.
#
# Expected: generate(generation_config=GenerationConfig(do_sample=True, temperature=1.0)) samples from the model's
# distribution, because what the object does not set is off; and top_k=None is the same in both places.
# Seen: distinct next tokens among 4,000 samples of a nearly flat model with 200 tokens whose generation_config says
#       top_k=5, repetition_penalty=1.3 (as those of chat models do):
#       GenerationConfig(do_sample=True, temperature=1.0)          5
#       GenerationConfig(do_sample=True, top_k=None)               5
#       generate(do_sample=True, top_k=None)                     200
#       GenerationConfig(do_sample=True, top_k=0)                200
#       With a clean model, GenerationConfig(do_sample=True).top_k prints None and 50 tokens remain. The inherited
#       repetition penalty moves the scores of a config that never named it.
# Why it matters: on-policy RL wants samples of the policy itself. A rollout configuration that "sets everything it
# uses" still samples Qwen's top_k=20, top_p=.8 and penalty, while log-probs are recomputed without them: the ratio is
# biased from step 1 and the entropy measured is not that of what is sampled. Pass top_k=0, top_p=1.0,
# repetition_penalty=1.0 and min_p=0 in words, and compare output_logits with output_scores once.
# Said where: a comment in generation/utils.py (_prepare_generation_config) says that None values are taken from the
# model; the page of generate() says that a passed generation_config is used, and kwargs override it.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile torch==2.13.0 numpy==2.3.5 transformers==5.19.0 \
    tokenizers==0.23.3 safetensors==0.8.0
nice "$work/venv/bin/python" - <<'PY'
import torch
import transformers
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

transformers.logging.set_verbosity_error()
print("transformers", transformers.__version__, "torch", torch.__version__)
torch.manual_seed(0)
shape = dict(hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2)
model = LlamaForCausalLM(LlamaConfig(vocab_size=200, pad_token_id=0, eos_token_id=2, **shape)).eval()
rows = torch.arange(3, 12).repeat(4000, 1)
base = dict(do_sample=True, max_new_tokens=1)


def distinct(**options):
    torch.manual_seed(0)
    return model.generate(rows, attention_mask=torch.ones_like(rows), **options)[:, -1].unique().numel()


clean = distinct(generation_config=GenerationConfig(**base))
model.generation_config.top_k, model.generation_config.repetition_penalty = 5, 1.3
unset = distinct(generation_config=GenerationConfig(**base, temperature=1.0))
none = distinct(generation_config=GenerationConfig(**base, top_k=None))
keyword = distinct(**base, top_k=None)
zero = distinct(generation_config=GenerationConfig(**base, top_k=0))
both = GenerationConfig(max_new_tokens=1, output_logits=True, output_scores=True, return_dict_in_generate=True)
sample = model.generate(rows[:1], generation_config=both)
moved = (sample.logits[0] - sample.scores[0]).abs().max().item()
print(f"distinct tokens, expected 200: model without settings {clean} (top_k reads {GenerationConfig().top_k})")
print(f"model of top_k=5: object without it {unset}, object with None {none}, keyword None {keyword}, 0 {zero}")
print(f"penalty inherited by an object that does not name it: scores moved by {moved:.3f}, expected 0")
raise SystemExit(0 if (clean, unset, none, keyword, zero) == (50, 5, 5, 200, 200) and moved > 0.01 else 1)
PY
