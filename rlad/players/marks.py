"""A tool in the tokens of a player: which of them end a call, what its replies are, how long they may be."""

from __future__ import annotations

from collections.abc import Sequence

from rlad.config import ConfigError
from rlad.problems.base import Tool

PIECES = 4
"""Most tokens that a word of a reply takes on average, where a tokenizer splits words."""


class Marks:
    """The mark that ends a call, whether it is one token of the tokenizer's or several.

    A mark of several tokens can be written in many ways (`earch` and `h` end `\\endsearch` as `search` does), so every
    token that may end it ends what is sampled, and the text decides whether it did.
    """

    def __init__(self, tool: Tool, tokenizer):
        """Raises ConfigError where the tokenizer cannot write the mark, or writes a text otherwise than its parts."""
        self.tool, self.tokenizer = tool, tokenizer
        mark = self._ids(tool.end)
        if (tokenizer.unk_token_id is not None and tokenizer.unk_token_id in mark) or not mark:
            raise ConfigError(f"The problems' tool ends a call with '{tool.end}', which this player cannot write.")
        self.split = len(mark) > 1
        self.ends: tuple[int, ...] = self._endings() if self.split else (mark[0],)
        """Tokens behind which a call may have ended."""
        self.room = tool.room * (PIECES if self.split else 1)
        """Most tokens of a reply."""
        if self.split and not self._keeps_parts():
            raise ConfigError(
                f"The problems' tool ends a call with '{tool.end}', behind which this player's tokenizer writes "
                "replies otherwise than by themselves; such a world is for other tokenizers."
            )

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _endings(self) -> tuple[int, ...]:
        end, known = self.tool.end, self.tokenizer.get_vocab()
        return tuple(sorted(known[token] for token in known if token and (end.endswith(token) or token.endswith(end))))

    def _keeps_parts(self) -> bool:
        """Whether call, reply and what follows are the same tokens together, as in demonstrations, as by themselves."""
        parts = (f"a {self.tool.end}", f" {self.tool.reply(self.tool.end)}", " a")
        apart = [token for part in parts for token in self._ids(part)]
        return self._ids("".join(parts)) == apart and self.ended(self._ids(parts[0]))

    def ended(self, ids: Sequence[int]) -> bool:
        """Whether what was written ends in the mark."""
        if not ids or ids[-1] not in self.ends:
            return False
        tail = list(ids[-len(self.tool.end) :])
        return not self.split or self.tokenizer.decode(tail).endswith(self.tool.end)

    def reply(self, written: Sequence[int]) -> tuple[int, ...]:
        """What the tool says to what was written since its last reply."""
        said = self.tool.reply(self.tokenizer.decode(list(written)))
        return tuple(self._ids(f" {said}" if self.split and said else said)[: self.room])
