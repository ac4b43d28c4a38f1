"""What changed from a run's first swept checkpoint to its last, paired problem by problem, and what that says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evals.collapse.spread import Floats
from evals.statistics import estimators as est

WAYS = {"breadth": "with abstractions", "plain": "plain"}


def changes(first: Mapping[str, Floats], last: Mapping[str, Floats], resamples: int) -> dict[str, dict[str, Any]]:
    """Column -> the mean of last minus first over problems with its 95 % interval, of the columns that both have.

    >>> import numpy as np
    >>> columns = [{"plain_pass_at_1": np.array(values)} for values in ([0.25, 0.5, 0.5], [0.5, 0.5, 0.75])]
    >>> found = changes(*columns, resamples=200)["plain_pass_at_1"]
    >>> round(found["difference"], 4), found["ci95"][0] >= 0
    (0.1667, True)
    """
    found = {}
    for name in [name for name in last if name in first]:
        gap = est.paired_difference(last[name], first[name], resamples=resamples)
        found[name] = {"difference": gap.estimate, "ci95": list(gap.ci95)}
    return found


def verdict(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A sentence for each way: whether pass@1 was bought with the variance between samples of a problem.

    >>> gap = lambda value: {"difference": value, "ci95": [value - 0.02, value + 0.02]}
    >>> names = ("pass_at_1", "variance", "covered", "selected")
    >>> told = lambda *values: verdict({f"plain_{name}": gap(value) for name, value in zip(names, values, strict=True)})
    >>> told(0.1, -0.05, -0.03, 0.0)
    ['plain: pass@1 was bought with variance between samples; coverage fell, the selected answer is undecided.']
    >>> told(0.1, -0.01, 0.03, 0.05)
    ['plain: pass@1 rose, and no fall of variance between samples is shown; coverage rose, the selected answer rose.']
    >>> told(0.0, -0.05, 0.0, 0.0)[0][:62], told(0.0, 0.0, 0.0, 0.0)[0][:35]
    ('plain: variance between samples fell without a gain in pass@1;', 'plain: no gain in pass@1 and no fal')
    """
    sentences = []
    for way, words in WAYS.items():
        if f"{way}_pass_at_1" not in found:
            continue
        moved = {name: _moved(found[f"{way}_{name}"]) for name in ("pass_at_1", "variance", "covered", "selected")}
        said = {
            (True, True): "pass@1 was bought with variance between samples",
            (True, False): "pass@1 rose, and no fall of variance between samples is shown",
            (False, True): "variance between samples fell without a gain in pass@1",
            (False, False): "no gain in pass@1 and no fall of variance between samples is shown",
        }[moved["pass_at_1"] == "rose", moved["variance"] == "fell"]
        tail = ", ".join(
            f"{name} is undecided" if moved[column] == "undecided" else f"{name} {moved[column]}"
            for column, name in (("covered", "coverage"), ("selected", "the selected answer"))
        )
        sentences.append(f"{words}: {said}; {tail}.")
    return sentences


def _moved(gap: Mapping[str, Any]) -> str:
    low, high = gap["ci95"]
    return "rose" if low > 0 else "fell" if high < 0 else "undecided"
