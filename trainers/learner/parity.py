"""The stale-weights guard: after every publish, trainer and sampler must give a probe the same log-probs."""

from __future__ import annotations

import torch

from rlad.cli import PlainError
from rlad.generation import Sampling
from trainers.credit.rows import Row
from trainers.learner.batches import collate, token_logprobs
from trainers.runtime import zero3

PROBE_TOKENS = 8


class StaleWeights(PlainError):
    """The sampler does not hold the trainer's weights."""


def check_parity(learner, prompts: list[list[int]], threshold: float) -> float:
    """Samples the probe, scores it with the trainer; returns the largest rank's mean |difference|, nats per token.

    Collective. Raises StaleWeights above the threshold, or when the sampler reports another version of the weights.
    """
    temperature = learner.config.temperature
    completions = learner.sampler.generate(prompts, Sampling(temperature, PROBE_TOKENS, seed=learner.version))
    rows = [Row(tuple(p), c.token_ids) for p, c in zip(prompts, completions, strict=True)]
    batch = collate(rows, list(range(len(rows))), learner.pad_id, learner.device)
    with torch.no_grad():
        logp, _ = token_logprobs(learner.engine, batch, temperature or 1.0, with_entropy=False)
    sampled = torch.zeros_like(logp)
    for i, completion in enumerate(completions):
        sampled[i, : len(completion.logprobs)] = torch.tensor(completion.logprobs)
    gap = ((logp - sampled).abs() * batch.mask).sum() / batch.mask.sum()
    worst = zero3.largest(gap.item(), learner.device)
    stale = [c.version for c in completions if c.version != learner.version]
    if worst > threshold or stale:
        raise StaleWeights(
            f"The sampler of the {learner.policy.role} player does not hold the trainer's weights: mean log-prob "
            f"difference {worst:.2e} nats (allowed {threshold:.0e}), weight version {completions[0].version} "
            f"(expected {learner.version}). Training on stale rollouts was refused."
        )
    return worst
