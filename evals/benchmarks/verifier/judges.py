"""Ours and math-verify 0.9 behind one interface, so that one pool, one clock and one table serve both.

math-verify is a development-only dependency, imported by the benchmark's workers and never by the package.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from functools import lru_cache

import math_verify

from rlad.verifier.pool.worker import judge
from rlad.verifier.types import Outcome, Verdict, VerifyOptions

logging.disable(logging.CRITICAL)  # it logs a traceback for every text it cannot read


def wrap(text: str) -> str:
    """A bare answer as its extraction wants to see it: inside a math span. Completions stay as they are."""
    return text if "$" in text or "boxed" in text or "\n" in text else f"${text}$"


def _judge(gold: str, pred: str, parse) -> Verdict:
    start = time.perf_counter()
    g = parse(gold)
    p = parse(pred)
    same = bool(g) and math_verify.verify(g, p)
    outcome = Outcome.correct if same else Outcome.incorrect if g else Outcome.unparseable_gold
    return Verdict(outcome, "math-verify", repr(g)[:200], repr(p)[:200], (time.perf_counter() - start) * 1e3)


def ours(gold: str, pred: str, options: VerifyOptions) -> Verdict:
    """The whole ladder, as a worker of the pool runs it."""
    start = time.perf_counter()
    verdict = judge(gold, pred, options)
    return replace(verdict, milliseconds=(time.perf_counter() - start) * 1e3)


def raw(gold: str, pred: str, options: VerifyOptions) -> Verdict:
    """Both texts as they are."""
    return _judge(gold, pred, math_verify.parse)


def wrapped(gold: str, pred: str, options: VerifyOptions) -> Verdict:
    """Bare answers in dollars, which suits most of the shared sets better."""
    return _judge(wrap(gold), wrap(pred), math_verify.parse)


@lru_cache(10_000)
def _parse_once(text: str) -> list:
    return math_verify.parse(wrap(text))


def remembered(gold: str, pred: str, options: VerifyOptions) -> Verdict:
    """Like ``wrapped`` for many pairs of few texts, each parsed once; not for timing."""
    return _judge(gold, pred, _parse_once)
