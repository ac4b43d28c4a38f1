"""The learner as a judge of given texts: log-probs, ranks and hidden states under its current weights, no gradient.

Through the model engine, so nothing depends on what samples. All functions are collective.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from rlad.players.logprobs import token_scores
from rlad.players.prompts import Prompts
from trainers.data.rows import Row
from trainers.learner.batches import micro_batches, token_logprobs
from trainers.learner.learner import Learner
from trainers.rewards import TokenScores


class LearnerScorer:
    """A player's learning model that scores given completions at its own sampling temperature."""

    def __init__(self, learner: Learner, micro_batch: int):
        self.learner, self.micro_batch = learner, micro_batch

    @property
    def prompts(self) -> Prompts:
        return self.learner.policy.prompts

    @torch.no_grad()
    def score(self, pairs: list[tuple[list[int], list[int]]]) -> list[TokenScores]:
        """Scores of every (prompt, completion)."""
        rows = [Row(tuple(prompt), tuple(completion)) for prompt, completion in pairs]
        scores: list[TokenScores] = [None] * len(rows)  # type: ignore[list-item]
        learner = self.learner
        for batch in micro_batches(rows, self.micro_batch, learner.pad_id, learner.device, sharing=learner.sharing):
            found = token_scores(learner.model_engine, batch, learner.config.temperature, False, rank=True)
            for at, i in enumerate(batch.index):
                if i >= 0:
                    length = len(rows[i].completion)
                    scores[i] = TokenScores(found.logp[at, :length].tolist(), found.rank[at, :length].tolist())
        return scores


@torch.no_grad()
def hidden_states(learner: Learner, rows: list[Row], micro_batch: int) -> Iterator[tuple[int, torch.Tensor]]:
    """(index of the row, last layer's states (T, D) at the positions of its completion's tokens), in any order."""
    for batch in micro_batches(rows, micro_batch, learner.pad_id, learner.device):
        states = learner.model_engine(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            position_ids=batch.position_ids,
            use_cache=False,
            logits_to_keep=1,
            output_hidden_states=True,
        ).hidden_states[-1]
        for at, i in enumerate(batch.index):
            if i >= 0:
                start = states.shape[1] - batch.completion.shape[1]
                yield i, states[at, start : start + len(rows[i].completion)]


@torch.no_grad()
def reference_gaps(learner: Learner, rows: list[Row], micro_batch: int) -> list[list[float]]:
    """log pi - log pi_reference of every token of every row, nats."""
    gaps: list[list[float]] = [[] for _ in rows]
    for batch in micro_batches(rows, micro_batch, learner.pad_id, learner.device, sharing=learner.sharing):
        own, reference = (
            token_logprobs(model, batch, learner.config.temperature, False)[0]
            for model in (learner.model_engine, learner.reference)
        )
        for at, i in enumerate(batch.index):
            if i >= 0:
                gaps[i] = (own - reference)[at, : len(rows[i].completion)].tolist()
    return gaps
