"""What co-training two policies costs beyond its halves: a step of the pair against its two single-policy halves.

    ./launch.sh bench pair

One process (`ranks=1`) or group of ranks, one pair, and in turns three kinds of step: both players learn; the
abstraction player learns and the solver is frozen; the solver learns and the abstraction player is frozen
(`cotrain.schedule.kind=frozen`). All three steps of a turn draw the same problems with the same seeds, and the learning
rate is too small to move a weight, so all three grow the same trees, token for token; the run ends where they do not.

What is a half's? A rollout needs both players whoever learns, so both halves have a whole one, and to add them up would
count it twice and flatter the pair. Here it is counted once:

    halves = (rollout_a + rollout_s) / 2 + learn_a + learn_s + (rest_a + rest_s) / 2

with rollout = draw, propose, gate, solve, judge; learn = credit, update, publish, each of the player that learns; rest
= everything else of the step (instruments, metrics). That is what each player's own work takes when it learns alone,
and nothing twice. `ratio` is the pair's step over it: above 1 the two are in each other's way. `apart` is the pair's
step over the sum of the two half steps as they are, rollouts and rest twice: what training the two one after the other
would take.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evals.benchmarks.harness.forked import run_program
from evals.benchmarks.harness.turns import ratio
from evals.benchmarks.steps.model import StepSizes, save_model, write_problems
from rlad.config import ROLES, load_config, save_config

KINDS = ("pair", *ROLES)
"""Who learns in a step: both, or the one that is named."""
ROLLOUT, LEARN = ("draw", "propose", "gate", "solve", "judge"), ("credit", "update", "publish")
LENGTH = 48
"""Most tokens of a text; they end by chance, after 12 in the mean, abstractions and solutions alike."""
COMMON = (
    "cotrain.proposals=iid", "cotrain.drop_constant_groups=false", "cotrain.checkpoint_every=100000",
    "cotrain.parity_every=100000", "problems.validation=0", "problems.source=jsonl",
)  # fmt: skip
PLAYER = ("reward=evals.benchmarks.steps.model:paid_by_chance", "lr=1e-12")


@dataclass
class TreeSizes:
    """What a step of the pair draws."""

    problems: int = 16
    """Of a step."""
    abstractions: int = 4
    """For each of them."""
    solutions: int = 2
    """With each abstraction."""


@dataclass
class Keys(TreeSizes):
    """The sizes of the step, and how often."""

    turns: int = 7
    """Timed steps of each kind."""
    warm: int = 2
    """Turns before the first that is timed; with fewer than 2 the probes of a run's first publishes are timed too."""
    ranks: int = 1
    """Processes that train together."""


def bench(keys: Keys) -> dict:
    """By the clock, and under `cpu` in processor seconds of all ranks: `summary` of the turns, and the steps' parts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = [*prepared(folder, keys), "engine.kind=transformers", "cotrain.micro_batch=256"]
        # The last step also makes a checkpoint: one more than are looked at.
        words += [f"cotrain.steps={len(KINDS) * (keys.warm + keys.turns) + 1}", f"launch.ranks={keys.ranks}"]
        run = folder / "run"
        run.mkdir()
        save_config(load_config(None, [*words, f"runs_dir={folder}", "name=run"]), run / "config.yaml")
        run_program("evals.benchmarks.steps.pair_program", run, keys.ranks)
        laps = [json.loads((run / f"laps_{rank}.json").read_text()) for rank in range(keys.ranks)]
        tokens = [json.loads(line)["tokens_generated"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    return _result(laps, tokens, keys)


def prepared(folder: Path, sizes: TreeSizes, longer: int = 1) -> list[str]:
    """Makes a model and problems in a folder; returns the configuration's words for a pair that trains on them.

    Texts end by chance, so many times `longer` than usual, everything is paid, and no weight moves.
    """
    longest = longer * LENGTH
    shape = StepSizes(sizes.problems, 1, 12, longest, longest / 4)
    save_model(folder / "model", replace(shape, prompt_tokens=24 + longest))  # room for an abstraction
    write_problems(folder / "model", shape, folder / "problems.jsonl")
    (folder / "test.jsonl").write_text('{"problem": "1", "answer": "1"}\n')  # a test problem is no other's
    player = (*PLAYER, f"max_new_tokens={longest}")
    words = [*COMMON, *(f"{role}.{word}" for role in ROLES for word in player), f"base.path={folder / 'model'}"]
    words += [f"problems.path={folder / 'problems.jsonl'}", f"problems.test_path={folder / 'test.jsonl'}"]
    return words + [f"cotrain.{key}={getattr(sizes, key)}" for key in ("problems", "abstractions", "solutions")]


def _result(laps: list[list[dict]], tokens: list[int], keys: Keys) -> dict:
    """The benchmark's JSON object, from the laps of every rank and the tokens of every step."""
    count = len(KINDS)
    first, end = count * keys.warm, count * (keys.warm + keys.turns)
    alike = [tokens[at : at + count] for at in range(first, end, count)]
    if any(len(set(turn)) > 1 for turn in alike):
        raise RuntimeError(f"The steps of a turn did not grow the same trees: they have {alike} tokens.")
    seconds, cpu = {kind: [] for kind in KINDS}, {kind: [] for kind in KINDS}
    for step in range(first, end):
        kind = kind_of(step + 1)
        seconds[kind].append(parts(laps[0][step]["seconds"]))
        own = [parts(rank[step]["cpu"]) for rank in laps]
        cpu[kind].append({name: sum(one[name] for one in own) for name in own[0]})
    found = {"tokens": [turn[0] for turn in alike], "steps": seconds}
    return summary(seconds) | {"cpu": summary(cpu) | {"steps": cpu}} | found


