"""A rule-based checker of mathematical answers that works on its own: no torch, no transformers, sympy when needed.

Rooms from below: ``grammar``, then ``reading`` and ``comparing`` beside each other, ``core`` that joins them, ``pool``.
At the top stand only the public nouns (``types``), ``budget``, ``core`` and the command. Nothing of ours is imported.

>>> from rlad.verifier import verify
>>> verify("1/2", r"so it is \\boxed{0.5}").correct
True
"""

from typing import TYPE_CHECKING

from rlad.verifier.core import deep_compare, extract_answer, verify
from rlad.verifier.types import DEFAULT, Outcome, Verdict, VerifyOptions

__all__ = [
    "DEFAULT",
    "Outcome",
    "PoolError",
    "Verdict",
    "VerifierPool",
    "VerifyOptions",
    "deep_compare",
    "extract_answer",
    "verify",
]

if TYPE_CHECKING:
    from rlad.verifier.pool.pool import PoolError, VerifierPool


def __getattr__(name: str) -> object:
    """The pool is imported when it is asked for: one comparison in a notebook needs no process machinery."""
    if name in ("PoolError", "VerifierPool"):
        from rlad.verifier.pool import pool

        return getattr(pool, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
