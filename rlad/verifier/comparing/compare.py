"""The ladder for two parsed answers: canonical keys, then one comparison per kind of answer, numbers last.

``equal`` is symmetric but for three things that follow the gold on purpose: its shown digits, and the subset and
superset options.
"""

from __future__ import annotations

from rlad.verifier.comparing.canon import canonical_key, rational
from rlad.verifier.comparing.conditions import bare, conditions_agree
from rlad.verifier.comparing.expand import expand_list
from rlad.verifier.comparing.labels import labelled, labels_agree
from rlad.verifier.comparing.quantities import same_quantity, split_quantity
from rlad.verifier.comparing.regions import ORDER, NotARegion, region_of, same_region
from rlad.verifier.comparing.relations import equation_for, same_relation
from rlad.verifier.comparing.sequences import SEQUENCES, same_sequence
from rlad.verifier.comparing.values import Context, is_scalar, rounds_to, same_value
from rlad.verifier.grammar.nodes import Node, free_symbols, rename, show

_REGIONS = frozenset(("interval", "union", "inter", "diff", "builder"))
_INDEX_LETTERS = frozenset("klmnj")


def equal(gold: Node, pred: Node, ctx: Context) -> bool:
    """Whether two parsed answers are the same answer."""
    ctx.budget.spend(5)
    if canonical_key(gold, ctx.budget) == canonical_key(pred, ctx.budget):
        return True
    if "where" in (gold.kind, pred.kind):
        return equal(bare(gold), bare(pred), ctx) and conditions_agree(gold, pred, ctx)
    if gold.has("pm", "mp") or pred.has("pm", "mp"):
        gold, pred = expand_list(gold), expand_list(pred)
        if canonical_key(gold, ctx.budget) == canonical_key(pred, ctx.budget):
            return True
    if (_is_region(gold) or _is_region(pred)) and _same_region(gold, pred, ctx):
        return True
    if ctx.options.restated_relation and (_same_order(gold, pred, ctx) or _same_order(pred, gold, ctx)):
        return True
    if (gold.kind == "rel") != (pred.kind == "rel") and (gold.has("matrix") or pred.has("matrix")):
        return _relations(gold, pred, ctx)
    if gold.kind in SEQUENCES or pred.kind in SEQUENCES or gold.has("matrix") or pred.has("matrix"):
        return same_sequence(gold, pred, ctx, lambda a, b: equal(a, b, ctx))
    if (a := _residue(gold)) is not None and (b := _residue(pred)) is not None:
        return _congruent(a, b, ctx)
    if gold.kind == "rel" or pred.kind == "rel":
        return _relations(gold, pred, ctx)
    if gold.kind == "time" or pred.kind == "time":
        return _times(gold, pred, ctx)
    if gold.kind == "text" or pred.kind == "text":
        return _texts(gold, pred)
    if split_quantity(gold)[1] is not None or split_quantity(pred)[1] is not None:
        return same_quantity(gold, pred, ctx)
    if gold.kind == "ratio" and pred.kind == "ratio":
        return _ratios(gold, pred, ctx)
    if is_scalar(gold) and is_scalar(pred):
        return same_value(gold, pred, ctx) or rounds_to(gold, pred, ctx)
    if pred.kind == "base" and gold.kind == "num":
        return canonical_key(pred.args[0]) == canonical_key(
            gold
        )  # a gold that names a base asks for that base; any numeral of a plain number will do
    return False  # other base numerals, dates, cases: equal only with equal keys


def _residue(node: Node) -> tuple[str | None, Node, Node] | None:
    """``x \\equiv 3 \\pmod 7`` and ``3 \\pmod 7`` as (name, residue, modulus)."""
    name = None
    if node.kind == "rel" and node.value == ("equiv",):
        name, node = canonical_key(node.args[0]), node.args[1]
    if node.kind == "func" and node.value == "pmod" and len(node.args) == 2:
        return name, node.args[0], node.args[1]
    return None


def _congruent(a, b, ctx: Context) -> bool:
    """The same residue class; names must agree when both are shown."""
    if a[0] is not None and b[0] is not None and a[0] != b[0]:
        return False
    values = [rational(n, ctx.budget) for n in (a[1], b[1], a[2], b[2])]
    if any(v is None or v.denominator != 1 for v in values) or values[2] != values[3] or not values[2]:
        return canonical_key(a[1]) == canonical_key(b[1]) and canonical_key(a[2]) == canonical_key(b[2])
    return (values[0] - values[1]) % values[2] == 0


def _is_region(node: Node) -> bool:
    if node.kind == "rel":
        return any(op in ORDER or op in ("in", "!=") for op in node.value)
    if node.kind == "list":
        return any(a.kind == "rel" and _is_region(a) for a in node.args)
    return node.kind in _REGIONS or (node.kind == "sym" and node.value == "reals")


