"""`python -m evals.pruning.students RUN`: small solvers warm-started on shortened chains, at equal tokens.

The run's solver writes right solutions of training problems and shortens them greedily (joint likelihood). Students of
one architecture and seed learn from full chains, greedily pruned, randomly pruned and truncated ones, each for as many
optimiser steps as give it the same number of demonstrated tokens, and are tested on held-out problems. Everything is
kept in RUN/pruning; what is finished there is not made again, so `--only ARM` makes one arm at a time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from evals.pruning.chains import Likelihood, chains_of
from evals.pruning.deletion import greedy, remaining, shuffled, truncated
from evals.statistics.estimators import bootstrap, paired_difference
from evals.sweeping.pairs import pairs_of
from rlad.cli import Parser, PlainError, main_guard, open_run
from rlad.config import RunConfig
from rlad.generation.base import Sampling
from rlad.problems import Problem, load_problems, require_one_piece
from rlad.reasoning.pair import open_pair
from rlad.reasoning.reasoner import Reasoner

ARMS = ("full", "pruned", "random", "truncated")
TRIES = 4
"""Solutions sampled of a training problem, of which the first right one is its chain."""
TESTED = 8
"""Solutions sampled of a test problem, at temperature 1."""


def steps_for(tokens: int, batch: int, lengths: Sequence[int]) -> int:
    """Optimiser steps in which about so many demonstrated tokens are learnt from; `lengths`: of the demonstrations.

    >>> steps_for(12_000, 10, [30, 20]), steps_for(12_000, 10, [15, 25])  # 250 and 200 tokens a step
    (48, 60)
    """
    return max(1, round(tokens / (batch * float(np.mean(lengths)))))


def demonstrations(reasoner: Reasoner, problems: Sequence[Problem], share: float, seed: int) -> dict[str, list[dict]]:
    """Arm -> rows (question, answer, solution, tokens) of the problems that the solver gets right.

    Raises PlainError where it gets fewer than two right.
    """
    prompts = reasoner.solve_prompts
    asked = [prompts.ids("plain", problem.question) for problem in problems for _ in range(TRIES)]
    written = reasoner.solver.generate(asked, Sampling(1.0, 64, seed))
    texts = [prompts.completion_text(list(one.token_ids)) for one in written]
    verdicts = reasoner.judge_of([(problems[i // TRIES], text) for i, text in enumerate(texts)])
    right: list[str | None] = [None] * len(problems)
    for i in reversed(range(len(texts))):
        if verdicts[i].correct and written[i].finish_reason == "stop":
            right[i // TRIES] = texts[i]
    solved = [(problem, text) for problem, text in zip(problems, right, strict=True) if text is not None]
    chains, _ = chains_of([p for p, _ in solved], [text for _, text in solved], prompts, False, len(solved))
    lengths = [len(chain.reasoning) for chain in chains]
    orders = {
        "pruned": greedy(lengths, share, Likelihood(reasoner.solver, chains).joint),
        "random": shuffled(lengths, seed),
        "truncated": truncated(lengths),
    }
    by_prompt = {tuple(prompts.ids("plain", problem.question)): problem for problem, _ in solved}
    rows: dict[str, list[dict]] = {arm: [] for arm in ARMS}
    for i, chain in enumerate(chains):
        problem = by_prompt[tuple(chain.prompt)]
        for arm in ARMS:
            kept = tuple(range(lengths[i])) if arm == "full" else remaining(orders[arm][i], lengths[i], share)
            ids = chain.shortened(kept) + chain.answer
            text = prompts.decode(ids).strip()
            row = {"question": problem.question, "answer": problem.answer, "solution": text, "tokens": len(ids)}
            rows[arm].append(row)
    return rows


def command_of(given: str, folder: Path, arm: str, rows: Sequence[dict], run: RunConfig, words: Sequence[str]):
    """(command, steps) of an arm's warm start; `run`: the run's configuration with `words`, the students' changes."""
    full = [row["tokens"] for row in json_lines(folder / "full.jsonl")]
    budget = round(run.warmstart.steps * run.warmstart.batch * float(np.mean(full)))
    steps = steps_for(budget, run.warmstart.batch, [row["tokens"] for row in rows])
    own = [f"runs_dir={folder}", f"name={arm}", f"warmstart.path={folder / arm}.jsonl", f"warmstart.steps={steps}"]
    own += ["problems.fields.question=question", "warmstart.mixture.plain=1", "warmstart.mixture.propose=0"]
    own += ["warmstart.mixture.guided=0"]
    config = f"{given}/config.yaml" if Path(given).is_dir() else given
    return [sys.executable, "-m", "trainers.launching", "warmstart", config, *words, *own], steps


