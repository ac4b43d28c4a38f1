#!/usr/bin/env bash
# datasets 5.2.0 (pyarrow 26.0.1, pandas 3.1.1): Dataset.from_generator calls a generator once and for all: when the
# file that it reads has other rows the next day, it returns the rows of the first day.
#
# Expected: a generator is code to be run; a new call, at the latest a new process, sees what the generator yields now.
# Seen: a file of rollouts with 2 rows, later 3 others under the same name; the rows after the change:
#       from_generator(read)                                           the 2 old ones, in a new process, too
#       from_generator(read, gen_kwargs={"path": "rollouts.txt"})      the 2 old ones
#       load_dataset("text", data_files="rollouts.txt")                the 3 new ones
#       Dataset.from_list(list(read()))                                the 3 new ones
#       No warning, no progress bar. An endless or random generator (a sampler) is frozen in the same way.
# Why it matters: rollouts, replay buffers and step-by-step curricula are written under a fixed name and read by a short
# generator. Every later phase then trains on the first step's samples, off-policy by the whole run, while lengths,
# columns and losses look sound; evaluations report the first checkpoint's answers for each of the later ones.
# Said where: the reference of from_generator says that the fingerprint is a hash of the function and its arguments, not
# that a generator whose hash is known is not called. Pass the file's own hash in gen_kwargs, or fingerprint=.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
export HF_HOME="$work/hf"
"$work/venv/bin/pip" install -qq --no-compile datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1
cd "$work"
cat > read.py <<'PY'
import json
from importlib.metadata import version
from pathlib import Path
import datasets

datasets.disable_progress_bars()


def read(path="rollouts.txt"):
    for line in Path(path).read_text().split():
        yield {"text": line}


ways = {
    "from_generator": lambda: datasets.Dataset.from_generator(read),
    "from_generator, gen_kwargs": lambda: datasets.Dataset.from_generator(read, gen_kwargs={"path": "rollouts.txt"}),
    "load_dataset": lambda: datasets.load_dataset("text", data_files="rollouts.txt", split="train"),
    "from_list": lambda: datasets.Dataset.from_list(list(read())),
}
print(json.dumps({name: list(way()["text"]) for name, way in ways.items()}))
PY
read_all() { "$work/venv/bin/python" read.py 2> /dev/null | tail -1; }
printf 'old1\nold2\n' > rollouts.txt
read_all > first.json
printf 'new1\nnew2\nnew3\n' > rollouts.txt
read_all > second.json
"$work/venv/bin/pip" list --format=freeze | grep -E '^(datasets|pyarrow|pandas)='
"$work/venv/bin/python" - <<'PY'
import json

first, second = (json.load(open(name)) for name in ("first.json", "second.json"))
old, new = ["old1", "old2"], ["new1", "new2", "new3"]
for name, rows in second.items():
    print(f"{name:27} first {first[name]}, after the change expected {new}, got {rows}")
frozen = [name for name, rows in second.items() if rows == old]
fresh = [name for name, rows in second.items() if rows == new]
kept = frozen == ["from_generator", "from_generator, gen_kwargs"] and fresh == ["load_dataset", "from_list"]
raise SystemExit(0 if kept and all(rows == old for rows in first.values()) else 1)
PY
