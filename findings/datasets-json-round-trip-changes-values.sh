#!/usr/bin/env bash
# datasets 5.2.0 (pyarrow 26.0.1, pandas 3.1.1): load_dataset("json") followed by to_json() turns dates into
# milliseconds and rounds every float at ten decimals, so probabilities from 5e-11 down to 1e-16 become 0 and
# log-weights lose digits.
#
# Expected: JSON lines in, the same JSON lines out; or at least what Dataset.from_list gives for the same rows.
# Seen: gold "2026-01-01" -> read as a timestamp -> written as 1767225600000. With one row "unknown" among the dates the
#       column stays text. Dataset.from_list and parquet keep text always.
#       1e-11 -> 0.0, -1e-15 -> -0.0, but 1e-20 -> 1e-20; 1.2345678901234567 -> 1.2345678901; 18446744073709551615
#       -> read as a float, written as 1.844674407e+19, NaN -> null.
# Why it matters: filtering a problem file with datasets and saving it again is the everyday step before training.
# Golds that are dates then never match, and whether they do depends on one other row of the shard; saved sampling
# probabilities come back as zeros that divide importance weights. Write with json.dumps row by row, read golds as text.
# Said where: to_json passes its options to pandas.DataFrame.to_json, whose double_precision=10 is documented there, not
# in datasets; that pyarrow's reader guesses timestamps is documented by pyarrow (ISO 8601 strings), not by
# load_dataset.
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
print(*(f"{name} {version(name)}" for name in ("datasets", "pyarrow", "pandas")))
folder = Path(os.environ["HF_HOME"]) / "files"
folder.mkdir(parents=True, exist_ok=True)


def round_trip(name, values):
    """The values after load_dataset('json') and to_json, without any step between."""
    source, target = folder / f"{name}.jsonl", folder / f"{name}-out.jsonl"
    source.write_text("".join(json.dumps({"value": value}) + "\n" for value in values))
    rows = datasets.load_dataset("json", data_files=str(source), split="train", cache_dir=str(folder / "cache"))
    rows.to_json(str(target))
    return [json.loads(line)["value"] for line in target.read_text().splitlines()]


dates = round_trip("dates", ["2026-01-01", "2024-02-29"])
mixed = round_trip("mixed", ["2026-01-01", "unknown"])
small = round_trip("small", [1e-11, -1e-15, 1.2345678901234567, 1e-20])
large = round_trip("large", [2**64 - 1, 1])
holes = round_trip("holes", [float("nan"), 0.5])
listed = datasets.Dataset.from_list([{"value": "2026-01-01"}, {"value": "2024-02-29"}])["value"][0]
print("dates: expected the text, got", dates, "| with one word among them", mixed, "| from_list", repr(listed))
print("floats: expected [1e-11, -1e-15, 1.2345678901234567, 1e-20], got", small)
print("2**64 - 1: expected 18446744073709551615, got", large[0], "| NaN: got", holes[0])
kept = dates[0] == 1767225600000 and mixed[0] == listed == "2026-01-01" and small == [0.0, 0.0, 1.2345678901, 1e-20]
raise SystemExit(0 if kept and large[0] == 1.844674407e19 and holes[0] is None else 1)
PY
