#!/usr/bin/env bash
# datasets 5.2.0 (pyarrow 26.0.1): Dataset.from_list, Dataset.from_generator and map() take the columns from the first
# row. A key that only later rows have is dropped without a word; one that a later row lacks is None.
# load_dataset("json") on the same rows keeps all keys, and so do structs inside a column.
#
# Expected: the union of the keys, None where a row has none, as load_dataset("json") and nested structs do it; or an error.
# Seen: rows {question, answer}, {question, answer, abstraction}: from_list and from_generator give question and answer
#       alone; in the other order all three columns. map() that gives the second of 5000 rows an abstraction gives none;
#       where more rows have one it ends with KeyError('abstraction').
# Why it matters: rows of two kinds in one list are the everyday shape of SFT and preference data (some with a hint, a
# tool call, a thought). Shuffling decides whether the column exists; the loss then trains on rows without it, and no
# count is wrong. Give `features=`, or write every key in every row.
# Said where: pyarrow documents "inferred from the first row" for Table.from_pylist, which from_list does not use;
# datasets' pages on from_list, from_generator and map do not say it.
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
short = {"question": "q1", "answer": "1"}
long = short | {"abstraction": "halve it"}
folder = Path(os.environ["HF_HOME"])
folder.mkdir(parents=True, exist_ok=True)
source = folder / "rows.jsonl"
source.write_text("".join(json.dumps(row) + "\n" for row in (short, long)))
bare = datasets.Dataset.from_list([{"question": str(i)} for i in range(5000)])
found = {
    "from_list, short row first": datasets.Dataset.from_list([short, long]),
    "from_list, long row first": datasets.Dataset.from_list([long, short]),
    "from_generator, short row first": datasets.Dataset.from_generator(lambda: iter([short, long])),
    "map, second of 5000 alone with": bare.map(lambda row: long if row["question"] == "1" else short),
    "load_dataset json, short row first": datasets.load_dataset("json", data_files=str(source), split="train"),
    "struct in a column": datasets.Dataset.from_list([{"row": short}, {"row": long}]).flatten(),
}
print("datasets", version("datasets"), "- is there a column 'abstraction'? Expected: yes in all six.")
kept = {name: any("abstraction" in column for column in data.column_names) for name, data in found.items()}
print("\n".join(f"{name}: {'yes' if there else 'NO'}" for name, there in kept.items()))
raise SystemExit(0 if list(kept.values()) == [False, True, False, False, True, True] else 1)
PY
