"""A sweep without models: its jobs give what a seeded generator says, so that whole sweeps take a moment."""

from concurrent.futures import Future

import numpy as np

from evals.samples import workers
from evals.samples.trees import Answered, Draws, Grown, Guided, ModelPair, Samples
from rlad.config import load_config, save_config

PAIRS = [
    ModelPair("warmstart", "base", "models/base", "models/base", "plain"),
    ModelPair("cotrained", "co-trained", "models/abstraction", "models/solution", "plain"),
]


WORDS = [
    "problems.test=11",
    "problems.validation=5",
    "problems.train=5",
    "sweep.problems=11",
    "sweep.shard=2",
    "sweep.grid=[[2,1],[3,2]]",
    "sweep.plain_samples=3",
    "sweep.plain_temperatures=[0.7,1.0]",
    "sweep.guided_temperatures=[0.3,0.6]",
    "sweep.iid_abstractions=2",
    "sweep.iid_solutions=1",
    "sweep.bootstrap=40",
    "sweep.select=[majority,proposer,unguided]",
]


class InThisProcess:
    """A pool that does its jobs at once, here."""

    def __init__(self, *_, **__): ...

    def submit(self, job, *arguments):
        done = Future()
        done.set_result(job(*arguments))
        return done

    def shutdown(self, **_): ...


def solutions(rng, count, mean=20):
    """Solutions with an answer from few; 0 is the right one."""
    answers = [None if rng.random() < 0.1 else str(rng.integers(4)) for _ in range(count)]
    logprobs = (-rng.exponential(4, count)).round(6).tolist()
    boxes = ["nothing" if answer is None else f"\\boxed{{ {answer} }}" for answer in answers]
    texts = [f"so {box} as {rng.integers(9)}" for box in boxes]
    tokens = rng.integers(mean - 2, mean + 3, count).tolist()
    keys = [None if answer is None else int(answer) for answer in answers]
    verdicts = ["correct" if key == 0 else "incorrect" for key in keys]
    unguided = (-rng.exponential(4, count)).round(6).tolist()
    return Samples(texts, tokens, logprobs, verdicts, keys, logprobs, unguided), answers


def grown(rng, depth):
    branches = [Guided(f"z{i}", False, solutions(rng, m)[0]) for i, m in enumerate(depth)]
    draws = [i for i in range(len(depth)) for _ in range(rng.integers(1, 3))]
    proposals = (-rng.exponential(2, len(depth))).round(6).tolist()
    tokens = [int(rng.integers(3, 6)) for _ in draws]
    return Grown(Draws([f"z{i}" for i in draws], tokens, draws, [proposals[i] for i in draws]), branches)


def distinct_job(run, problems, seed, pair, temperature):
    rng = np.random.default_rng([seed, len(pair.label), int(100 * temperature)])
    return [grown(rng, workers.depth_of(run.sweep.grid)) for _ in problems]


def joint_job(run, problems, seed, pair, temperature):
    """Lists, which are more often right than draws."""
    rng = np.random.default_rng([seed, 7, len(pair.label), int(100 * temperature)])
    lists = [grown(rng, workers.depth_of(run.sweep.grid)) for _ in problems]
    for one in lists:
        for branch in one.branches:
            keys = [0 if rng.random() < 0.5 else key for key in branch.solutions.key]
            branch.solutions.key = keys
            branch.solutions.verdict = ["correct" if key == 0 else "incorrect" for key in keys]
    return lists


def iid_job(run, problems, seed, pair, temperature):
    rng = np.random.default_rng([seed, 3, len(pair.label), int(100 * temperature)])
    return [grown(rng, [run.sweep.iid_solutions] * run.sweep.iid_abstractions) for _ in problems]


def plain_job(run, problems, seed, pair, temperature, count, have):
    rng = np.random.default_rng([seed, 5, len(pair.label), int(100 * temperature), count, have])
    return [Answered(*solutions(rng, count, 16)) for _ in problems]


def simulate(monkeypatch):
    """Puts these jobs in the place of the sweep's own; returns a list to which every job that is done is added."""
    done = []

    def noted(job):
        def run(run, problems, seed, *rest):
            done.append((job.__name__, seed, len(problems), *rest))
            return job(run, problems, seed, *rest)

        return run

    monkeypatch.setattr(workers, "ProcessPoolExecutor", InThisProcess)
    for job in (distinct_job, joint_job, iid_job, plain_job):
        monkeypatch.setattr(workers, job.__name__, noted(job))
    monkeypatch.setattr("evals.sweep.pairs_of", lambda run, folder: PAIRS)
    monkeypatch.setattr("evals.sweep.plot_sweep", lambda result, path: None)
    monkeypatch.setattr("evals.sweep.plot_splits", lambda result, path: None)
    monkeypatch.setattr("evals.sweep.print_sweep", lambda result: None)
    return done


def run_folder(path, *words):
    """A folder with the configuration of such a sweep, and some words of its own."""
    path.mkdir()
    save_config(
        load_config(None, [f"runs_dir={path.parent}", f"name={path.name}", *WORDS, *words]), path / "config.yaml"
    )
    return path
