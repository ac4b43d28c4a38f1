"""Primaries of the grammar: literals, names with subscripts, applications of unknown functions, groups."""

from __future__ import annotations

from fractions import Fraction

from rlad.verifier.budget import ParseError, TooLarge
from rlad.verifier.grammar import nodes as N
from rlad.verifier.grammar.lexer import Token
from rlad.verifier.grammar.nodes import Node
from rlad.verifier.grammar.parser import _CONSTANTS, MathParser
from rlad.verifier.grammar.words import BLACKBOARD, FUNCTIONS, GREEK


class Primaries(MathParser):
    """Mixin of ``MathParser`` for the smallest complete expressions."""

    def primary(self) -> Node:
        """The smallest complete expressions."""
        t = self.take()
        if t.kind == "num":
            return self.literal(t)
        if t.kind == "word":
            return self.word(t)
        if t.kind == "cmd":
            return self.command(t)
        if t.kind == "math" or (t.kind == "text" and (t.text.strip() in FUNCTIONS or t.text.strip() in _CONSTANTS)):
            return self.upright(t)
        if t.kind == "mathbb":
            return self.scripted(N.sym(BLACKBOARD.get(t.text.strip(), t.text.strip())))
        if t.kind == "begin":
            return self.environment(t.text)
        if t.kind == "op":
            self.enter()
            node = self.bracket(t.text)
            self.depth -= 1
            return node
        raise ParseError(f"unexpected {t.kind} {t.text!r}")

    def numeral(self, digits: str) -> Node:
        """``1101_2``: a numeral with its base, after the underscore."""
        b = self.script()
        if b.kind != "num" or b.value.denominator != 1 or not 2 <= b.value <= 36:
            raise ParseError("not a base")
        return base_numeral(digits, int(b.value))

    def literal(self, t: Token) -> Node:
        """Number literals: decimals, exponents, repeating decimals, numerals with letters as digits."""
        text = t.text
        nxt = self.token
        if (
            nxt.text == "\\overline"
            and "." in text
            and self.ahead().text == "{"
            and self.ahead(2).kind == "num"
            and self.ahead(2).text.isdigit()
        ):
            period = self.ahead(2).text
            self.i += 3
            self.expect("}")
            whole, _, lead = text.partition(".")
            value = Fraction(int(whole + lead or "0"), 10 ** len(lead)) + Fraction(
                int(period), (10 ** len(period) - 1) * 10 ** len(lead)
            )
            return N.num(value)
        if nxt.kind == "word" and not nxt.spaced and self.ahead().text == "_" and nxt.text.isupper() and text.isdigit():
            self.i += 2
            return self.numeral(text + nxt.text)
        return number(text)

    def word(self, t: Token) -> Node:
        """Plain-text names."""
        name = t.text
        if len(name) > 1:
            if name in FUNCTIONS:
                return self.function(FUNCTIONS[name])
            if name not in _CONSTANTS and name not in GREEK:
                if not self.is_symbolic(name):
                    raise ParseError(f"word {name!r}")
                if name.isupper():  # AB is a segment, CBAD an order: not a product that commutes
                    return self.applied(self.scripted(N.sym(name)))
                # a run of small letters is a product of one-letter names
                self.tokens[self.i : self.i] = [Token("word", c, False) for c in name[1:]]
                name = name[0]
        return self.named(name)

    def named(self, name: str) -> Node:
        """A constant, a function application or a variable with its subscript."""
        if name in _CONSTANTS and not (name in "ei" and self.token.text == "_"):
            return N.const(_CONSTANTS[name])
        node = self.scripted(N.sym(name))
        return self.applied(node)

    def scripted(self, node: Node) -> Node:
        """Subscripts and primes become part of a name."""
        while True:
            if self.token.text == "_" and self.token.kind == "op":
                self.i += 1
                self.enter()
                node = N.sym(f"{node.value}_{N.show(self.script())}")
                self.depth -= 1
            elif self.token.text == "'" and self.token.kind == "op":
                self.i += 1
                node = N.sym(node.value + "'")
            else:
                return node

    def applied(self, node: Node) -> Node:
        """``f(x)`` for the usual function letters, and for any letter in front of ``=`` (``p(x) = ...``)."""
        name, mark = node.value, self.i
        inverse = False
        if (
            self.token.text == "^"
            and name[0] in "fgFG"
            and [self.ahead(k).text for k in (1, 2, 3, 4, 5)] == ["{", "-", "1", "}", "("]
        ):
            self.i += 5
            inverse = True
        if self.token.text != "(" or (self.token.spaced and name[0] not in "fg"):
            self.i = mark
            return node
        if name[0] not in "fgFG":
            k = 1
            while (
                self.ahead(k).text == ","
                or (self.ahead(k).kind in ("word", "num") and len(self.ahead(k).text) <= 2)
                or self.ahead(k).text == "\\theta"
            ):
                k += 1
            if k == 1 or self.ahead(k).text != ")" or self.ahead(k + 1).text != "=":
                return node
        self.take()
        self.enter()
        inner = self.bracket("(")
        self.depth -= 1
        return Node("apply", inner.args if inner.kind == "tuple" else (inner,), name + ("^-1" if inverse else ""))

    def argument(self) -> Node:
        """A LaTeX argument: a group or a single token; ``\\frac12`` takes one digit."""
        t = self.token
        if t.kind == "num" and len(t.text) > 1 and t.text[0] != ".":
            self.tokens[self.i : self.i + 1] = [Token("num", t.text[0], t.spaced), Token("num", t.text[1:], False)]
        if t.text == "{":
            return self.braces()
        self.enter()
        node = self.primary()
        self.depth -= 1
        return node

    def braces(self) -> Node:
        """``{ ... }``."""
        self.expect("{")
        self.enter()
        node = self.bracket("{")
        self.depth -= 1
        return node


def number(text: str) -> Node:
    """A decimal or integer literal with the count of digits shown after the point."""
    mantissa, _, exponent = text.lower().partition("e")
    whole, _point, decimals = mantissa.partition(".")
    if abs(int(exponent or 0)) > 2000:
        raise TooLarge("exponent of a literal")
    value = Fraction(int((whole + decimals) or "0"), 10 ** len(decimals)) * Fraction(10) ** int(exponent or 0)
    shown = None if not decimals and not exponent else max(0, len(decimals) - int(exponent or 0))
    return N.num(value, shown)


def base_numeral(digits: str, base: int) -> Node:
    """The value of ``digits`` in ``base``; a numeral in base ten is just a number."""
    whole, _, places = digits.partition(".")
    value = 0
    for c in whole + places:
        d = int(c, 36) if c.isalnum() and c.isascii() else 99
        if d >= base:
            raise ParseError(f"digit {c!r} in base {base}")
        value = value * base + d
    node = N.num(Fraction(value, base ** len(places)))
    return node if base == 10 else Node("base", (node,), base)
