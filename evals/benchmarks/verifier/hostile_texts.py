"""Texts that make verifiers hang, fill the memory, crash or run code. The benchmark times them, the tests run them.

Each is judged as the prediction, as the gold answer, on both sides with a small difference, and in a box, so that the
parser and the comparison are both attacked. None is a correct answer to the gold ``1`` but those in ``ONES``.
"""

from __future__ import annotations

from collections.abc import Iterator

_K, _M = 10_000, 1_000_000

ONES = frozenset(
    {"boxes of one, many", "boxes nested 10^4 deep", "minus signs, 10^4", "zero-width characters in a number"}
)
"""Their answer is 1, however odd the way there: a verifier may say so."""


def _nest(left: str, inner: str, right: str, depth: int) -> str:
    return left * depth + inner + right * depth


def _matrix(size: int, kind: str = "pmatrix") -> str:
    rows = (" & ".join(str((i * 7 + j * j) % 11) for j in range(size)) for i in range(size))
    return rf"\begin{{{kind}}}" + r" \\ ".join(rows) + rf"\end{{{kind}}}"


NUMBERS = {
    "tower of powers": "9^{9^{9^{9^{9}}}}",
    "tower of powers, plain": "10**10**10**10",
    "tower of negative powers": "2^{-9^{9^{9}}}",
    "power of a fraction": r"\left(\frac{1234567}{7654321}\right)^{10^{8}}",
    "power of a power of a power": _nest("(", "3", ")^{99}", 30),
    "power of 1+i": "(1+i)^{10^{10^{10}}}",
    "root of enormous order": r"\sqrt[10^{9}]{2^{10^{9}}+1}",
    "modular power": r"7^{10^{10^{10}}} \bmod 13",
    "factorials of factorials": "((((9!)!)!)!)!",
    "factorial of a million": "(10^{6})!",
    "double factorials": "99999999!!!!!!",
    "gamma": r"\Gamma(10^{12})",
    "binomial": r"\binom{10^{12}}{5\cdot 10^{11}}",
    "binomial of binomials": r"\binom{\binom{\binom{99}{49}}{9}}{\binom{99}{7}}",
    "sum": r"\sum_{k=1}^{10^{15}} \frac{1}{k^2}",
    "sums in sums": _nest(r"\sum_{a=1}^{10^{6}} (", "a", ")", 20),
    "product": r"\prod_{k=1}^{10^{12}} k",
    "sum of a thousand powers": r"\sum_{k=1}^{1000} \frac{\sin k}{k^k}",
    "sum of powers of binomials": r"\sum_{k=0}^{n} \binom{n}{k}^{9}",
    "infinite product": r"\prod_{k=1}^{\infty}(1-\frac{1}{4k^2})",
    "integral of a root": r"\int_0^1 \sqrt{1+x^7} \, dx",
    "integral of a high power": r"\int_0^1 (1+x)^{9999} \, dx",
    "limit with much cancellation": r"\lim_{x\to 0}\frac{x^{50}-\sin^{50} x}{x^{52}}",
    "infinite oscillating sum": r"\sum_{k=1}^{\infty} \frac{\sin(k^2)}{\sqrt{k}}",
    "integrals in integrals": _nest(r"\int_0^{10^{9}} (", r"e^{-x^x}", ")dx", 12),
    "limit": r"\lim_{n\to\infty} \left(1+\frac{1}{n}\right)^{n^{n^{n}}}",
    "long integer": "9" * 100_000,
    "long decimal": "0." + "3" * 100_000,
    "long repeating decimal": r"0.\overline{" + "142857" * 20_000 + "}",
    "scientific notation, huge": "1e999999999999",
    "scientific notation, tiny": r"1.5 \times 10^{-999999999999}",
    "hexadecimal": "0x" + "f" * 50_000,
    "base two": "1" * 50_000 + "_{2}",
    "base of enormous size": "11_{10^{10^{10}}}",
    "square root of a hard composite": rf"\sqrt{{{(10**100 + 267) * (10**99 + 289)}}}",
    "cosine of a 65537th": r"\cos\frac{2\pi}{65537}",
    "sine of an enormous number": r"\sin(10^{10^{9}})",
    "logarithm of an enormous number": r"\log_{2} \left(3^{10^{10^{9}}}\right)",
    "floor of an enormous number": r"\lfloor \pi \cdot 10^{10^{9}} \rfloor",
    "nested roots": _nest(r"\sqrt{2+", "3", "}", 200),
    "nested sines": _nest(r"\sin(", "1", ")", 200),
    "continued fraction": _nest(r"1+\frac{1}{", "2", "}", 2_000),
    "division by zero": r"\frac{1}{0} - \frac{0}{0} + 0^{-1}",
    "infinities": r"\infty - \infty + \frac{\infty}{\infty}",
    "percent of percent": "1" + "%" * _K,
    "plus-minus, 100 of them": r"\pm 1" * 100,
    "plus-minus in plus-minus": _nest(r"\sqrt{2 \pm ", "3", "}", 40),
}

