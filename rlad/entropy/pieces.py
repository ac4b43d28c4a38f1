"""Texts as words, and tokens as the bytes they stand for, so that a word found in a text marks its tokens."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

TAG = rb"</?[A-Za-z_]+>"
"""<sep>, <confidence> and their kin mark a place in a text; they are no words of it."""
WORDS = rb"\\[A-Za-z]+|[A-Za-z\x80-\xff]+(?:'[A-Za-z]+)?|\d+(?:[.,]\d+)*"
TEXT = re.compile(TAG + b"|" + WORDS)
SYMBOLS = re.compile(TEXT.pattern + rb"|[^\s\w]")
SENTENCE = re.compile(rb"[.!?]+(?:\s|$)|\n+")

Word = tuple[str, int, int]
"""A word, lower case, with the bytes [start, end) where it stands."""


def sentences(text: bytes, symbols: bool) -> list[list[Word]]:
    """The words of a UTF-8 text, sentence by sentence. Every number is the word '#': which one it is, is execution.

    With `symbols` operators and brackets are words too, and the whole text is one sentence (worlds write no prose).
    Tags such as <confidence> are left out: a form of answering that a method asks for is neither plan nor format.

    >>> [[word for word, *_ in sentence] for sentence in sentences(b"Let n be 12. Then n+1 is 13!", False)]
    [['let', 'n', 'be', '#'], ['then', 'n', '#', 'is', '#']]
    >>> sentences(b"3 + 12", True)
    [[('#', 0, 1), ('+', 2, 3), ('#', 4, 6)]]
    >>> [word for word, *_ in sentences(b"3 < 5 <confidence> 0.7 </confidence>", True)[0]]
    ['#', '<', '#', '#']
    """
    cuts = [] if symbols else [match.end() for match in SENTENCE.finditer(text)]
    pattern, found = SYMBOLS if symbols else TEXT, []
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        matches = (match for match in pattern.finditer(text, start, end) if not _tag(match.group()))
        words = [(_word(match.group()), *match.span()) for match in matches]
        if words:
            found.append(words)
    return found


def _tag(raw: bytes) -> bool:
    return len(raw) > 1 and raw[:1] == b"<"


@lru_cache(maxsize=100_000)
def _word(raw: bytes) -> str:
    return "#" if raw[:1].isdigit() else raw.lower().decode("utf-8", "replace")


def byte_alphabet() -> dict[str, int]:
    """The printable characters that byte-level tokenizers write for the 256 bytes (as GPT-2's does).

    >>> alphabet = byte_alphabet()
    >>> alphabet["A"], alphabet["Ġ"], alphabet["Ċ"], len(alphabet)
    (65, 32, 10, 256)
    """
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(rest)}


def token_bytes(tokenizer) -> Callable[[int], bytes]:
    """What each token id adds to the text, as bytes; nothing for special tokens.

    Reads the three spellings there are: byte-level pieces, pieces with '▁' for a space, and whole words.
    """
    special, vocabulary = set(tokenizer.all_special_ids), tokenizer.get_vocab()
    pieces = {index: piece for piece, index in vocabulary.items()}
    if any(piece.startswith("Ġ") for piece in vocabulary):
        alphabet = byte_alphabet()

        def spell(piece: str) -> bytes:
            return b"".join(bytes([alphabet[c]]) if c in alphabet else c.encode() for c in piece)
    elif any(piece.startswith("▁") for piece in vocabulary):

        def spell(piece: str) -> bytes:
            single = re.fullmatch(r"<0x([0-9A-F]{2})>", piece)
            return bytes([int(single[1], 16)]) if single else piece.replace("▁", " ").encode()
    else:

        def spell(piece: str) -> bytes:
            return piece.encode() + b" "

    known: dict[int, bytes] = {}

    def of(index: int) -> bytes:
        if index not in known:
            known[index] = b"" if index in special or index not in pieces else spell(pieces[index])
        return known[index]

    return of
