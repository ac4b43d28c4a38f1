#!/usr/bin/env bash
# lm-eval 0.4.13: the cache of responses (--use_cache PATH) has no key for the model: the second checkpoint evaluated
# with the same PATH gets the first one's answers and scores, and is never run.
#
# Expected: a cache of "model responses" is a cache per model (name, revision, arguments), as that of the requests is
#           one per task and tokenizer.
# Seen: two models, the same file, ten prompts; what the second model's run returns
#       generate_until, greedy     10 of 10 answers are the first model's; the second one was asked 0 times
#       loglikelihood              10 of 10 are the first model's; asked 0 times
#       do_sample=True, or a file for each model: 10 of 10 its own (sampled answers aren't kept)
# Why it matters: evaluating a run's checkpoints in a loop with one --use_cache, as one does for a job that may be cut
# off, gives a curve that is flat to the last digit, or, where some prompts are new, a mixture of two models' answers.
# The path must hold all that names the model: checkpoint, adapter, dtype, maximal length; none of them is in the key.
# Said where: the option's help says "Path to cache model responses (skips repeated inference)". The key is the hash of
# the request's kind and arguments (hash_args in api/model.py).
set -euo pipefail
export OMP_NUM_THREADS=1 TQDM_DISABLE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --no-compile requests==2.34.2 Jinja2==3.1.6 sqlitedict==2.1.0 tqdm==4.70.1 \
    numpy==2.3.5 PyYAML==6.0.3 typing_extensions==4.16.0
"$work/venv/bin/pip" install -qq --no-compile --no-deps lm-eval==0.4.13
cd "$work"
"$work/venv/bin/python" - <<'PY'
from importlib.metadata import version
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM, CachingLM  # simple_evaluate(use_cache=path) wraps the model in CachingLM


class Checkpoint(LM):
    def __init__(self, number):
        super().__init__()
        self.number, self.asked = number, 0

    def generate_until(self, requests):
        self.asked += len(requests)
        return [f"checkpoint {self.number}" for _ in requests]

    def loglikelihood(self, requests):
        self.asked += len(requests)
        return [(-float(self.number), False) for _ in requests]

    loglikelihood_rolling = None


def second_after_first(kind, argument, paths):
    """How many of the second checkpoint's answers are its own, and how often it was asked."""
    prompts = [Instance(kind, {}, (f"Problem {i}", argument), i) for i in range(10)]
    models = [Checkpoint(1), Checkpoint(2)]
    got = [getattr(CachingLM(model, path), kind)(prompts) for model, path in zip(models, paths)]
    plain = getattr(Checkpoint(2), kind)(prompts)
    return sum(one == other for one, other in zip(got[1], plain)), models[1].asked


print("lm-eval", version("lm-eval"))
greedy, sampled = {"until": ["\n"], "do_sample": False}, {"until": ["\n"], "do_sample": True}
rows = [  # name, request, files of the two runs, what happens
    ("generate_until, greedy", ("generate_until", greedy), ("a.db", "a.db"), (0, 0)),
    ("loglikelihood", ("loglikelihood", " four"), ("b.db", "b.db"), (0, 0)),
    ("generate_until, sampled", ("generate_until", sampled), ("c.db", "c.db"), (10, 10)),
    ("greedy, two files", ("generate_until", greedy), ("d.db", "e.db"), (10, 10)),
]
changed = 0
for name, (kind, argument), paths, seen in rows:
    own, asked = second_after_first(kind, argument, paths)
    print(f"{name:24} second checkpoint: expected 10 of its own answers, got {own}; asked {asked} times")
    changed += (own, asked) != seen
raise SystemExit(1 if changed else 0)
PY
