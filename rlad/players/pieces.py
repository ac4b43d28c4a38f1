"""How much of a micro-batch's logits is held at once: the sizes alone, without torch, for the dry run too."""

from __future__ import annotations

WHOLE = 2**22
"""A micro-batch of at most so many logits (64 MB of extra memory in fp32) is computed with all of them at once: there
pieces would save nothing worth having, and small vocabularies keep their numbers to the last digit."""
PIECE = {"cpu": 2**20}
"""Logits in a piece, per kind of device: what stays in a processor's cache (4 MB in fp32)."""
LARGE_PIECE = 2**24
"""The same on everything else: few kernels count there, and 64 MB do not matter."""
NARROWEST = 64
"""Words in a piece at least, however many tokens there are."""


def piece_words(tokens: int, device: str) -> int:
    """Words in a piece of the vocabulary for so many tokens on a kind of device.

    >>> piece_words(2048, "cpu"), piece_words(8192, "cuda"), piece_words(10**6, "cpu")
    (512, 2048, 64)
    """
    return max(NARROWEST, PIECE.get(device, LARGE_PIECE) // max(tokens, 1))


def tokens(words: int, device: str) -> int:
    """Tokens in a piece, where each needs the whole vocabulary.

    >>> tokens(20_000, "cpu"), tokens(151_936, "cuda"), tokens(10**9, "cpu")
    (52, 110, 1)
    """
    return max(1, PIECE.get(device, LARGE_PIECE) // words)
