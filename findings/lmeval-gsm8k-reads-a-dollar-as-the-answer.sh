#!/usr/bin/env bash
# lm-eval 0.4.13: the gsm8k task's flexible-extract takes a lone "$." or "$$" or "..." for the last number of a
# response, so an answer in LaTeX dollars is wrong because of the dollar behind it.
#
# Expected: "flexible" takes the last number, wherever it stands. The gold is 18 in every row below.
# Seen: response ends in            extracted  counted as
#       makes $18.                  $18.       right
#       is \boxed{18}               18         right
#       is $\boxed{18}$             18         right
#       is $\boxed{18}$.            $.         wrong
#       $$\boxed{18}$$              $$         wrong
#       is 18 ...                   ...        wrong
#       is $18.00                   $18.00     wrong (compared as text)
#       is \boxed{$18$}.            $18$       right
# Why it matters: chat and reasoning models write mathematics between dollars and end the sentence with a full stop,
# base models seldom do, so part of what training "gains" or "forgets" on GSM8K can be the character behind the answer.
# Count the extractions without a digit before believing a score.
# Said where: nowhere; the pattern in lm_eval/tasks/gsm8k/gsm8k.yaml asks for two or more of minus, dollar, digits,
# point and comma, none of which has to be a digit, and group_select -1 takes the last match.
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

task = yaml.safe_load((Path(lm_eval.__file__).parent / "tasks/gsm8k/gsm8k.yaml").read_text())
(flexible,) = [found for found in task["filter_list"] if found["name"] == "flexible-extract"]
parts = [(part.pop("function"), part or None) for part in flexible["filter"]]
(metric,) = task["metric_list"]
rules = {name: metric[name] for name in ("ignore_case", "ignore_punctuation", "regexes_to_ignore")}
seen = [
    ("She makes $18.", "$18.", True),
    (r"The answer is \boxed{18}", "18", True),
    (r"The answer is $\boxed{18}$", "18", True),
    (r"The answer is $\boxed{18}$.", "$.", False),
    (r"$$\boxed{18}$$", "$$", False),
    ("The answer is 18 ...", "...", False),
    ("The answer is $18.00", "$18.00", False),
    (r"The answer is \boxed{$18$}.", "$18$", True),
]
print("lm-eval", version("lm-eval"), "gsm8k, version", task["metadata"]["version"], "- gold 18, expected: all right")
rows = [Instance("generate_until", {}, ("", {}), i, resps=[text]) for i, (text, _, _) in enumerate(seen)]
build_filter_ensemble("flexible-extract", parts).apply(rows)
changed = 0
for row, (text, extracted, right) in zip(rows, seen):
    got = row.filtered_resps["flexible-extract"]
    score = bool(exact_match_hf_evaluate([got], ["9 * 2 = 18\n#### 18"], **rules)["exact_match"])
    print(f"{text:30} extracted {got:8} {'right' if score else 'WRONG'}")
    changed += (got, score) != (extracted, right)
raise SystemExit(1 if changed else 0)
PY