def _same_region(gold: Node, pred: Node, ctx: Context) -> bool:
    try:
        (name_g, region_g), (name_p, region_p) = region_of(gold, ctx), region_of(pred, ctx)
    except NotARegion:
        return False
    if name_g is not None and name_p is not None and name_g != name_p:
        return False
    try:
        return same_region(region_g, region_p, ctx)
    except NotARegion:
        return False


def _relations(gold: Node, pred: Node, ctx: Context) -> bool:
    g, p = labelled(gold, ctx), labelled(pred, ctx)
    if (g is not None and not g.consistent) or (p is not None and not p.consistent):
        return False  # 4 = 3 names no value
    if any(n.kind == "rel" and set(n.value) == {"="} and len({show(a) for a in n.args}) == 1 for n in (gold, pred)):
        return False  # 1 = 1 says nothing
    if gold.kind == pred.kind == "rel":
        if g is not None and p is not None:
            if g.label is None and p.label is None and (free_symbols(gold) or free_symbols(pred)):
                return _same_identity(gold, pred)
            names = {} if g.label is None or p.label is None else labels_agree(g.label, p.label)
            if names is not None and _value_of(g, p.value if not names else rename(p.value, names), ctx):
                return True
        return same_relation(gold, pred, ctx)
    if not ctx.options.restated_relation:
        return False
    if g is not None:
        return _value_of(g, pred, ctx) or _same_family(g, pred)
    if p is not None:
        return equal(gold, p.value, ctx) or _same_family(p, gold)
    equation, expression = (gold, pred) if gold.kind == "rel" else (pred, gold)
    return equation_for(equation, expression, ctx)


def _same_identity(gold: Node, pred: Node) -> bool:
    """Two chains that hold everywhere are the same only when one has the other's members: ``1 = 1`` says nothing."""
    a, b = ({canonical_key(x) for x in node.args} for node in (gold, pred))
    return len(a & b) > 1 and (a <= b or b <= a)


def _value_of(gold, pred: Node, ctx: Context) -> bool:
    """A gold ``a \\approx b`` offers both its forms."""
    return equal(gold.value, pred, ctx) or (gold.approximate is not None and equal(gold.approximate, pred, ctx))


def _same_family(assignment, other: Node) -> bool:
    """``x = k\\pi`` and ``n\\pi``: a family over the integers does not depend on the name of its index."""
    a, b = free_symbols(assignment.value), free_symbols(other)
    if (
        len(a) != 1
        or len(b) != 1
        or not (a | b) <= _INDEX_LETTERS
        or assignment.label is None
        or assignment.label.kind != "sym"
    ):
        return False
    has_period = any(n.kind == "const" and n.value in ("pi", "deg") for n in assignment.value.walk())
    return has_period and canonical_key(assignment.value) == canonical_key(rename(other, {b.pop(): a.pop()}))


def _same_order(chain: Node, listed: Node, ctx: Context) -> bool:
    """``b < a < d < c`` and the bare list ``b, a, d, c`` put the same things in the same order."""
    if chain.kind != "rel" or listed.kind != "list" or len(chain.args) < 3 or len(chain.args) != len(listed.args):
        return False
    return (
        len(set(chain.value)) == 1
        and chain.value[0] in ORDER
        and all(canonical_key(a) == canonical_key(b) for a, b in zip(chain.args, listed.args, strict=False))
    )


def _ratios(gold: Node, pred: Node, ctx: Context) -> bool:
    """Proportions: ``2:4`` is ``1:2``, and ``2:4:6`` is ``1:2:3``."""
    if len(gold.args) != len(pred.args):
        return False
    from rlad.verifier.grammar.nodes import mul

    g0, p0 = gold.args[0], pred.args[0]
    return all(same_value(mul(a, p0), mul(b, g0), ctx) for a, b in zip(gold.args[1:], pred.args[1:], strict=False))


def _times(gold: Node, pred: Node, ctx: Context) -> bool:
    """Clock times on the 24-hour clock; ``9:24`` against something that is no clock time is a ratio."""
    if gold.kind == pred.kind == "time":
        return gold.value[0] == pred.value[0]
    clock, other = (gold, pred) if gold.kind == "time" else (pred, gold)
    _, meridian, (hour, minute, _), with_seconds = clock.value
    if meridian or with_seconds or not minute or not is_scalar(other):
        return False
    from rlad.verifier.grammar.nodes import num

    ratio = Node("ratio", (num(hour), num(minute)))
    return equal(ratio, other, ctx) if clock is gold else equal(other, ratio, ctx)


def _texts(gold: Node, pred: Node) -> bool:
    if {gold.kind, pred.kind} <= {"text", "sym"}:
        a, b = str(gold.value).casefold(), str(pred.value).casefold()
        if "," in a and "," in b:
            return sorted(x.strip() for x in a.split(",")) == sorted(x.strip() for x in b.split(","))
        return a == b or (a.startswith("no ") and a.rstrip("s") == b.rstrip("s"))
    return False
