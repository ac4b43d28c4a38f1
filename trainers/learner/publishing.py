"""New weights for the samplers, and the guard: trainer and sampler must give a probe the same log-probs."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from rlad.cli import PlainError
from rlad.config import RunConfig
from rlad.generation import Sampling
from trainers.data.rows import Row
from trainers.learner.batches import collate, token_logprobs
from trainers.learner.learner import Learner
from trainers.runtime import zero3

PROBE_TOKENS = 8


class StaleWeights(PlainError):
    """The sampler does not hold the trainer's weights."""


def publish(learners: Iterable[Learner], run: RunConfig) -> float | None:
    """Sends the learners' weights to their samplers and checks that they arrived; returns the worst gap, nats.

    None without a learner. Collective. Raises StaleWeights.
    """
    gaps = []
    for learner in learners:
        learner.version += 1
        zero3.publish(learner.model_engine, learner.sampler, learner.version, run.zero.bucket_size)
        gaps.append(check_parity(learner, run.cotrain.parity_threshold))
    return max(gaps, default=None)


def check_parity(learner: Learner, threshold: float) -> float:
    """Samples the probe, scores it with the trainer; returns the largest rank's mean |difference|, nats per token.

    Collective. Raises StaleWeights above the threshold, or when the sampler reports another version of the weights.
    """
    temperature = learner.config.temperature
    completions = learner.sampler.generate(learner.probe, Sampling(temperature, PROBE_TOKENS, seed=learner.version))
    pairs = zip(learner.probe, completions, strict=True)
    rows = [Row(tuple(prompt), c.token_ids, sampler_logprobs=c.logprobs) for prompt, c in pairs]
    batch = collate(rows, list(range(len(rows))), learner.pad_id, learner.device)
    with torch.no_grad():
        logp, _ = token_logprobs(learner.model_engine, batch, temperature or 1.0, with_entropy=False)
    gap = ((logp - batch.sampler_logprobs).abs() * batch.mask).sum() / batch.mask.sum()
    worst = zero3.largest(gap.item(), learner.device)
    stale = [c.version for c in completions if c.version != learner.version]
    if worst > threshold or stale:
        raise StaleWeights(
            f"The sampler of the {learner.policy.role} player does not hold the trainer's weights: mean log-prob "
            f"difference {worst:.2e} nats (allowed {threshold:.0e}), weight version {completions[0].version} "
            f"(expected {learner.version}). Training on stale rollouts was refused."
        )
    return worst
