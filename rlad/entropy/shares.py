"""Entropy of a handful of counts: answers, formats, strategic grams."""

from __future__ import annotations

import math
from collections.abc import Iterable


def shares_entropy(counts: Iterable[float]) -> float:
    """-sum p log p of the shares that counts (or shares) have of their sum, nats; 0 where there is nothing, not NaN.

    Biased down when there are few samples: compare equal numbers of them only.

    >>> round(shares_entropy([0.5, 0.25, 0.25]), 4), round(shares_entropy([5, 3]), 4), shares_entropy([])
    (1.0397, 0.6616, 0.0)
    """
    numbers = [count for count in counts if count > 0]
    total = sum(numbers)
    return abs(math.fsum(-count / total * math.log(count / total) for count in numbers))
