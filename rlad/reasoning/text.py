"""Text of a sample while it is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rlad.players.prompts import Prompts

BROKEN = "\ufffd"
"""What decoding gives for a character whose last bytes are still to come."""


def reader(prompts: Prompts) -> Callable[[list[int]], str]:
    """Decodes what is shown while it is written: without the end-of-sequence token and the blank before it."""
    end = prompts.tokenizer.eos_token_id
    return lambda ids: prompts.decode([token for token in ids if token != end])


class GrowingText:
    """Turns tokens into text piece by piece; the pieces together are what decoding all tokens at once gives.

    Decodes only the last few tokens each time, behind a prefix that is known to be whole, so that the cost is linear.

    >>> words = {1: "2", 2: "+", 3: "3"}
    >>> growing = GrowingText(lambda ids: " ".join(words[i] for i in ids))
    >>> growing.add([1]), growing.add([2, 3])
    ('2', ' + 3')
    """

    def __init__(self, decode: Callable[[list[int]], str], opening: str = ""):
        """opening: text that goes before the first piece."""
        self._decode, self._opening = decode, opening
        self._ids: list[int] = []
        self._prefix = self._read = 0  # tokens before _prefix are settled; text of those before _read was given out

    def add(self, ids: Sequence[int]) -> str:
        """The text that these tokens add; may be empty when they end inside a character."""
        self._ids += ids
        known = self._decode(self._ids[self._prefix : self._read]) if self._read else ""
        text = self._decode(self._ids[self._prefix :])
        if len(text) <= len(known) or text.endswith(BROKEN):
            return ""
        self._prefix, self._read = self._read, len(self._ids)
        opening, self._opening = self._opening, ""
        return opening + text[len(known) :]
