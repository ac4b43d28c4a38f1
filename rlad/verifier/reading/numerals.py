r"""How people write one number: repeating decimals, digit groups, scale words, bases in words; rewritten as LaTeX.

Everything here maps text to text of the same value that the grammar reads. Each rewriting asks first for a sign that
it is needed, so that plain answers cost nothing.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

from rlad.verifier.grammar.counting import NUMBER_WORDS, SCALES, scale_of

# --- repeating decimals -------------------------------------------------------------------------------------------
_BAR = re.compile(
    r"(?<!\d)(?P<lead>\d*+\.\d*+)\s*\{?\s*\\(?:bar|overline|overbar|widebar)\s*"
    r"(?:\{\s*(?:\\(?:text|mathrm)\s*\{)?\s*(?P<group>\d+)\s*\}?\s*\}|(?P<digit>\d)(?!\d))\}?\s*(?:\\[lc]?dots|\.{2,})?"
)
_DOT = r"\\(?:dot|mathring)\s*(?:\{\s*(\d)\s*\}|(\d))|\\overset\s*\{\s*(?:\.|\\cdot|\\bullet)\s*\}\s*\{\s*(\d)\s*\}"
_DOTTED = re.compile(
    rf"(?<!\d)(?P<lead>\d*+\.\d*+)\s*(?P<first>{_DOT})(?:(?P<middle>\d*)\s*(?P<last>{_DOT}))?(?![\d\\])"
)
_PARENTHESES = re.compile(r"(?<![\w.)}])(\d++\.\d*+)\((\d++)\)(?:\.{2,}|\s*\\[lc]?dots)?(?!\s*(?:[-+*/^=(\w]|\\[a-z]))")
_ELLIPSIS = re.compile(r"(?<![\w.])(\d*+\.\d++)(?:\.{2,}|\s*\\[lc]?dots(?:\{\})?)(?!\s*[\d+,])")
_REPEATING = re.compile(
    r"(?<![\w.])(\d*+\.\d++)(?:\.{2,})?\s*,?\s*\(?(?:\\text\s*\{\s*)?\(?(?:repeating|recurring)\b[\s)}]*"
)
_MARKED = re.compile(
    r"(?<!\d)(?P<lead>\d*+\.\d*?)(?P<period>\d[\u0304\u0305\u0307](?:\d*\d\u0307|(?:\d[\u0304\u0305])*))"
)
_COMMA = re.compile(r"(?<![\d.,])(\d{1,9}),(?=\d{0,9}(?:\\(?:overline|bar|dot)\b|\(\d{1,9}\)(?!\s*[\w(,])))")
_MARKS = re.compile(r"[\u0304\u0305\u0307]")


def _overlined(lead: str, period: str) -> str:
    return f"{lead if lead[0] != '.' else '0' + lead}\\overline{{{period}}}"


def _dotted(m: re.Match[str]) -> str:
    first = "".join(filter(str.isdigit, m["first"]))
    last = "".join(filter(str.isdigit, m["last"] or ""))
    return _overlined(m["lead"], first + (m["middle"] or "") + last)


def period_of(decimals: str, only_digit: bool = False) -> tuple[str, str] | None:
    """Digits before an ellipsis as (what comes first, the period), when the end shows a period twice; else None.

    >>> period_of("1666"), period_of("142857142857"), period_of("1415")
    (('1', '6'), ('', '142857'), None)
    """
    for size in range(1, min(len(decimals) // 2, 40) + 1):
        period = decimals[-size:]
        if decimals[-2 * size : -size] == period:
            start = len(decimals)
            while decimals[:start].endswith(period):
                start -= size
            return decimals[:start], period
    return ("", decimals) if only_digit and len(decimals) == 1 else None


def _shown(m: re.Match[str], only_digit: bool) -> str:
    whole, _, decimals = m[1].partition(".")
    found = period_of(decimals, only_digit)
    return m[0] if found is None else _overlined(f"{whole or 0}.{found[0]}", found[1])


def repeating_decimals(text: str) -> str:
    r"""Every way to write a repeating decimal as ``0.8\overline{3}``.

    >>> [repeating_decimals(t) for t in (r"0.8\bar3", r"0.8\dot{3}", "0.8(3)", "0.8333...")] == [r"0.8\overline{3}"] * 4
    True
    """
    if "," in text and ("\\" in text or "(" in text):
        text = _COMMA.sub(r"\1.", text)
    if "." not in text:
        return text
    if not text.isascii():
        text = _MARKED.sub(lambda m: _overlined(m["lead"], _MARKS.sub("", m["period"])), text)
    if "\\" in text:
        text = _BAR.sub(lambda m: _overlined(m["lead"], m["group"] or m["digit"]), text)
        text = _DOTTED.sub(_dotted, text)
    if "(" in text:
        text = _PARENTHESES.sub(lambda m: _overlined(m[1], m[2]), text)
    if "repeating" in text or "recurring" in text:
        text = _REPEATING.sub(lambda m: _shown(m, only_digit=True), text)
    if "..." in text or "dots" in text or text.endswith(".."):
        text = _ELLIPSIS.sub(lambda m: _shown(m, only_digit=False), text)
    return text


# --- digit groups --------------------------------------------------------------------------------------------------
_APOSTROPHES = re.compile(r"(?<=\d)['’](?=\d{3}(?!\d))")
_POINTS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:\.\d{3}){2,}(?![\d.]|,\d{3})")


_UNDERSCORES = re.compile(r"(?<![\w.])[1-9]\d{0,2}(?:_\d{3})+(?!\w)")


def digit_groups(text: str) -> str:
    """``12'500``, ``1_000_000`` and ``1.234.567`` without separators; blanks and commas are the normaliser's business.

    >>> digit_groups("1_000_000"), digit_groups("101_2"), digit_groups("x_123")
    ('1000000', '101_2', 'x_123')
    """
    if "_" in text:
        text = _UNDERSCORES.sub(lambda m: m[0].replace("_", ""), text)
    if "'" in text or "’" in text:
        text = _APOSTROPHES.sub("", text)
    if text.count(".") > 1:
        text = _POINTS.sub(lambda m: m[0].replace(".", ""), text)
    return text


# --- scale words ---------------------------------------------------------------------------------------------------
_CJK = {"十": 10, "百": 100, "千": 10**3, "천": 10**3, "万": 10**4, "萬": 10**4, "만": 10**4, "亿": 10**8, "億": 10**8,
        "억": 10**8, "兆": 10**12, "조": 10**12}  # fmt: skip
_CJK_SCALE = f"[{''.join(_CJK)}]{{1,4}}(?![克米瓦卡帕升赫焦])"
_CJK_NUMBER = re.compile(rf"(?<!\d)(?:\d[\d,]{{0,30}}(?:\.\d{{1,30}})?\s?{_CJK_SCALE}\s?)+(?:\d{{1,12}}(?!\d))?")
_CJK_PART = re.compile(rf"(\d[\d,]*(?:\.\d+)?)\s?({_CJK_SCALE})")
_FOREIGN = sorted((w for w in SCALES if not w.isascii() and w[0] not in _CJK), key=len, reverse=True)
_FOREIGN_SCALE = re.compile(rf"(?<=\d)\s*({'|'.join(map(re.escape, _FOREIGN))})(?!\w)\.?", re.IGNORECASE)
_THAI_SCALE = re.compile(r"(?<=\d)\s*(พัน|หมื่น|แสน|ล้าน)")
_DECIMAL_COMMA = re.compile(r"(\d),(\d{1,2})(?=\s*(?:\\text\s*\{\s*)?([^\W\d_]+))")
_MONEY = re.compile(r"^(-?\s*)\\?\$\s?(\d[\d,]*(?:\.\d+)?)\s?(k|K|M|B|bn|mn)\b\.?$")
MONEY_LETTERS = {"k": "thousand", "K": "thousand", "M": "million", "mn": "million", "B": "billion", "bn": "billion"}


def _cjk(m: re.Match[str]) -> str:
    total = Fraction(0)
    for number, scales in _CJK_PART.findall(m[0]):
        total += Fraction(number.replace(",", "")) * math.prod(_CJK[c] for c in scales)
    rest = re.search(r"\d+$", m[0].strip())
    total += int(rest[0]) if rest else 0
    return f" {total.numerator} " if total.denominator == 1 else rf" \frac{{{total.numerator}}}{{{total.denominator}}} "


def money(text: str) -> str:
    r"""``$3k`` as ``\$3 \text{thousand}``: behind a currency mark the letters k, M and B are no names.

    >>> money("$3k"), money("3k")
    ('\\$3 \\text{thousand}', '3k')
    """
    if "$" in text and (m := _MONEY.match(text.strip())):
        return rf"{m[1]}\${m[2]} \text{{{MONEY_LETTERS[m[3]]}}}"
    return text


def scale_words(text: str) -> str:
    r"""Scale words that the tokenizer cannot read as words: ``3万`` is 30000, ``3 тысячи`` becomes ``3 \text{тысячи}``.

    >>> scale_words("3万5千"), scale_words("3,5 Millionen")
    (' 35000 ', '3.5 Millionen')
    """
    if "," in text:
        text = _DECIMAL_COMMA.sub(lambda m: f"{m[1]}.{m[2]}" if scale_of(m[3]) else m[0], text)
    if text.isascii():
        return text
    text = _CJK_NUMBER.sub(_cjk, text)
    return _THAI_SCALE.sub(r" \\text{\1}", _FOREIGN_SCALE.sub(r" \\text{\1}", text))


# --- bases ---------------------------------------------------------------------------------------------------------
_BASE_NAMES = {"binary": 2, "ternary": 3, "octal": 8, "decimal": 10, "hexadecimal": 16, "hex": 16, "duodecimal": 12}
_BASE_NUMBER = rf"(?:\d{{1,2}}|{'|'.join(w for w, n in NUMBER_WORDS.items() if 2 <= n <= 20)})"
_DIGITS = r"(?P<digits>[0-9](?:[0-9 ,]{0,60}[0-9])?(?:\.\d{1,60})?|[0-9A-F]{1,60})"
_BASE_WORDS = re.compile(
    rf"(?<![\w.,]){_DIGITS}\s*(?:,\s*)?(?:\\text\s*\{{)?[\s({{]*(?:\\text\s*\{{)?\s*(?:written\s+|expressed\s+)?"
    rf"(?:in\s+|to\s+)?(?:the\s+)?base\s*-?\s*(?:\}}\s*)?\$?\s*(?P<base>{_BASE_NUMBER})\b\$?[\s)}}]*$",
    re.IGNORECASE,
)
_BASE_NAMED = re.compile(
    rf"(?<![\w.,]){_DIGITS}\s*(?:\\text\s*\{{)?[\s({{]*(?:in\s+)?(?P<base>{'|'.join(_BASE_NAMES)})\b[\s)}}]*$",
    re.IGNORECASE,
)
_BASE_SCRIPT = re.compile(
    rf"(?<![\w.\\])(?:\(\s*)?(?P<digits>[0-9A-Za-z]{{1,60}}(?:\.[0-9A-Za-z]{{1,60}})?)\s*(?:\)\s*)?_\s*\{{?\s*"
    rf"(?:\\(?:text|mathrm|textrm)\s*\{{\s*)?(?:base\s*-?\s*\}}?\s*)?(?P<base>{_BASE_NUMBER})\s*\}}{{0,2}}",
    re.IGNORECASE,
)
_TEXT_SCRIPT = re.compile(r"_\s*(?:\{\s*)?\\(?:text|mathrm|textrm)\s*\{\s*(\d{1,2})\s*\}(?:\s*\})?")
_PREFIXED = re.compile(r"(?<!\w)0([xXbBoO])([0-9A-Fa-f]{1,60})(?!\w)")


def _base(word: str) -> int:
    return int(word) if word.isdigit() else _BASE_NAMES.get(word.lower()) or NUMBER_WORDS[word.lower()]


def _digit_values(digits: str) -> list[int]:
    return [int(c, 36) for c in digits if c.isalnum() and c.isascii()]


def _numeral(digits: str, base: int) -> str:
    digits = re.sub(r"[ ,]", "", digits)
    return f"{digits}_{{{base}}}" if re.fullmatch(r"[\d.]+", digits) else rf"\text{{{digits.upper()}}}_{{{base}}}"


def _in_words(m: re.Match[str]) -> str:
    base = _base(m["base"])
    return _numeral(m["digits"], base) if max(_digit_values(m["digits"])) < base else m[0]


def _with_script(m: re.Match[str]) -> str:
    """A numeral with a subscript, unless it may be a product whose last letter has an index: ``2a_{11}``."""
    digits, base = m["digits"], _base(m["base"])
    if not 2 <= base <= 36 or max(_digit_values(digits)) >= base:
        return m[0]
    letters = any(c.isalpha() for c in digits)
    if letters and not re.search(r"[A-Za-z]\d", digits) and not re.fullmatch(r"\d*[A-Z]{2,}|\d+[A-Z]", digits):
        return m[0]
    return _numeral(digits, base)


def bases(text: str) -> str:
    r"""Numerals in a base, however the base is told, as ``63_{8}`` or ``\text{A3F}_{16}``.

    >>> bases("63 (base 8)"), bases("(A3F)_{16}"), bases(r"63_{\text{eight}}"), bases("2a_{11}")
    ('63_{8}', '\\text{A3F}_{16}', '63_{8}', '2a_{11}')
    """
    if "_" in text:
        text = _TEXT_SCRIPT.sub(r"_{\1}", text)
        text = _BASE_SCRIPT.sub(_with_script, text)
    lowered = text.lower()
    if "base" in lowered:
        text = _BASE_WORDS.sub(_in_words, text)
    elif any(name in lowered for name in _BASE_NAMES):
        text = _BASE_NAMED.sub(_in_words, text)
    if "0x" in lowered or "0b" in lowered or "0o" in lowered:
        text = _PREFIXED.sub(_prefixed, text)
    return text


def _prefixed(m: re.Match[str]) -> str:
    base = {"x": 16, "b": 2, "o": 8}[m[1].lower()]
    return _numeral(m[2], base) if max(_digit_values(m[2])) < base else m[0]
