#!/usr/bin/env bash
# lm-eval 0.4.13: the few-shot chain-of-thought tasks of BIG-bench Hard drop the last character of the answer's line,
# whatever it is: 123 without a full stop is wrong, and 1234 is right where the gold is 123.
#
# Expected: the filter removes the full stop of "So the answer is 123." when there is one.
# Seen: gold 123:   "So the answer is 123."            extracted 123            right
#                   "So the answer is 123"             extracted 12             wrong
#                   "So the answer is 1234"            extracted 123            right
#                   "So the answer is 123. I checked." extracted 123. I checked wrong
#                   "The answer is 123."               extracted [invalid]      wrong (a capital T)
#       gold (A):   "So the answer is (A)"             extracted (A             wrong
#       gold -12:   "So the answer is -123"            extracted -12            right
# Why it matters: the score measures whether a model copies the examples' full stop. A model trained to answer briefly,
# or cut off by its length limit within the last number, loses or gains points without solving anything else. Look at
# the filtered responses of one task before comparing models on the group.
# Said where: nowhere; (?<=the answer is )(.*)(?=.) in tasks/bbh/cot_fewshot/_cot_fewshot_template_yaml has an unescaped
# point, which stands for any character. The zero-shot tasks' strict-match has the same end.
set -euo pipefail
export OMP_NUM_THREADS=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile numpy==2.3.5 sacrebleu==2.6.0 PyYAML==6.0.3 typing_extensions==4.16.0
nice "$work/venv/bin/pip" install -qq --no-compile --no-deps lm-eval==0.4.13
nice "$work/venv/bin/python" - <<'PY'
from importlib.metadata import version
from pathlib import Path
import lm_eval
import yaml
from lm_eval.api.instance import Instance
from lm_eval.api.metrics import exact_match_hf_evaluate
from lm_eval.filters import build_filter_ensemble

folder = Path(lm_eval.__file__).parent / "tasks/bbh/cot_fewshot"
task = yaml.safe_load((folder / "_cot_fewshot_template_yaml").read_text())
(chosen,) = task["filter_list"]
parts = [(part.pop("function"), part or None) for part in chosen["filter"]]
seen = [
    ("123", "So the answer is 123.", "123", True),
    ("123", "So the answer is 123", "12", False),
    ("123", "So the answer is 1234", "123", True),
    ("123", "So the answer is 123. I checked.", "123. I checked", False),
    ("123", "The answer is 123.", "[invalid]", False),
    ("(A)", "So the answer is (A)", "(A", False),
    ("-12", "So the answer is -123", "-12", True),
]
print("lm-eval", version("lm-eval"), "bbh cot_fewshot, version", task["metadata"]["version"])
rows = [Instance("generate_until", {}, ("", {}), i, resps=[text]) for i, (_, text, _, _) in enumerate(seen)]
build_filter_ensemble(chosen["name"], parts).apply(rows)
changed = 0
for row, (gold, text, extracted, right) in zip(rows, seen):
    got = row.filtered_resps[chosen["name"]]
    score = bool(exact_match_hf_evaluate([got], [gold])["exact_match"])
    print(f"gold {gold:4} {text:34} extracted {got:15} counted as {'right' if score else 'wrong'}")
    changed += (got, score) != (extracted, right)
raise SystemExit(1 if changed else 0)
PY
