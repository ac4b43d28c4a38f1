"""What a long run's report costs: `./launch.sh bench report steps=10000 runs=1`.

Makes up a run of so many steps with all that a run with instruments records, writes its plots and its page as
`./launch.sh report` does, and gives the size of the page in MB, CPU seconds of page and of plots, and
seconds by the clock. With more runs the page is the one that compares them.
"""

from __future__ import annotations

import json
import math
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.charts.pictures import pictures
from evals.charts.plots import plot_run
from evals.report import write_report
from evals.runs import Run, read_run
from rlad.config.phases import PHASES

SHARES = ("accuracy", "bare_accuracy", "coverage", "distinct", "leak_rate", "adherence", "constant_groups")
NUMBERS = ("distinct_abstractions", "unique_answers", "solution_clusters", "correct_clusters")


def player_row(share: float, noise: random.Random) -> dict[str, Any]:
    """One player's numbers of a step, `share` of the run done: entropy falls, reward rises, all of it noisy."""
    entropy = max(0.02, 1.2 * math.exp(-3 * share) + 0.1 + noise.gauss(0, 0.02))
    return {
        "reward": 0.7 - 0.15 * math.exp(entropy) + noise.gauss(0, 0.03), "entropy": entropy, "kl": 0.2 * share,
        "length": 24 + 8 * share + noise.gauss(0, 1), "grad_norm": abs(noise.gauss(0.4, 0.1)), "updated": 1,
        "loss": noise.gauss(0, 0.01), "lr": 1e-4,
        "instruments": {
            "sequence_entropy": entropy + noise.gauss(0, 0.01),
            "token_entropy": {"p50": 0.1, "p90": 2 * entropy, "forking_share": 0.2, "top20_share": 0.8},
            "covariance": {"mean": noise.gauss(0.01, 0.002), "top_share": 0.1},
            "planning": {"entropy": entropy + share, "execution_entropy": entropy / 2,
                         "execution_perplexity": math.exp(entropy / 2), "semantic_entropy": 1 + share},
            "formats": {"dominant": "<i>+", "dominant_share": 0.5 + 0.3 * share}, "rank": {"er": 12 + share},
            "repetition": 0.01,
        },
    }  # fmt: skip


def metrics_rows(steps: int, seed: int = 0) -> list[dict[str, Any]]:
    """A made-up metrics.jsonl of so many steps."""
    noise, rows = random.Random(seed), []
    for step in range(1, steps + 1):
        share = step / steps
        rollout = {name: min(1.0, max(0.0, noise.gauss(0.3 + 0.3 * share, 0.05))) for name in SHARES}
        rollout |= {name: noise.gauss(4, 0.5) for name in NUMBERS}
        row = {"step": step, "tokens_generated_total": 30000 * step, "rollout": rollout, "parity": 1e-6}
        row["seconds"] = dict.fromkeys(PHASES, 0.5) | {"total": 0.5 * len(PHASES)}
        rows.append(row | {role: player_row(share, noise) for role in ("abstraction", "solution")})
    return rows


def made_up_run(folder: Path, steps: int, seed: int = 0) -> Run:
    """A run folder with such metrics."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(row) + "\n" for row in metrics_rows(steps, seed))
    (folder / "metrics.jsonl").write_text("".join(lines))
    return read_run(folder)


def _measure(steps: int, count: int = 1) -> dict[str, Any]:
    """Size and seconds of the page (and plots) of `count` runs of `steps` steps."""
    with tempfile.TemporaryDirectory() as name:
        runs = [made_up_run(Path(name, f"run{seed}"), steps, seed) for seed in range(count)]
        clock, begin = time.perf_counter(), time.process_time()
        runs = [read_run(run.path) for run in runs]
        drawn = list(map(pictures, runs))
        page = write_report(runs, Path(name, "report.html"), drawn)
        size, middle = page.stat().st_size, time.process_time()
        for run, own in zip(runs, drawn, strict=True):
            plot_run(run, own)
        end = time.process_time()
    return {
        "steps": steps, "runs": count, "page_mb": round(size / 1e6, 3), "page_cpu_seconds": round(middle - begin, 2),
        "plots_cpu_seconds": round(end - middle, 2), "seconds": round(time.perf_counter() - clock, 2),
    }  # fmt: skip


@dataclass
class Keys:
    """How long, and how many."""

    steps: int = 10_000
    """Steps of each made-up run."""
    runs: int = 1
    """Runs on the page; more than one are compared."""


def bench(keys: Keys) -> dict[str, Any]:
    """Size and seconds; see above."""
    return _measure(keys.steps, keys.runs)
