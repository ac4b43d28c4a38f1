"""The stages of the GPU benchmark: each is a program of its own, with what it is given and what is read of it."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evals.benchmarks.device.program import POSITIONS, memory_gb
from evals.benchmarks.harness.random_run import write_questions
from rlad.config import ROLES, EngineConfig
from rlad.generation.vllm.replicas import server_words
from rlad.generation.vllm.sampler import core_settings
from rlad.generation.vllm.server import VllmServer
from rlad.generation.vllm.setup import cpu_environment, gpu_environment
from rlad.players.gpus import known_gpu
from rlad.players.shapes import ModelShape, forward_flops

LOOK = 0.5
"""Seconds between two looks at the memory, and at the lines of a run."""
STEPS = 4
"""Of a run; the first does not count."""
SMALL_MEMORY = 100e9
"""Bytes of a GPU below which the optimisers of a pair of 1.7B, on one GPU, go to the machine's memory."""


def utilisation(shape: ModelShape, tokens: float, context: float, seconds: float, peak: float | None) -> float | None:
    """Model FLOPs utilisation of an update (2204.02311, appendix B): needed operations over those the GPUs could do.

    tokens: completions' tokens that were learnt from; prompts, references and recomputed activations are not counted.
    peak: operations a second of all GPUs; None where that is not known, and so is what returns.

    >>> shape = ModelShape(4, layers=1, heads=2, kv_heads=1, head_size=2, intermediate=8, vocabulary=10, tied=True)
    >>> utilisation(shape, tokens=1000, context=0, seconds=2, peak=1104000)    # 3 x 368 x 1,000 / (2 x 1,104,000)
    0.5
    """
    if peak is None:
        return None
    return round(3 * tokens * forward_flops(shape, context) / (seconds * peak), 4)


def of_a_run(rows: Sequence[Mapping[str, Any]], shape: ModelShape, context: float, peak: float | None) -> dict:
    """Medians of a run's steps after the first: seconds by phase, tokens a second, utilisation; every parity gap."""
    counted = rows[1:]
    seconds = {phase: statistics.median(row["seconds"][phase] for row in counted) for phase in counted[0]["seconds"]}
    written = statistics.median(row["tokens_generated"] for row in counted)
    learnt = statistics.median(
        sum(part.get("trained_tokens", 0) for part in row.values() if isinstance(part, Mapping)) for row in counted
    )
    return {
        "steps": len(counted),
        "seconds": {phase: round(value, 3) for phase, value in seconds.items()},
        "written_tokens_per_second": round(written / (seconds["propose"] + seconds["solve"]), 1),
        "learnt_tokens_per_second": round(learnt / seconds["update"], 1),
        "utilisation": utilisation(shape, learnt, context, seconds["update"], peak),
        "parity_nats": [row["parity"] for row in rows],
    }


class Watch:
    """The most memory in use while it is watched, in GB, of every GPU; on a CPU of all processes together."""

    def __init__(self, device: str):
        self.look, self.peak, self._ended = lambda: memory_gb(device), [0.0], threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._ended.wait(LOOK):
            seen = self.look()
            self.peak = [max(pair) for pair in zip(self.peak * len(seen), seen, strict=False)]

    def __enter__(self) -> Watch:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.thread.join()


@contextmanager
def program(words: Sequence[str], log: Path) -> Iterator[subprocess.Popen]:
    """A program of ours with all it starts, which end with the block; its stderr goes to `log`."""
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, *words], stdout=subprocess.PIPE, stderr=file, text=True, start_new_session=True
        )
    try:
        yield process
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):  # gone already
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
        process.stdout.close()


class StageFailed(RuntimeError):
    """A stage ended badly, or its time was up."""


