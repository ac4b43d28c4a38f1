"""Stands in for the project's commands in tests of the comparison: same arguments, same files, made-up numbers.

`fake_commands.py VERB ARGUMENTS`; every call is noted in $FAKE_LOG. With $FAKE_SLOW naming an arm, its training stops
after two steps until there is a file `go`, so that a test can kill it half way; like the real one it goes on from what
it finds.
"""

import json
import os
import sys
import time
from pathlib import Path


def settings(words):
    found = dict(word.split("=", 1) for word in words if "=" in word)
    return Path(found["runs_dir"]) / found["name"], found


def warmstart(words):
    folder, _ = settings(words)
    (folder / "base").mkdir(parents=True, exist_ok=True)
    (folder / "base" / "config.json").write_text("{}")
    (folder / "warmstart.jsonl").write_text(json.dumps({"step": 20, "loss": 1.0, "tokens": 5000}) + "\n")


def train(words):
    folder, found = settings(words)
    assert (Path(found["base.path"]) / "config.json").is_file()
    file = folder / "metrics.jsonl"
    step = len(file.read_text().splitlines()) if file.is_file() else 0
    while step * 1000 < int(found["cotrain.max_tokens"]):
        step += 1
        row = {"step": step, "tokens_generated_total": 1000 * step, "seconds": {"total": 2.5}}
        row["rollout"] = {"accuracy": 0.01 * (step % 7)}
        row["solution"] = {"reward": 0.1 * step + 0.01 * int(found["seed"]), "entropy": 1 / step}
        row |= {"validation": {"accuracy": 0.02 * step, "coverage": 0.5}} if step % 2 == 0 else {}
        with file.open("a") as out:
            out.write(json.dumps(row) + "\n")
        while os.environ.get("FAKE_SLOW") == found["name"] and step >= 2 and not Path("go").exists():
            time.sleep(0.02)
    if os.environ.get("FAKE_BROKEN") == found["name"]:
        print("something terrible happened")
        sys.exit(3)


def sweep(words):
    folder, _ = settings(words)
    arm, seed = folder.name, int(folder.parent.name.removeprefix("seed"))
    checkpoint = "cotrained" if (folder / "metrics.jsonl").is_file() else "warmstart"
    lift = {"rlad": 0.1, "solver-only": 0.04}.get(arm, 0.0) + 0.01 * seed
    cells = [
        {"checkpoint": checkpoint, "n": n, "m": m, "select": "majority", "temperature": 0.3, "pass_at_k": p + lift,
         "accuracy": 0.3 + lift, "tokens_per_problem": 30.0 * n * m}
        for n, m, p in ((4, 1, 0.4), (8, 1, 0.6), (4, 4, 0.5))
        if arm in ("rlad", "base")
    ]  # fmt: skip
    curves = [
        {"checkpoint": checkpoint, "label": arm, "temperature": t, "tokens_per_sample": 20.0,
         "pass_at_k": [min(1.0, 0.04 * t * k**0.8 + lift) for k in range(1, 33)], "accuracy": [0.2 + lift] * 32}
        for t in (0.7, 1.0)
    ]  # fmt: skip
    found = {"cells": cells, "curves": curves, "triple": {checkpoint: {"with_mean": 0.25 + lift}}}
    if arm == "rlad":  # which states confidences
        rows = [(checkpoint, 0.7, 0.3), (checkpoint, 1.0, 0.2), ("warmstart", 1.0, 0.9)]
        found["calibration"] = [
            {"checkpoint": c, "label": arm, "temperature": t, "stated": 1.0, "brier": b, "ece": 0.1, "auroc": None}
            for c, t, b in rows
        ]
    (folder / "sweep.json").write_text(json.dumps(found))


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    with Path(os.environ["FAKE_LOG"]).open("a") as log:
        log.write(f"{verb} {settings(rest)[0]}\n")
    {"warmstart": warmstart, "train": train, "sweep": sweep}[verb](rest)
