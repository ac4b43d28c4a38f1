"""From a problem to abstractions worth learning from: traces, candidates, gates.

Everything that is asked is a function of the configuration and of earlier answers, so a run that goes on from its kept
calls (calls.py) ends with the same rows.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from rlad.config import RunConfig
from rlad.players.prompts import spoken
from rlad.problems import Problem
from rlad.reasoning.judge import Judge
from trainers.distill import gates, writing
from trainers.distill.calls import Calls


@dataclass
class TeacherAbstraction:
    """One abstraction that the teacher wrote."""

    text: str
    kind: str
    right: int = 0
    """Right solutions of the solver with it."""
    chance: float = 1.0
    """How likely so many are where it does nothing."""
    strategy: int = 0
    solution: str = ""
    """The shortest right solution that was written with it."""
    gate: str = ""
    """The gate that it failed; empty where it passed all."""
    reason: str = ""


@dataclass
class Worked:
    """A problem with what became of it."""

    problem: Problem
    right: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """The solver's solutions without an abstraction."""
    candidates: list[TeacherAbstraction] = field(default_factory=list)
    skipped: str = ""
    """Why the teacher was not asked; empty where it was."""
    ungrouped: bool = False
    """Whether the teacher could not say which strategies are the same."""

    @property
    def kept(self) -> list[TeacherAbstraction]:
        return [one for one in self.candidates if not one.gate]


class Distiller:
    """Works on problems, several at a time."""

    def __init__(self, run: RunConfig, calls: Calls, judge: Judge, encode: Callable[[list[str]], object] | None = None):
        self.run, self.config, self.calls, self.judge, self.encode = run, run.distill, calls, judge, encode

    async def work(self, problem: Problem) -> Worked:
        """All stages for one problem. Raises ModelDown."""
        config, done = self.config, Worked(problem)
        for text in await self._ask("solver", writing.plain_task(problem.question), config.traces, problem, "trace"):
            (done.right if self._right(problem, text) else done.wrong).append(text.strip())
        if not done.wrong:
            done.skipped = "the solver needs no help"
            return done
        await self._write(done)
        if not done.candidates:
            done.skipped = "there is nothing to write from"
            return done
        self._cheap_gates(done)
        await asyncio.gather(*(self._try(done, candidate) for candidate in done.kept))
        await self._tell_apart(done)
        return done

    async def _ask(self, role: str, message: str, n: int, problem: Problem, what: str, most: int | None = None):
        """Samples with a seed of their own for each problem and purpose."""
        endpoint = getattr(self.config, role)
        digest = hashlib.blake2b(f"{self.run.seed}|{problem.id}|{what}".encode(), digest_size=4).digest()
        seed = int.from_bytes(digest, "big") >> 1
        return await self.calls.ask(role, message, n, endpoint.temperature, most or endpoint.max_tokens, seed)

    def _right(self, problem: Problem, text: str) -> bool:
        return self.judge([(problem, text)])[0].correct

    # --- candidates ------------------------------------------------------------------------------------------------
    def _shown(self, kind: str, done: Worked) -> list[str]:
        """What the teacher reads for a kind; empty where the problem has no such thing."""
        right, wrong = sorted(done.right, key=len), sorted(filter(None, done.wrong), key=len)
        if kind == "summary_solution":
            return [done.problem.solution] if done.problem.solution else []
        if kind == "hindsight":
            return right[:1]
        if kind == "contrast":
            return [right[0], wrong[0]] if right and wrong else []
        both = (
            [text for pair in zip(right, wrong, strict=False) for text in pair]
            + right[len(wrong) :]
            + wrong[len(right) :]
        )
        return both[: self.config.shown] if len(both) > 1 else []

    async def _write(self, done: Worked) -> None:
        kinds = [(kind, shown) for kind in self.config.kinds if (shown := self._shown(kind, done))]
        asked = (
            self._ask(
                "teacher",
                writing.request(kind, done.problem.question, shown),
                self.config.candidates,
                done.problem,
                kind,
            )
            for kind, shown in kinds
        )
        for (kind, _), texts in zip(kinds, await asyncio.gather(*asked), strict=True):
            done.candidates += [TeacherAbstraction(spoken(text), kind) for text in texts]

    def _cheap_gates(self, done: Worked) -> None:
        """Format, length and leak; then the same wording twice."""
        for candidate in done.candidates:
            if found := gates.fault(candidate.text, done.problem, self.config, self.judge.world):
                candidate.gate, candidate.reason = found
        left = done.kept
        earlier = gates.first_of_each([candidate.text for candidate in left], self.config.duplicate)
        for candidate, first in zip(left, earlier, strict=True):
            if first is not None:
                candidate.gate, candidate.reason = "duplicate", f"nearly the wording of: {left[first].text}"

    # --- calls about a candidate -----------------------------------------------------------------------------------
    async def _try(self, done: Worked, candidate: TeacherAbstraction) -> None:
        """The leak probe, then whether the solver is better with it."""
        config, problem = self.config, done.problem
        if config.probe:
            guesses = await self._ask("solver", writing.probe(candidate.text), config.probe, problem, "probe")
            if hits := sum(self._right(problem, text) for text in guesses):
                candidate.gate, candidate.reason = (
                    "probe",
                    f"{hits} of {config.probe} answers without the problem are right",
                )
                return
        texts = await self._ask(
            "solver", writing.guided(problem.question, candidate.text), config.guided, problem, "guided"
        )
        right = sorted((text.strip() for text in texts if self._right(problem, text)), key=len)
        candidate.right, candidate.solution = len(right), right[0] if right else ""
        candidate.chance = gates.chance_of_gain(len(right), config.guided, len(done.right), config.traces)
        if candidate.chance >= config.alpha:
            candidate.gate = "useless"
            candidate.reason = (
                f"{len(right)} of {config.guided} right with it, {len(done.right)} of {config.traces} without: "
                f"chance {candidate.chance:.2f}"
            )

    async def _tell_apart(self, done: Worked) -> None:
        """Numbers the strategies of what is left, and keeps the most useful wording of each."""
        left = done.kept
        texts = [candidate.text for candidate in left]
        labels: list[int] | None = list(range(len(left)))
        if len(left) > 1 and self.encode is not None:
            labels = gates.by_vectors(self.encode, texts, self.config.same_strategy)
        elif len(left) > 1:
            answer = await self.calls.ask("teacher", writing.grouping(texts), 1, 0.0, self.config.teacher.max_tokens, 0)
            labels = writing.read_groups(spoken(answer[0]), len(left))
            done.ungrouped, labels = labels is None, labels if labels is not None else list(range(len(left)))
        best: dict[int, TeacherAbstraction] = {}
        for candidate, label in zip(left, labels, strict=True):
            candidate.strategy = label
            if label not in best or candidate.right > best[label].right:
                best[label] = candidate
        for candidate in left if self.config.one_per_strategy else []:
            if candidate is not best[candidate.strategy]:
                candidate.gate, candidate.reason = "strategy", f"the strategy of: {best[candidate.strategy].text}"
