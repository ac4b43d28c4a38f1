"""A rule-based checker of mathematical answers that works on its own: no torch, no transformers, sympy only when needed.

>>> from rlad.verifier import verify
>>> verify("1/2", r"so it is \\boxed{0.5}").correct
True
"""

from rlad.verifier.core import deep_compare, extract_answer, verify
from rlad.verifier.types import DEFAULT, Outcome, Verdict, VerifyOptions

__all__ = ["DEFAULT", "Outcome", "Verdict", "VerifyOptions", "deep_compare", "extract_answer", "verify"]
