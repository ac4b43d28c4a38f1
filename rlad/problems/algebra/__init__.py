r"""The `algebra` world: families of problems that a named technique makes easy.

    question     compute 23 \times 17
    abstraction  difference of squares around 20
    solution     20 ^ 2 - 3 ^ 2 = 400 - 9 = 391 \boxed{ 391 }

Answers are integers, fractions, surds, sets, tuples and expressions. To add a family, write one function in one of the
modules below (or a new one) and register it with `@family`.
"""

from rlad.problems.algebra import arithmetic, equations, laws, numbers, polynomials, series  # noqa: F401  registers them
from rlad.problems.algebra.exercise import FAMILIES, LIMIT, Approach, Exercise
from rlad.problems.algebra.world import Algebra

__all__ = ["FAMILIES", "LIMIT", "Algebra", "Approach", "Exercise"]
