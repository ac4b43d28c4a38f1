"""Vocabulary of the grammar: functions, symbols, number words, and the words that make a text prose."""

from __future__ import annotations

GREEK = frozenset(
    [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "varepsilon",
        "zeta",
        "eta",
        "theta",
        "vartheta",
        "iota",
        "kappa",
        "lambda",
        "mu",
        "nu",
        "xi",
        "rho",
        "varrho",
        "sigma",
        "tau",
        "upsilon",
        "phi",
        "varphi",
        "chi",
        "psi",
        "omega",
        "Gamma",
        "Delta",
        "Theta",
        "Lambda",
        "Xi",
        "Sigma",
        "Upsilon",
        "Phi",
        "Psi",
        "Omega",
        "ell",
        "hbar",
        "aleph",
    ]
)

TRIGONOMETRIC = ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "coth", "sech", "csch")

FUNCTIONS = {
    **{
        n: n
        for n in [
            *TRIGONOMETRIC,
            "arcsin",
            "arccos",
            "arctan",
            "exp",
            "ln",
            "log",
            "lg",
            "min",
            "max",
            "gcd",
            "lcm",
            "det",
            "arcsinh",
            "arccosh",
            "arctanh",
            "arccot",
            "arcsec",
            "arccsc",
            "sgn",
            "Re",
            "Im",
            "arg",
            "deg",
            "dim",
            "ker",
            "floor",
            "ceil",
            "abs",
            "sqrt",
            "cbrt",
        ]
    },
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "tg": "tan",
    "ctg": "cot",
    "arctg": "arctan",
    "cosec": "csc",
    "ceiling": "ceil",
    "arsinh": "arcsinh",
    "arcosh": "arccosh",
    "artanh": "arctanh",
    "asinh": "arcsinh",
    "acosh": "arccosh",
    "atanh": "arctanh",
    "sign": "sgn",
    "arcctg": "arccot",
}
"""Written name -> canonical name."""

INVERSE = {
    "sin": "arcsin",
    "cos": "arccos",
    "tan": "arctan",
    "cot": "arccot",
    "sec": "arcsec",
    "csc": "arccsc",
    "sinh": "arcsinh",
    "cosh": "arccosh",
    "tanh": "arctanh",
}
"""Functions whose exponent -1 means the inverse function."""

RELATIONS = {
    "=": "=",
    "==": "=",
    "<": "<",
    ">": ">",
    "<=": "<=",
    ">=": ">=",
    "!=": "!=",
    ":=": "=",
    "\\le": "<=",
    "\\leq": "<=",
    "\\leqslant": "<=",
    "\\leqq": "<=",
    "\\ge": ">=",
    "\\geq": ">=",
    "\\geqslant": ">=",
    "\\geqq": ">=",
    "\\lt": "<",
    "\\gt": ">",
    "\\ne": "!=",
    "\\neq": "!=",
    "\\approx": "~",
    "\\simeq": "~",
    "\\doteq": "~",
    "\\in": "in",
    "\\notin": "notin",
    "\\equiv": "equiv",
    "\\sim": "sim",
    "\\cong": "cong",
    "\\perp": "perp",
    "\\parallel": "parallel",
    "\\mid": "mid",
    "\\nmid": "nmid",
    "\\subset": "subset",
    "\\subseteq": "subseteq",
    "\\to": "to",
    "\\rightarrow": "to",
    "\\implies": "implies",
    "\\Rightarrow": "implies",
    "\\iff": "iff",
    "->": "to",
    "\\Leftrightarrow": "iff",
    "\\coloneqq": "=",
    "\\triangleq": "=",
    "\\propto": "propto",
    "\\prec": "prec",
    "\\succ": "succ",
    "\\ll": "ll",
    "\\gg": "gg",
}

BLACKBOARD = {"R": "reals", "Z": "integers", "N": "naturals", "Q": "rationals", "C": "complexes", "P": "primes"}

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
NUMBER_WORDS = {w: i for i, w in enumerate(_UNITS.split())}
_TENS = {
    w: 10 * i
    for i, w in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2)
}
SCALES = {"hundred": 100, "thousand": 1_000, "million": 10**6, "billion": 10**9, "trillion": 10**12}


def number_from_words(text: str) -> int | None:
    """``"twenty-three"`` -> 23, ``"one hundred and five"`` -> 105; None when the text is no number in words."""
    words = text.lower().replace("-", " ").split()
    if not words or len(words) > 12:
        return None
    total = current = 0
    seen = False
    for w in words:
        if w in NUMBER_WORDS:
            current += NUMBER_WORDS[w]
        elif w in _TENS:
            current += _TENS[w]
        elif w == "hundred" and seen:
            current *= 100
        elif w in SCALES and seen:
            total += current * SCALES[w]
            current = 0
        elif w == "and" and seen:
            continue
        else:
            return None
        seen = True
    # "two three" is no number: the words read must give the words back in value order
    return total + current if _well_formed(words) else None


def _well_formed(words: list[str]) -> bool:
    last = None
    for w in words:
        kind = "unit" if w in NUMBER_WORDS else "ten" if w in _TENS else "scale" if w in SCALES else "and"
        if kind == "unit" and (last == "unit" or (last == "ten" and not 0 < NUMBER_WORDS[w] < 10)):
            return False
        if kind == "ten" and last in ("unit", "ten"):
            return False
        last = kind
    return last != "and"


PROSE = frozenset(
    [
        "is",
        "it",
        "its",
        "the",
        "to",
        "of",
        "in",
        "so",
        "we",
        "be",
        "not",
        "no",
        "an",
        "as",
        "at",
        "by",
        "he",
        "if",
        "me",
        "my",
        "on",
        "us",
        "do",
        "go",
        "up",
        "am",
        "are",
        "was",
        "has",
        "had",
        "can",
        "may",
        "all",
        "any",
        "but",
        "for",
        "from",
        "get",
        "got",
        "her",
        "him",
        "his",
        "how",
        "our",
        "out",
        "own",
        "see",
        "she",
        "set",
        "the",
        "two",
        "use",
        "who",
        "why",
        "yes",
        "yet",
        "you",
        "too",
        "this",
        "that",
        "then",
        "than",
        "thus",
        "hence",
        "there",
        "their",
        "them",
        "they",
        "these",
        "those",
        "with",
        "when",
        "where",
        "which",
        "what",
        "will",
        "would",
        "could",
        "should",
        "have",
        "hes",
        "does",
        "did",
        "done",
        "each",
        "every",
        "must",
        "also",
        "just",
        "only",
        "very",
        "much",
        "many",
        "more",
        "most",
        "some",
        "such",
        "same",
        "been",
        "being",
        "into",
        "onto",
        "over",
        "under",
        "about",
        "after",
        "before",
        "because",
        "since",
        "while",
        "until",
        "answer",
        "final",
        "therefore",
        "number",
        "value",
        "total",
        "equals",
        "equal",
        "solution",
        "result",
        "note",
    ]
)
"""Words that show that a text is a sentence rather than a product of letters."""
