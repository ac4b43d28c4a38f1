"""A rollout whose phases overlap against the same rollout phase by phase, with real vLLM, turn by turn in one run.

    ./launch.sh bench rollout-phases

Texts end by chance, so some are several times as long as most. What is timed is proposals to verdicts, by the clock and
by the processor time of this process and the engines'. Both ways get the same seeds in a turn; how many of their texts
are the same is counted, because vLLM's sums depend on what shares a batch.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import psutil

from evals.benchmarks.harness.turns import ratio
from evals.benchmarks.rollouts.speed import MODELS
from rlad.cli import PlainError
from rlad.config import ROLES, EngineConfig, ProblemsConfig, VerifierConfig
from rlad.generation import Sampling
from rlad.generation.vllm.sampler import VllmSampler, start_vllm
from rlad.players.policy import build_model, load_tokenizer
from rlad.players.prompts import Prompts
from rlad.problems import load_problems, make_world
from rlad.reasoning.flow import Flow
from rlad.reasoning.judge import Judge
from rlad.reasoning.reasoner import Bare, Reasoner
from rlad.reasoning.tree import Plan, Tree

MEAN, MOST = 24, 120
"""Tokens of a text in the mean, if nothing cut it, and at most."""


@dataclass
class Keys:
    """The model, the sizes of a rollout, and how often."""

    model: str = "tiny"
    """tiny, 100m: those of the benchmark `rollouts`."""
    turns: int = 7
    """Timed rollouts each way, of every case."""
    problems: int = 16
    """Trees of a rollout; one more in four is solved without abstractions."""
    abstractions: int = 4
    """Of each tree."""
    solutions: int = 4
    """Of each abstraction."""
    logs: str = "runs/benchmark-logs"
    """Where the engines write theirs."""


def phased(reasoner: Reasoner, trees: list[Tree], bare: list[Tree], plan: Plan) -> None:
    """Everything proposed, then everything solved, then everything judged."""
    reasoner.propose(trees, plan)
    reasoner.gate(trees)
    reasoner.solve(trees, plan, bare=[Bare(bare, 4, plan.solve.seed + 1)])
    reasoner.judge([*trees, *bare])


def overlapped(reasoner: Reasoner, trees: list[Tree], bare: list[Tree], plan: Plan) -> None:
    """Everything as soon as what it needs is there."""
    with Flow(reasoner, trees, plan, bare=[Bare(bare, 4, plan.solve.seed + 1)]) as flow:
        flow.propose()
        flow.solve()
        flow.judge()


WAYS: dict[str, Callable] = {"phased": phased, "overlapped": overlapped}


def _turn(grow: Callable, reasoner: Reasoner, keys: Keys, seed: int, engines: list[psutil.Process]) -> dict:
    """One rollout: seconds, processor seconds, generated tokens, texts."""
    problems = load_problems(ProblemsConfig(), "train")[: keys.problems + keys.problems // 4]
    trees = [Tree(problem) for problem in problems]
    guided, bare = trees[: keys.problems], trees[keys.problems :]
    n, most = keys.abstractions, 2 * keys.abstractions
    plan = Plan(n, keys.solutions, Sampling(1.0, MOST, seed), Sampling(1.0, MOST, seed + 2), draws=most)
    counted = [psutil.Process(), *engines]
    cpu, begin = sum(sum(one.cpu_times()[:2]) for one in counted), time.perf_counter()
    grow(reasoner, guided, bare, plan)
    seconds, cpu = time.perf_counter() - begin, sum(sum(one.cpu_times()[:2]) for one in counted) - cpu
    texts = [one.completion.token_ids for tree in trees for one in [*tree.draws, *tree.sampled]]
    return {"seconds": seconds, "cpu": cpu, "tokens": sum(tree.tokens for tree in trees), "texts": texts}


def _case(keys: Keys, samplers: list[VllmSampler], prompts: Prompts) -> dict:
    """All turns with the two players' samplers, which may be one."""
    world = make_world(ProblemsConfig())
    turns: dict[str, list[dict]] = {way: [] for way in WAYS}
    engines = [psutil.Process(number) for number in {one.link.process.process.pid for one in samplers}]
    with closing(Judge(VerifierConfig(workers=1), world)) as judge:
        reasoner = Reasoner(*samplers, prompts, prompts, judge, world)
        for seed in range(keys.turns + 1):
            for way, grow in WAYS.items():
                turns[way].append(_turn(grow, reasoner, keys, 1000 * seed, engines))
    pairs = list(zip(turns["phased"], turns["overlapped"], strict=True))[1:]  # the first warms up
    same = [a == b for one, other in pairs for a, b in zip(one["texts"], other["texts"], strict=False)]
    return {
        "clock": ratio([other["seconds"] for _, other in pairs], [one["seconds"] for one, _ in pairs]),
        "cpu": ratio([other["cpu"] for _, other in pairs], [one["cpu"] for one, _ in pairs]),
        "tokens": [sum(pair[side]["tokens"] for pair in pairs) for side in (0, 1)],
        "same_texts": sum(same) / len(same),
        "turns": {
            way: [{name: round(turn[name], 3) for name in ("seconds", "cpu", "tokens")} for turn in done[1:]]
            for way, done in turns.items()
        },
    }


def bench(keys: Keys) -> dict:
    """By case (`two engines`, which want the same cores, and `one engine` for both players): the overlapped rollout's
    time over the phased one's by the clock and in processor seconds (`ratio`, the lowest and the highest of the turns),
    tokens both ways, the share of texts that are the same, and all turns. Raises PlainError without vLLM, and for a
    model that is not there."""
    if importlib.util.find_spec("vllm") is None:
        raise PlainError("There is no vLLM in this environment; run ./launch.sh setup --with vllm.")
    if keys.model not in MODELS:
        raise PlainError(f"model is one of {', '.join(MODELS)}, not '{keys.model}'.")
    (sizes, _), logs, results = MODELS[keys.model], Path(keys.logs), {}
    logs.mkdir(parents=True, exist_ok=True)
    tokenizer = load_tokenizer(sizes, ProblemsConfig())
    model, prompts = build_model(sizes, tokenizer, 0), Prompts(tokenizer)
    ends = list(range(len(tokenizer) - len(tokenizer) // MEAN, len(tokenizer)))
    config = EngineConfig(kind="vllm", kv_cache_gb=0.25)
    with ExitStack() as stack:
        samplers = [
            stack.enter_context(closing(start_vllm(config, model, ends, "cpu", logs / f"phases_{role}.log", role)))
            for role in ROLES
        ]
        for case, own in {"two engines": samplers, "one engine": [samplers[0], samplers[0]]}.items():
            results[case] = _case(keys, own, prompts)
            print(f"{case}: {results[case]['clock']} by the clock, {results[case]['cpu']} of processor seconds")
    return results
