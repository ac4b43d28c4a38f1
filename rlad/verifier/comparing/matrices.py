"""Matrix arithmetic on trees: sums, differences, scalar multiples and products of written-out matrices."""

from __future__ import annotations

from rlad.verifier.comparing.values import Context
from rlad.verifier.grammar import nodes as N
from rlad.verifier.grammar.nodes import Node

_MAX_ENTRIES = 400


def evaluate_matrix(node: Node, ctx: Context) -> Node:
    """The node as one ``matrix`` when it is a computation with matrices that can be carried out; else unchanged."""
    node = transposed(node)
    if node.kind == "matrix" or not node.has("matrix"):
        return node
    result = _value(node, ctx)
    return result if result is not None and result.kind == "matrix" else node


def transposed(node: Node) -> Node:
    """``(1,2)^T`` as the column that it is, a matrix with that exponent as its transpose; anything else unchanged."""
    if node.kind != "pow" or node.args[1].kind not in ("sym", "const") or node.args[1].value not in ("T", "top"):
        return node
    inner = node.args[0]
    if inner.kind in ("tuple", "brack") and not inner.has("matrix"):
        return Node("matrix", inner.args, 1)
    if inner.kind != "matrix":
        return node
    width = inner.value
    return Node(
        "matrix", tuple(a for column in range(width) for a in inner.args[column::width]), len(inner.args) // width
    )


def _value(node: Node, ctx: Context) -> Node | None:
    node = transposed(node)
    if node.kind == "matrix" or not node.has("matrix"):
        return node if len(node.args) <= _MAX_ENTRIES or node.kind != "matrix" else None
    if node.kind in ("tuple", "list") and len(node.args) == 1:
        return _value(node.args[0], ctx)
    if node.kind not in ("add", "mul"):
        return None
    parts = [_value(a, ctx) for a in node.args]
    if any(p is None for p in parts):
        return None
    out = parts[0]
    for p in parts[1:]:
        out = _sum(out, p) if node.kind == "add" else _product(out, p, ctx)
        if out is None:
            return None
    return out


def _sum(a: Node, b: Node) -> Node | None:
    if a.kind != "matrix" or b.kind != "matrix" or a.value != b.value or len(a.args) != len(b.args):
        return None
    return Node("matrix", tuple(N.add(x, y) for x, y in zip(a.args, b.args, strict=False)), a.value)


def _product(a: Node, b: Node, ctx: Context) -> Node | None:
    if a.kind != "matrix" and b.kind != "matrix":
        return N.mul(a, b)
    if a.kind != "matrix":
        return Node("matrix", tuple(N.mul(a, x) for x in b.args), b.value)
    if b.kind != "matrix":
        return Node("matrix", tuple(N.mul(x, b) for x in a.args), a.value)
    inner, width = a.value, b.value
    height, depth = len(a.args) // inner, len(b.args) // width
    if inner != depth:
        return None
    ctx.budget.spend(height * width * inner)
    rows = [
        N.add(*(N.mul(a.args[r * inner + k], b.args[k * width + c]) for k in range(inner)))
        for r in range(height)
        for c in range(width)
    ]
    return Node("matrix", tuple(rows), width)
