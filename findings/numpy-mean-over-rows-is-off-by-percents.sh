#!/usr/bin/env bash
# numpy 2.3.5: the float32 mean over the rows of a two-column array is off by 1 % at a million rows, by 4 % at four
# million, and 0.5 instead of 1 for 2**25 rows of ones. Of the transposed (contiguous) array it is right.
#
# Expected: numpy adds pairwise, so float32 means are good to about seven digits whatever the shape.
# Seen: mean(axis=0) of an array (n, 2) of 0.7: n = 2**20: 0.6927, 2**22: 0.7287, 2**23 and 2**24: 0.6596, 2**25: 0.5.
#       Ones: 0.5 at 2**25. The same numbers contiguous along the axis, or with dtype=np.float64: exact. No warning.
# Why it matters: statistics per token (entropy, log-prob, chosen or not, advantage) are kept as float32 rows with a few
# columns, and an hour of rollouts has more than a million of them. A mean per column drifts by percents, in steps
# that look like a change of the policy: 0.69 at one size and 0.73 at four times the size are the same entropy. Always
# pass dtype=np.float64.
# Said where: the notes of numpy.sum: pairwise summation only along the fast axis in memory. mean() says that float32
# "can" be inaccurate; its example is off in the third digit at 2**18 numbers.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile numpy==2.3.5
nice "$work/venv/bin/python" - <<'PY'
import numpy as np

rows = 2**25
print("numpy", np.__version__)
ones = np.ones((rows, 2), np.float32)
by_row, contiguous = ones.mean(axis=0), np.ascontiguousarray(ones.T).mean(axis=1)
double = ones.mean(axis=0, dtype=np.float64)
print(f"2**25 rows of ones: expected [1, 1], got {by_row}; contiguous {contiguous}; dtype=float64 {double}")
other = {power: np.full((2**power, 2), 0.7, np.float32).mean(axis=0)[0] for power in (20, 22, 23, 24, 25)}
for power, mean in other.items():
    print(f"2**{power} rows of 0.7: expected 0.7, got {mean:.4f}")
drift = abs(other[20] / 0.7 - 1) > 0.005 and abs(other[22] / 0.7 - 1) > 0.02
raise SystemExit(0 if drift and (by_row == 0.5).all() and (contiguous == 1).all() and (double == 1).all() else 1)
PY
