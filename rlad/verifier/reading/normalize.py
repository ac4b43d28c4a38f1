"""Text normalisation: unicode, control characters, LaTeX spacing and sizing, thousands separators. Never changes a
value.
"""

from __future__ import annotations

import re

_SUPERSCRIPT = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n", strict=False))
_SUBSCRIPT = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋ₙ", "0123456789+-n", strict=False))
_FRACTIONS = {
    "½": "1 2",
    "⅓": "1 3",
    "⅔": "2 3",
    "¼": "1 4",
    "¾": "3 4",
    "⅕": "1 5",
    "⅖": "2 5",
    "⅗": "3 5",
    "⅘": "4 5",
    "⅙": "1 6",
    "⅚": "5 6",
    "⅛": "1 8",
    "⅜": "3 8",
    "⅝": "5 8",
    "⅞": "7 8",
}
_GREEK_LETTERS = {
    "α": "alpha",
    "β": "beta",
    "γ": "gamma",
    "δ": "delta",
    "ε": "epsilon",
    "ζ": "zeta",
    "η": "eta",
    "θ": "theta",
    "λ": "lambda",
    "μ": "mu",
    "µ": "mu",
    "ν": "nu",
    "ξ": "xi",
    "π": "pi",
    "ρ": "rho",
    "σ": "sigma",
    "τ": "tau",
    "φ": "phi",
    "ϕ": "phi",
    "χ": "chi",
    "ψ": "psi",
    "ω": "omega",
    "Γ": "Gamma",
    "Δ": "Delta",
    "Θ": "Theta",
    "Λ": "Lambda",
    "Σ": "Sigma",
    "Φ": "Phi",
    "Ψ": "Psi",
    "Ω": "Omega",
}
_COMMANDS = {
    "×": "times",
    "⋅": "cdot",
    "·": "cdot",
    "∙": "cdot",
    "•": "cdot",
    "÷": "div",
    "∞": "infty",
    "√": "sqrt",
    "≤": "le",
    "≥": "ge",
    "⩽": "le",
    "⩾": "ge",
    "≦": "le",
    "≧": "ge",
    "≠": "ne",
    "≈": "approx",
    "≅": "cong",
    "≡": "equiv",
    "∈": "in",
    "∉": "notin",
    "∪": "cup",
    "∩": "cap",
    "∖": "setminus",
    "∅": "emptyset",
    "±": "pm",
    "∓": "mp",
    "∠": "angle",
    "△": "triangle",
    "⊥": "perp",
    "∥": "parallel",
    "⌊": "lfloor",
    "⌋": "rfloor",
    "⌈": "lceil",
    "⌉": "rceil",
    "→": "to",
    "⇒": "Rightarrow",
    "∑": "sum",
    "∏": "prod",
    "∫": "int",
    "∣": "mid",
    "…": "ldots",
    "⋯": "cdots",
    "∧": "land",
    "∨": "lor",
    "⊂": "subset",
    "⊆": "subseteq",
}
_TABLE: dict[int, str] = {}
for _ch, _name in {**_GREEK_LETTERS, **_COMMANDS}.items():
    _TABLE[ord(_ch)] = f"\\{_name} "
for _ch, _ab in _FRACTIONS.items():
    _a, _b = _ab.split()
    _TABLE[ord(_ch)] = f"\\frac{{{_a}}}{{{_b}}}"
for _ch, _name in zip("ℝℤℕℚℂ", "RZNQC", strict=False):
    _TABLE[ord(_ch)] = f"\\mathbb{{{_name}}}"
