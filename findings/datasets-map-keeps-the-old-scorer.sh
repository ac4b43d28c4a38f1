#!/usr/bin/env bash
# datasets 5.2.0 (pyarrow 26.0.1, pandas 3.1.1): after a scorer in an imported module was changed, Dataset.map answers
# with what the old one computed; only a function that stands in the script itself is noticed.
#
# Expected: the cache key is a hash of the function, so editing the function computes the column again.
# Seen: new processes over one unchanged file, the code edited in between; score returned | score computed again
#                                              first     score() edited     a helper of score() edited
#       map(scorer.score), an imported module  1 | 1     1 | 2              2 | 3
#       map(score), in the script itself       1 | 1     2 | 2              2 | 3
#       The progress bar stays away, which is all one sees. "Computed again" is load_from_cache_file=False.
# Why it matters: rewards, answer extraction, prompt templates and filters live in modules of a package, and fixing one
# and running again is everyday work. The scores that come back are the ones of the defect that was just mended; a
# comparison of two scorers compares one with itself; and a colleague without the cache gets other numbers.
# Said where: the page about the cache says that fingerprints come from the function's hash, made with dill. That dill
# writes an importable function as a mere name (module and attribute), also inside a hashed one, is not said there.
set -euo pipefail
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
export HF_HOME="$work/hf"
"$work/venv/bin/pip" install -qq --no-compile datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1
cd "$work"
printf '{"answer": "4"}\n{"answer": "5"}\n' > rows.jsonl
cat > imported.py <<'PY'
import datasets
import scorer

rows = datasets.load_dataset("json", data_files="rows.jsonl", split="train")
print(rows.map(scorer.score)["score"][:], rows.map(scorer.score, load_from_cache_file=False)["score"][:])
PY
scorer() { printf 'import helper\n\n\ndef score(row):\n    return {"score": %s}\n' "$1" > scorer.py; }
helper() { printf 'def value():\n    return %s\n' "$1" > helper.py; }
own() {  # the same function in the script itself
    cat > own.py <<PY
import datasets
import helper


def score(row):
    return {"score": $1}


rows = datasets.load_dataset("json", data_files="rows.jsonl", split="train")
print(rows.map(score)["score"][:], rows.map(score, load_from_cache_file=False)["score"][:])
PY
}
run() { "$work/venv/bin/python" -B "$1" 2> /dev/null | tail -1; }
"$work/venv/bin/pip" list --format=freeze | grep -E '^(datasets|pyarrow|pandas)='
changed=0
check() {  # what, file to run, output seen (from the cache, computed again)
    got=$(run "$2")
    echo "$1: expected the second column twice, got $got"
    [ "$got" = "$3" ] || changed=1
}
helper 2
scorer 1 && check "module, first version     " imported.py "[1, 1] [1, 1]"
own 1 && check "script, first version     " own.py "[1, 1] [1, 1]"
scorer 'helper.value()' && check "module, function edited   " imported.py "[1, 1] [2, 2]"
own 'helper.value()' && check "script, function edited   " own.py "[2, 2] [2, 2]"
helper 3
check "module, its helper edited " imported.py "[2, 2] [3, 3]"
check "script, its helper edited " own.py "[2, 2] [3, 3]"
exit "$changed"
