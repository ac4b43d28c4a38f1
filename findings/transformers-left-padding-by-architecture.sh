#!/usr/bin/env bash
# transformers 5.19.0 (torch 2.13.0): what an attention_mask does for left padding depends on the architecture, in three
# ways; for RecurrentGemma and RWKV even generate() answers a prompt differently when a longer one is in its batch.
#
# Expected: with attention_mask (which zeroes the pads) a left-padded row has the log-probs of the row alone.
# Seen: largest difference of log-probs, random weights, 6 pads before 10 tokens:
#                        forward      forward + position_ids   logits of generate()
#       OPT, Llama, Mamba < 1e-5       < 1e-5                   < 1e-5
#       GPT-2, GPT-Neo    2.8, 3.9     < 1e-5                   < 1e-5
#       RecurrentGemma    0.7          0.4                      0.10
#       RWKV              2.3          2.3                      0.28
#       OPT derives its learned positions from the mask, GPT-2 does not; Mamba zeroes pads, RecurrentGemma and RWKV run
#       their state through them. All without a word.
# Why it matters: generate() builds position_ids itself, a trainer's forward does not: with GPT-2 the sampled and the
# recomputed log-probs disagree on every left-padded row, i.e. the importance ratio is wrong at the first update while
# the same code is exact on OPT. And where the state runs over pads, a benchmark's answer depends on its neighbours.
# Said where: generation docs ask for left padding and say that the mask takes care of the pads; position_ids are
# described as optional. That RWKV ignores the mask can be read from its forward only; RecurrentGemma takes one.
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
from transformers import AutoConfig, AutoModelForCausalLM

transformers.logging.set_verbosity_error()
print("transformers", transformers.__version__, "torch", torch.__version__)
gpt = dict(n_embd=32, n_layer=2, n_head=4, n_positions=64)
llama = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)
neo = dict(hidden_size=32, num_layers=2, num_heads=4, attention_types=[[["global", "local"], 1]], window_size=4)
opt = dict(hidden_size=32, ffn_dim=64, num_hidden_layers=2, num_attention_heads=4, word_embed_proj_dim=32)
gemma = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4, lru_width=32, head_dim=8)
shapes = dict(opt=opt, llama=llama, gpt2=gpt, gpt_neo=neo, recurrent_gemma=gemma | dict(attention_window_size=8))
shapes |= dict(mamba=dict(hidden_size=32, num_hidden_layers=2), rwkv=dict(hidden_size=32, num_hidden_layers=2))
classes = {}
for name, shape in shapes.items():
    torch.manual_seed(0)
    config = AutoConfig.for_model(name, vocab_size=128, pad_token_id=0, bos_token_id=1, eos_token_id=2, **shape)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    row, pads = torch.randint(3, 128, (1, 10)), torch.zeros(1, 6, dtype=torch.long)
    padded, mask = torch.cat([pads, row], 1), torch.cat([pads, torch.ones_like(row)], 1)
    decode = dict(max_new_tokens=1, do_sample=False, output_logits=True, return_dict_in_generate=True)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0, 0.15) if weight.dim() > 1 else None
        logprobs = lambda ids, **more: model(ids, **more).logits[0, -10:].log_softmax(-1)
        alone = logprobs(row)
        forward = (logprobs(padded, attention_mask=mask) - alone).abs().max().item()
        places = dict(position_ids=(mask.cumsum(-1) - 1).clamp(min=0))
        placed = (logprobs(padded, attention_mask=mask, **places) - alone).abs().max().item()
        lonely = model.generate(row, attention_mask=torch.ones_like(row), **decode).logits[0]
        generated = (model.generate(padded, attention_mask=mask, **decode).logits[0] - lonely).abs().max().item()
    print(f"{name:16} expected 0: forward {forward:.1e}, with position_ids {placed:.1e}, generate {generated:.1e}")
    classes[name] = tuple(value > 0.05 for value in (forward, placed, generated))
fine, places, always = (False,) * 3, (True, False, False), (True,) * 3
wanted = dict(opt=fine, llama=fine, mamba=fine, gpt2=places, gpt_neo=places, recurrent_gemma=always, rwkv=always)
raise SystemExit(0 if classes == wanted else 1)
PY
