r"""Texts as they are read aloud: no markup, no LaTeX, no hidden characters, every number in figures.

The gate looks for a number in a sentence. People write ``twenty-seven``, ``$\frac{3}{4}$``, ``12\,500``, ``**8**`` or
over two lines; here all of these become one plain text, in which ``⊢`` stands for a box and ``⇒`` for every arrow.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import NamedTuple

from rlad.reasoning.leaks.ordinals import in_figures
from rlad.verifier.grammar.counting import number_from_words

BOX, ARROW = "⊢", "⇒"
MOST = 10_000
"""Characters that are read; an abstraction is much shorter, and what comes behind them counts as no leak."""


class PlainText(NamedTuple):
    """A plain text, and at which of its characters a number begins that was written as a word."""

    text: str
    worded: dict[int, str]


_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SYMBOLS = str.maketrans({"×": "*", "·": "*", "⋅": "*", "∙": "*", "÷": "/", "−": "-", "⁄": "/", "–": "-", "—": " - ",
    "→": ARROW, "⟹": ARROW, "⟶": ARROW, "∴": ARROW, "’": "'", "“": '"', "”": '"', "√": " sqrt", "π": " pi ",
    "≤": "<", "≥": ">", "≠": "<>", "`": "", "€": "", "£": "", "¥": "", "°": " degrees ", "\u00a0": " "})  # fmt: skip
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,80}>")
_EMPHASIS = re.compile(r"(?<![\w*_])([*_~]{1,3})(?=[^\s*_~])([^*_~\n]{1,80}?)(?<=\S)\1(?![\w*_])")
_INNER = r"((?:[^{}]|\{[^{}]*\}){0,200})"
_LATEX = [
    (re.compile(r"\\(?:(?:text|math)(?:bf|it|rm|sf)?|operatorname|mbox|emph|bm)\s*\{" + _INNER + r"\}"), r" \1 "),
    (re.compile(r"(?<=\d)(?:\\[,;:! ]|\{,\}|\\thinspace)+(?=\d{3}(?!\d))"), ""),
    (re.compile(r"\\(?:boxed|fbox)\s*\{" + _INNER + r"\}"), rf" {BOX} \1 "),
    (re.compile(r"-\s*(?=\\[dtc]?frac\s*(?:\{\s*[\d.]+\s*\}\s*\{\s*[\d.]+\s*\}|\d\s*\d))"), " -"),
    (re.compile(r"(?<=-)\\[dtc]?frac\s*\{\s*([\d.]+)\s*\}\s*\{\s*([\d.]+)\s*\}"), r"\1/\2 "),
    (re.compile(r"(?<=-)\\[dtc]?frac\s*(\d)\s*(\d)"), r"\1/\2 "),
    (re.compile(r"\\[dtc]?frac\s*\{\s*(-?[\d.]+)\s*\}\s*\{\s*([\d.]+)\s*\}"), r" \1/\2 "),
    (re.compile(r"\\[dtc]?frac\s*(\d)\s*(\d)"), r" \1/\2 "),
    (re.compile(r"\\[dtc]?frac\s*\{" + _INNER + r"\}\s*\{" + _INNER + r"\}"), r"((\1)/(\2))"),
    (re.compile(r"\\sqrt\s*\{" + _INNER + r"\}"), r" sqrt(\1)"),
    (re.compile(r"\^\s*(?:\{\s*)?\\(?:circ|degree)\s*\}?"), " degrees "),
    (re.compile(r"\^\s*\{([^{}]{1,40})\}"), r"^(\1)"),
    (re.compile(r"\\(?:times|cdot|ast)(?![A-Za-z])"), "*"),
    (re.compile(r"\\div(?![A-Za-z])"), "/"),
    (re.compile(r"\\(?:implies|Rightarrow|rightarrow|to|therefore|longrightarrow|Longrightarrow)(?![A-Za-z])"), ARROW),
    (re.compile(r"\\(?:approx|simeq|equiv)(?![A-Za-z])"), "="),
    (re.compile(r"\\(?:leq?|lt)(?![A-Za-z])"), "<"),
    (re.compile(r"\\(?:geq?|gt)(?![A-Za-z])"), ">"),
    (re.compile(r"\\neq?(?![A-Za-z])"), "<>"),
    (re.compile(r"\\(?:left|right|displaystyle|quad|qquad|Big|big)(?![A-Za-z])"), " "),
    (re.compile(r"\\([%$#&_])"), r"\1"),
    (re.compile(r"\\[()\[\],;:! ]|\$"), " "),
    (re.compile(r"\\([A-Za-z]+)"), r" \1 "),
    (re.compile(r"[{}\\]"), " "),
]  # fmt: skip
_LISTED = re.compile(r"(?m)^[ \t]*(?:[-*•+]\s+)?(?:\(?\d{1,2}[.):](?!\d)|\(?[a-h][.)])[ \t]+(?=\S*[A-Za-z(])")
_BULLET = re.compile(r"(?m)^[ \t]*[-*•+]\s+")
_HEADING = re.compile(r"(?m)^#{1,6}\s+(.*)$")
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:(?:,|[ '\u2009\u202f])\d{3})+(?![\d,])")
_SCIENTIFIC = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)[eE]([+-]?\d{1,3})\b")
_SPELT = re.compile(r"(?<![A-Za-z])[A-Za-z](?:([-. ])[A-Za-z])(?:\1[A-Za-z]){1,8}(?![A-Za-z])")
_FRACTION_CHARACTER = re.compile(r"(?<=\d)(?=[¼-¾⅐-⅞])")


def plain_text(text: str) -> PlainText:
    r"""The text as a reader takes it in, with its numbers in figures.

    >>> plain_text(r"He has **twenty-seven** of $\frac{1}{2}$, so 12\,500 $\Rightarrow$ \boxed{8}").text
    'He has 27 of 1/2 , so 12500 ⇒ ⊢ 8'
    """
    text = _visible(html.unescape(text[:MOST]))
    text = _TAG.sub("", text).replace("=>", ARROW).replace("->", ARROW)
    text = re.sub(r"(?<=\d)\*\*(?=\d)", "^", text)
    text = _HEADING.sub(r"\1 .\n", text)
    text = _BULLET.sub(" ; ", _LISTED.sub(" ; ", text))
    for _ in range(2):  # bold around italic
        text = _EMPHASIS.sub(r"\2", text)
    for pattern, instead in _LATEX:
        text = pattern.sub(instead, text)
    text = re.sub(r"\n\s*\n", "\n", text)
    text = _GROUPED.sub(lambda m: re.sub(r"\D", "", m[0]), text)
    text = _SCIENTIFIC.sub(r"\1*10^(\2)", text)
    text = re.sub(r"(?<=[\d)])\s*[xX]\s*(?=[\d(])", " * ", " ".join(text.split()))
    text = _SPELT.sub(_spelt, text)
    return _figures(in_figures(text))


def _visible(text: str) -> str:
    """Without characters that nobody sees; digits of all scripts as ours, superscripts as powers."""
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cc", "Mn") or c in "\n\t\r")
    text = re.sub("[⁰¹²³⁴-⁹⁻⁺]+", lambda m: f"^({m[0].translate(_SUPERSCRIPTS)})", text)
    text = _FRACTION_CHARACTER.sub(" ", text).translate(_SYMBOLS)
    text = unicodedata.normalize("NFKC", text).translate(_SYMBOLS)
    return "".join(str(unicodedata.digit(c)) if not c.isascii() and c.isdigit() else c for c in text)


def _spelt(m: re.Match[str]) -> str:
    """``e i g h t`` as one word, where the letters are a number's."""
    word = m[0].replace(m[1], "")
    return word if number_from_words(word) is not None else m[0]


