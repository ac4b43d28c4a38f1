"""The curve: share of the tokens at which the trained player is asked against the share of the gain recovered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from evals.routing.gate import Gate, dispute, fit_gate, position_gate, random_gate, random_vector, threshold
from evals.routing.hybrid import NO_MARKS, Routed, Rule, together
from evals.routing.players import Players, Values
from evals.routing.recovery import share_of_gain
from evals.statistics import estimators as est
from evals.statistics.rounding import rounded
from rlad.cli import PlainError, progress
from rlad.entropy.auroc import auroc
from rlad.generation import Sampling
from rlad.generation.decoding.base import GrowingSequence, Writer, in_turn
from rlad.problems import load_problems
from rlad.reasoning.tree import Tree

NEVER, ALWAYS = float("inf"), float("-inf")
HELD_OUT = 5
"""Every fifth text is kept from the gate, whose AUROC is measured on them."""
CONTROLS = ("random vector", "bias only", "random gate")


@dataclass
class Seen:
    """What the base saw while it wrote, position by position."""

    states: torch.Tensor
    """(N, D)"""
    at: torch.Tensor
    """(N,) the position in its text."""
    disputed: torch.Tensor
    """(N,) how likely the trained player would have drawn another token."""
    owner: torch.Tensor
    """(N,) which text."""


class Listening(Routed):
    """The base alone, with everything noted that a gate can learn from."""

    def __init__(self, writer: Writer, sampling: Sampling):
        super().__init__(writer, sampling, Rule())
        self.parts: list[tuple[torch.Tensor, ...]] = []

    def choose(self, logits: torch.Tensor, rows: list[GrowingSequence]) -> list[int]:
        width = self.writer.sampler.model.config.hidden_size
        base, trained = logits[:, :-width].chunk(2, -1)
        places = [torch.tensor([len(row.ids) for row in rows]), torch.tensor([row.owner for row in rows])]
        tempered = [one / (self.sampling.temperature or 1.0) for one in (base, trained)]
        self.parts.append((logits[:, -width:].cpu(), places[0], dispute(*tempered).cpu(), places[1]))
        return super().choose(logits, rows)

    def seen(self) -> Seen:
        """All positions of all texts."""
        return Seen(*map(torch.cat, zip(*self.parts, strict=True)))


@dataclass
class Point:
    """What one rule made of the test problems."""

    right: Values
    """(P,)"""
    asked: float
    taken: float
    disputed: float


class Study:
    """Gates learnt on training problems and tried on test problems."""

    def __init__(self, players: Players):
        self.players, self.run, self.keys = players, players.run, players.run.routing
        self.sampler = together(players.base, players.trained)

    def measure(self) -> dict[str, Any]:
        """Everything."""
        gates, facts, scores = self._gates()
        problems = load_problems(self.run.problems, "test")[: self.keys.problems]
        self.trees = self.players.trees(problems)
        if not self.trees:
            raise PlainError("The trained player writes no abstraction for any of the problems; nothing is routed.")
        ends = [self.point(Rule(above=above)) for above in (NEVER, ALWAYS)]
        kept = self.point(Rule(above=ALWAYS, guardrail=True))
        rows = []
        with progress("routing", 2 * len(self.keys.shares)) as bar:
            for guardrail in (True, False):
                for share in self.keys.shares:
                    rows += self._rows(gates, scores, share, guardrail, ends)
                    bar.advance()
        gain = est.paired_difference(ends[1].right, ends[0].right, resamples=self.run.sweep.bootstrap)
        return {
            "role": self.keys.role, "temperature": self.keys.temperature, "problems": len(self.trees),
            "samples": self.keys.samples, "gate": facts,
            "ends": {name: self._told(point) for name, point in zip(("base", "trained"), ends, strict=True)},
            "guardrail_alone": self._told(kept) | self._recovered(kept.right, ends[0].right, ends),
            "gain": {"difference": rounded(gain.estimate), "ci95": rounded(gain.ci95)}, "curve": rows,
        }  # fmt: skip

    def point(self, rule: Rule) -> Point:
        """The test problems under a rule."""
        rows = self._written(Routed, self.trees, self.keys.samples, rule)
        notes = np.array([note for row in rows for note in row.notes], float)
        return Point(self.players.right(self.trees, rows, self.keys.samples), *map(float, notes.mean(0)))

    def _written(self, method, trees: Sequence[Tree], samples: int, *arguments) -> list[GrowingSequence]:
        """Texts from the same seed whatever the rule: arms differ by what they ask alone."""
        writer = Writer(self.sampler, NO_MARKS, self.run.seed + 21)
        prompts = in_turn([self.players.prompt(tree) for tree in trees], samples)
        self.method = method(writer, Sampling(self.keys.temperature, self.players.most), *arguments)
        return writer.write(prompts, self.method, self.players.most)

    def _gates(self) -> tuple[dict[str, list[Gate]], dict[str, Any], dict[str, list[torch.Tensor]]]:
        """Arm -> its gates, facts, and arm -> each gate's scores where it learnt."""
        problems = load_problems(self.run.problems, "train")[: self.keys.gate_problems]
        self._written(Listening, self.players.trees(problems), 1)
        seen = self.method.seen()
        unseen = seen.owner % HELD_OUT == 0
        learned = fit_gate(seen.states[~unseen], seen.at[~unseen], seen.disputed[~unseen], self.keys.ridge)
        bias = position_gate(seen.at[~unseen], seen.disputed[~unseen], learned)
        seeds = range(self.run.seed, self.run.seed + self.keys.controls)
        gates = {"learned": [learned], "random vector": [random_vector(learned, seed) for seed in seeds],
                 "bias only": [bias], "random gate": [random_gate(learned) for _ in seeds]}  # fmt: skip
        noise = torch.Generator().manual_seed(self.run.seed)
        scores = {name: [gate.scores(seen.states, seen.at, noise) for gate in own] for name, own in gates.items()}
        rates = seen.disputed[unseen].clamp(0, 1)
        told = {name: auroc(own[0][unseen], rates) for name, own in scores.items()}
        facts = {"tokens": int((~unseen).sum()), "disputed": rounded(seen.disputed.mean())}
        facts["auroc"] = {name: None if value is None else rounded(value) for name, value in told.items()}
        return gates, facts, scores

    def _rows(self, gates, scores, share: float, guardrail: bool, ends: Sequence[Point]) -> list[dict[str, Any]]:
        """A row per arm at one share; where there are several gates of an arm, of their mean."""
        found = {}
        for name, own in gates.items():
            points = [
                self.point(Rule(gate, threshold(known, share), guardrail, seed))
                for seed, (gate, known) in enumerate(zip(own, scores[name], strict=True))
            ]
            means = (float(np.mean([getattr(one, what) for one in points])) for what in ("asked", "taken", "disputed"))
            found[name] = Point(np.mean([one.right for one in points], axis=0), *means)
        rows = []
        for name, point in found.items():
            row = {"guardrail": guardrail, "share": share, "gate": name} | self._told(point)
            row |= self._recovered(point.right, ends[0].right, ends)
            if name in CONTROLS:
                row["learned_minus_this"] = self._recovered(found["learned"].right, point.right, ends)["recovered"]
            rows.append(row)
        return rows

    def _told(self, point: Point) -> dict[str, Any]:
        own = est.bootstrap(point.right, resamples=self.run.sweep.bootstrap)
        shares = {name: rounded(getattr(point, name)) for name in ("asked", "taken", "disputed")}
        return {"accuracy": rounded(own.estimate), "ci95": rounded(own.ci95)} | shares

    def _recovered(self, one: Values, other: Values, ends: Sequence[Point]) -> dict[str, Any]:
        base, trained = (end.right for end in ends)
        return {"recovered": share_of_gain(one, other, base, trained, self.run.sweep.bootstrap)}