@dataclass(frozen=True)
class Place:
    """Where the stages of a model run, and what they run with."""

    device: str
    """cuda or cpu."""
    logs: Path
    folder: Path
    """Of this model."""
    shape: ModelShape
    gpus: list[str]
    """Names; none on a CPU."""
    memory: int
    """Bytes of a GPU."""

    @property
    def small(self) -> bool:
        """Whether this is a rehearsal."""
        return not self.gpus

    @property
    def sizes(self) -> dict[str, int]:
        """Of what an engine is asked, and what a run writes."""
        if self.small:
            return {"requests": 8, "copies": 2, "tokens": 16, "prompt": 32}
        return {"requests": 64, "copies": 4, "tokens": 512, "prompt": 128}

    @property
    def dtype(self) -> str:
        return "float32" if self.small else "bfloat16"

    def log(self, name: str) -> Path:
        folder = self.logs / f"gpu-{self.folder.name}-{name}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def given(self, stage: str, **more: object) -> list[str]:
        """Words that start a stage of evals/benchmarks/device/program.py."""
        words = {"folder": str(self.folder), "shape": asdict(self.shape), "dtype": self.dtype, "device": self.device}
        words |= {"do": stage, "share": 0.25, "gpus": [], "logs": str(self.log(stage))} | self.sizes | more
        return ["-m", "evals.benchmarks.device.program", json.dumps(words)]


def prepare(place: Place, limit: float) -> dict:
    """The model that all other stages run with."""
    place.folder.mkdir(parents=True)
    write_questions(place.folder / "problems.jsonl", 512, place.sizes["prompt"])
    return _told(place.given("prepare"), place.log("prepare") / "log", limit)


def engines(place: Place, limit: float) -> dict:
    """Both players' engines on the first GPU, which they share with the trainer's copy: CUDA IPC."""
    return _told(place.given("engines"), place.log("engines") / "log", limit)


def nccl(place: Place, limit: float) -> dict:
    """An engine on each of the next GPUs, as many as there are players: NCCL."""
    others = [str(number) for number in range(1, min(3, len(place.gpus)))]
    return _told(place.given("engines", gpus=others, share=0.8), place.log("nccl") / "log", limit)


def _told(words: list[str], log: Path, limit: float) -> dict:
    """What a program says in the last line of its stdout. Raises StageFailed."""
    with program(words, log) as process:
        try:
            told, _ = process.communicate(timeout=max(1.0, limit))
        except subprocess.TimeoutExpired as error:
            raise StageFailed(f"ended by the clock after {limit:.0f} s") from error
    if process.returncode:
        raise StageFailed(last_words(log))
    return json.loads(told.splitlines()[-1])


def last_words(log: Path) -> str:
    """The last line that says something."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return f"{lines[-1].strip() if lines else 'no word'} (log: {log})"


def colocated(place: Place, limit: float) -> dict:
    """`./launch.sh train` of the pair, every rank with both engines on its own GPU (on a CPU they are shared)."""
    ranks = len(place.gpus) or 1
    words = [f"launch.ranks={ranks}", "engine.placement=auto", "engine.memory_share=0.2"]
    return _trained(place, "colocated", words, ranks, limit)


def server(place: Place, limit: float) -> dict:
    """The same with a server for each player, on the first rank's GPU; weights go through a folder in memory."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as shared, ExitStack() as stack:
        urls = [server.url for server in _servers(place, stack, begin + limit)]
        words = [f"engine.{role}_urls=[{url}]" for role, url in zip(ROLES, urls, strict=True)]
        words += ["engine.placement=server", f"engine.weights_folder={shared}", "launch.ranks=1"]
        return _trained(place, "server", words, 1, limit - (time.monotonic() - begin))


def _servers(place: Place, stack: ExitStack, deadline: float) -> list[VllmServer]:
    """Servers, one for each player, all healthy before the monotonic clock says `deadline`; they end with the stack."""
    config = EngineConfig(kind="vllm", placement="server", memory_share=0.2, max_batch=256, kv_cache_gb=0.5)
    settings = core_settings(config, place.folder / "served", place.device, place.dtype, POSITIONS)
    words = [*server_words(settings), "--enable-scale-out"]
    threads = len(os.sched_getaffinity(0))
    environment = cpu_environment(os.environ, threads) if place.small else gpu_environment(os.environ, "cuda:0")
    environment |= {"VLLM_SERVER_DEV_MODE": "1"}
    found = []
    for role in ROLES:
        log = place.log("server") / f"{role}.log"
        found.append(
            stack.enter_context(VllmServer(place.folder / "served", log, words, environment, f"{role} server"))
        )
    for one in found:
        one.wait_until_healthy(max(1.0, deadline - time.monotonic()))
    return found


