#!/usr/bin/env bash
# datasets 5.2.0 (pyarrow 26.0.1, pandas 3.1.1): in a JSON lines file with golds of several types, the type of a gold
# depends on whether a row of the other type lies within the first ten megabytes; and the *strings* of a mixed column
# are decoded once more, so "007" is 7 and "null" is None.
#
# Expected: each row as json.loads reads it, or an error, or one rule for the whole file.
# Seen: rows `first` (many), then one row `last`; what comes back for `last` when the file has 4 rows / 150,001 rows:
#       first 1,    last 2.0    2.0     / 2          (an integer column)
#       first true, last 1      1       / True       (1 became a truth value)
#       first true, last 0      0       / False
#       first "1",  last 2      2       / "2"
#       first "a",  last [1,2]  [1, 2]  / "[1,2]"    (text)
#       first 1,    last "007"  7       / 7          (leading zeros gone in both)
#       first 1,    last "null" None    / DatasetGenerationError, as "true": True / DatasetGenerationError
# Why it matters: problem files mix golds (a number, a fraction, a list, yes/no). The pilot with 100 rows and the real
# file with 100,000 give verifiers other golds, and appending a row can change the rows before it. Write golds as
# strings that are no JSON (or declare features=...).
# Said where: the loading guide says that types are inferred from the data; that it is by blocks (chunksize, 10 << 20
# bytes in packaged_modules/json) and that later blocks are cast to the first one's type, only the source says.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
export HF_HOME="$work/hf"
nice "$work/venv/bin/pip" install -qq --no-compile datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1
nice "$work/venv/bin/python" - <<'PY'
import json
import os
from importlib.metadata import version
from pathlib import Path
import datasets

datasets.disable_progress_bars()
datasets.logging.set_verbosity(datasets.logging.CRITICAL)
print(*(f"{name} {version(name)}" for name in ("datasets", "pyarrow", "pandas")))
folder = Path(os.environ["HF_HOME"]) / "files"
folder.mkdir(parents=True, exist_ok=True)


def last_gold(first, last, rows):
    """What load_dataset gives for the last row of a file in which it follows `rows` rows of the first kind."""
    file = folder / f"{len(list(folder.iterdir()))}.jsonl"
    line = json.dumps({"question": "x" * 90, "gold": first}) + "\n"
    file.write_text(line * rows + json.dumps({"question": "y", "gold": last}) + "\n")
    try:
        return datasets.load_dataset("json", data_files=str(file), split="train")[rows]["gold"]
    except datasets.exceptions.DatasetGenerationError:
        return "DatasetGenerationError"


seen = [
    (1, 2.0, 2.0, 2),
    (True, 1, 1, True),
    (True, 0, 0, False),
    ("1", 2, 2, "2"),
    ("a", [1, 2], [1, 2], "[1,2]"),
    (1, "007", 7, 7),
    (1, "null", None, "DatasetGenerationError"),
    (1, "true", True, "DatasetGenerationError"),
]
changed = 0
for first, last, small, large in seen:
    got = last_gold(first, last, 3), last_gold(first, last, 150_000)
    print(f"first {first!r:5} last {last!r:7} expected {last!r:7} got {got[0]!r:7} in 4 rows, {got[1]!r} in 150,001")
    changed += repr(got) != repr((small, large))
raise SystemExit(1 if changed else 0)
PY