# --- numbers in words ----------------------------------------------------------------------------------------------
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_BEGINS = [
    *_ONES.split(),
    *["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "a", "an", "half"],
]
_PARTS = [
    "half",
    "halves",
    "third",
    "thirds",
    "quarter",
    "quarters",
    "fourth",
    "fourths",
    "fifth",
    "fifths",
    "sixth",
    "sixths",
    "seventh",
    "sevenths",
]
_PARTS += ["eighth", "eighths", "ninth", "ninths", "tenth", "tenths", "twelfth", "twelfths"]
_INSIDE = [*_BEGINS, "and", "hundred", "thousand", "million", "billion", "dozen", *_PARTS]
_START = "|".join(sorted(_BEGINS, key=len, reverse=True))
_NEXT = "|".join(sorted(_INSIDE, key=len, reverse=True))
_NUMBER_WORDS = re.compile(
    rf"(?<![A-Za-z])(?:(?:minus|negative)\s+(?!a\b|half\b))?(?:{_START})"
    rf"(?:(?:\s+|\s?-\s?)(?:{_NEXT})(?![A-Za-z])){{0,11}}(?![A-Za-z])",
    re.IGNORECASE,
)
_TWO_NUMBERS = re.compile(
    rf"(?<!hundred)(?<!thousand)(?<!million)(?<!dozen)\s+and\s+(?!.*\b(?:{'|'.join(_PARTS)})$)", re.IGNORECASE
)
"""``five and three``: "and" stands inside a number behind its hundreds only, or before a fraction."""
_POINT = re.compile(r"(?<!\d)(\d{1,30})\s+point((?:\s+\d)+)(?![\d.])", re.IGNORECASE)
_SCALED = re.compile(r"(?<![\d.])(\d{1,30}(?:\.\d{1,30})?)\s+(dozen|hundred|thousand|million|billion)\b", re.IGNORECASE)
_SCALES = {"dozen": 12, "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_THOUSANDS = re.compile(r"(?<![\w.])(\d{1,30}(?:\.\d{1,30})?)[kK](?!\w)")
_CENTS = re.compile(r"(?<![\w.])(\d{1,30}) dollars?,?(?: and)? (\d{1,2}) cents?\b", re.IGNORECASE)
_PERCENT = re.compile(r"(?<=\d)\s*(?:percent|per cent|percentage points?)\b", re.IGNORECASE)
_BELOW_ZERO = re.compile(r"(?<![\d.-])(\d{1,30}(?:\.\d{1,30})?)((?: degrees?)?) below (?:0|zero)\b", re.IGNORECASE)
_NEGATIVE = re.compile(
    r"\bnegative (?=\d)|(?:(?<=[=:,;(] )|^|(?<=\bis )|(?<=\bare )|(?<=\bequals )|(?<=\bget )|(?<=\bgives )|(?<=\bto )"
    r"|(?<=\bbe ))minus (?=\d)",
    re.IGNORECASE,
)
"""A sign in words; ``the total minus 3`` is a difference."""
_MIXED = re.compile(r"(?<![\d./])(\d{1,30})\s+(?:and\s+)?(\d{1,30}/\d{1,30})(?![\d/.])")


def _figures(text: str) -> PlainText:
    parts: list[str] = []
    worded: dict[int, str] = {}
    at = length = 0
    for m in _NUMBER_WORDS.finditer(text):
        for written, figures, start, end in _numbers(m):
            parts += [text[at:start], figures]
            length += start - at
            worded[length] = written
            length += len(figures)
            at = end
    joined = PlainText("".join([*parts, text[at:]]), worded)
    joined = _replaced(joined, _POINT, lambda m: f"{m[1]}.{m[2].replace(' ', '')}")
    joined = _replaced(joined, _SCALED, lambda m: _short(float(m[1]) * _SCALES[m[2].lower()]))
    joined = _replaced(joined, _THOUSANDS, lambda m: _short(float(m[1]) * 1000))
    joined = _replaced(joined, _CENTS, lambda m: f"{m[1]}.{int(m[2]):02d} dollars")
    joined = _replaced(joined, _PERCENT, lambda m: "%")
    joined = _replaced(joined, _NEGATIVE, lambda m: "-")
    joined = _replaced(joined, _BELOW_ZERO, lambda m: f"-{m[1]}{m[2]}")
    return _replaced(joined, _MIXED, lambda m: f"({m[1]}+{m[2]})")


def _short(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _numbers(m: re.Match[str]) -> Iterator[tuple[str, str, int, int]]:
    """(as written, in figures, start, end) of the numbers in a run of number words; the longest readings win."""
    words = [(w.start() + m.start(), w.end() + m.start()) for w in re.finditer(r"[A-Za-z]+", m[0])]
    at = 0
    while at < len(words):
        for size in range(len(words) - at, 0, -1):
            start, end = words[at][0], words[at + size - 1][1]
            written = m.string[start:end]
            value = None if _TWO_NUMBERS.search(written) else number_from_words(re.sub(r"\s*-\s*", "-", written))
            if value is not None:
                figures = str(value.numerator) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"
                yield written, figures, start, end
                at += size
                break
        else:
            at += 1


def _replaced(before: PlainText, pattern: re.Pattern[str], instead: Callable[[re.Match[str]], str]) -> PlainText:
    """A substitution that keeps the places of worded numbers."""
    parts: list[str] = []
    shifts = [(0, 0)]  # (a place of the old text, by how much the text behind it moves)
    at = 0
    for m in pattern.finditer(before.text):
        new = instead(m)
        parts += [before.text[at : m.start()], new]
        at = m.end()
        shifts.append((at, shifts[-1][1] + len(new) - (at - m.start())))
    moved = {
        place + next(by for end, by in reversed(shifts) if end <= place): word for place, word in before.worded.items()
    }
    return PlainText("".join([*parts, before.text[at:]]), moved)
