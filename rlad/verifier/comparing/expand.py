"""Plus-minus signs written out: ``1 \\pm \\sqrt{5}`` stands for two values."""

from __future__ import annotations

from itertools import product

from rlad.verifier.budget import TooLarge
from rlad.verifier.grammar import nodes as N
from rlad.verifier.grammar.nodes import Node

_SEQUENCES = frozenset(("list", "set"))
_LIMIT = 64


def expand(node: Node) -> list[Node]:
    """All readings of the plus-minus signs of a node.

    Inside one expression the signs go together (all upper, then all lower); the components of a tuple choose
    independently.

    >>> expand(Node("pm", (N.num(1), N.num(2))))
    [(1 + 2), (1 + -2)]
    """
    if not node.has("pm", "mp"):
        return [node]
    if node.kind in ("tuple", "brack"):
        if node.has("mp"):
            return [_signed(node, 1), _signed(node, -1)]
        choices = [expand(a) for a in node.args]
        if _count(choices) > _LIMIT:
            raise TooLarge("too many plus-minus signs")
        return [Node(node.kind, combination, node.value) for combination in product(*choices)]
    if node.kind == "rel" and node.value == ("=",):
        return [Node("rel", (node.args[0], v), node.value) for v in expand(node.args[1])]
    if node.kind in _SEQUENCES:
        return [expand_list(node)]
    return [_signed(node, 1), _signed(node, -1)]


def _count(choices: list[list[Node]]) -> int:
    n = 1
    for c in choices:
        n *= len(c)
    return n


def _signed(node: Node, sign: int) -> Node:
    if node.kind in ("pm", "mp"):
        left, right = (_signed(a, sign) for a in node.args)
        positive = (sign > 0) == (node.kind == "pm")
        right = right if positive else N.neg(right)
        return right if left.kind == "num" and left.value == 0 else N.add(left, right)
    if not node.args:
        return node
    return Node(node.kind, tuple(_signed(a, sign) for a in node.args), node.value, node.decimals)


def expand_list(node: Node) -> Node:
    """A node with its plus-minus signs written out as further elements of the list or set it is, or becomes."""
    if node.kind in _SEQUENCES:
        items = tuple(v for a in node.args for v in expand(a))
        return Node(node.kind, items, node.value)
    items = expand(node)
    return items[0] if len(items) == 1 else Node("list", tuple(items), ",")
