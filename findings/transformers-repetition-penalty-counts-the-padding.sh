#!/usr/bin/env bash
# transformers 5.19.0 (torch 2.13.0): repetition_penalty counts the pads of a left-padded batch as text, so with
# pad_token = eos_token a prompt that stands next to a longer one has its end token penalised from the start.
#
# Expected: attention_mask hides the pads, so greedy decoding answers a prompt as it does alone.
# Seen: 200 prompts of a random model, greedy, alone and in one batch with a prompt that is 8 tokens longer:
#       pad       penalty   answers that change   mean tokens, at most 40   answers at the limit
#       eos       1.0         0                   31.2 -> 31.2              134 -> 134
#       eos       1.05       25                   29.8 -> 31.8              122 -> 134
#       eos       1.2        62                   25.8 -> 32.3              103 -> 139
#       its own   1.2         4                   25.8 -> 25.6              103 -> 101 (random models write pads)
# Why it matters: a penalty of 1.05 to 1.3 stands in the generation_config of many chat models, and pad = eos is the
# usual repair of a tokenizer without a pad token. In a batch all answers but that of the longest prompt end later, or
# run into the limit; how much depends on who shares the batch. Evaluations change with the batch size and the order of
# the rows, short (easy) prompts are hit most, and no server shows it, since servers do not pad. Give the pad a token of
# its own: then a token is penalised that nobody writes.
# Said where: the class says that "the considered tokens include the prompt by default"; padding and attention_mask are
# spoken of in neither its page nor GenerationConfig's. The processor gets input_ids and no mask.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile torch==2.13.0 numpy==2.3.5 \
    transformers==5.19.0 tokenizers==0.23.3 safetensors==0.8.0
nice "$work/venv/bin/python" - <<'PY'
import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM

transformers.logging.set_verbosity_error()
END, PAD, WORDS, LIMIT = 1, 0, 30, 40
torch.manual_seed(0)
shape = dict(hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2)
special = dict(bos_token_id=None, eos_token_id=END, pad_token_id=PAD)
model = LlamaForCausalLM(LlamaConfig(vocab_size=WORDS, initializer_range=0.3, **special, **shape)).eval()
prompts = torch.randint(2, WORDS, (200, 4))
longer = torch.randint(2, WORDS, (1, 12))


def answers(pad, penalty, beside):
    """The greedy answers of the 200 prompts, padded from the left to 12 tokens beside a longer one, or not at all."""
    rows, mask = prompts, torch.ones_like(prompts)
    if beside:
        fill = torch.full((len(prompts), 8), pad)
        rows = torch.cat([torch.cat([fill, prompts], 1), longer])
        mask = torch.cat([torch.cat([torch.zeros_like(fill), mask], 1), torch.ones_like(longer)])
    settings = dict(do_sample=False, max_new_tokens=LIMIT, pad_token_id=pad, repetition_penalty=penalty)
    found = model.generate(rows, attention_mask=mask, **settings)[: len(prompts), rows.shape[1] :].tolist()
    return [row[: row.index(END)] if END in row else row for row in found]


print("transformers", transformers.__version__, "torch", torch.__version__)
seen = {}
for pad, name in ((END, "pad = eos"), (PAD, "own pad")):
    for penalty in (1.0, 1.05, 1.2):
        alone, padded = answers(pad, penalty, False), answers(pad, penalty, True)
        changed = sum(a != b for a, b in zip(alone, padded))
        lengths = [sum(map(len, rows)) / len(rows) for rows in (alone, padded)]
        limits = [sum(len(row) == LIMIT for row in rows) for rows in (alone, padded)]
        seen[name, penalty] = changed, limits[1] - limits[0]
        print(f"{name}, penalty {penalty}: expected 0 changed answers, got {changed} of 200; tokens "
              f"{lengths[0]:.1f} -> {lengths[1]:.1f}, at the limit {limits[0]} -> {limits[1]}")
kept = all(seen[name, 1.0] == (0, 0) for name in ("pad = eos", "own pad")) and seen["own pad", 1.2][0] < 10
kept &= all(seen["pad = eos", penalty][0] > 15 and seen["pad = eos", penalty][1] > 5 for penalty in (1.05, 1.2))
raise SystemExit(0 if kept else 1)
PY
