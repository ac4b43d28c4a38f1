r"""What each word of a text is for. Pure.

English gets the six categories of 2601.03066, here by closed lists of words instead of a model's annotation; all other
content words count as ENTITY_NAME. In a world's formal language every word would be SYMBOLIC_MATH, so there the parts
of an equation are told apart: operand, operator, variable, equals, result, separator.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

ENGLISH = ("SYMBOLIC_MATH", "VERBAL_MATH", "ENTITY_NAME", "COREFERENCE", "META_DISCOURSE", "FUNCTION")
FORMAL = ("operand", "operator", "variable", "equals", "result", "separator")

LISTS = {
    "COREFERENCE": "it its itself he him his she her hers they them their theirs this that these those which who whom "
    "whose one ones both same such former latter we us our you your i me my",
    "VERBAL_MATH": "sum total difference product quotient remainder times plus minus add adds added subtract subtracts "
    "subtracted multiply multiplied divide divided twice double half halves third quarter each every per percent more "
    "less fewer equal equals average mean ratio fraction number numbers value square cube root even odd prime zero two "
    "three four five six seven eight nine ten hundred thousand altogether left remaining equation solve factor",
    "META_DISCOURSE": "so therefore thus hence then now first second next finally since because let need find know "
    "given step answer solution problem question consider note think wait check verify recall means follows however "
    "also okay but try see start",
    "FUNCTION": "a an the of in on at to from by with without for into onto over under up out off as and or nor not no "
    "if is are was were be been being am do does did done has have had having can could will would shall should may "
    "might must than there here how what when where why while until after before between through during about again",
}
WHOSE = {word: name for name, listed in LISTS.items() for word in listed.split()}
SYMBOLIC = re.compile(r"\\[A-Za-z]+\{?|[^A-Za-z]*\d[^A-Za-z]*|[b-hj-z]|[-+*/=<>^_|%$(){}\[\]]+", re.IGNORECASE)
LETTERS = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")


def english(word: str) -> str:
    """The category of a word of English mathematics; punctuation is FUNCTION.

    >>> [english(word) for word in ("12", "+", "x", "twice", "Janet")]
    ['SYMBOLIC_MATH', 'SYMBOLIC_MATH', 'SYMBOLIC_MATH', 'VERBAL_MATH', 'ENTITY_NAME']
    >>> [english(word) for word in ("She", "So", "the", ",")]
    ['COREFERENCE', 'META_DISCOURSE', 'FUNCTION', 'FUNCTION']
    """
    bare = word.strip(".,;:!?\"'")
    if not bare:
        return "FUNCTION"
    if (listed := WHOSE.get(bare.lower())) is not None:
        return listed
    if SYMBOLIC.fullmatch(bare):
        return "SYMBOLIC_MATH"
    return "ENTITY_NAME" if LETTERS.search(bare) else "SYMBOLIC_MATH"


def formal(words: Sequence[str]) -> list[str]:
    """The part that each word of a world's text has in its equation. What is behind an equals sign is a result.

    >>> formal("8 + 5 = 13 ; 2 max".split())
    ['operand', 'operator', 'operand', 'equals', 'result', 'separator', 'operand', 'operator']
    >>> formal("2 a = - 3".split())  # a sign belongs to its number
    ['operand', 'variable', 'equals', 'result', 'result']
    """
    found, side = [], "operand"
    for word in words:
        if word == "=":
            name, side = "equals", "result"
        elif word in (";", ",", "<sep>"):
            name, side = "separator", "operand"
        elif word.isdecimal() or side == "result":
            name = side
        else:
            name = "variable" if len(word) == 1 and word.isalpha() else "operator"
        found.append(name)
    return found


def steps(words: Sequence[str]) -> list[str]:
    """Which equation of a world's text each word belongs to; the separator ends its own.

    >>> steps("8 + 5 = 13 ; 2 max".split())
    ['step 1', 'step 1', 'step 1', 'step 1', 'step 1', 'step 1', 'step 2', 'step 2']
    """
    found, number = [], 1
    for word in words:
        found.append(f"step {number}")
        number += word == ";"
    return found


def words_of(pieces: Sequence[bytes]) -> list[tuple[str, list[int]]]:
    """The words of a text and the tokens of each; `pieces`: what each token adds to it, UTF-8.

    Words are parted by white space, and symbols, brackets and punctuation stand alone. A token belongs to the word in
    which its first visible character stands, one that shows nothing to the word before.

    >>> words_of([b"So", b" Jan", b"et", b" has", b" 12", b"+", b"3"])
    [('So', [0]), ('Janet', [1, 2]), ('has', [3]), ('12', [4]), ('+', [5]), ('3', [6])]
    """
    text, starts, place = b"".join(pieces), [], 0
    for piece in pieces:
        starts.append(place + len(piece) - len(piece.lstrip()))
        place += len(piece)
    spans = [match.span() for match in re.finditer(rb"\\[A-Za-z]+|\d+(?:[.,]\d+)*|[A-Za-z\x80-\xff']+|<sep>|\S", text)]
    owned: list[list[int]] = [[] for _ in spans]
    word = 0
    for token, start in enumerate(starts):
        while word + 1 < len(spans) and spans[word + 1][0] <= start:
            word += 1
        if spans:
            owned[word].append(token)
    texts = [text[start:end].decode("utf-8", "replace") for start, end in spans]
    return [(shown, tokens) for shown, tokens in zip(texts, owned, strict=True) if tokens]


def token_names(pieces: Sequence[bytes], is_formal: bool) -> tuple[list[str], list[str]]:
    """(category, equation) of every token of a text; parts of a word have its category. English has no equations.

    >>> token_names([b"Jan", b"et", b" + ", b"3"], False)[0]
    ['ENTITY_NAME', 'ENTITY_NAME', 'SYMBOLIC_MATH', 'SYMBOLIC_MATH']
    >>> token_names([b"8 ", b"= ", b"13 ", b"; "], True)
    (['operand', 'equals', 'result', 'separator'], ['step 1', 'step 1', 'step 1', 'step 1'])
    """
    words = words_of(pieces)
    shown = [word for word, _ in words]
    kinds = formal(shown) if is_formal else [english(word) for word in shown]
    parts = steps(shown) if is_formal else [""] * len(shown)
    names, places = [""] * len(pieces), [""] * len(pieces)
    for (_, tokens), kind, part in zip(words, kinds, parts, strict=True):
        for token in tokens:
            names[token], places[token] = kind, part
    return names, places
