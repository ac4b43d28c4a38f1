#!/usr/bin/env bash
# inspect-ai 0.3.285: match(numeric=True) writes gold and answer with five significant digits before it compares them,
# so 123460 is right where the gold is 123456, and 2024.04 where it is 2024. The number need not be the answer, either.
#
# Expected: two integers are equal or they are not; a tolerance would be an argument.
# Seen: gold       the model wrote                     graded   read as
#       123456     The answer is 123460.               C        1.2346e+05
#       100000     The answer is 100001.               C        1e+05
#       479001600  The answer is 479000000.            C        4.79e+08
#       2024       The answer is 2024.04.              C        2024
#       0.333333   The answer is 0.33333.              C        0.33333
#       12345      The answer is 12346.                I        12346
#       A word counts as a number only if all of it is one, and the last such word is taken:
#       4          3 apples and 4 pears, so x=7        C        4
#       7          3 apples and 4 pears, so x=7        I        4
#       2          2 for each, that is \boxed{14}      C        2
#       14         2 for each, that is \boxed{14}      I        2
#       match() without numeric drops the sign as punctuation: gold -3, answer "It is 3." is C, and 3 for "It is -3.".
# Why it matters: products, factorials, populations and prices of six digits and more are right to the fifth, so a model
# that rounds in its head scores like one that computes, and the two may not be ordered by this benchmark. The other
# rows pay for a number of the question and punish the usual way to write an answer. Compare with a scorer of one's
# own on an extracted answer, and count golds of six digits first.
# Said where: the docstring lists which symbols are stripped "before numbers are normalized and compared"; that
# normalising is rounding stands in the source alone (precision=5 in inspect_ai/scorer/_common.py).
set -euo pipefail
export OMP_NUM_THREADS=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile inspect-ai==0.3.285
cd "$work"
nice "$work/venv/bin/python" - <<'PY'
import asyncio
from importlib.metadata import version
from inspect_ai.model import ChatMessageUser, ModelName, ModelOutput
from inspect_ai.scorer import Target, match
from inspect_ai.solver import TaskState


def grade(scorer, gold, text):
    """The scorer's verdict on a model's text, and what it took for the answer."""
    question, output = [ChatMessageUser(content="?")], ModelOutput.from_content("mockllm", text)
    state = TaskState(ModelName("mockllm/model"), 1, 1, "?", question, output=output)
    score = asyncio.run(scorer(state, Target(gold)))
    return score.value, score.answer


print("inspect-ai", version("inspect-ai"))
apples, boxed = "3 apples and 4 pears, so x=7", r"2 for each, that is \boxed{14}"
seen = [
    ("123456", "The answer is 123460.", "C", "I"),
    ("100000", "The answer is 100001.", "C", "I"),
    ("479001600", "The answer is 479000000.", "C", "I"),
    ("2024", "The answer is 2024.04.", "C", "I"),
    ("0.333333", "The answer is 0.33333.", "C", "I"),
    ("12345", "The answer is 12346.", "I", "I"),
    ("4", apples, "C", "I"),
    ("7", apples, "I", "C"),
    ("2", boxed, "C", "I"),
    ("14", boxed, "I", "C"),
]
changed = 0
for gold, text, verdict, wanted in seen:
    got, answer = grade(match(numeric=True), gold, text)
    print(f"gold {gold:10} {text:32} expected {wanted}, got {got}, read as {answer}")
    changed += got != verdict
signs = [grade(match(), gold, text)[0] for gold, text in (("-3", "It is 3."), ("3", "It is -3."))]
print("match() over signs: expected ['I', 'I'], got", signs)
raise SystemExit(1 if changed or signs != ["C", "C"] else 0)
PY
