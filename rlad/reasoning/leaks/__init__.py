"""The leak gate: whether an abstraction gives the answer away, in figures, words, formulas or plain English.

``wording`` reads texts aloud, ``arithmetic`` finds numbers and computations, ``question`` tells what the problem itself
says, ``context`` what a sentence does with a number, ``phrases`` treats answers that are no numbers, ``gate`` decides.
"""

from rlad.problems.base import Problem, World
from rlad.reasoning.leaks.gate import Finding, examine


def leaks(abstraction: str, gold: str, question: str = "") -> bool:
    """Whether `abstraction` states the answer `gold` of `question`. See `examine` for the words and the reason.

    >>> leaks("consider 2 variables", "2"), leaks("the answer is 2", "2"), leaks("x = 10", "1")
    (False, True, False)
    >>> leaks("this equals 0.5", "1/2"), leaks("use 1729 as a sum of cubes", "1729")
    (True, True)
    """
    return examine(abstraction, gold, question).leak


def gives_away(problem: Problem, abstraction: str, world: World | None = None) -> bool:
    """Whether an abstraction states its problem's answer: by the world's own rule where it has one, else as English."""
    return finding(problem, abstraction, world).leak


def finding(problem: Problem, abstraction: str, world: World | None = None) -> Finding:
    """`gives_away` with its reason; a world's own rule quotes the whole abstraction."""
    own = getattr(world, "leaks", None)  # a world need not inherit from `World`
    verdict = own(problem, abstraction) if own is not None else None
    if verdict is None:
        return examine(abstraction, problem.answer, problem.question)
    return Finding(verdict, abstraction, "the world's own rule")


__all__ = ["Finding", "examine", "finding", "gives_away", "leaks"]
