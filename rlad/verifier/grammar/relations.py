"""Relations and what they relate: chains, congruences, unions and differences of sets, sums of money."""

from __future__ import annotations

from rlad.verifier.grammar import nodes as N
from rlad.verifier.grammar.brackets import Brackets
from rlad.verifier.grammar.nodes import Node
from rlad.verifier.grammar.words import RELATIONS

_SET_OPERATIONS = {
    "\\cup": "union",
    "\\cap": "inter",
    "\\setminus": "diff",
    "\\backslash": "diff",
    "U": "union",
    "\\bigcup": "union",
}


class Relations(Brackets):
    """Mixin of ``Parser`` for everything above a sum and below a list."""

    def relation(self) -> Node:
        """A chain ``a < b \\le c``; a single member is returned as it is."""
        self.enter()
        args, ops = [self.set_expression()], []
        while True:
            t = self.token
            op = RELATIONS.get(t.text) if t.kind in ("op", "cmd") else None
            if op is None or (op == "mid" and self.bars):
                break
            self.i += 1
            if op in ("<", ">") and self.accept("="):
                op += "="
            if op == "equiv":
                args.append(self.modular(self.set_expression()))
            else:
                args.append(self.set_expression())
            ops.append(op)
        if ops == ["equiv"] and args[0].kind == "apply" and not args[1].has("pmod"):
            ops = ["="]  # f(x) \\equiv 0: the same for every x
        self.depth -= 1
        if not ops and (
            self.token.text == "\\pmod" or (self.ahead().text in ("\\bmod", "\\mod") and self.token.text == "(")
        ):
            return self.modular(args[0])
        return Node("rel", tuple(args), tuple(ops)) if ops else args[0]

    def modular(self, right: Node) -> Node:
        """``a \\pmod{m}`` on the right of a congruence."""
        if self.token.text == "\\pmod":
            self.i += 1
            return N.func("pmod", right, self.argument())
        if self.token.text == "(" and self.ahead().text in ("\\bmod", "mod", "\\mod"):
            self.i += 2
            modulus = self.additive()
            self.expect(")")
            return N.func("pmod", right, modulus)
        return right

    def set_expression(self) -> Node:
        """Sums joined by union, intersection and difference."""
        left = self.signed_money()
        while (kind := _SET_OPERATIONS.get(self.token.text)) is not None and self.token.kind in ("cmd", "word"):
            if (
                kind == "union"
                and self.token.kind == "word"
                and left.kind not in ("interval", "tuple", "set", "union", "brack")
            ):
                break
            self.i += 1
            left = Node(kind, (left, self.additive()))
        return left

    def signed_money(self) -> Node:
        """A sum; one that begins with a currency mark becomes a quantity of that currency."""
        sign = self.token.text == "-" and self.ahead().text == "\\$"
        mark = self.ahead() if sign else self.token
        if mark.text != "\\$" or mark.kind != "cmd":
            return self.additive()
        self.i += 2 if sign else 1
        unit = "$"
        if self.token.kind == "word" and self.token.text in ("EUR", "GBP", "JPY"):
            unit = self.take().text
        amount = self.additive()
        return Node("quantity", (N.neg(amount) if sign else amount,), unit)