def turn_of(step: int) -> int:
    """The turn of a step, both counted from 1."""
    return (step - 1) // len(KINDS) + 1


def kind_of(step: int) -> str:
    """Who learns in a step, counted from 1; every turn begins with another kind.

    >>> [kind_of(step) for step in range(1, 7)]
    ['pair', 'abstraction', 'solution', 'abstraction', 'solution', 'pair']
    """
    return KINDS[(turn_of(step) - 1 + (step - 1) % len(KINDS)) % len(KINDS)]


def parts(seconds: Mapping[str, float]) -> dict[str, float]:
    """A step's seconds by phase, with their total, as rollout, learn, update alone, rest and total.

    >>> parts({"draw": 1, "solve": 4, "credit": 1, "update": 5, "publish": 1, "record": 2, "total": 15})
    {'rollout': 5, 'learn': 7, 'update': 5, 'rest': 3, 'total': 15}
    """
    rollout, learn = (sum(seconds.get(phase, 0) for phase in phases) for phases in (ROLLOUT, LEARN))
    total = seconds["total"]
    return {"rollout": rollout, "learn": learn, "update": seconds["update"], "rest": total - rollout - learn,
            "total": total}  # fmt: skip


def summary(steps: Mapping[str, Sequence[Mapping[str, float]]]) -> dict:
    """Medians over turns of paired ratios, with the smallest and the largest: the step, then its rollout, learning and
    update alone against the halves', and the step against both half steps as they are.

    >>> half = {"rollout": 4, "learn": 3, "update": 2, "rest": 1, "total": 8}
    >>> pair = {"rollout": 4, "learn": 6, "update": 5, "rest": 1, "total": 11}
    >>> found = summary({"pair": [pair], "abstraction": [half], "solution": [half]})
    >>> [found["ratio"]] + [found[name]["ratio"] for name in ("rollout", "learn", "update", "apart")]
    [1.0, 1.0, 1.0, 1.25, 0.688]
    """
    turns = list(zip(*(steps[kind] for kind in KINDS), strict=True))

    def against(of: str, halves) -> dict[str, float]:
        return ratio([pair[of] for pair, *_ in turns], [halves(a, s) for _, a, s in turns])

    def once(a: Mapping[str, float], s: Mapping[str, float]) -> float:
        return (a["rollout"] + s["rollout"] + a["rest"] + s["rest"]) / 2 + a["learn"] + s["learn"]

    return against("total", once) | {
        "rollout": against("rollout", lambda a, s: (a["rollout"] + s["rollout"]) / 2),
        "learn": against("learn", lambda a, s: a["learn"] + s["learn"]),
        "update": against("update", lambda a, s: a["update"] + s["update"]),
        "apart": against("total", lambda a, s: a["total"] + s["total"]),
    }
