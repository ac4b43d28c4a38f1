"""Supervised warm start: one base trained on the mixture of plain solving, proposing and solving with an abstraction.

Both players and every baseline start from this base: a plain solver that had fewer tokens than the pair would be a
straw man. Run under the `deepspeed` launcher: `python -m trainers.launching warmstart CONFIG`.
"""

from __future__ import annotations

import math
import random
import shutil
import time
from dataclasses import replace
from pathlib import Path

import torch.distributed as dist

from rlad.config import MixtureConfig, ModelConfig, RunConfig, WarmstartConfig
from rlad.config.rules import max_positions
from rlad.players.adapters import add_adapter
from rlad.players.policy import Policy, format_tokens, load_tokenizer, make_policy, make_prompts
from rlad.players.roles import playing
from rlad.problems import Problem, World, load_problems, tool_of, world_of
from rlad.problems.files import read_demonstrations
from trainers.data.demonstrations import Demonstrations
from trainers.data.lengths import budget_warnings, check_positions
from trainers.launching.folder import started_run
from trainers.learner.sft import supervised_step
from trainers.learner.sharing import sharing_of
from trainers.learner.token_budget import deal_by_length
from trainers.learner.warm_checkpoint import WarmCheckpoints, WarmProgress
from trainers.runtime import zero3
from trainers.runtime.loggers import JsonLines


def learning_rate(step: int, steps: int, config: WarmstartConfig) -> float:
    """Linear warm-up, then a cosine to `min_lr_ratio` of the peak; `step` counts from 1.

    >>> config = WarmstartConfig(lr=1.0, warmup=10, min_lr_ratio=0.1)
    >>> [round(learning_rate(step, 110, config), 3) for step in (1, 10, 60, 110)]
    [0.1, 1.0, 0.55, 0.1]
    """
    if step <= config.warmup:
        return config.lr * step / config.warmup
    progress = (step - config.warmup) / max(1, steps - config.warmup)
    return config.lr * (config.min_lr_ratio + (1 - config.min_lr_ratio) * 0.5 * (1 + math.cos(math.pi * progress)))


def fit(
    policy: Policy, data: Demonstrations, steps: int, run: RunConfig, device, log: JsonLines, kept: WarmCheckpoints
) -> dict:
    """Trains one model on demonstrations through a ZeRO-3 model engine; returns its full weights (rank 0), an adapter
    merged.

    Goes on from where `kept` has a checkpoint; every step draws from a seed of its own, so it is the uninterrupted run.
    """
    label = policy.role
    config = run.warmstart
    policy.model.to(device)
    sharing, reason = sharing_of(policy.model, config)  # asked before a dropout is on
    if reason and zero3.rank() == 0:
        print(f"The warm start's rows share no prompts and are not packed: {reason}.", flush=True)
    policy.model.train()
    settings = zero3.model_engine_config(
        run.zero, policy.model.dtype, config.lr, config.weight_decay, (0.9, 0.95), config.max_grad_norm
    )
    model_engine = zero3.make_model_engine(policy.model, settings)
    share = config.batch // zero3.world_size()
    done = kept.resume(model_engine)
    log.truncate_after(done.step, label)
    begin, tokens = time.perf_counter() - done.seconds, done.tokens
    for step in range(done.step + 1, steps + 1):
        rng = random.Random(f"{run.seed}|{label}|{step}|{zero3.rank()}")
        drawn = [data.draw(rng) for _ in range(share)]
        rows = [row for _, row in drawn]
        if config.micro_tokens:
            drawn = deal_by_length(rows, device, sharing, config.micro_tokens, drawn)
            rows = [row for _, row in drawn]
        zero3.set_lr(model_engine, learning_rate(step, steps, config))
        sizes = config.micro_batch, device, config.micro_tokens, sharing
        count, losses = supervised_step(model_engine, rows, policy.tokenizer.pad_token_id, *sizes)
        sums = {task: [0.0, 0.0] for task in data.tasks}
        for (task, row), value in zip(drawn, losses, strict=True):
            sums[task][0] += value
            sums[task][1] += row.length
        tokens += int(count)
        if step % config.log_every == 0 or step == steps:
            _record(log, label, step, learning_rate(step, steps, config), begin, tokens, sums, device)
        kept.save(model_engine, WarmProgress(step, tokens, time.perf_counter() - begin))
    return zero3.full_state(model_engine, run.zero.bucket_size)


