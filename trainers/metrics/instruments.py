"""The instruments in the loop: entropy and exploration of both players, measured every step (docs/entropy.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from rlad.config import RunConfig
from rlad.entropy import StrategicGrams
from rlad.entropy.diversity import SAMPLE, cluster_counts, rarefied, repetition
from rlad.entropy.formats import world_format
from rlad.entropy.rank import rank_dynamics
from rlad.entropy.shares import shares_entropy
from rlad.generation import Completion
from rlad.generation.base import outside
from rlad.players.roles import Role
from rlad.reasoning.tree import Solution, Tree
from trainers.data.rows import Row
from trainers.learner.batches import micro_batches, token_logprobs
from trainers.learner.learner import Learner
from trainers.learner.records import TokenRecord
from trainers.learner.scoring import hidden_states
from trainers.metrics.proposals import read_proposals
from trainers.metrics.readings import RankReading, Sums, TextReading, TokenReading, joined_sums, merged_numbers
from trainers.metrics.votes import VOTES
from trainers.runtime import zero3
from trainers.runtime.beside import Beside

ANSWERS = 8
"""Unique answers are also counted per so many solutions: raw numbers grow with the number of solutions."""


class Instruments:
    """Measures a step: what its trees say beside the update, the rest behind it. All ranks must call `begin` and
    `measure`; the numbers are made on rank 0."""

    def __init__(
        self,
        run: RunConfig,
        roles: dict[str, Role],
        learners: dict[str, Learner],
        grams: StrategicGrams | None,
        world: bool,
    ):
        self.run, self.config, self.roles, self.learners = run, run.instruments, roles, learners
        self.grams = {
            role: None if grams is None else grams.bound(learner.policy.tokenizer) for role, learner in learners.items()
        }
        self.format_of = {name: world_format if world else role.form for name, role in roles.items()}
        self.beside = Beside("instruments")
        self._begun: tuple[dict[str, Callable[[], TextReading]], Callable[[], Sums]] | None = None

    def begin(self, step: int, trees: list[Tree]) -> None:
        """Begins to read a step's trees; nobody may change them until `measure` has returned."""
        if due(step, self.config.every):
            texts = {role: self.beside.begin(self._texts, role, trees) for role in self.learners}
            self._begun = texts, self.beside.begin(self._rollout, trees)

    def measure(self, step: int, rows: dict[str, list[Row]], updates: dict[str, dict]) -> dict[str, dict]:
        """Numbers by role and for "rollout"; {} in steps that are not measured, and on ranks other than 0.

        Raises what reading the trees ended with. Collective.
        """
        if self._begun is None:
            return {}
        (texts, rollout), self._begun = self._begun, None
        # Equal forwards on all ranks: whether a step samples hidden states depends on nothing local.
        sampled = due(step, self.config.rank_every)
        ranks = {role: self._ranks(role, rows[role]) if sampled else RankReading for role in self.learners}
        tokens = {role: self._tokens(role) for role in self.learners if updates.get(role, {}).get("updated")}
        readings = {role: (tokens.get(role), texts[role](), ranks[role]()) for role in self.learners}
        gathered = zero3.to_first((readings, rollout()))
        if gathered is None:
            return {}
        numbers = {role: self._numbers([part[role] for part, _ in gathered]) for role in self.learners}
        found = joined_sums([part for _, part in gathered])
        unasked = [name for name in VOTES.values() if found[name] is None]
        return numbers | {"rollout": {name: value for name, value in found.items() if name not in unasked}}

    def lap(self) -> dict[str, dict[str, float]]:
        """Under "instruments", the seconds of the step's readings beside other work (`Beside.lap`); {} without any."""
        seconds = self.beside.lap()
        return {"instruments": seconds} if seconds else {}

    def _numbers(self, parts: list[tuple]) -> dict:
        tokens, texts, ranks = zip(*parts, strict=True)
        found = [TextReading.joined(texts).numbers(), RankReading.joined(ranks).numbers()]
        if tokens[0] is not None:
            found.append(TokenReading.joined(tokens).numbers(self.config.forking_entropy))
        return merged_numbers(*found)

    def _ranks(self, role: str, rows: list[Row]) -> Callable[[], RankReading]:
        written = [row for row in rows if not row.distillation]
        return read_ranks(self.learners[role], written, self.run, self.beside)

    def _tokens(self, role: str) -> TokenReading:
        grams = self.grams[role]
        reading = read_tokens(self.learners[role].record, grams.mask if grams is not None else None)
        return reading.thinned(max(1, self.config.tokens // zero3.world_size()))

    def _texts(self, role: str, trees: list[Tree]) -> TextReading:
        written = [one for tree in trees for one in self.roles[role].written(tree)]
        chosen = spaced(written, max(1, self.config.texts // zero3.world_size()))
        grams = self.grams[role]
        return read_texts(chosen, self.format_of[role], grams, judged=self.roles[role].judged)

    def _rollout(self, trees: list[Tree]) -> Sums:
        clustered = -(-self.config.cluster_problems // zero3.world_size())
        plain = not any(role.proposes for role in self.roles.values())
        return read_rollout(trees, clustered) | read_proposals(trees, plain)


def due(step: int, every: int) -> bool:
    """Whether something done every so many steps (0 = never) is done in this one.

    >>> [step for step in range(1, 7) if due(step, 3)], due(4, 0)
    ([3, 6], False)
    """
    return every > 0 and step % every == 0


def share(number: int, rank: int, ranks: int) -> int:
    """This rank's part of a number of things that all ranks have together: some ranks of many have none.

    >>> [share(8, rank, 3) for rank in range(3)], [share(2, rank, 4) for rank in range(4)]
    ([3, 3, 2], [1, 1, 0, 0])
    """
    return number // ranks + (rank < number % ranks)


def spaced(items: Sequence, most: int) -> list:
    """At most `most` items, evenly spread.

    >>> spaced("abcdefg", 3), spaced("ab", 3)
    (['a', 'c', 'e'], ['a', 'b'])
    """
    return list(items) if len(items) <= most else [items[i * len(items) // most] for i in range(most)]


def read_tokens(record: TokenRecord, mask: Callable | None) -> TokenReading:
    """The newest update's tokens; `mask` maps a row's token ids to its planning tokens."""
    copies = record.copies
    lengths = [len(entropy) for entropy in record.entropy]
    repeats = np.repeat(np.array(copies, dtype=int), lengths)

    def column(parts: list, dtype=np.float32) -> np.ndarray:
        flat = np.concatenate([np.asarray(part, dtype=dtype) for part in parts]) if parts else np.zeros(0, dtype)
        return np.repeat(flat, repeats)

    entropy = [part.float().numpy() for part in record.entropy]
    means = np.array([part.mean() for part in entropy]) if entropy else np.zeros(0)
    learnt = [[on] * length for on, length in zip(record.learnt, lengths, strict=True)]
    planning = None if mask is None else column([mask(tokens) for tokens in record.tokens], bool)
    return TokenReading(
        entropy=column(entropy),
        logp=column([part.float().numpy() for part in record.logp]),
        advantage=column([part.float().numpy() for part in record.advantage]),
        learnt=column(learnt, bool),
        planning=planning,
        sequences=np.array([float(means @ np.array(copies)) if copies else 0.0, float(sum(copies))]),
    )


def read_texts(
    written: list[tuple[str, Completion, bool | None]],
    format_of: Callable[[str], str],
    grams: StrategicGrams | None,
    judged: bool,
) -> TextReading:
    """Format, length, repetition and strategic grams of (text, completion, correct)."""
    reading = TextReading(judged=judged, grams=None if grams is None else Counter())
    for text, completion, correct in written:
        name = format_of(text)
        reading.formats[name] += 1
        reading.right[name] += bool(correct)
        own = outside(completion.token_ids, completion.given)
        reading.lengths.append(len(own))
        reading.repetition += repetition(own)
        if grams is not None:
            reading.grams.update(grams.counts(own))
    return reading


def answer_of(solution: Solution) -> str:
    """What a solution answers; unfinished ones and those without an answer are classes of their own."""
    if solution.verdict is not None and solution.verdict.pred is not None:
        return " ".join(solution.verdict.pred.split())
    return "<unfinished>" if solution.completion.finish_reason == "length" else "<none>"


def read_rollout(trees: list[Tree], clustered: int) -> Sums:
    """Per problem: different abstractions and answers, and clusters of the solutions of the first `clustered` ones."""
    names = ["distinct_abstractions", "unique_answers", f"unique_answers_of_{ANSWERS}", "answer_entropy"]
    names += ["solution_clusters", "correct_clusters", "incorrect_clusters"]
    sums: Sums = {name: np.zeros(2) for name in names}
    for tree in trees:
        if tree.draws or tree.branches:
            sums["distinct_abstractions"] += (len({branch.key for branch in tree.branches}), 1)
        solutions = tree.solutions or tree.bare
        if not solutions:
            continue
        answers = Counter(map(answer_of, solutions))
        sums["unique_answers"] += (len(answers), 1)
        sums["answer_entropy"] += (shares_entropy(answers.values()), 1)
        if len(solutions) >= ANSWERS:
            sums[f"unique_answers_of_{ANSWERS}"] += (rarefied(list(answers.values()), ANSWERS), 1)
    for tree in [tree for tree in trees if tree.solutions or tree.bare][:clustered]:
        chosen = spaced(tree.solutions or tree.bare, SAMPLE)
        found = cluster_counts([s.text for s in chosen], [s.correct for s in chosen])
        for name, count in zip(("solution", "correct", "incorrect"), found.values(), strict=True):
            sums[f"{name}_clusters"] += (count, 1)
    return sums


def read_ranks(learner: Learner, rows: list[Row], run: RunConfig, beside: Beside) -> Callable[[], RankReading]:
    """Effective rank of a few rows' hidden states; which of their tokens fork, in the base too if kept. Collective.

    What it returns waits for the effective ranks, which `beside` computes.
    """
    chosen = spaced(rows, share(run.instruments.rank_rows, zero3.rank(), zero3.world_size()))
    reading, stride = RankReading(), run.instruments.rank_stride
    states = hidden_states(learner, chosen, run.cotrain.micro_batch)
    dynamics = [beside.begin(rank_dynamics, one, stride) for _, one in states]
    temperature, tokenizer = learner.config.temperature, learner.policy.tokenizer
    with torch.no_grad():
        for batch in micro_batches(chosen, run.cotrain.micro_batch, learner.pad_id, learner.device):
            _, own = token_logprobs(learner.model_engine, batch, temperature)
            base = None
            if learner.reference is not None:
                _, base = token_logprobs(learner.reference, batch, temperature)
            for at, i in enumerate(batch.index):
                if i < 0:
                    continue
                here = batch.mask[at] > 0
                reading.own += own[at, here].tolist()
                reading.base += [] if base is None else base[at, here].tolist()
                reading.tokens += tokenizer.convert_ids_to_tokens(batch.completion[at, here].tolist())

    def joined() -> RankReading:
        found = [one() for one in dynamics]
        return replace(reading, dynamics=[(one.er, one.erv, one.era) for one in found])

    return joined
