"""Chains of reasoning of a sweep, and how likely a solver finds what is left of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evals.pruning.categories import token_names
from evals.pruning.deletion import MOST, Kept, Scored
from evals.samples.trees import Condition, Found, Sampled, Samples
from rlad.cli import PlainError
from rlad.entropy.pieces import token_bytes
from rlad.generation.base import Sampler
from rlad.players.prompts import Prompts
from rlad.problems import Problem

BOX = b"\\boxed"


@dataclass(frozen=True)
class Chain:
    """A right solution: the tokens before its box may go, the box never does."""

    prompt: list[int]
    reasoning: list[int]
    answer: list[int]
    """From the box on, with the end of the sequence."""
    names: list[str]
    """The category of every reasoning token."""
    steps: list[str]
    """The equation that it stands in; empty in English."""

    def shortened(self, kept: Kept) -> list[int]:
        """The reasoning tokens at some places."""
        return [self.reasoning[place] for place in kept]


def chain_of(problem: Problem, text: str, prompts: Prompts, is_formal: bool) -> Chain | None:
    """A solution of a plain prompt as a chain; None where nothing stands before a box."""
    ids, spell = prompts.completion_ids(text), token_bytes(prompts.tokenizer)
    pieces = [spell(token) for token in ids]
    whole, place, box = b"".join(pieces), 0, 0
    if (start := whole.rfind(BOX)) < 0:
        return None
    while place + len(pieces[box]) <= start:
        place += len(pieces[box])
        box += 1
    if box == 0:
        return None
    names, steps = token_names(pieces[:box], is_formal)
    return Chain(prompts.ids("plain", problem.question), ids[:box], ids[box:], names, steps)


def first_right(samples: Samples) -> str | None:
    """The first solution that is right."""
    return next((text for text, right in zip(samples.text, samples.correct, strict=True) if right), None)


def nearest_to_1(sampled: Sampled, mode: str, checkpoint: str) -> Found:
    """The records of a checkpoint's test problems at the temperature nearest to 1. Raises PlainError without any."""
    conditions: list[tuple[Condition, Found]] = sampled.of(mode).get(checkpoint, [])
    if not conditions:
        raise PlainError(f"The sweep has no {mode} samples of the checkpoint '{checkpoint}'.")
    return min(conditions, key=lambda pair: abs(pair[0].temperature - 1))[1]


def chains_of(
    problems: Sequence[Problem], texts: Sequence[str | None], prompts: Prompts, is_formal: bool, most: int
) -> tuple[list[Chain], int]:
    """At most so many chains of different problems, and how many were too long. Raises PlainError below two."""
    found, long = [], 0
    for problem, text in zip(problems, texts, strict=True):
        chain = None if text is None else chain_of(problem, text, prompts, is_formal)
        if chain is not None and len(chain.reasoning) > MOST:
            long += 1
        elif chain is not None and len(found) < most:
            found.append(chain)
    if len(found) < 2:
        longer = f", {long} are longer than {MOST} tokens" if long else ""
        raise PlainError(f"There are {len(found)} right solutions with reasoning before a box{longer}; two are needed.")
    return found, long


class Likelihood:
    """Scores of shortened chains under one solver, and how many there were."""

    def __init__(self, sampler: Sampler, chains: Sequence[Chain]):
        self.sampler, self.chains, self.scorings = sampler, chains, 0

    def joint(self, asked: list[tuple[int, Kept]]) -> list[float]:
        """log P(what is left, answer | problem), nats."""
        own = [(self.chains[i].prompt, self.chains[i].shortened(kept) + self.chains[i].answer) for i, kept in asked]
        return self._score(own)

    def answer(self, asked: list[tuple[int, Kept]]) -> list[float]:
        """log P(answer | problem, what is left), nats."""
        own = [(self.chains[i].prompt + self.chains[i].shortened(kept), self.chains[i].answer) for i, kept in asked]
        return self._score(own)

    def _score(self, pairs: list[tuple[list[int], list[int]]]) -> list[float]:
        """Equal texts are scored once: beside others a text is rounded otherwise, and which of them is best must not be
        the processor's choice. Each of two equal neighbours of a chain leaves such a text."""
        self.scorings += len(pairs)
        texts = [(tuple(prompt), tuple(completion)) for prompt, completion in pairs]
        unlike = list(dict.fromkeys(texts))
        scores = self.sampler.score([[*prompt] for prompt, _ in unlike], [[*completion] for _, completion in unlike])
        found = dict(zip(unlike, scores, strict=True))
        return [found[text] for text in texts]

    def all_of(self, score: Scored, kept: Sequence[Kept]) -> list[float]:
        """Every chain's score when these places are left of it."""
        return score(list(enumerate(kept)))