def _trained(place: Place, name: str, more: list[str], ranks: int, limit: float) -> dict:
    """The first steps of a run of the pair, which is ended then: a checkpoint of it may be larger than the disk.

    One that the clock ends before says so in `cut`, with what its steps told; raises StageFailed where none counts.
    """
    folder = place.folder / name
    folder.mkdir()
    (folder / "config.yaml").write_text(f"name: run\nruns_dir: {folder}\n")
    words = run_words(place, ranks) + more
    metrics, deadline = folder / "run" / "metrics.jsonl", time.monotonic() + limit
    log = place.log(name) / "log"
    with program(["-m", "trainers.launching", "train", str(folder / "config.yaml"), *words], log) as process:
        drain = threading.Thread(target=process.stdout.read, daemon=True)
        drain.start()
        while len(rows := metrics.read_text().splitlines() if metrics.exists() else []) < STEPS:
            if process.poll() is not None:
                raise StageFailed(last_words(log))
            if time.monotonic() > deadline:
                break
            time.sleep(LOOK)
    cut = {"cut": f"ended by the clock after {len(rows)} of {STEPS} steps"} if len(rows) < STEPS else {}
    if len(rows) < 2:  # the first does not count
        raise StageFailed(cut["cut"])
    sizes = place.sizes
    gpu = known_gpu(place.gpus[0]) if place.gpus else None
    found = of_a_run([json.loads(row) for row in rows[:STEPS]], place.shape, sizes["prompt"] + sizes["tokens"] / 2,
                     gpu.flops * ranks if gpu else None)  # fmt: skip
    return {"ranks": ranks} | cut | found


def run_words(place: Place, ranks: int) -> list[str]:
    """The configuration of the runs: both players learn, every publish is probed, nothing but the pair is measured.

    A random model's proposals never end, so no solution follows one: half of the problems are bare, and paid.
    """
    problems, tokens = (2 if place.small else 16) * ranks, place.sizes["tokens"]
    words = [
        f"base.path={place.folder / 'model'}", f"base.dtype={place.dtype}", "base.gradient_checkpointing=true",
        "problems.source=jsonl", f"problems.path={place.folder / 'problems.jsonl'}", "problems.train=0",
        "problems.validation=0", "problems.test=0", f"launch.device={place.device}", "engine.kind=vllm",
        "engine.max_batch=256", "engine.kv_cache_gb=0.5", "cotrain.steps=1000", "cotrain.checkpoint_every=1000",
        f"cotrain.problems={problems}", "cotrain.abstractions=4", "cotrain.solutions=4", "cotrain.draws=4",
        "cotrain.proposals=iid", "cotrain.bare.share=0.5", "cotrain.bare.paid=true", "cotrain.bare.solutions=16",
        "cotrain.drop_constant_groups=false", "cotrain.check_proposals=0",
        f"cotrain.micro_tokens={1024 if place.small else 16_384}", "cotrain.parity_every=1", "instruments.every=0",
        f"abstraction.max_new_tokens={tokens // 4}", f"solution.max_new_tokens={tokens}",
    ]  # fmt: skip
    for role in ROLES:
        words += [f"{role}.kl_coef=0", f"{role}.entropy_coef=0.01"]
    large = place.shape.hidden >= 2048
    return words + ["zero.offload_optimizer=true"] * (large and ranks == 1 and 0 < place.memory < SMALL_MEMORY)


RUN = {"prepare": prepare, "engines": engines, "colocated": colocated, "server": server, "nccl": nccl}