_TABLE |= {ord("∛"): "\\sqrt[3] ", ord("∜"): "\\sqrt[4] "}
_TABLE.update(
    {
        ord(a): b
        for a, b in {
            "−": "-",
            "–": "-",
            "—": "-",
            "‐": "-",
            "‑": "-",
            "﹣": "-",
            "－": "-",
            "°": "^\\circ ",
            "º": "^\\circ ",
            "′": "'",
            "’": "'",
            "‘": "'",
            "″": "''",
            "“": '"',
            "”": '"',
            "∕": "/",
            "⁄": "/",
            "，": ",",
            "、": ",",
            "；": ";",
            "：": ":",
            "。": ".",
            "（": "(",
            "）": ")",
            "【": "[",
            "】": "]",
            "｛": "{",
            "｝": "}",
            "＝": "=",
            "＜": "<",
            "＞": ">",
            "＋": "+",
            "％": "\\%",
            "＄": "\\$",
            "€": "\\$EUR ",
            "£": "\\$GBP ",
            "¥": "\\$JPY ",
            "\u00a0": " ",
            "\u2009": " ",
            "\u202f": " ",
            "\u2002": " ",
            "\u2003": " ",
            "\u3000": " ",
            "\u200a": " ",
            "\u2005": " ",
            "\u200b": "",
            "\u200c": "",
            "\u200d": "",
            "\u2060": "",
            "\ufeff": "",
            "\u2061": "",
            "\u2062": "",
            "\u00ad": "",
        }.items()
    }
)
for _i in range(10):
    _TABLE[0xFF10 + _i] = str(_i)
for _i in range(20):  # circled digits are labels of statements; several of them are a list
    _TABLE[0x2460 + _i] = f" {_i + 1}, "

_SUPER = re.compile("[" + "".join(_SUPERSCRIPT) + "]+")
_SUB = re.compile("[" + "".join(_SUBSCRIPT) + "]+")
# JSON or Python escapes that ate a backslash: form feed + "rac" was "\frac"
_EATEN = re.compile(
    "\x0c(?=[a-z])|\x08(?=[a-z])|\x0b(?=[a-z])|\x07(?=[a-z])|\t(?=ext|imes|heta|an\\b|frac|ilde|riangle|o\\b)|\r(?=ight|ho\\b|angle)"
)
_EATEN_LETTER = {"\x0c": "\\f", "\x08": "\\b", "\x0b": "\\v", "\x07": "\\a", "\t": "\\t", "\r": "\\r"}
_KNOWN = (
    "frac|dfrac|tfrac|cfrac|sqrt|pi|left|right|cdot|times|text|mathrm|mathbf|boxed|begin|end|infty|cup|cap|circ|pm|le|leq|ge|geq|ne|neq|"
    "sin|cos|tan|log|ln|theta|alpha|beta|lambda|quad|displaystyle|overline|binom|in|mathbb|angle|approx|dots|ldots|cdots|div|sum|int"
)
_DOUBLED = re.compile(r"(?<!\\)\\\\(?=(?:" + _KNOWN + r")(?![a-zA-Z]))")
_DOUBLED_SIGN = re.compile(r"(?<!\\)\\\\(?=[{}%$,;!](?!\\))")
_SIZES = re.compile(r"\\(?:left|right|middle|[bB]igg?[lrm]?)(?![a-zA-Z])\s*\.?")
_STYLES = re.compile(
    r"\\(?:displaystyle|textstyle|scriptstyle|limits|nolimits|rm|bf|it|tiny|small|large|Large|huge|normalsize|phantom\s*-|nobreak|hfill|centering)(?![a-zA-Z])"
)
_GROUPED = re.compile(r"(?<=\d)(?:\s?\{,\s*\}\s*|,\s*\\!\s*|\\[,;:!]\s*|\\ |(?:\\!|\s)*\{\\,\})(?=\d{3}(?!\d))")
_SPACED_THOUSANDS = re.compile(r"(?<![\d.,/\w])([1-9]\d{0,2})((?: \d{3})+)(?![\d,/\w]|\s*/)")
_SPACING = re.compile(
    r"(?<!\\)\\(?:[,;:! >]|q?quad|(?:enspace|thinspace|medspace|thickspace|negthinspace|"
    r"hspace\*?\{[^{}]{0,20}\}|hskip|mskip|vspace\*?\{[^{}]{0,20}\})(?![a-zA-Z]))|~"
)
_DELIMITERS = re.compile(r"(?<!\\)\\[()\[\]]|(?<!\\)\$+")
_ROW_GAP = re.compile(r"\\\\\s*\[\s*-?[\d.]*\s*(?:pt|em|ex|mm|cm|in|mu|px|bp|sp|pc|\\[a-z]+)\s*\]")
_BARE_ARGUMENT = re.compile(r"\\(mathbb|mathbf|mathrm|mathcal|mathit|text)\s+([A-Za-z0-9])(?![A-Za-z0-9])")
_ROW_END = re.compile(r"\\(?:cr|tabularnewline|newline)(?![a-zA-Z])")
_PLAIN_MATRIX = re.compile(r"\\([pbvB]?matrix|cases)\s*\{")
_INVISIBLE = re.compile(
    r"\\[vh]?phantom\s*\{[^{}]*\}|\\(?:color|label|tag\*?)\s*\{[^{}]*\}|\\textcolor\s*\{[^{}]*\}"
    r"|\\(?:strut|mathstrut|null|relax|noindent|nonumber|notag|hline|allowbreak|smallskip|medskip|bigskip)(?![a-zA-Z])"
    r"|\\(?:kern|hskip)\s*-?[\d.]+\s*[a-z]{2}"
)
_JOINING_TEXT = re.compile(r"\\(?:text|mbox|textrm|mathrm)\s*\{\s*([,;])\s*(and|or)?\s*\}")
_FRACS = re.compile(r"\\[dtc]frac(?![a-zA-Z])")
_SPACES = re.compile(r"\s+")


