"""Commands of the grammar: fractions, roots, named functions, big operators, upright text inside mathematics."""

from __future__ import annotations

from rlad.verifier.budget import ParseError
from rlad.verifier.grammar import nodes as N
from rlad.verifier.grammar.lexer import Token
from rlad.verifier.grammar.nodes import Node
from rlad.verifier.grammar.parser import _BIG, _CONSTANTS, _DOTS
from rlad.verifier.grammar.primaries import Primaries, base_numeral
from rlad.verifier.grammar.words import FUNCTIONS, GREEK, INVERSE

_MANY = frozenset(("gcd", "lcm", "min", "max"))
_PREFIX_NAMES = frozenset(
    ("angle", "triangle", "measuredangle", "square", "odot", "prime", "partial", "nabla", "Delta", "parallelogram")
)
_FENCES = {
    "\\lfloor": ("\\rfloor", "floor"),
    "\\lceil": ("\\rceil", "ceil"),
    "\\lvert": ("\\rvert", "abs"),
    "\\lVert": ("\\rVert", "norm"),
    "\\langle": ("\\rangle", "angle"),
}
_ACCENTS = frozenset(
    (
        "\\overline",
        "\\bar",
        "\\hat",
        "\\tilde",
        "\\overrightarrow",
        "\\overset",
        "\\underset",
        "\\widehat",
        "\\overarc",
        "\\stackrel",
    )
)


