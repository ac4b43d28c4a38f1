"""Which answers are the same answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def group(answers: Sequence[str | None], same: Callable[[str, str], bool]) -> list[int | None]:
    """A key per answer: equivalent answers share one, an invalid answer (None) keeps None.

    `same(a, b)` is the caller's notion of equivalence, usually the verifier's; counting strings instead would split
    the votes of 1/2 and 0.5. Each new answer is compared with one representative of every group, in order of
    appearance, and equal strings are compared once.

    >>> group(["1/2", "3", None, "0.5", "1/2"], lambda a, b: {a, b} == {"1/2", "0.5"})
    [0, 1, None, 0, 0]
    """
    representatives: list[str] = []
    known: dict[str, int] = {}
    for answer in answers:
        if answer is None or answer in known:
            continue
        match = next((i for i, other in enumerate(representatives) if same(other, answer)), None)
        if match is None:
            match = len(representatives)
            representatives.append(answer)
        known[answer] = match
    return [None if answer is None else known[answer] for answer in answers]
