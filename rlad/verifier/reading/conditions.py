"""Domains beside an answer: ``2^n, n \\ge 1``, ``x = k\\pi, k \\in \\mathbb{Z}``, ``f(x) = x^2 for all real x``."""

from __future__ import annotations

import re

from rlad.verifier.grammar.lexer import Token
from rlad.verifier.grammar.nodes import Node, free_symbols

_NAME = r"\\?[A-Za-z]+(?:\s*_\s*\w)?"
_DOMAIN_TAIL = re.compile(
    r"^,?\s*(?:for|where|with|over)\b[^.]*?\b(?:all|any|every|each|some|arbitrary|integers?|real|constant)\b"
    r"|^,?\s*(?:for|where|with|over)\s*$|^,?\s*\(?(?:for|where) (?:any|all|some)\b"
    rf"|^,?\s*\(?(?:for|where|with)\s+{_NAME}\s*(?:,\s*{_NAME}\s*){{0,3}}(?:\\in|\\(?:g|l)eq?(?:slant)?|\\neq?|[<>])"
    rf"|^,?\s*\(?where\s+{_NAME}\s*(?:(?:,|and)\s*{_NAME}\s*){{0,3}}(?:is|are)\b"
    r"|^,?\s*\(?(?:for|where|with)\s+-?\d+\s*(?:\\leq?(?:slant)?|<)",
    re.IGNORECASE,
)
_INTRODUCTION = re.compile(r"\s*(?:for|if|when|where|otherwise|else|unless)\b", re.IGNORECASE)
_DOMAIN = frozenset(("<", "<=", ">", ">=", "!=", "in"))
NUMBER_SETS = frozenset(("reals", "integers", "naturals", "rationals", "complexes", "primes"))


def at_domain_tail(tokens: list[Token], i: int) -> bool:
    """Whether the tokens from ``i`` on begin to name a domain."""
    if tokens[i].text == "\\forall":
        return True
    return tokens[i].kind in ("text", "word") and bool(_DOMAIN_TAIL.match(" ".join(t.text for t in tokens[i : i + 8])))


def is_introduction(token: Token) -> bool:
    """Whether a token begins another case or condition in words."""
    return token.kind in ("text", "word") and _INTRODUCTION.match(token.text) is not None


def split_conditions(items: list[Node]) -> tuple[list[Node], list[Node]]:
    """The answers among the items of a list, and the conditions behind them on names that occur in them."""
    answers, conditions = list(items), []
    while len(answers) > 1:
        last = answers[-1]
        if _declares_parameter(last) or is_condition(last, answers[:-1]):
            conditions.insert(0, last)
        elif not (conditions and last.kind == "sym" and any(_depends(a, last.value) for a in answers[:-1])):
            break  # neither a condition nor the a in "a, b > 0"
        answers.pop()
    return [a for a in answers if not _declares_parameter(a)] or items[:1], conditions


def is_condition(item: Node, answers: list[Node]) -> bool:
    """Whether ``item`` restricts a name on which one of the answers depends: ``n \\ge 1`` beside ``2^n``.

    ``x \\ne 9`` beside ``0 < x < 36`` and ``y > 3`` beside ``x = 2`` are parts of the answer.
    """
    if item.kind != "rel" or not all(op in _DOMAIN for op in item.value):
        return False
    names = [a.value for a in item.args if a.kind == "sym"]
    return any(_depends(answer, name) for answer in answers for name in names)


def _depends(answer: Node, name: str) -> bool:
    if answer.kind == "rel":
        if any(op != "=" for op in answer.value):
            return False
        left, *rest = answer.args
        if left.kind == "sym" and left.value == name:
            return False
        return any(name in free_symbols(a) for a in rest) or (left.kind == "apply" and name in free_symbols(left))
    return answer.kind != "sym" and name in free_symbols(answer)


def _declares_parameter(item: Node) -> bool:
    """``k \\in \\mathbb{Z}``: says what a letter ranges over."""
    return (
        item.kind == "rel"
        and item.value == ("in",)
        and item.args[1].kind == "sym"
        and item.args[1].value.split("_")[0].split("^")[0] in NUMBER_SETS
        and item.args[0].kind in ("sym", "list")
    )