class Functions(Primaries):
    """Mixin of ``Parser`` for everything that starts with a backslash or is a function's name."""

    def command(self, t: Token) -> Node:
        """One LaTeX command as a primary."""
        name = t.text
        bare = name[1:]
        if name == "\\frac":
            top = self.argument()
            bottom = self.argument()
            return N.div(top, bottom)
        if name == "\\sqrt":
            return self.root()
        if name in ("\\binom", "\\dbinom", "\\tbinom", "\\choose"):
            return N.func("binom", self.argument(), self.argument())
        if name in _BIG:
            return self.big(_BIG[name])
        if bare in _CONSTANTS:
            return N.const(_CONSTANTS[bare])
        if bare in ("imath", "mathrm"):
            return N.const("i")
        if bare in FUNCTIONS:
            return self.function(FUNCTIONS[bare])
        if bare in GREEK:
            return self.applied(self.scripted(N.sym(bare)))
        if name in ("\\{", "\\lbrace"):
            self.enter()
            node = self.bracket("\\{")
            self.depth -= 1
            return node
        if name in ("\\emptyset", "\\varnothing"):
            return Node("set")
        if name in _FENCES:
            return self.fence(*_FENCES[name])
        if name in ("\\|", "\\Vert", "\\vert", "\\mid"):
            return self.bars_of(name, "norm" if name in ("\\|", "\\Vert") else "abs")
        if name in _DOTS:
            return N.sym("...")
        if name in _ACCENTS:
            inner = self.argument()
            if name in ("\\overset", "\\underset", "\\stackrel"):
                return self.argument()
            return N.func(bare, inner)
        if bare in _PREFIX_NAMES:
            return self.scripted(N.sym(bare))
        if name == "\\$":  # a currency mark in front of a number changes no value; the answer level reads it as a unit
            return self.postfix(self.primary())
        if name in ("\\boxed", "\\fbox", "\\mathopen", "\\mathclose", "\\cancel", "\\ensuremath"):
            return self.argument()
        if bare in ("prime", "star", "dagger", "top", "complement"):
            return N.sym(bare)
        if bare == "pmod":
            return N.func("pmod", self.argument())
        if bare in ("Re", "Im"):
            return self.function(bare)
        raise ParseError(f"command {name}")

    def root(self) -> Node:
        """``\\sqrt[n]{x}``; ``\\sqrt12`` means the root of twelve."""
        degree = None
        if self.accept("["):
            self.enter()
            degree = self.additive()
            self.depth -= 1
            self.expect("]")
        t = self.token
        if t.text == "{":
            inner = self.braces()
        elif t.kind == "num":
            inner = self.literal(self.take())
        else:
            self.enter()
            inner = self.primary()
            self.depth -= 1
        if inner.kind in ("list", "tuple"):
            raise ParseError("root of a list")
        return (
            N.power(inner, N.HALF)
            if degree is None or (degree.kind == "num" and degree.value == 2)
            else N.func("root", inner, degree)
        )

    def function(self, name: str) -> Node:
        """A named function with optional base and exponent, and its argument."""
        if name in ("sqrt", "cbrt"):
            if self.token.kind in ("op", "num") and self.token.text not in ("^", "_"):
                inner = self.argument() if self.token.kind != "num" else self.literal(self.take())
                return N.power(inner, N.HALF) if name == "sqrt" else N.func("root", inner, N.num(3))
            raise ParseError("root without argument")
        base = exponent = None
        for _ in range(2):
            if self.token.text == "_" and base is None and self.token.kind == "op":
                self.i += 1
                base = self.script()
            elif self.token.text in ("^", "**") and exponent is None and self.token.kind == "op":
                self.i += 1
                exponent = self.signed(self.exponent)
        if exponent is not None and exponent.kind == "num" and exponent.value == -1 and name in INVERSE:
            name, exponent = INVERSE[name], None
        args = self.function_arguments()
        if name not in _MANY and len(args) != 1:
            raise ParseError(f"{name} takes one argument")
        if name == "exp":
            node = N.power(N.const("e"), args[0])
        elif base is not None:
            if name != "log" and name != "ln":
                raise ParseError(f"{name} with a subscript")
            node = N.func("logb", args[0], base)
        elif name == "lg":
            node = N.func("logb", args[0], N.num(10))
        else:
            node = N.func(name, *args)
        return node if exponent is None else N.power(node, exponent)

    def function_arguments(self) -> tuple[Node, ...]:
        """Parenthesised arguments, or the product that follows: ``\\sin 2x`` but not beyond the next function or
        bracket.
        """
        t = self.token
        if t.text in ("(", "{", "[") and t.kind == "op":
            inner = self.argument()
            if t.text == "{" and inner.kind not in ("list", "tuple"):
                return (self.postfix(inner),)
            return inner.args if inner.kind in ("tuple", "brack", "list", "set") else (inner,)
        sign = 1
        while self.token.text in ("+", "-") and self.token.kind == "op":
            sign = -sign if self.take().text == "-" else sign
        factors = [self.factor()]
        while (
            self.starts_factor()
            and not (self.token.kind == "op" and self.token.text in ("(", "["))
            and not self.at_function()
        ):
            factors.append(self.factor())
        arg = N.mul(*factors)
        if (
            self.token.text == "/"
            and self.ahead().kind == "num"
            and any(f.kind == "const" and f.value == "pi" for f in factors)
        ):
            self.i += 1  # \cos \pi/3
            arg = N.div(arg, self.literal(self.take()))
        return (arg if sign > 0 else N.neg(arg),)

    def at_function(self) -> bool:
        """Whether the next token is a function's name."""
        kind, text, _ = self.token
        return (kind == "cmd" and text[1:] in FUNCTIONS) or (kind == "word" and text in FUNCTIONS)

    def fence(self, closing: str, name: str) -> Node:
        """``\\lfloor x \\rfloor`` and its kin."""
        self.enter()
        saved, self.bars = self.bars, 0
        inner = self.additive()
        args = [inner]
        while self.accept(","):
            args.append(self.additive())
        self.bars = saved
        self.expect(closing)
        self.depth -= 1
        if name == "angle":
            return Node("tuple", tuple(args))
        if len(args) > 1:
            raise ParseError("comma inside a fence")
        return N.func(name, inner)

    def bars_of(self, closing: str, name: str) -> Node:
        """``|x|``, after the opening bar."""
        if self.bars:
            raise ParseError("unexpected bar")
        self.enter()
        self.bars += 1
        inner = self.additive()
        self.bars -= 1
        self.expect(closing)
        self.depth -= 1
        return N.func(name, inner)

    def big(self, kind: str) -> Node:
        """Sums, products, integrals, limits: bound name, lower, upper, body. Only the body's structure is compared."""
        lower = upper = Node("list")
        bound = N.sym("")
        for _ in range(2):
            if self.token.text == "_" and self.token.kind == "op":
                self.i += 1
                lower = self.limits()
                if lower.kind == "rel" and lower.args[0].kind in ("sym", "const") and lower.value in (("=",), ("to",)):
                    bound, lower = N.sym(lower.args[0].value), lower.args[1]
            elif self.token.text == "^" and self.token.kind == "op":
                self.i += 1
                upper = self.script()
        body = self.signed(self.term)
        if bound.value == "i":  # an index called i is no imaginary unit
            body = _index_i(body)
        return Node("bigop", (bound, lower, upper, body), kind)

    def limits(self) -> Node:
        """``{k=1}`` under a big operator, which may hold a relation."""
        if self.token.text == "{":
            self.i += 1
            self.enter()
            node = self.relation()
            self.depth -= 1
            self.expect("}")
            return node
        return self.primary()

    def upright(self, t: Token) -> Node:
        """``\\mathrm{e}``, ``\\operatorname{lcm}``, ``\\mathbf{v}``."""
        name = t.text.strip()
        if name in FUNCTIONS:
            return self.function(FUNCTIONS[name])
        if name in _CONSTANTS:
            return N.const(_CONSTANTS[name])
        if name.startswith("\\") and name[1:] in GREEK:
            return self.scripted(N.sym(name[1:]))
        if name.isdigit():
            return N.num(int(name)) if len(name) < 100 else self.literal(Token("num", name, False))
        if name.isalpha() and len(name) <= 3:
            return self.applied(self.scripted(N.sym(name)))
        if self.token.text == "_" and name.isalnum() and len(name) < 40:
            self.i += 1
            b = self.script()
            if b.kind == "num" and 2 <= b.value <= 36 and b.value.denominator == 1:
                return base_numeral(name, int(b.value))
        raise ParseError(f"upright {name!r}")

    def relation(self) -> Node: ...


def _index_i(n: Node) -> Node:
    if n.kind == "const" and n.value == "i":
        return N.sym("i")
    return Node(n.kind, tuple(_index_i(a) for a in n.args), n.value, n.decimals) if n.args else n
