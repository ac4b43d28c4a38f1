"""A rule that listens to whoever speaks first."""

from rlad.config.registry import rule


@rule("first")
def first(candidates):
    """Earlier answers score higher."""
    scores = {}
    for place, candidate in enumerate(candidates):
        scores.setdefault(candidate.key, 1 / (1 + place))
    return scores
