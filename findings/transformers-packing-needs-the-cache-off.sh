#!/usr/bin/env bash
# transformers 5.19.0 (torch 2.13.0): two sequences packed in one row with position_ids that start again at 0 are kept
# apart by the attention mask only if the caller also says use_cache=False; by default the second one reads the first.
#
# Expected: transformers recognises packed rows by their position_ids ("padding-free" training, as collators with
# flattening produce them), so log-probs of each sequence equal those it has alone. A cache only stores keys.
# Seen (largest difference of the second sequence's log-probs from those it has alone, random Qwen2):
#       use_cache=False 1e-6 | default 3.2 | attention_mask of ones and use_cache=False 3.2 | training with gradient
#       checkpointing 1e-6, because that turns the cache off. No warning that sequences mix; losses look normal.
# Why it matters: the same trainer is right with gradient checkpointing and wrong without; scoring old log-probs in eval
# mode (cache on) and new ones in training mode (checkpointing, cache off) gives importance ratios of up to e^3 at step
# 1. An all-ones mask, which most collators add, contaminates as well.
# Said where: a comment in transformers/masking_utils.py ("only if the 2D attention mask is explicitly None, and we
# don't have past_key_values, i.e. generally a training setup"), not in the models' forward() documentation, which
# describes use_cache as returning keys and values for faster decoding.
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
from transformers import Qwen2Config, Qwen2ForCausalLM

print("transformers", transformers.__version__, "torch", torch.__version__)
torch.manual_seed(0)
shape = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)
model = Qwen2ForCausalLM(Qwen2Config(vocab_size=128, max_position_embeddings=64, **shape)).eval()
with torch.no_grad():
    for weight in model.parameters():
        weight.normal_(0, 0.15) if weight.dim() > 1 else None
first, second = torch.arange(3, 12)[None], torch.arange(40, 52)[None]
row = torch.cat([first, second], 1)
places = torch.cat([torch.arange(first.shape[1]), torch.arange(second.shape[1])])[None]


@torch.no_grad()
def off(**options):
    alone = model(second).logits.log_softmax(-1)
    packed = model(row, position_ids=places, **options).logits[:, first.shape[1] :].log_softmax(-1)
    return (packed - alone).abs().max().item()


apart, default = off(use_cache=False), off()
masked = off(use_cache=False, attention_mask=torch.ones_like(row))
model.gradient_checkpointing_enable()
model.train()
checkpointed = off()
print(f"difference from the sequence alone, expected 0 four times: use_cache=False {apart:.1e}, default {default:.1e},")
print(f"  attention_mask of ones {masked:.1e}, training with gradient checkpointing {checkpointed:.1e}")
raise SystemExit(0 if apart < 1e-4 and default > 0.5 and masked > 0.5 and checkpointed < 1e-4 else 1)
PY