def json_lines(path: Path) -> list[dict]:
    """The rows of a JSONL file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def tested(run: RunConfig, folder: Path, problems: Sequence[Problem], seed: int) -> dict[str, list[float]]:
    """Of every problem: the share of right samples, whether one is right, and tokens a sample."""
    reasoner = open_pair(run, None, str(folder / "base"))
    prompts = reasoner.solve_prompts
    asked = [prompts.ids("plain", problem.question) for problem in problems for _ in range(TESTED)]
    written = reasoner.solver.generate(asked, Sampling(1.0, 64, seed))
    texts = [prompts.completion_text(list(one.token_ids)) for one in written]
    items = [(problems[i // TESTED], text) for i, text in enumerate(texts)]
    right = np.array([verdict.correct for verdict in reasoner.judge_of(items)], float).reshape(-1, TESTED)
    tokens = np.array([len(one.token_ids) for one in written], float).reshape(-1, TESTED)
    return {"right": right.mean(1).tolist(), "covered": right.max(1).tolist(), "tokens": tokens.mean(1).tolist()}


def compared(arms: dict[str, dict[str, Any]], resamples: int = 2000) -> list[dict[str, Any]]:
    """One row per arm: shares right and covered with intervals over problems, and what `pruned` has more, paired.

    One training a student: the intervals hold the luck of the problems, not that of training.
    """
    rows = []
    for arm, one in arms.items():
        row = {"arm": arm, "steps": one["steps"], "tokens_per_demonstration": one["length"]}
        row["tokens_per_sample"] = round(float(np.mean(one["test"]["tokens"])), 2)
        for name in ("right", "covered"):
            interval = bootstrap(one["test"][name], resamples=resamples)
            row |= {name: round(interval.estimate, 4), f"{name}_ci95": [round(x, 4) for x in interval.ci95]}
            if arm != "pruned" and "pruned" in arms:
                gap = paired_difference(arms["pruned"]["test"][name], one["test"][name], resamples)
                row |= {f"pruned_more_{name}": round(gap.estimate, 4)}
                row |= {f"pruned_more_{name}_ci95": [round(x, 4) for x in gap.ci95]}
        rows.append(row)
    return rows


def main(words: list[str] | None = None) -> None:
    parser = Parser(prog="python -m evals.pruning.students", description=__doc__.splitlines()[0])
    parser.add_argument("run", help="a run folder with a trained solver")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="of the students: sizes, warmstart.steps ...")
    parser.add_argument("--chains", type=int, default=1000, metavar="N", help="training problems asked (default 1000)")
    parser.add_argument("--keep", type=float, default=0.7, metavar="SHARE", help="of a chain's tokens (default 0.7)")
    parser.add_argument("--only", choices=ARMS, help="train and test one arm")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the comparison of all finished arms, as JSON")
    given = parser.parse_intermixed_args(words)
    if not 0 < given.keep < 1 or given.chains < 2:
        raise PlainError("--keep must lie between 0 and 1, and --chains be at least 2.")
    found = students(given.run, given.overrides, given.chains, given.keep, [given.only] if given.only else ARMS)
    for row in found["arms"]:
        print(json.dumps(row))
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(found, indent=1) + "\n")


def students(given: str, overrides: Sequence[str], count: int, share: float, arms: Sequence[str]) -> dict[str, Any]:
    """Makes the demonstrations and the asked arms where they are not there yet; compares all that are finished.

    Raises ConfigError without a run or a model, PlainError where a warm start fails, ProblemError where solutions call
    a tool.
    """
    run, of = open_run(given)
    require_one_piece(run.problems, "pruning")
    student = open_run(given, overrides)[0]
    folder = of / "pruning"
    head = {"chains": count, "keep": share, "overrides": list(overrides)}
    _prepared(run, of, folder, head)
    for arm in arms:
        if not (folder / f"{arm}.json").is_file():
            _trained(given, folder, arm, student, overrides)
    finished = {
        arm: json.loads((folder / f"{arm}.json").read_text()) for arm in ARMS if (folder / f"{arm}.json").is_file()
    }
    return head | {
        "run": run.name,
        "demonstrations": len(json_lines(folder / "full.jsonl")),
        "arms": compared(finished),
    }


def _prepared(run: RunConfig, of: Path, folder: Path, head: dict[str, Any]) -> None:
    """The demonstrations of all arms. Raises PlainError where those in the folder were made otherwise."""
    made = folder / "made_with.json"
    if made.is_file():
        if json.loads(made.read_text()) != head:
            raise PlainError(f"'{folder}' was made with other settings ({made.read_text()}); remove it to begin again.")
        return
    folder.mkdir(exist_ok=True)
    pair = pairs_of(run, of)[-1]
    problems = load_problems(run.problems, "train")[: head["chains"]]
    rows = demonstrations(open_pair(run, None, pair.solution), problems, head["keep"], run.seed)
    for arm, own in rows.items():
        (folder / f"{arm}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in own))
    made.write_text(json.dumps(head))


def _trained(given: str, folder: Path, arm: str, student: RunConfig, overrides: Sequence[str]) -> None:
    rows = json_lines(folder / f"{arm}.jsonl")
    command, steps = command_of(given, folder, arm, rows, student, overrides)
    begin = time.perf_counter()
    with (folder / f"{arm}.log").open("w") as log:
        if subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL).returncode:
            raise PlainError(f"The warm start of '{arm}' failed; see {folder / arm}.log.")
    seconds = round(time.perf_counter() - begin)
    test = tested(replace(student, name=arm), folder / arm, load_problems(student.problems, "test"), student.seed)
    length = round(float(np.mean([row["tokens"] for row in rows])), 2)
    result = {"steps": steps, "length": length, "seconds": seconds, "test": test}
    (folder / f"{arm}.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main_guard(main)
