#!/usr/bin/env bash
# transformers 5.19.0 (torch 2.13.0): a sequence classifier whose pad token is its end token reads its score at the
# token before the end, so a finished text and the same text cut off there have the same score, whatever the mask says.
#
# Expected: the score is that of the last token that attention_mask marks, which is the end token of a finished text.
# Seen: score of                                     pad_token_id = eos_token_id   another pad token
#       5 6 7                                        0.0063                        0.0063
#       5 6 7 end                                    0.0063                        0.1519
#       5 6 7 end, attention_mask all ones           0.0063                        0.1519
# Why it matters: pad_token = eos_token is the usual repair of a model without a pad token, and these classes are the
# usual reward model. It is then trained and used on the last token before the end: it cannot tell a finished solution
# from one that was cut off at the same token, which is just what a policy under a length limit is rewarded by; and with
# a true pad token the same weights are read at a position that training never saw. Use a pad token of its own.
# Said where: a comment in GenericForSequenceClassification (transformers/modeling_layers.py) speaks of the rightmost
# token that is not pad_token_id; that the mask is not asked, and what this means for pad = eos, is said nowhere.
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
from transformers import LlamaConfig, LlamaForSequenceClassification

transformers.logging.set_verbosity_error()
print("transformers", transformers.__version__, "torch", torch.__version__)
torch.manual_seed(0)
shape = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)
model = LlamaForSequenceClassification(LlamaConfig(vocab_size=64, num_labels=1, eos_token_id=2, **shape)).eval()


def score(tokens, pad, masked=False):
    model.config.pad_token_id = pad
    row = torch.tensor([tokens])
    with torch.no_grad():
        return model(row, attention_mask=torch.ones_like(row) if masked else None).logits.item()


ended = [5, 6, 7, 2]
cases = {"cut off": ([5, 6, 7], False), "finished": (ended, False), "finished, mask of ones": (ended, True)}
found = {name: [score(tokens, pad, masked) for pad in (2, 0)] for name, (tokens, masked) in cases.items()}
for name, (tied, apart) in found.items():
    print(f"{name}: pad = end {tied:.4f}, another pad {apart:.4f}")
(cut, cut_apart), (end, end_apart), (masked, masked_apart) = found.values()
print("finished against cut off, expected another score:",
      f"{end - cut:+.4f} with pad = end, {end_apart - cut_apart:+.4f} with another pad")
alike = abs(end - cut) < 1e-6 and abs(masked - cut) < 1e-6
raise SystemExit(0 if alike and abs(end_apart - cut_apart) > 1e-3 and end_apart == masked_apart else 1)
PY
