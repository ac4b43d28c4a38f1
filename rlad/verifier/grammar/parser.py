"""The expression parser: bounded recursive descent over tokens, LaTeX and plain text in one grammar.

Conventions where notation is ambiguous: juxtaposition binds tighter than division except after a number literal
(``1/ab`` is ``1/(ab)``, ``1/2x`` is ``(1/2)x``); an integer before a proper fraction is a mixed number; ``\\sin 2x
y`` takes
the whole product, ``\\sin x (y)`` only the first factor; ``a:b`` is a ratio with the precedence of division.
"""

from __future__ import annotations

from fractions import Fraction

from rlad.verifier.budget import OperationBudget, ParseError, TooLarge
from rlad.verifier.grammar import nodes as N
from rlad.verifier.grammar.counting import scale_of
from rlad.verifier.grammar.lexer import EOF, Token, tokenize
from rlad.verifier.grammar.nodes import Node
from rlad.verifier.grammar.units import is_unit_word, is_upright_unit
from rlad.verifier.grammar.words import FUNCTIONS, GREEK, PROSE, RELATIONS
from rlad.verifier.types import VerifyOptions

_TIMES = frozenset(("*", "\\cdot", "\\times", "\\ast", "\\bullet", "\\cdotp", "\\circ"))
_OVER = frozenset(("/", "\\div", "\\slash"))
_DEGREE = frozenset(("\\circ", "\\degree", "\\textdegree", "\\textcirc"))
_DOTS = frozenset(("\\ldots", "\\cdots", "\\dots", "\\dotsm", "\\dotsc", "\\vdots"))
_INFIX = ("\\choose", "\\over", "\\atop")
"""TeX's operators that take all of their group on both sides."""
_STOP_CMDS = (
    frozenset(
        (
            "\\}",
            "\\rbrace",
            "\\rfloor",
            "\\rceil",
            "\\rvert",
            "\\rVert",
            "\\rangle",
            "\\cup",
            "\\cap",
            "\\setminus",
            "\\backslash",
            "\\pm",
            "\\mp",
            "\\bmod",
            "\\pmod",
            "\\mod",
            "\\%",
            "\\land",
            "\\lor",
            "\\wedge",
            "\\vee",
            "\\\\",
            "\\mid",
            "\\vert",
            "\\|",
            "\\Vert",
            "\\forall",
            "\\exists",
            "\\colon",
            "\\therefore",
            "\\because",
            "\\qed",
            "\\blacksquare",
            "\\&",
            *_INFIX,
        )
    )
    | _TIMES
    | _OVER
)
_BIG = {
    "\\sum": "sum",
    "\\prod": "prod",
    "\\int": "int",
    "\\lim": "lim",
    "\\iint": "iint",
    "\\oint": "oint",
    "\\bigcup": "bigcup",
    "\\bigcap": "bigcap",
}
_ORDINALS = frozenset(("st", "nd", "rd", "th"))
_CONSTANTS = {"pi": "pi", "infty": "inf", "infinity": "inf", "inf": "inf", "oo": "inf", "e": "e", "i": "i"}


def _quotient(left: Node, right: Node) -> Node:
    """``left / right``; in ``1/2 %`` the sign belongs to the fraction."""
    if right.kind == "percent" and left.kind == right.args[0].kind == "num":
        return Node("percent", (N.div(left, right.args[0]),))
    return N.div(left, right)


