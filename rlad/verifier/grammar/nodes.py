"""The syntax tree: one small immutable class for expressions and answers, and constructors that keep it in shape.

Expression kinds: ``num`` (value: Fraction), ``sym`` (value: name), ``const`` (pi, e, i, inf), ``add``, ``mul``,
``pow``,
``func`` (value: name), ``apply`` (unknown function, value: name), ``bigop`` (value: sum, prod, int, lim ...), ``pm``
/ ``mp``.
Answer kinds: ``list`` (bare), ``tuple``, ``brack``, ``set``, ``interval`` (value: closed ends), ``union``, ``inter``,
``diff``, ``rel`` (value: operators), ``matrix`` (value: columns), ``text``, ``base``, ``quantity``, ``percent``,
``ratio``,
``time``, ``date``, ``cases``, ``builder``.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any


class Node:
    """One node: ``kind``, children ``args`` and a hashable ``value``; ``decimals`` is set on decimal literals only."""

    __slots__ = ("args", "cached_key", "decimals", "kind", "value")

    def __init__(self, kind: str, args: tuple[Node, ...] = (), value: Any = None, decimals: int | None = None) -> None:
        self.kind = kind
        self.args = args
        self.value = value
        self.decimals = decimals
        self.cached_key: str | None = None

    def __repr__(self) -> str:
        return show(self)

    def walk(self) -> Iterator[Node]:
        """This node and all below it."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(node.args)

    def has(self, *kinds: str) -> bool:
        """Whether a node of one of these kinds occurs in the tree."""
        return any(n.kind in kinds for n in self.walk())


def num(value: int | Fraction, decimals: int | None = None) -> Node:
    """An exact number; ``decimals`` digits after the point were written, None for integers."""
    return Node("num", (), Fraction(value), decimals)


def sym(name: str) -> Node:
    """A variable or any other name that stands for itself."""
    return Node("sym", (), name)


def const(name: str) -> Node:
    """``pi``, ``e``, ``i`` or ``inf``."""
    return Node("const", (), name)


MINUS_ONE = num(-1)
ZERO = num(0)
ONE = num(1)
HALF = num(Fraction(1, 2))


def add(*args: Node) -> Node:
    """Sum, flattened by one level."""
    flat: list[Node] = []
    for a in args:
        flat.extend(a.args if a.kind == "add" else (a,))
    return flat[0] if len(flat) == 1 else Node("add", tuple(flat))


def mul(*args: Node) -> Node:
    """Product, flattened by one level."""
    flat: list[Node] = []
    for a in args:
        flat.extend(a.args if a.kind == "mul" else (a,))
    return flat[0] if len(flat) == 1 else Node("mul", tuple(flat))


def neg(a: Node) -> Node:
    """Negation; a literal keeps its digits."""
    if a.kind == "num":
        return Node("num", (), -a.value, a.decimals)
    if a.kind == "base":
        return Node("base", (neg(a.args[0]),), a.value)
    return mul(MINUS_ONE, a)


def sub(a: Node, b: Node) -> Node:
    """Difference."""
    return add(a, neg(b))


def power(base: Node, exponent: Node) -> Node:
    """Power, not evaluated."""
    return Node("pow", (base, exponent))


def div(a: Node, b: Node) -> Node:
    """Quotient; a quotient of two integer literals becomes one exact number."""
    if a.kind == b.kind == "num" and b.value != 0 and a.decimals is None and b.decimals is None:
        return num(a.value / b.value)
    return mul(a, power(b, MINUS_ONE))


def func(name: str, *args: Node) -> Node:
    """A known function."""
    return Node("func", args, name)


def free_symbols(n: Node) -> set[str]:
    """Names of the variables, without those bound by a big operator."""
    if n.kind == "sym":
        return {n.value}
    if n.kind == "bigop":
        inner: set[str] = set()
        for a in n.args[1:]:
            inner |= free_symbols(a)
        return inner - {n.args[0].value}
    out: set[str] = set()
    stack = list(n.args)
    while stack:
        node = stack.pop()
        if node.kind == "sym":
            out.add(node.value)
        elif node.kind == "bigop":
            out |= free_symbols(node)
        else:
            stack.extend(node.args)
    return out


def rename(n: Node, names: dict[str, str]) -> Node:
    """The tree with symbols renamed."""
    if n.kind == "sym":
        return sym(names[n.value]) if n.value in names else n
    if not n.args:
        return n
    return Node(n.kind, tuple(rename(a, names) for a in n.args), n.value, n.decimals)


def substitute(n: Node, name: str, value: Node) -> Node:
    """The tree with one symbol replaced."""
    if n.kind == "sym":
        return value if n.value == name else n
    if not n.args:
        return n
    return Node(n.kind, tuple(substitute(a, name, value) for a in n.args), n.value, n.decimals)


_BRACKETS = {"list": ("", ""), "tuple": ("(", ")"), "brack": ("[", "]"), "set": ("{", "}")}


def show(n: Node) -> str:
    """A printable form for people; not meant to be parsed back."""
    kind, args = n.kind, n.args
    if kind == "num":
        return str(n.value)
    if kind in ("sym", "const", "text"):
        return str(n.value)
    if kind == "add":
        return "(" + " + ".join(map(show, args)) + ")"
    if kind == "mul":
        return "*".join(map(show, args))
    if kind == "pow":
        return f"{_wrap(args[0])}^{_wrap(args[1])}"
    if kind in ("func", "apply"):
        return f"{n.value}({', '.join(map(show, args))})"
    if kind in _BRACKETS:
        left, right = _BRACKETS[kind]
        return left + ", ".join(map(show, args)) + right
    if kind == "interval":
        return ("[" if n.value[0] else "(") + f"{show(args[0])}, {show(args[1])}" + ("]" if n.value[1] else ")")
    if kind == "rel":
        parts = [show(args[0])]
        for op, a in zip(n.value, args[1:], strict=False):
            parts += [op, show(a)]
        return " ".join(parts)
    if kind == "percent":
        return show(args[0]) + "%"
    if kind == "quantity":
        return f"{show(args[0])} {n.value}"
    if kind == "ratio":
        return ":".join(map(show, args))
    if kind in ("union", "inter", "diff"):
        return {"union": " ∪ ", "inter": " ∩ ", "diff": " \\ "}[kind].join(map(show, args))
    inner = ", ".join(map(show, args))
    return f"{kind}<{'' if n.value is None else n.value}{'; ' if inner else ''}{inner}>"


def _wrap(n: Node) -> str:
    text = show(n)
    plain = n.kind in ("sym", "const", "func", "apply") or (
        n.kind == "num" and n.value >= 0 and n.value.denominator == 1
    )
    return text if plain or text.startswith("(") else f"({text})"
