#!/usr/bin/env bash
# datasets 5.2.0 (pyarrow 26.0.1, numpy 2.3.5): with_format("numpy") gives a float64 column as float32 and a single
# number of it as float64, so row by row and batch by batch one function computes different things.
#
# Expected: numpy has float64, and the column is float64, so that is what comes; with_format("torch") is known to halve.
# Seen: a column of three times in seconds, 1764000000.25, 1764000001.75 and 1764000003.5, after with_format("numpy"):
#       ds[0]["time"]              float64    1764000000.25
#       ds[:]["time"], ds["time"][:]   float32    1764000000 three times, so the gaps are 0 instead of 1.5 and 1.75
#       a row of lists, ds[0]["pair"]  float32
#       map(r["time"] - 1764000000)                 [0.25, 1.75, 3.5]   in a float64 column
#       the same, batched=True                      [0, 0, 0]           in a float32 column
#       map(lambda r: {"time": r["time"]}, batched=True)   the column says float64 and holds rounded numbers
#       filter(r["time"] > 1764000001), row by row  0 rows instead of 2
#       with_format("numpy", dtype=np.float64)      right everywhere
# Why it matters: log-probabilities of whole answers (-1234.56789) lose their fifth decimal, which is what a ratio of
# two policies is made of; times, token counts beyond 16,777,216 and ids kept as floats merge. batched=True is meant to
# be a matter of speed. What was written back once is rounded for ever, under the old type.
# Said where: the page on NumPy shows integers; in datasets/formatting/np_formatter.py the default for floats is
# float32, and single numbers come past it.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 HF_DATASETS_DISABLE_PROGRESS_BARS=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HF_HOME="$work/home"
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1 numpy==2.3.5
nice "$work/venv/bin/python" - <<'PY'
import datasets
import numpy as np
from datasets import Dataset

datasets.disable_progress_bars()
print("datasets", datasets.__version__, "numpy", np.__version__)
start = 1764000000
times = [start + 0.25, start + 1.75, start + 3.5]
plain = Dataset.from_dict({"time": times, "pair": [[0.1, 0.2]] * 3})
ds = plain.with_format("numpy")
kinds = {name: str(value.dtype) for name, value in (
    ("ds[0]['time']", ds[0]["time"]), ("ds[:]['time']", ds[:]["time"]), ("ds['time'][:]", ds["time"][:]),
    ("ds[0]['pair']", ds[0]["pair"]),
    ("dtype=float64", plain.with_format("numpy", dtype=np.float64)[:]["time"]))}
print("expected float64 everywhere:", kinds)
gaps = np.diff(ds[:]["time"]).tolist()
print("gaps of the column: expected [1.5, 1.75], got", gaps)


def mapped(function, column, batched):
    """The column and its type after map()."""
    result = ds.map(function, batched=batched)
    return result.with_format(None)[column][:], result.features[column].dtype


shifted = [mapped(lambda r: {"shift": r["time"] - start}, "shift", batched) for batched in (False, True)]
print("map, expected", [time - start for time in times], "twice; row by row", shifted[0], "batched", shifted[1])
kept, kind = mapped(lambda r: {"time": r["time"]}, "time", True)
print("map to itself, batched: expected", times, "got", kept, kind)
late = len(ds.filter(lambda r: r["time"] > start + 1))
print("filter row by row: expected 2 rows, got", late)
right = shifted[0] == ([0.25, 1.75, 3.5], "float64") and kinds["ds[0]['time']"] == kinds["dtype=float64"] == "float64"
wrong = gaps == [0.0, 0.0] and shifted[1] == ([0.0] * 3, "float32") and (kept, kind) == ([float(start)] * 3, "float64")
raise SystemExit(0 if right and wrong and late == 0 and kinds["ds[0]['pair']"] == "float32" else 1)
PY
