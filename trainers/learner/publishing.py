"""New weights for the samplers, and the guard: the sampler must hold, tensor by tensor, what the trainer has.

Checksums are compared at every publish. A probe, to which trainer and sampler must give the same log-probs, finds what
they cannot see (packed copies, caches, kernels), costs a generation, and is done less often.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch

from rlad.cli import PlainError
from rlad.config import RunConfig
from rlad.generation import Sampling
from trainers.data.rows import Row
from trainers.learner.batches import collate, token_logprobs
from trainers.learner.learner import Learner, owners
from trainers.runtime import zero3

PROBE_TOKENS = 8
ROUNDING = {"float32": 1e-3, "float16": 0.02, "bfloat16": 0.1}
"""The largest mean gap that is no alarm, nats, by the weights' dtype. A cached pass and a whole one of a bfloat16 model
of 30 layers are 0.03 apart (of float32 3e-6); float16 rounds an eighth as coarsely."""
FIRST = 3
"""Publishes whose gaps say what is healthy in this run."""


class StaleWeights(PlainError):
    """The sampler does not hold the trainer's weights."""


def publish(learners: Iterable[Learner], run: RunConfig, probe: bool = False) -> float | None:
    """Sends the learners' weights to their samplers and checks that they arrived; returns the worst gap, nats. Weights
    that several learners share are sent once.

    probe: whether a probe is sampled in any case, not only when `cotrain.parity_every` says so. Returns None where
    none was. Collective. Raises StaleWeights.
    """
    gaps, config = [], run.cotrain
    for learner in owners(learners):
        learner.version += 1
        zero3.send_weights(learner.model_engine, learner.sampler, learner.version, run.zero.bucket_size)
        check_weights(learner, run.zero.bucket_size)
        if not (probe or learner.version <= FIRST or learner.version % config.parity_every == 0):
            continue
        threshold = parity_threshold(run, learner.policy.role)
        limit = parity_limit(learner.first_gaps, threshold, config.parity_factor)
        gaps.append(check_parity(learner, limit))
        learner.first_gaps = [*learner.first_gaps, gaps[-1]][:FIRST]
    return max(gaps, default=None)


def check_weights(learner: Learner, bucket_size: int) -> None:
    """Compares the checksum of every published tensor in the sampler with the trainer's. Collective.

    Raises StaleWeights on all ranks with the name of the first tensor that differs on any.
    """
    expected = zero3.expected_checksums(learner.model_engine, learner.sampler, bucket_size)
    differ = zero3.gather(learner.sampler.differing(expected))
    if differ:
        others = len(set(differ)) - 1
        raise StaleWeights(
            f"The sampler of the {learner.policy.role} player does not hold the trainer's weights: '{differ[0]}'"
            f"{f' and {others} other tensors' if others else ''} of {len(expected)} differ from what the trainer has "
            f"as version {learner.version}. Training on stale rollouts was refused."
        )


def parity_threshold(run: RunConfig, role: str) -> float:
    """The configured largest mean gap of a player, nats, or what its weights' dtype rounds away.

    >>> from rlad.config import load_config
    >>> [parity_threshold(load_config(None, [f"base.dtype={name}"]), "solution") for name in ROUNDING]
    [0.001, 0.02, 0.1]
    >>> parity_threshold(load_config(None, ["base.dtype=bfloat16", "cotrain.parity_threshold=0.01"]), "abstraction")
    0.01
    """
    model = run.players[role].model or run.base
    return run.cotrain.parity_threshold or ROUNDING[model.dtype]


def parity_limit(first: list[float], threshold: float, factor: float) -> float:
    """The largest gap that is let pass, nats: the threshold, and soon `factor` times the run's own first gaps.

    One tensor that is never published moves log-probs by little: 2.6e-4 nats were seen where healthy gaps are 5e-7.
    Gaps below 1e-6 are rounding, however small the first ones were.

    >>> parity_limit([5e-6, 4e-6], 1e-3, 10), round(parity_limit([5e-6, 4e-6, 8e-6], 1e-3, 10), 7)
    (0.001, 8e-05)
    >>> parity_limit([3e-3, 3e-3, 3e-3], 1e-2, 10)
    0.01
    """
    return threshold if len(first) < FIRST else min(threshold, factor * max(*first, 1e-6))


def check_parity(learner: Learner, threshold: float) -> float:
    """Samples the probe, scores it with the trainer; returns the largest rank's mean |difference|, nats per token.

    Collective. Raises StaleWeights above the threshold or for a difference that is no number, and when the sampler
    reports another version of the weights.
    """
    temperature = learner.config.temperature
    completions = learner.sampler.generate(learner.probe, Sampling(temperature, PROBE_TOKENS, seed=learner.version))
    pairs = zip(learner.probe, completions, strict=True)
    rows = [Row(tuple(prompt), c.token_ids, sampler_logprobs=c.logprobs, given=c.given) for prompt, c in pairs]
    batch = collate(rows, list(range(len(rows))), learner.pad_id, learner.device)
    with torch.no_grad():
        logp, _ = token_logprobs(learner.model_engine, batch, temperature or 1.0, with_entropy=False)
    gap = ((logp - batch.sampler_logprobs).abs() * batch.mask).sum() / batch.mask.sum()
    # A NaN is larger than nothing, and a maximum over ranks may lose it.
    worst = zero3.largest(gap.item() if gap.isfinite() else math.inf, learner.device)
    stale = [c.version for c in completions if c.version != learner.version]
    if worst > threshold or stale:
        raise StaleWeights(
            f"The sampler of the {learner.policy.role} player does not hold the trainer's weights: mean log-prob "
            f"difference {worst:.2e} nats (allowed {threshold:.0e}), weight version {completions[0].version} "
            f"(expected {learner.version}). Training on stale rollouts was refused."
        )
    return worst
