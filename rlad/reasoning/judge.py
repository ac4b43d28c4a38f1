"""From a solution's text to a verdict: the verifier, and the world's own conditions on top."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from rlad.config import VerifierConfig
from rlad.problems.base import Problem, World
from rlad.verifier import Outcome, Verdict, VerifyOptions, verify


class Judge:
    """Judges solutions, in this thread or in killable workers, and counts what became of them."""

    def __init__(self, config: VerifierConfig, world: World | None = None, value_answers: bool = False):
        """`value_answers`: a computation in the box is no answer (`problems.value_answers`)."""
        self.world, self.options = world, VerifyOptions(values_only=value_answers)
        self.outcomes: Counter[str] = Counter()
        self._pool = None
        if config.workers:
            from rlad.verifier import VerifierPool

            self._pool = VerifierPool(config.workers, self.options, time_limit_s=config.time_limit)

    def __call__(self, items: list[tuple[Problem, str]]) -> list[Verdict]:
        """Verdicts of (problem, solution text) pairs, in order."""
        pairs = [(problem.answer, text) for problem, text in items]
        distinct = list(dict.fromkeys(pairs))  # a trained player writes the same solution again and again
        judged = self._pool.verify_many(distinct) if self._pool else [verify(*pair, self.options) for pair in distinct]
        known = dict(zip(distinct, judged, strict=True))
        verdicts = [known[pair] for pair in pairs]
        valid = getattr(self.world, "valid", None)
        if valid is not None:
            verdicts = [
                replace(verdict, outcome=Outcome.incorrect, reason="breaks a rule of the world")
                if verdict.correct and not valid(problem, text)
                else verdict
                for verdict, (problem, text) in zip(verdicts, items, strict=True)
            ]
        self.outcomes.update(verdict.outcome.value for verdict in verdicts)
        return verdicts

    def take_counters(self) -> dict[str, int]:
        """What was counted since the last call: verdicts by outcome, and the pool's timeouts and kills."""
        counters = dict(self.outcomes)
        self.outcomes.clear()
        if self._pool:
            counters |= {f"pool_{name}": value for name, value in self._pool.counters.items()}
        return counters

    def close(self) -> None:
        if self._pool:
            self._pool.close()