class MathParser:
    """Recursive descent over a token list; ``relation`` and everything above it live in ``AnswerParser``."""

    def __init__(self, text: str, options: VerifyOptions, budget: OperationBudget, thousands: bool = True) -> None:
        self.tokens = tokenize(text, budget, options.max_nodes, thousands)
        self.options, self.budget = options, budget
        self.i = self.depth = self.bars = 0
        self.no_colon = False

    # --- tokens -----------------------------------------------------------------------------------------------------
    @property
    def token(self) -> Token:
        """The next token."""
        return self.tokens[self.i]

    def ahead(self, k: int = 1) -> Token:
        """The token ``k`` places after the next one."""
        return self.tokens[self.i + k] if self.i + k < len(self.tokens) else EOF

    def take(self) -> Token:
        """Consume one token."""
        t = self.tokens[self.i]
        if t.kind == "eof":
            raise ParseError("unexpected end")
        self.i += 1
        self.budget.spend(3)
        return t

    def accept(self, *texts: str) -> bool:
        """Consume the next token if it is one of ``texts``."""
        if self.token.text in texts and self.token.kind in ("op", "cmd"):
            self.i += 1
            return True
        return False

    def expect(self, *texts: str) -> None:
        """Consume one of ``texts`` or fail."""
        if not self.accept(*texts):
            raise ParseError(f"expected {texts[0]} before {self.token.text!r}")

    def enter(self) -> None:
        """One level deeper, or ``TooLarge``."""
        self.depth += 1
        if self.depth > self.options.max_depth:
            raise TooLarge("nested too deeply")

    # --- sums, products, powers -------------------------------------------------------------------------------------
    def additive(self) -> Node:
        """Sums and differences, with plus-minus."""
        self.enter()
        left = self.signed(self.term)
        while True:
            t = self.token.text if self.token.kind in ("op", "cmd") else ""
            if t == "+":
                self.i += 1
                left = N.add(left, self.signed(self.term))
            elif t == "-":
                self.i += 1
                left = N.sub(left, self.signed(self.term))
            elif t in ("\\pm", "+-", "\\mp"):
                self.i += 1
                left = Node("mp" if t == "\\mp" else "pm", (left, self.term()))
            elif t in _INFIX:
                self.i += 1
                right = self.additive()
                left = N.div(left, right) if t == "\\over" else N.func("binom", left, right)
            else:
                self.depth -= 1
                return left

    def signed(self, rest) -> Node:
        """Any signs, then ``rest()``."""
        sign = 1
        while self.token.kind in ("op", "cmd") and self.token.text in ("+", "-", "\\pm", "+-", "\\mp"):
            t = self.take().text
            if t in ("\\pm", "+-", "\\mp"):
                inner = Node("mp" if t == "\\mp" else "pm", (N.ZERO, rest()))
                return inner if sign > 0 else N.neg(inner)
            sign = -sign if t == "-" else sign
        value = rest()
        return value if sign > 0 else N.neg(value)

    def term(self) -> Node:
        """Products and quotients written with an operator."""
        left = self.product()
        while True:
            t = self.token
            if t.kind not in ("op", "cmd", "word"):
                return left
            if t.text in _TIMES and t.kind != "word":
                self.i += 1
                left = N.mul(left, self.signed(self.product))
            elif t.text in _OVER:
                self.i += 1
                left = self.continued(_quotient(left, self.signed(lambda: self.product(denominator=True))))
            elif t.text == ":" and not self.no_colon and self.ahead().kind != "eof":
                self.i += 1
                right = self.signed(lambda: self.product(denominator=True))
                left = (
                    Node("ratio", (*left.args, right))
                    if left.kind == "ratio" and left.value is None
                    else Node("ratio", (left, right))
                )
            elif t.text in ("\\bmod", "\\mod", "mod"):
                self.i += 1
                left = N.func("mod", left, self.product())
            else:
                return left

    def continued(self, left: Node) -> Node:
        """Implicit factors after a quotient whose denominator was one number literal."""
        while self.starts_factor():
            left = N.mul(left, self.factor())
        return left

    def product(self, denominator: bool = False) -> Node:
        """Juxtaposed factors, mixed numbers included."""
        start = self.token
        left = self.factor()
        literal = start.kind == "num" and left.kind == "num"
        if literal and left.value.denominator == 1 and (mixed := self.mixed(left)) is not None:
            left = Node("percent", (mixed,)) if self.accept("%", "\\%") else mixed
        if denominator and literal:
            return left
        while self.starts_factor():
            if self.token.kind == "num" and self.tokens[self.i - 1].kind == "num":
                raise ParseError("two numbers side by side")
            left = N.mul(left, self.factor())
        return left

    def mixed(self, whole: Node) -> Node | None:
        """``1\\frac{1}{4}`` and ``1 1/4``: the fraction of a mixed number that began with ``whole``."""
        t = self.token
        if t.text == "\\frac":
            mark = self.i
            part = self.factor()
            if part.kind == "num" and 0 < part.value < 1 and self.token.text not in ("^", "**"):
                return N.num(whole.value + part.value)
            if part.kind == "percent" and part.args[0].kind == "num" and 0 < part.args[0].value < 1:
                return Node("percent", (N.num(whole.value + part.args[0].value),))
            self.i = mark
            return None
        if (
            t.kind == "num"
            and t.spaced
            and self.ahead().text == "/"
            and self.ahead(2).kind == "num"
            and t.text.isdigit()
            and self.ahead(2).text.isdigit()
            and 0 < int(t.text) < int(self.ahead(2).text)
        ):
            self.i += 3
            return N.num(whole.value + Fraction(int(t.text), int(self.tokens[self.i - 1].text)))
        return None

    def starts_factor(self) -> bool:
        """Whether the next token can begin an implicit factor."""
        kind, text, _ = self.token
        if kind == "math":
            return not is_upright_unit(text)
        if kind == "num" or kind == "begin":
            return True
        if kind == "word":
            return self.is_symbolic(text)
        if kind == "op":
            return text in ("(", "{") or (text == "[" and self.bars == 0) or (text == "|" and self.bars == 0)
        return kind == "cmd" and text not in _STOP_CMDS and text not in RELATIONS and text != "\\$"

    def is_symbolic(self, text: str) -> bool:
        """Whether a word is mathematics (names, functions, a product of letters) rather than prose or a unit."""
        if len(text) == 1 or text in FUNCTIONS or text in _CONSTANTS or text in GREEK:
            return not (text == "min" and self.ahead().text not in ("(", "{"))
        if (
            text in ("U", "and", "or", "mod")
            or (text in PROSE or (text.lower() in PROSE and not text.isupper()))
            or is_unit_word(text)
            or text in _ORDINALS
            or (self.token.spaced and self.tokens[self.i - 1].kind == "num" and scale_of(text) is not None)
        ):
            return False
        return len(text) <= 3 or (text.isupper() and len(text) <= 6)

    def factor(self) -> Node:
        """One primary with its postfix operators."""
        self.enter()
        base = self.postfix(self.primary())
        self.depth -= 1
        return base

    def postfix(self, base: Node) -> Node:
        """Powers, factorials, percent, degrees, subscripts of numerals, ordinals."""
        while True:
            kind, t, spaced = self.token
            if t in ("^", "**") and kind == "op":
                self.i += 1
                base = self.raised(base)
            elif t == "!" and kind == "op":
                self.i += 1
                base = N.func("fact2" if self.accept("!") else "fact", base)
            elif t in ("%", "\\%") and kind in ("op", "cmd"):
                self.i += 1
                base = Node("percent", (base,))
            elif t in ("\\degree", "\\textdegree") and kind == "cmd":
                self.i += 1
                base = self.degrees(base)
            elif t == "_" and base.kind == "num":
                self.i += 1
                base = self.numeral(self.tokens[self.i - 2].text)
            elif kind == "word" and base.kind == "num" and not spaced and t in _ORDINALS:
                self.i += 1
            elif t == "'" and kind == "op" and base.kind == "sym":
                self.i += 1
                base = N.sym(base.value + "'")
            else:
                return base

    def raised(self, base: Node) -> Node:
        """``base ^ ...`` after the caret."""
        if self.token.kind == "eof":  # "90^": a caret that lost its degree sign has no exponent
            return base
        if self.token.text in _DEGREE:
            self.i += 1
            return self.degrees(base)
        if self.token.text == "{" and self.ahead().text in _DEGREE and self.ahead(2).text == "}":
            self.i += 3
            return self.degrees(base)
        if self.token.text == "{" and (self.ahead().text in _ORDINALS) and self.ahead(2).text == "}":
            self.i += 3
            return base
        if self.token.text in ("\\prime", "'") and base.kind == "sym":
            self.i += 1
            return N.sym(base.value + "'")
        self.enter()
        if self.token.kind in ("text", "math") and self.token.text.strip() in _ORDINALS:
            self.i, exponent = self.i + 1, None
        else:
            exponent = self.signed(self.exponent)
        self.depth -= 1
        return base if exponent is None else N.power(base, exponent)

    def exponent(self) -> Node:
        """One group or token; a tower associates to the right."""
        e = self.primary()
        if self.token.text in ("^", "**"):
            self.i += 1
            return self.raised(e)
        return N.func("fact", e) if self.accept("!") else e

    def degrees(self, base: Node) -> Node:
        """``60^\\circ 42' 10''`` as a number of degrees."""
        seconds = Fraction(0)
        for unit in (60, 3600):
            if self.token.kind == "num" and self.ahead().text == "'" and (unit == 60 or self.ahead(2).text == "'"):
                seconds += Fraction(self.take().text) / unit
                self.i += 1 if unit == 60 else 2
        if seconds and base.kind == "num":
            base = N.num(base.value + seconds)
        return N.mul(base, N.const("deg"))

    def script(self) -> Node:
        """The argument of a subscript."""
        if self.token.text == "{":
            return self.braces()
        return self.primary()

    # supplied by the mixins in primaries.py, functions.py and brackets.py
    def primary(self) -> Node: ...

    def braces(self) -> Node: ...

    def numeral(self, digits: str) -> Node: ...

    def command(self, t: Token) -> Node: ...
    def function(self, name: str) -> Node: ...
    def upright(self, t: Token) -> Node: ...
    def environment(self, name: str) -> Node: ...
    def bracket(self, opening: str) -> Node: ...
