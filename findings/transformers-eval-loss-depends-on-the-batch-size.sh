#!/usr/bin/env bash
# transformers 5.19.0 (torch 2.13.0): Trainer's eval_loss depends on per_device_eval_batch_size, because it is a mean of
# the batches' means over tokens; the training loss is a mean over tokens since gradient accumulation was corrected.
#
# Expected: the evaluation of one model on one set is one number; the batch size is a matter of memory.
# Seen: a model of fixed weights, 8 rows of 3 to 60 tokens, eval_loss; the mean over all tokens by hand is 9.29:
#       batch 1: 8.35   batch 2: 9.13   batch 4: 9.29   batch 8: 9.29
#       The same rows sorted by length, batch 4: 8.62. Perplexities from 4,218 to 10,840.
# Why it matters: rows of reasoning differ in length by a factor of a hundred, and the number of tokens in a row goes
# with how hard it is. Early stopping, the choice of a checkpoint and perplexities of two papers compare such numbers,
# and a bigger GPU changes them. With batch 1 short rows count as much as long ones. Compare only equal batch sizes and
# orders, or sum the log-probs in compute_metrics.
# Said where: the class's docstring explains num_items_in_batch for training; evaluation_loop repeats each batch's loss
# by its number of rows before it takes the mean, and no page says so.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile torch==2.13.0 numpy==2.3.5 \
    transformers==5.19.0 tokenizers==0.23.3 safetensors==0.8.0 jinja2==3.1.6 accelerate==1.15.0
nice "$work/venv/bin/python" - <<'PY'
import math
import tempfile
import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

transformers.logging.set_verbosity_error()
torch.manual_seed(0)
shape = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2)
model = LlamaForCausalLM(LlamaConfig(vocab_size=50, initializer_range=1.0, tie_word_embeddings=True, **shape)).eval()
rows = [torch.randint(3, 50, (length,)) for length in (3, 40, 5, 30, 4, 4, 60, 3)]
data = [{"input_ids": row, "labels": row} for row in rows]


def collate(part):
    """Rows padded on the right, their pads without a label."""
    pad = torch.nn.utils.rnn.pad_sequence
    tokens = [row["input_ids"] for row in part]
    mask = pad([torch.ones_like(row) for row in tokens], batch_first=True)
    return {"input_ids": pad(tokens, batch_first=True), "attention_mask": mask,
            "labels": pad(tokens, batch_first=True, padding_value=-100)}


def eval_loss(batch, data):
    with tempfile.TemporaryDirectory() as folder:
        settings = dict(per_device_eval_batch_size=batch, report_to=[], use_cpu=True, disable_tqdm=True)
        trainer = Trainer(model, TrainingArguments(folder, **settings), eval_dataset=data, data_collator=collate)
        trainer.log = lambda *_: None
        return trainer.evaluate()["eval_loss"]


with torch.no_grad():
    losses = [model(row[None], labels=row[None]).loss.item() * (len(row) - 1) for row in rows]
by_hand = sum(losses) / sum(len(row) - 1 for row in rows)
found = {f"batch {batch}": eval_loss(batch, data) for batch in (1, 2, 4, 8)}
found["batch 4, sorted by length"] = eval_loss(4, sorted(data, key=lambda row: len(row["input_ids"])))
print("transformers", transformers.__version__, "torch", torch.__version__)
print(f"mean over tokens {by_hand:.2f}, expected everywhere")
for name, loss in found.items():
    print(f"{name}: {loss:.2f}, perplexity {math.exp(loss):,.0f}")
one = abs(found["batch 8"] - by_hand) < 1e-3
raise SystemExit(0 if one and max(found.values()) - min(found.values()) > 0.1 else 1)
PY