EXPRESSIONS = {
    "expansion": "(x+y+z+1)^{3000}",
    "expansion of a product": "(x+1)^{1000}(x-1)^{1000}-(x^2-1)^{1000}",
    "power of x to the x": "x^{x^{x^{x^{x^{x}}}}}",
    "sum of a thousand terms": "+".join(f"{k}x^{{{k}}}" for k in range(1, 1000)),
    "product of a thousand factors": "".join(f"(x+{k})" for k in range(1, 1000)),
    "polynomial equation": "x^{10^{9}} + x^{10^{8}} = 1",
    "many unknowns": "+".join(f"x_{{{k}}}^{{2}}" for k in range(400)),
    "determinant": _matrix(60, "vmatrix"),
    "matrix of 10^4 entries": _matrix(100),
    "power of a matrix": _matrix(12) + "^{10^{9}}",
    "matrix in matrix": _nest(r"\begin{pmatrix}", "1", r"\end{pmatrix}", 300),
    "set of 10^5": r"\{" + ",".join(map(str, range(100_000))) + r"\}",
    "set of 300 roots": r"\{" + ", ".join(rf"\sqrt{{{k}}}+\sqrt[3]{{{k}}}" for k in range(2, 302)) + r"\}",
    "list of 10^5": ",".join(map(str, range(100_000))),
    "union of 500 intervals": r"\cup".join(rf"({2 * k},{2 * k + 1})" for k in range(500)),
    "chain of inequalities": "<".join(f"x_{{{k}}}" for k in range(500)),
    "labelled values": ", ".join(f"x_{{{k}}}={k}" for k in range(1000)),
    "piecewise of 500 cases": r"\begin{cases}" + r"\\".join(f"{k} & x={k}" for k in range(500)) + r"\end{cases}",
    "absolute values in each other": _nest("|x-", "1", "|", 500),
}

NESTING = {
    "round brackets, 10^4": _nest("(", "3", ")", _K),
    "square brackets, 10^4": _nest("[", "3", "]", _K),
    "braces, 10^4": _nest("{", "3", "}", _K),
    "set braces, 10^4": _nest(r"\{", "3", r"\}", _K),
    "left and right, 10^4": _nest(r"\left(", "3", r"\right)", _K),
    "roots, 10^4": _nest(r"\sqrt{", "3", "}", _K),
    "fractions, 10^4": _nest(r"\frac{1}{", "2", "}", _K),
    "fractions above, 10^4": _nest(r"\frac{", "3", "}{2}", _K),
    "exponents, 10^4": _nest("2^{", "3", "}", _K),
    "subscripts, 10^4": _nest("x_{", "3", "}", _K),
    "text, 10^4": _nest(r"\text{", "3 ", "}", _K),
    "absolute bars, 10^4": "|" * _K,
    "minus signs, 10^4": "-" * _K + "1",
    "factorial signs, 10^4": "3" + "!" * _K,
    "primes, 10^4": "f" + "'" * _K + "(x)",
    "carets, 10^4": "^".join("2" * _K),
    "boxes nested 10^4 deep": _nest(r"\boxed{", "1", "}", _K),
    "boxes never closed, 10^5": r"\boxed{" * 100_000,
    "boxes, empty, 10^5": r"\boxed{}" * 100_000,
    "boxes of one, many": r"\boxed{1}" * 100_000,
    "boxes, all different": "".join(rf"\boxed{{{k}}}" for k in range(2, 30_000)),
    "functions, 10^4": r"\sin " * _K + "x",
    "environments opened, 10^4": r"\begin{pmatrix}" * _K,
    "environments closed, 10^4": r"\end{pmatrix}" * _K,
    "one brace open": r"\frac{1",
    "one box open": r"therefore \boxed{1",
    "braces the wrong way": "}{" * 1_000,
    "brackets crossed": r"\left( \left[ 3 \right) \right]",
    "left without right": r"\left(" * 1_000,
}

