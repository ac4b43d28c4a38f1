"""Brackets and environments: groups, tuples, intervals, sets, set builders, matrices, cases."""

from __future__ import annotations

from rlad.verifier.budget import ParseError
from rlad.verifier.grammar import nodes as N
from rlad.verifier.grammar.functions import Functions
from rlad.verifier.grammar.nodes import Node

_CLOSERS = {"(": (")", "]"), "[": ("]", ")"), "{": ("}",), "\\{": ("\\}", "\\rbrace"), "]": ("[", "]")}
_MATRICES = frozenset(
    ("matrix", "pmatrix", "bmatrix", "Bmatrix", "array", "smallmatrix", "psmallmatrix", "bsmallmatrix", "Bsmallmatrix")
)
_DETERMINANTS = frozenset(("vmatrix", "vsmallmatrix"))
_SYSTEMS = frozenset(("aligned", "align", "gathered", "split", "gather", "eqnarray"))


class Brackets(Functions):
    """Mixin of ``Parser`` for everything between a pair of delimiters."""

    def bracket(self, opening: str) -> Node:
        """What stands after an opening bracket, up to its closing one."""
        if opening == "|":
            return self.bars_of("|", "abs")
        if opening == '"':
            raise ParseError("quotation mark")
        if opening not in _CLOSERS:
            raise ParseError(f"unexpected {opening!r}")
        saved = self.bars, self.no_colon
        self.bars, self.no_colon = (1 if opening == "\\{" else 0), opening == "\\{"
        node = self.contents(opening)
        self.bars, self.no_colon = saved
        return node

    def contents(self, opening: str) -> Node:
        """Items and closing bracket, made into the node they stand for."""
        closers = _CLOSERS[opening]
        items: list[Node] = []
        rows = [0] if self.token.text == "[" else []
        if not (self.token.text in closers and self.token.kind in ("op", "cmd")):
            items.append(self.item())
            if opening == "\\{" and self.accept("|", "\\mid", ":", "\\vert", "\\colon"):
                self.bars, self.no_colon = 0, False
                return self.builder(items[0])
            while self.token.text in (",", ";") and self.token.kind == "op":
                semicolon = self.take().text == ";"
                if self.token.text in closers:  # a trailing comma
                    break
                if semicolon or self.token.text == "[":
                    rows.append(len(items))
                items.append(self.item())
        closing = self.token.text
        self.expect(*closers)
        if opening == "[" and closing == "]" and (matrix := _matrix_of(items, rows)) is not None:
            return matrix
        return self.made(opening, closing, items)

    def made(self, opening: str, closing: str, items: list[Node]) -> Node:
        """The node for items between two delimiters."""
        if opening == "\\{":
            return Node("set", tuple(items))
        if opening == "{":
            return items[0] if len(items) == 1 else Node("list", tuple(items))
        if opening == "]":
            if len(items) != 2:
                raise ParseError("interval needs two ends")
            return Node("interval", tuple(items), (False, closing == "]"))
        if (opening, closing) in (("(", "]"), ("[", ")")):
            if len(items) != 2:
                raise ParseError("interval needs two ends")
            return Node("interval", tuple(items), (opening == "[", closing == "]"))
        if not items:
            return Node("set") if opening == "{" else Node("tuple" if opening == "(" else "brack")
        if len(items) == 1:
            if opening == "(" and items[0].kind == "ratio" and items[0].value is None:
                return Node("ratio", items[0].args, "closed")  # (1:2):3 is no chain
            return items[0]
        return Node("tuple" if opening == "(" or len(items) > 2 else "brack", tuple(items))

    def builder(self, element: Node) -> Node:
        """``\\{x \\mid condition\\}`` after the bar."""
        conditions = [self.conditions()]
        while self.accept(",", ";"):
            conditions.append(self.conditions())
        self.expect("\\}", "\\rbrace")
        return Node("builder", (element, *conditions))

    def conditions(self) -> Node:
        """Relations joined by "or" and "and" inside a set builder."""
        left = self.relation()
        while (joiner := self.connective()) is not None:
            left = (
                Node("list", (left, self.relation()), joiner)
                if left.kind != "list" or left.value != joiner
                else Node("list", (*left.args, self.relation()), joiner)
            )
        return left

    def connective(self) -> str | None:
        """Consume "and" / "or" in any dress."""
        t = self.token
        word = (
            t.text.strip().lower().strip(",. ")
            if t.kind in ("word", "text")
            else {"\\land": "and", "\\wedge": "and", "\\lor": "or", "\\vee": "or"}.get(t.text)
        )
        if word in ("and", "or", "&"):
            self.i += 1
            return "or" if word == "or" else "and"
        return None

    def item(self) -> Node:
        """One element between brackets; it may be a relation, a union or a text."""
        t = self.token
        if t.kind == "text":
            self.i += 1
            return Node("text", (), " ".join(t.text.lower().split()))
        return self.relation()

    def skip_group(self, opening: str, closing: str) -> None:
        """Pass over an argument that only says how something looks."""
        depth = 0
        while True:
            text = self.take().text
            depth += (text == opening) - (text == closing)
            if depth == 0:
                return

    def environment(self, name: str) -> Node:
        """``\\begin{name}``: matrices, determinants, cases, systems."""
        if self.token.text == "[":  # \\begin{pmatrix*}[r], \\begin{array}[t]{cc}
            self.skip_group("[", "]")
        if name == "array" and self.token.text == "{":
            self.skip_group("{", "}")
        self.enter()
        rows: list[list[Node]] = [[]]
        while self.token.kind != "end":
            if self.accept("\\\\"):
                rows.append([])
            elif self.accept("&"):
                continue
            elif self.token.text == "\\hline" or (name == "cases" and self.token.kind == "text"):
                self.i += 1
            else:
                rows[-1].append(self.item())
                self.accept(",", ";", ".")
        if self.take().text != name:
            raise ParseError("environments do not match")
        self.depth -= 1
        rows = [r for r in rows if r]
        if name in _MATRICES or name in _DETERMINANTS:
            width = len(rows[0]) if rows else 0
            if not rows or any(len(r) != width for r in rows):
                raise ParseError("ragged matrix")
            matrix = Node("matrix", tuple(c for r in rows for c in r), width)
            return N.func("det", matrix) if name in _DETERMINANTS else matrix
        if name == "cases":
            if all(len(r) == 1 for r in rows):
                return Node("list", tuple(r[0] for r in rows), "and")
            return Node("cases", tuple(Node("tuple", tuple(r)) for r in rows))
        if name in _SYSTEMS:
            return Node("list", tuple(c for r in rows for c in r), "and")
        raise ParseError(f"environment {name}")


def _matrix_of(items: list[Node], rows: list[int]) -> Node | None:
    """``[[1, 2], [3, 4]]`` and ``[1, 2; 3, 4]``, given the items at which a row begins; None for other brackets."""
    kinds = {item.kind for item in items}
    if items and rows == list(range(len(items))) and (kinds <= {"brack", "tuple"} or (kinds == {"num"} and rows[1:])):
        parts = [item.args or (item,) for item in items]
    elif rows and rows[0] and len(items) > len(rows) + 1:
        parts = [tuple(items[a:b]) for a, b in zip([0, *rows], [*rows, len(items)], strict=True)]
    else:
        return None
    if any(len(part) != len(parts[0]) for part in parts):
        return None
    return Node("matrix", tuple(x for part in parts for x in part), len(parts[0]))
