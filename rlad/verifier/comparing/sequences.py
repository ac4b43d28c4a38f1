"""Comparison of everything with elements: bare lists, tuples, sets, vectors, matrices, and lists of labelled values."""

from __future__ import annotations

from rlad.verifier.comparing.canon import canonical_key
from rlad.verifier.comparing.labels import base_letter, labelled, labels_agree, split_tuple
from rlad.verifier.comparing.matrices import evaluate_matrix
from rlad.verifier.comparing.values import Context
from rlad.verifier.grammar import nodes as N
from rlad.verifier.grammar.nodes import Node, rename

SEQUENCES = frozenset(("list", "tuple", "brack", "set", "matrix", "cases"))


def same_sequence(gold: Node, pred: Node, ctx: Context, equal) -> bool:
    """Equality of two nodes of which at least one has elements; ``equal(gold, pred)`` compares elements."""
    gold, pred = evaluate_matrix(gold, ctx), evaluate_matrix(pred, ctx)
    if gold.kind == pred.kind == "cases":
        return _unordered(list(gold.args), list(pred.args), equal)
    if "matrix" in (gold.kind, pred.kind):
        return _matrices(gold, pred, equal)
    if any(n.kind == "rel" or (n.kind == "list" and any(a.kind == "rel" for a in n.args)) for n in (gold, pred)):
        return _assignments(gold, pred, ctx, equal)
    if gold.kind not in SEQUENCES or pred.kind not in SEQUENCES:
        only, other, gold_has = (gold, pred, True) if gold.kind in SEQUENCES else (pred, gold, False)
        if only.kind in ("list", "set") and len(only.args) == 1:
            return equal(only.args[0], other) if gold_has else equal(other, only.args[0])
        return _part(gold, pred, ctx, equal)
    kinds = {gold.kind, pred.kind}
    if kinds == {"set", "tuple"} or kinds == {"brack", "tuple"} or kinds == {"set", "brack"}:
        return False
    if "tuple" in kinds or "brack" in kinds or ctx.options.ordered_lists:
        return _ordered(gold.args, pred.args, equal)
    # a list of points is a set of solutions; a list of numbers keeps its repetitions
    points = all(a.kind == "tuple" for a in gold.args + pred.args)
    g, p = (_distinct(n.args) if "set" in kinds or points else list(n.args) for n in (gold, pred))
    return _unordered(g, p, equal) or _part(Node("list", tuple(g)), Node("list", tuple(p)), ctx, equal)


def _ordered(gold, pred, equal) -> bool:
    return len(gold) == len(pred) and all(equal(a, b) for a, b in zip(gold, pred, strict=False))


def _unordered(gold: list[Node], pred: list[Node], equal) -> bool:
    """Every gold element has its own partner."""
    if len(gold) != len(pred):
        return False
    rest = list(pred)
    for a in gold:
        partner = next((b for b in rest if canonical_key(a) == canonical_key(b)), None) or next(
            (b for b in rest if equal(a, b)), None
        )
        if partner is None:
            return False
        rest.remove(partner)
    return True


def _distinct(items) -> list[Node]:
    seen: dict[str, Node] = {}
    for a in items:
        seen.setdefault(canonical_key(a), a)
    return list(seen.values())


def _part(gold: Node, pred: Node, ctx: Context, equal) -> bool:
    """The asymmetric policies: some of the gold's elements, or all of them and more."""
    if not (ctx.options.pred_subset or ctx.options.pred_superset):
        return False
    g, p = (list(n.args) if n.kind in ("list", "set") else [n] for n in (gold, pred))
    if ctx.options.pred_subset and p and all(any(equal(a, b) for a in g) for b in p):
        return True
    return ctx.options.pred_superset and bool(g) and all(any(equal(a, b) for b in p) for a in g)


