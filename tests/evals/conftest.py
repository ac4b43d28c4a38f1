"""A made-up run folder in the real format. Its numbers mean nothing and never leave the tests."""

import json
import math
import random

import pytest

CONFIG = """name: synthetic
seed: 0
problems:
  source: induction
cotrain:
  steps: 60
  abstractions: 8
"""


def _wobble(rng, value, spread):
    return round(value + rng.gauss(0, spread), 4)


def instruments(step, t, rng):
    found = {
        "token_entropy": {"mean": 0.5, "p50": 0.1, "p90": _wobble(rng, 1.2, 0.02), "forking_share": 0.2,
                          "top20_share": _wobble(rng, 0.8, 0.01)},
        "covariance": {"mean": _wobble(rng, 0.01, 0.002), "top_share": None},
        "planning": {"share": 0.3, "entropy": 0.4 + 0.2 * t, "execution_entropy": 0.2, "execution_perplexity": 1.2,
                     "semantic_entropy": 1 + t},
        "formats": {"dominant": "<i>+ -", "dominant_share": min(0.99, 0.5 + t), "number": 3},
        "repetition": 0.01,
    }  # fmt: skip
    if step % 10 == 0:
        found |= {"rank": {"er": 12.0}, "forking": {"tokens": ["max", "<u>"]}}
    return found


def metrics_row(step, rng):
    t = step / 60
    player = lambda reward, entropy, length: {  # noqa: E731
        "reward": _wobble(rng, reward, 0.02), "entropy": _wobble(rng, entropy, 0.03), "kl": round(0.05 * t, 4),
        "grad_norm": _wobble(rng, 0.4, 0.05), "lr": 1e-4, "length": _wobble(rng, length, 0.3), "loss": 0.01,
        "clip_fraction": 0.02, "updated": True, "entropy_coefficient": 0.0, "instruments": instruments(step, t, rng),
    }  # fmt: skip
    return {
        "step": step, "tokens_generated": 30000, "tokens_generated_total": 30000 * step, "parity": 1e-6,
        "seconds": {"draw": 0.01, "propose": 0.8, "gate": 0.05, "solve": 2.9, "judge": 0.4, "credit": 0.02,
                    "update": 3.5, "publish": 0.2, "record": 0.02, "total": 7.9},
        "abstraction": player(0.3 + 0.2 * t, 1.2 - 0.2 * t, 8),
        "solution": player(0.35 + 0.3 * t, 0.5 - 0.25 * t, 24) | {"bare_kl": 0.01 * t, "bare_entropy": 0.6},
        "rollout": {"accuracy": _wobble(rng, 0.3 + 0.3 * t, 0.02), "coverage": _wobble(rng, 0.8, 0.02),
                    "bare_accuracy": _wobble(rng, 0.3, 0.02), "distinct": _wobble(rng, 0.7, 0.02), "leak_rate": 0.01,
                    "adherence": None, "constant_groups": 0.4, "bare_share": 0.125, "unfinished": 0.0,
                    "distinct_abstractions": 7.5, "solution_clusters": None},
        "verifier": {"correct": 300, "incorrect": 212, "undecided": 0},
    }  # fmt: skip


def cell(checkpoint, n, m, tokens, coverage, accuracy, temperature):
    margin = lambda p: 1.96 * math.sqrt(p * (1 - p) / 400)  # noqa: E731
    return {
        "checkpoint": checkpoint, "label": {"warmstart": "base", "cotrained": "co-trained"}[checkpoint],
        "mode": "abstractions" if n else "plain", "n": n, "m": m, "select": "majority", "temperature": temperature,
        "tokens_per_problem": tokens, "accuracy": round(accuracy, 4), "problems": 400,
        "ci95": [round(accuracy - margin(accuracy), 4), round(accuracy + margin(accuracy), 4)],
        "pass_at_k": round(coverage, 4),
        "pass_ci95": [round(coverage - margin(coverage), 4), round(coverage + margin(coverage), 4)],
    }  # fmt: skip


def make_sweep(gain=0.0):
    """What a sweep of an induction run looks like: four breadth cells and, at their budgets, plain sampling."""
    cells, curves, budgets = [], [], []
    for checkpoint, lift in (("warmstart", 0.0), ("cotrained", gain)):
        for n, m in ((4, 1), (8, 1), (16, 1), (4, 4)):
            coverage = 1 - (1 - 0.16 - lift / 3) ** (n**0.9 * m**0.2)
            tokens = 18.0 * n + 24.0 * n * m
            budgets.append(tokens)
            cells.append(cell(checkpoint, n, m, tokens, coverage, 0.2 + lift, 0.3))
    for checkpoint, lift in (("warmstart", 0.0), ("cotrained", gain)):
        for temperature in (0.7, 1.0):
            rate, length = 0.12 + lift / 4 + 0.03 * (temperature == 1.0), 22.0 + 2 * (temperature == 1.0)
            covered, voted = lambda k: 1 - (1 - rate) ** (k**0.8), lambda k: 0.18 + lift / 2 + 0.002 * k  # noqa: B023
            curves.append({
                "checkpoint": checkpoint, "label": {"warmstart": "base", "cotrained": "co-trained"}[checkpoint],
                "temperature": temperature, "tokens_per_sample": length,
                "pass_at_k": [covered(k) for k in range(1, 41)], "accuracy": [voted(k) for k in range(1, 41)],
            })  # fmt: skip
            for budget in sorted(set(budgets)):
                k = budget / length
                cells.append(cell(checkpoint, 0, round(k, 3), budget, covered(k), voted(k), temperature))
    entry = lambda lift: {  # noqa: E731
        "without": 0.2 + lift / 3, "without_ci95": [0.17 + lift / 3, 0.23 + lift / 3],
        "with_mean": 0.22 + lift, "with_mean_ci95": [0.19 + lift, 0.25 + lift],
        "with_best": 0.5 + lift, "with_best_ci95": [0.46 + lift, 0.54 + lift],
        "best_control": 0.41, "best_control_ci95": [0.38, 0.44],
    }  # fmt: skip
    side, other = cells[6], cells[-2]
    return {
        "meta": {"problems": 400, "split": "test", "command": "python -m evals.sweep runs/synthetic"},
        "cells": cells,
        "triple": {"warmstart": entry(0.0), "cotrained": entry(0.15)},
        "comparisons": [{
            "name": "co-trained pair against plain sampling of the co-trained solver, equal tokens",
            "measure": "pass_at_k", "difference": 0.081, "ci95": [0.04, 0.12], "a": side, "b": other,
        }],
        "references": [],
        "curves": curves,
        **selected(),
    }  # fmt: skip