def repair(text: str) -> str:
    """Undo what transport did to the text: eaten and doubled backslashes. Cheap when there is nothing to undo."""
    if not text.isascii() or not text.isprintable():
        text = _EATEN.sub(lambda m: _EATEN_LETTER[m.group()], text)
    if "\\\\" in text:
        text = _ROW_GAP.sub(r"\\\\ ", text) if "[" in text else text
        text = _DOUBLED.sub(r"\\", text)
        if "\\begin" not in text:
            text = _DOUBLED_SIGN.sub(r"\\", text)
    return text


def unicode_to_latex(text: str) -> str:
    """Mathematical unicode as LaTeX or ASCII."""
    if text.isascii():
        return text
    text = _SUPER.sub(lambda m: "^{" + "".join(_SUPERSCRIPT[c] for c in m.group()) + "}", text)
    text = _SUB.sub(lambda m: "_{" + "".join(_SUBSCRIPT[c] for c in m.group()) + "}", text)
    return text.translate(_TABLE)


def _plain_matrices(text: str) -> str:
    r"""Plain TeX's ``\pmatrix{1 & 2 \cr 3 & 4}`` as an environment; text whose braces do not match stays as it is."""
    for _ in range(20):
        m = _PLAIN_MATRIX.search(text)
        depth, end = 1, m.end() if m else len(text)
        while end < len(text) and depth:
            depth += (text[end] == "{") - (text[end] == "}")
            end += 1
        if m is None or depth:
            return text
        text = rf"{text[: m.start()]}\begin{{{m[1]}}}{text[m.end() : end - 1]}\end{{{m[1]}}}{text[end:]}"
    return text


def _latex_spellings(text: str) -> str:
    """Commands that mean another one, or nothing."""
    text = _INVISIBLE.sub(" ", text.replace("\\textdollar", "\\$"))
    text = _BARE_ARGUMENT.sub(r"\\\1{\2}", text)
    text = _ROW_END.sub(r"\\\\ ", text)
    if "atrix" in text or "cases" in text:
        text = _plain_matrices(text)
    return _JOINING_TEXT.sub(lambda m: f"{m[1]} \\text{{{m[2]}}} " if m[2] else f"{m[1]} ", text)


def normalize(text: str) -> str:
    """One answer's text, ready for the tokenizer.

    >>> normalize(r"$\\left(1,\\!000 , \\dfrac{1}{2}\\right)$")
    '(1000 , \\\\frac{1}{2} )'
    """
    text = unicode_to_latex(repair(text))
    if "\\" in text:
        text = _latex_spellings(_GROUPED.sub("", text))
        text = _SIZES.sub(" ", text)
        text = _STYLES.sub(" ", text)
        text = _FRACS.sub(r"\\frac", text)
        text = _SPACING.sub(" ", text)
    if "{," in text:
        text = _GROUPED.sub("", text)
    if "$" in text or "\\" in text:
        text = _DELIMITERS.sub(" ", text)
    if " " in text:
        text = _SPACED_THOUSANDS.sub(lambda m: m.group(1) + m.group(2).replace(" ", ""), text)
    return _SPACES.sub(" ", text).strip()