def _matrices(gold: Node, pred: Node, equal) -> bool:
    """Entry by entry; a single column or row also equals the tuple of its entries."""
    if gold.kind == pred.kind == "matrix":
        return gold.value == pred.value and _ordered(gold.args, pred.args, equal)
    matrix, other = (gold, pred) if gold.kind == "matrix" else (pred, gold)
    if other.kind == "func" and other.value == "binom" and (matrix.value, len(matrix.args)) == (1, 2):
        return _ordered(gold.args, pred.args, equal)  # both are written for a column of two
    if other.kind not in ("tuple", "brack", "list") or (matrix.value != 1 and matrix.value != len(matrix.args)):
        return len(matrix.args) == 1 and equal(*((matrix.args[0], pred) if gold is matrix else (gold, matrix.args[0])))
    return _ordered(gold.args, pred.args, equal)


# --- labelled values
# ----------------------------------------------------------------------------------------------------
def _assignments(gold: Node, pred: Node, ctx: Context, equal) -> bool:
    g, p = _labelled_items(gold, ctx), _labelled_items(pred, ctx)
    if g is None or p is None:
        items = [list(n.args) if n.kind in SEQUENCES else [n] for n in (gold, pred)]
        if any(n.kind not in ("rel", "list", "set") for n in (gold, pred)):
            return False
        return _unordered(*items, equal) if len(items[0]) > 1 or len(items[1]) > 1 else False
    g_named, p_named = (any(lab is not None for lab, _ in items) for items in (g, p))
    if g_named and p_named:
        return _both_named(g, p, equal)
    named, bare_node, _bare = (g, pred, p) if g_named else (p, gold, g)
    grouped = _grouped(named)
    if grouped is not None:
        left = Node("list", tuple(grouped), ",")
        return equal(left, pred) if g_named else equal(gold, left)
    one_unknown = len({base_letter(lab) for lab, _ in named if lab is not None}) == 1
    left, right = ([v for _, v in g], [v for _, v in p])
    if not ctx.options.restated_relation:
        return False
    if bare_node.kind == "tuple" or (not one_unknown and bare_node.kind != "set"):
        return _ordered(left, right, equal)
    if one_unknown:
        return _unordered(left, right, equal)
    return False


def _labelled_items(node: Node, ctx: Context) -> list[tuple[Node | None, Node]] | None:
    """``(label, value)`` pairs; a label in front of the first value holds for the bare values that follow it."""
    if node.kind not in ("list", "tuple", "set", "rel", "brack"):
        return [(None, node)]
    out: list[tuple[Node | None, Node]] = []
    items = [node] if node.kind == "rel" else list(node.args)
    if any(a.kind == "rel" for a in items):
        items = [part for a in items for part in split_tuple(a)] if len(items) == 1 else items
    current: Node | None = None
    for a in items:
        if a.kind != "rel":
            out.append((current, a))
            continue
        found = labelled(a, ctx)
        if found is None or not found.consistent:
            return None
        current = found.label
        value = found.value
        if value.kind == "list":
            out.extend((current, v) for v in value.args)
        else:
            out.append((current, value))
    return out


def _both_named(g, p, equal) -> bool:
    """Both sides name their values: the same names with the same values, in any order."""
    if len(g) != len(p):
        return False
    rest = list(p)
    for label, value in g:
        for candidate in rest:
            if label is None or candidate[0] is None:
                continue
            names = labels_agree(label, candidate[0])
            if names is not None and equal(value, rename(candidate[1], names) if names else candidate[1]):
                rest.remove(candidate)
                break
        else:
            break
    else:
        return True
    # x_1 = -2, x_2 = 3 and x = 3, x = -2 number the same solutions differently
    letters = {base_letter(lab) for lab, _ in g + p if lab is not None}
    return len(letters) == 1 and len(g) > 1 and _unordered([v for _, v in g], [v for _, v in p], equal)


def _grouped(named) -> list[Node] | None:
    """``p=5, q=2, p=7, q=2`` as the tuples (5, 2), (7, 2): labels that repeat in the same order."""
    labels = [canonical_key(lab) if lab is not None else "" for lab, _ in named]
    width = len(set(labels))
    if (
        not 1 < width < len(labels)
        or len(labels) % width
        or any(labels[k] != labels[k % width] for k in range(len(labels)))
    ):
        return None
    return [Node("tuple", tuple(v for _, v in named[k : k + width])) for k in range(0, len(named), width)]


__all__ = ["SEQUENCES", "N", "same_sequence"]
