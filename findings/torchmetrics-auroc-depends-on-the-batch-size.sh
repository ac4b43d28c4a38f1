#!/usr/bin/env bash
# torchmetrics 1.9.0 (torch 2.13.0): the binary metrics decide anew in every update() whether they were given
# probabilities or logits, so AUROC, accuracy and calibration error of raw scores depend on the batch size.
#
# Expected: AUROC reads ranks, so one set of scores has one AUROC, with or without a sigmoid, in batches of any size.
# "If preds has values outside [0,1] range we consider the input to be logits and will auto apply sigmoid per element."
# Seen: 4,000 scores, right answers one spread above wrong ones; in batches of   1      2      8      64     4,000
#       AUROC, spread 1 (by hand 0.750)                                          0.719  0.740  0.750  0.750  0.750
#       AUROC, spread 0.4 (by hand 0.759)                                        0.630  0.657  0.753  0.759  0.759
#       accuracy of "score above 0", spread 1 (by hand 0.672)                    0.683  0.673  0.672  0.672  0.672
#       expected calibration error, spread 1                                     0.097  0.091  0.089  0.089  0.089
#       With a sigmoid before update() all columns are as the last one. Nothing is printed.
# Why it matters: a batch whose scores all lie in [0, 1] is kept as it is, the next one is squeezed: 0.9 stays 0.9,
# 1.5 becomes 0.82, and the better answer is ranked below the worse. Reward models, verifiers and margins of log-probs
# are evaluated with small batches (long texts) and give raw scores; the number then moves by up to 0.13
# with the batch size, and with a smaller last batch. Apply the sigmoid before update().
# Said where: the sentence above, in each metric's documentation; that "preds" is the batch of one call is in the source
# only (normalize_logits_if_needed). Multiclass and multilabel metrics do the same.
set -euo pipefail
export OMP_NUM_THREADS=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile torch==2.13.0 numpy==2.3.5 torchmetrics==1.9.0
nice "$work/venv/bin/python" - <<'PY'
import torch
import torchmetrics
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC, BinaryCalibrationError

torch.manual_seed(0)
gold = torch.randint(0, 2, (4000,))
wide = torch.randn(4000) + gold
narrow = 0.4 * (torch.randn(4000) + gold)
sizes = (1, 2, 8, 64, 4000)


def measured(metric, scores):
    """The metric over all scores, given to update() in batches of each size."""
    values = []
    for size in sizes:
        metric.reset()
        for begin in range(0, len(scores), size):
            metric.update(scores[begin : begin + size], gold[begin : begin + size])
        values.append(round(metric.compute().item(), 4))
    return values


def ranked(scores):
    """AUROC by hand: the share of pairs in which the right answer has the higher score."""
    return (scores[gold == 1][:, None] > scores[gold == 0]).double().mean().item()


print("torchmetrics", torchmetrics.__version__, "torch", torch.__version__, "- expected one number in every row")
print("batches of                       ", *sizes)
rows = {
    f"AUROC, wide   (by hand {ranked(wide):.3f})": measured(BinaryAUROC(), wide),
    f"AUROC, narrow (by hand {ranked(narrow):.3f})": measured(BinaryAUROC(), narrow),
    f"accuracy      (by hand {((wide > 0) == gold).double().mean():.3f})": measured(BinaryAccuracy(), wide),
    "calibration error": measured(BinaryCalibrationError(), wide),
    "AUROC after sigmoid": measured(BinaryAUROC(), wide.sigmoid()),
}
for name, values in rows.items():
    print(f"{name:33}", *values)
*moving, fixed = rows.values()
kept = all(abs(values[0] - values[-1]) > 0.005 and values[3] == values[4] for values in moving)
raise SystemExit(0 if kept and len(set(fixed)) == 1 else 1)
PY