def _record(log: JsonLines, label: str, step: int, lr: float, begin: float, tokens: int, sums: dict, device) -> None:
    """One line of warmstart.jsonl; `sums`: task -> [loss, tokens] of this rank, the same tasks on every rank."""
    values = zero3.total([value for pair in sums.values() for value in pair], device)
    by_task = {task: (values[2 * i], values[2 * i + 1]) for i, task in enumerate(sums)}
    loss = sum(nll for nll, _ in by_task.values()) / sum(count for _, count in by_task.values())
    means = {task: nll / count for task, (nll, count) in by_task.items() if count}
    seconds = time.perf_counter() - begin
    row = {"step": step, "label": label, "loss": loss, "lr": lr, "seconds": seconds, "tokens": tokens}
    log.write({**row, "loss_by_task": means})
    if zero3.rank() == 0:
        print(f"warm start  {label:12s} step {step:5d}  loss {loss:.4f}  {seconds:6.1f} s", flush=True)


def demonstrated(run: RunConfig) -> tuple[list[Problem], World | None]:
    """What the warm start demonstrates: the training problems of the world or the data, or a file's rows as they are.

    Raises ProblemError where there is nothing to read.
    """
    if run.warmstart.path is None:
        return load_problems(run.problems, "train"), world_of(run.problems)
    return read_demonstrations(run.problems, run.warmstart.path), None


def prepared(
    label: str, model: ModelConfig, run: RunConfig, mixture: MixtureConfig, problems: list[Problem], world: World | None
) -> Demonstrations:
    """The demonstrations for a model, in its prompts; rank 0 says which are longer than players may write.

    Only the tokenizer is read. Raises ProblemError where a task has none, ConfigError where one is longer than the
    model's positions.
    """
    prompts = make_prompts(load_tokenizer(model, run.problems, format_tokens(run)), run)
    data = Demonstrations(problems, world, prompts, mixture, playing(run).values(), tool_of(run.problems))
    check_positions(data, model.max_positions if model.path is None else max_positions(model.path))
    for sentence in budget_warnings(data, run) if zero3.rank() == 0 and label == "base" else ():
        print(sentence, flush=True)
    return data


def run_warmstart(run: RunConfig, folder: Path) -> None:
    """Trains the base into `folder/base`, and each player's own continuation when `role_steps` is set."""
    device = zero3.start(run.launch)
    problems, world = demonstrated(run)
    log = JsonLines(folder / "warmstart.jsonl", zero3.rank() == 0)
    if not (folder / "warmstart").is_dir():
        log.truncate_after(0)

    def train(label: str, model: ModelConfig, target: Path, mixture: MixtureConfig, steps: int) -> None:
        kept = WarmCheckpoints(run, folder, label)
        if kept.finished:
            return
        data = prepared(label, model, run, mixture, problems, world)
        policy = make_policy(label, model, run, target, run.warmstart.dropout)
        if run.warmstart.lora:
            # Drawn unlike the players' own, which begin from the base that has this one merged.
            add_adapter(policy.model, run.lora, random.Random(f"{run.seed}|{label}").getrandbits(32))
        state = fit(policy, data, steps, run, device, log, kept)
        if zero3.rank() == 0:
            policy.export(state=state)
        kept.finish()  # the other ranks read what rank 0 wrote

    train("base", run.base, folder / "base", run.warmstart.mixture, run.warmstart.steps)
    if run.warmstart.role_steps:
        base = replace(run.base, path=str(folder / "base"))
        for name, role in playing(run).items():
            mixture = run.warmstart.mixture.only(role.own_tasks)
            train(name, base, folder / "base" / name, mixture, run.warmstart.role_steps)
    if zero3.rank() == 0:
        shutil.rmtree(folder / "warmstart", ignore_errors=True)


def main() -> None:
    run_warmstart(*started_run(__doc__))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