def selected():
    """The selected answer: breadth by the proposer's belief against plain sampling by likelihood."""
    duel = {
        "checkpoint": "cotrained", "label": "co-trained", "rule": "proposer", "keys": {"alpha": 0.5},
        "temperature": 0.3, "plain_rule": "marginal", "plain_temperature": 1.0,
        "plain_keys": {"alpha": 1.0, "beta": 1.0},
        "n": 16, "m": 1, "plain_m": 28.0, "tokens": 672.0, "plain_tokens": 672.0, "problems": 400,
        "breadth": 0.326, "breadth_ci95": [0.28, 0.37], "plain": 0.3, "plain_ci95": [0.26, 0.34],
        "difference": 0.026, "ci95": [0.001, 0.05], "random": 0.168, "oracle": 0.9, "plain_oracle": 0.85,
        "plain_majority": 0.272,
    }  # fmt: skip
    side = {"checkpoint": "cotrained", "label": "co-trained", "chosen_on": "validation", "ci95": [0.28, 0.37]}
    side |= {"difference": 0.026, "difference_ci95": [0.001, 0.05], "accuracy": 0.326}
    ways = (("abstractions", "proposer", 0.3, {"alpha": 0.5}), ("plain", "marginal", 1.0, {"alpha": 1.0, "beta": 1.0}))
    return {
        "selection": duel | {"chosen_on": "validation", "on_test": duel | {"rule": "draws"}},
        "rules": [
            side | {"mode": way, "temperature": at, "select": rule, "keys": keys if rule == best else {},
                    "chosen": rule == best}
            for way, best, at, keys in ways
            for rule in ("majority", best)
        ],
        "scores": [
            {"checkpoint": "cotrained", "label": "co-trained", "mode": way, "temperature": at, "score": "likelihood",
             "problems": 300, "auroc": 0.63, "auroc_ci95": [0.6, 0.66], "brier": 0.2, "ece": 0.1, "mean": 0.5,
             "right": 0.2}
            for way, _, at, _ in ways
        ],
    }  # fmt: skip


def make_sample(step, hostile=False):
    solution = lambda right, text: {  # noqa: E731
        "text": text, "verdict": "correct" if right else "incorrect", "correct": right, "adheres": True, "tokens": 21,
    }  # fmt: skip
    evil = "</script><script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\"> & 'x'"
    return {
        "step": step, "gold": "9", "problem": evil if hostile else "3 , 5 > 14 ; 4 , 1 > ?",
        "bare": [solution(False, "4 + 1 = 5 \\boxed{ 5 }")],
        "abstractions": [
            {"text": evil if hostile else "2 * a + 1 * b + 3", "reward": 0.5, "leak": False, "tokens": 9,
             "solutions": [solution(True, "2 * 4 = 8 ; 8 + 1 = 9 \\boxed{ 9 }"), solution(False, "\\boxed{ 8 }")]},
            {"text": "the answer is 9", "reward": -0.2, "leak": True, "tokens": 4,
             "solutions": [solution(True, "\\boxed{ 9 }")]},
        ],
    }  # fmt: skip


@pytest.fixture
def sweep():
    return make_sweep(0.15)


@pytest.fixture
def make_run(tmp_path):
    """A function that writes a run folder; parts can be left out."""

    def make(name="synthetic", hostile=False, without=()):
        rng = random.Random(name)
        folder = tmp_path / name
        folder.mkdir(parents=True)
        warm = [
            {"step": s, "loss": 0.3 + 2 * math.exp(-s / 90), "lr": 1e-3, "seconds": 0.3 * s, "tokens": 4000 * s,
             "label": "base",
             "loss_by_task": {"plain": 0.4 + 2 * math.exp(-s / 80), "propose": 0.5, "guided": 0.2}}
            for s in range(20, 601, 20)
        ]  # fmt: skip
        parts = {
            "config.yaml": CONFIG,
            "warmstart.jsonl": "".join(json.dumps(row) + "\n" for row in warm),
            "metrics.jsonl": "".join(json.dumps(metrics_row(s, rng)) + "\n" for s in range(1, 61)),
            "samples.jsonl": "".join(json.dumps(make_sample(s, hostile)) + "\n" for s in (10, 20, 30)),
            "sweep.json": json.dumps(make_sweep(0.15)),
        }
        for part, text in parts.items():
            if part not in without:
                (folder / part).write_text(text)
        return folder

    return make