LONG = {
    f"{name}, 10^6 characters": (unit * (_M // len(unit) + 1))[:_M]
    for name, unit in {
        "letters": "a",
        "twos": "2",
        "spaces": " ",
        "new lines": "\n",
        "backslashes": "\\",
        "dollars": "$",
        "open braces": "{",
        "closed braces": "}",
        "open brackets": "(",
        "commas": ",",
        "digits and commas": "2,",
        "digits and dots": "2.",
        "digits and spaces": "2 ",
        "digits and slashes": "3/",
        "digits and equals": "=2",
        "digits and colons": "12:",
        "terms": "x+",
        "stars": "**",
        "underscores": "_",
        "hashes": "#### ",
        "think": "<think>",
        "think closed": "</think>",
        "think pairs": "<think></think>",
        "phrases": "the final answer is ",
        "phrases with colons": "Answer: ",
        "phrases and spaces": "answer is" + " " * 5_000,
        "math spans": "$2$ ",
        "displayed spans": r"\[2\]",
        "half opened spans": r"\(",
        "words and": "and ",
        "units": "km ",
        "degrees": r"^\circ",
        "percent signs": r"\%",
        "letters of choices": "(A) ",
        "thin spaces": r"\,",
        "text commands": r"\text{a}",
        "dates": "1/2/2003 ",
        "combining accents": "a\u0301",
        "zero-width joiners": "\u200d",
    }.items()
}

TEXT = {
    "nothing": "",
    "NUL": "\0",
    "NUL in a number": "2\0",
    "control characters": "".join(map(chr, range(32))),
    "emoji": "👩‍👩‍👧‍👦🔥💯",
    "lone surrogates": "\ud800 \udfff",
    "right to left": "\u202e21\u202c",
    "zero-width characters in a number": "\u200b1\ufeff",
    "Arabic digits": "٢",
    "full-width digits": "２",
    "superscript digits": "2²³⁴⁵⁶⁷⁸⁹",
    "roman and circled digits": "Ⅻ②㉈",
    "not a character": "\uffff\U0010ffff",
    "percent formats": "%s%n%x" * 100,
    "braces of format strings": "{0.__class__.__mro__}",
    "date from nowhere": "99999999/99999999/99999999",
    "time from nowhere": "99:99:99.999999999 p.m.",
    "unit on unit": "5" + r"\text{ km}" * 1_000,
    "money and percent": r"\$\$\$5\%\%\%",
    "thousands separators everywhere": ",".join(["000"] * 5_000),
}

CODE = {
    "import": "__import__('os').system('touch {path}')",
    "open": "open('{path}','w').write('x')",
    "exec": "exec(\"open('{path}','w')\")",
    "eval": "eval(\"open('{path}','w')\")",
    "lambda": "(lambda: open('{path}','w'))()",
    "comprehension": "[open('{path}','w') for _ in (1,)][0]",
    "subclasses": "().__class__.__bases__[0].__subclasses__()",
    "sympy": "Symbol('x').__class__.__init__.__globals__['os'].system('touch {path}')",
    "sympify": "sympify(\"open('{path}','w')\")",
    "unpickle": "cos\nsystem\n(S'touch {path}'\ntR.",
    "LaTeX write": r"\immediate\write18{{touch {path}}}",
    "LaTeX open": r"\newwrite\f\openout\f={path}",
    "boxed import": r"\boxed{{__import__('os').system('touch {path}')}}",
    "text import": r"\text{{__import__('os').system('touch {path}')}}",
    "shell": "$(touch {path}); `touch {path}`",
    "loop": r"\def\a{{\a\a}}\a",
}

KINDS = {"numbers": NUMBERS, "expressions": EXPRESSIONS, "nesting": NESTING, "long": LONG, "text": TEXT}


def hostile_pairs(path: str = "run_by_a_verifier") -> Iterator[tuple[str, str, str]]:
    """(name, gold, pred) of every attack in every place; an attack that runs code would create ``path``."""
    texts = {name: text for kind in KINDS.values() for name, text in kind.items()}
    texts |= {f"code: {name}": text.format(path=path) for name, text in CODE.items()}
    for name, text in texts.items():
        yield f"{name} | pred", "1", text
        yield f"{name} | gold", text, "1"
        yield f"{name} | both", text, f"{text} + 0"
        if len(text) < 5_000:
            yield f"{name} | boxed", text, rf"so the answer is \boxed{{{text}-1+1}}."
