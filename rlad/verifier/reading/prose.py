r"""The last mathematics of a text without box or announcement: one whole run, never a number taken out of a run.

A run is what a reader sees as one expression: ``2√3 cm``, ``(3, 2)``, ``1, 2 and 3``, ``x = 7 ± 3``, ``$12 500``,
``63 (base 8)``. Spans between dollar signs are parts of runs, so that ``$1$, $2$ and $3$`` is a list as well.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from rlad.verifier.grammar.counting import SCALES
from rlad.verifier.grammar.units import UNITS
from rlad.verifier.reading.denials import bounds, denied, excepted, refused

_TAIL = 1500
_SCALE_WORDS = "|".join(re.escape(w) for w in sorted(SCALES, key=len, reverse=True) if w.isascii() and len(w) > 1)
_OTHER_SCALES = "|".join(re.escape(w) for w in sorted(SCALES, key=len, reverse=True) if not w.isascii())
_UNIT_WORDS = "|".join(
    re.escape(w)
    for w in sorted(UNITS, key=len, reverse=True)
    if len(w) > 1 and w not in ("in", "sec", "pound", "minute")
)
_LETTERS = r"[A-Za-z\u00c0-\u024f\u0370-\u04ff]+"
_NUMBER = (
    r"(?:[1-9]\d{0,2}(?:\.\d{3}){2,}(?![\d.]\d)"
    r"|\d{1,3}(?:(?:[ \u00a0\u202f\u2009'’]|\{,\}|\\[,;:! ]|,\\!|,)\d{3})+(?!\d)(?:\.\d+)?"
    r"|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|(?<![\d.])\.\d+)(?:\.{3}|…)?"
)
_SPAN = (
    r"\\\[.+?\\\]|\\\(.+?\\\)|\$\$.+?\$\$"
    r"|(?<!\\)\$(?:[^$\n]|\\\$){1,400}?(?<!\\)\$(?!\d)"  # a closing sign is not followed by a digit: 5$ and $6
)
_TOKEN = re.compile(
    rf"""(?P<span>{_SPAN})
        (?P<spanscale>\s?(?:(?:{_SCALE_WORDS})(?!\w)\.?|(?:{_OTHER_SCALES})+(?![a-z克米瓦卡帕升赫焦])))?
      | (?P<money>(?:US|A|C)?\\?\$|€|£|¥)(?=\s?[\d.])
      | (?P<name>(?<![^\W_]){_LETTERS}\d[\w.]*\w|(?<![^\W_]){_LETTERS}\d)
      | (?P<number>{_NUMBER})
        (?P<scale>\s?(?:(?:{_SCALE_WORDS})(?!\w)\.?|(?:{_OTHER_SCALES})+(?![a-z克米瓦卡帕升赫焦])|[kKM](?!\w)(?<=\$\d[kKM]))|(?:st|nd|rd|th)\b)?
      | (?P<unit>(?:{_UNIT_WORDS})(?:\s+per\s+\w+|/\w+)?(?![\w])|(?<=\d\s)[ap]\.?m\b\.?)
      | (?P<base>\(?(?:in\s+)?base[\s-]*(?:\d{{1,2}}|[a-z]+)\b\)?|\(?in\s+(?:binary|octal|hexadecimal)\b\)?)
      | (?P<math>\.{{3}}|…|\\(?:[a-zA-Z]+|[{{}}%,;:! |])|(?:sqrt|sin|cos|tan|log|ln|pi|exp|choose|mod)(?![^\W\d_])
        |[-+*/^_=<>≤≥≠≈±∓×·⋅÷√∛∜∞°′″%‰!|∪∩∈⁰¹²³⁴⁵⁶⁷⁸⁹⁻₀₁₂₃₄₅₆₇₈₉½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞\u0370-\u03ff−–])
      | (?P<open>[(\[{{]) | (?P<close>[)\]}}])
      | (?P<letter>[A-Za-z](?![^\W_]))
      | (?P<joint>,(?!\s*$)|;|(?:and|or|to|through|by)\b|&)
      | (?P<times>(?<=\d)\s?[xX]\s?(?=\d))
      | (?P<colon>(?<=\d)(?:[ ]:[ ]|:)(?=\d))
      | (?P<space>[ \t\u00a0]+)
      | (?P<other>[^\W\d_]+|.)""",
    re.VERBOSE | re.DOTALL,
)
_OPERATORS = frozenset("+-*/^=<>≤≥≠≈±×·÷−_")
_PROSE_WORD = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{3,}")
_MATH_WORD = re.compile(r"(?:sqrt|sin|cos|tan|log|exp|and|min|max|gcd|lcm|mod)\Z")
_TEXT_COMMAND = re.compile(r"\\(?:text|mathrm|textbf|mathbf|operatorname|begin|end|mbox|textrm)\s*\{[^{}]*\}")
_SPAN_OR_END = re.compile(
    rf"(?P<span>{_SPAN})|(?:(?<!\b[pPaA])(?<!\d\.)(?<!\.\.)[.!?](?=\s|$)|[。！？]|\n|<\||<<)", re.DOTALL
)
_ASIDE = re.compile(r"\((?=[^()]*[^\W\d_]{2})[^()]*\)")
_RANGE = re.compile(r"\\?\$?([\d.,]+)\s?%?(?:-|–|−|\s*(?:to|through)\s+)\\?\$?([\d.,]+)(?:\s?[%a-z][a-z ]*)?")
_NAMES = re.compile(
    r"\*\*([^*\n]{1,200})\*\*|(?<![\\$])\$([^$\n]{1,200})\$|\\\((.{1,200}?)\\\)|\\\[(.{1,200}?)\\\]", re.DOTALL
)
"""What may hold a name as the answer when a text holds no number: bold text and mathematics."""
_RATIO = re.compile(r"\b(?:odds|ratio|score|proportion)\b", re.IGNORECASE)
_NAMES_BEHIND = re.compile(
    r"\s*,?\s*(?:where|for)\s+((?:all\s+|some\s+)?[a-z]\b(?:\s*(?:,|and)\s*[a-z]\b)*)\s*,?\s+(?:is|are)\b"
)
_REASON = re.compile(r"\b(?:since|because|as\s+(?:required|desired|claimed))\b", re.IGNORECASE)
_CIRCUMSTANCE = re.compile(
    r"\b(?:in|for|after|of|from|per|over|within|than|before|by|at|on|during|to|out\s+of)\s+"
    r"(?:(?:the|all|these|those|only|every|each|a|an|next|first|last|other)\s+)*$",
    re.IGNORECASE,
)
_EDGE = " \t,;:=<>≤≥≠≈*/^_&"


class NumberRun(NamedTuple):
    """Where a run begins and ends, and its text with the dollar signs of spans removed."""

    start: int
    end: int
    text: str


def prose_candidates(text: str) -> list[str]:
    r"""The last run of a text as an answer's text, with what stands behind its last equals sign as second choice.

    Nothing when the text denies or bounds it, gives a range, or says that it has no answer.

    >>> prose_candidates("So the area is 2√3."), prose_candidates("It takes 4-9 days."), prose_candidates("42 or more")
    (['2√3'], [], [])
    """
    tail = text[-_TAIL:]
    for start, end in reversed(_sentences(tail)):
        found = _runs(tail[start:end])
        if found:
            return _readings(tail[start:end], found)
    return [content for m in list(_NAMES.finditer(tail))[-1:] for content in m.groups() if content]


def _sentences(text: str) -> list[tuple[int, int]]:
    """Spans of sentences; an end inside mathematics is none."""
    edges, at = [0], 0
    while at < len(text) and (m := _SPAN_OR_END.search(text, at)) is not None:
        at = m.end()
        if m.lastgroup == "span":
            if _is_prose(m.group()):
                at = m.start() + 1
        else:
            edges.append(at)
    return [(a, b) for a, b in zip(edges, [*edges[1:], len(text)], strict=True) if a < b]


def _tokens(sentence: str) -> list[re.Match[str]]:
    out, at = [], 0
    while (m := _TOKEN.match(sentence, at)) is not None and at < len(sentence):
        if m.lastgroup == "span" and sentence[at] == "$" and _is_prose(m.group("span")):
            m = re.compile(r"(?P<money>\$)(?=\s?[\d.])|(?P<other>.)", re.DOTALL).match(sentence, at)
        out.append(m)
        at = m.end()
    return out


_KINDS = {"scale": "number", "spanscale": "span"}


def _kind(m: re.Match[str]) -> str:
    return _KINDS.get(m.lastgroup, m.lastgroup)


def _is_prose(span: str) -> bool:
    """Whether what stands between two dollar signs is a sentence with two prices in it."""
    inner = _TEXT_COMMAND.sub("", span)
    return (any(not _MATH_WORD.match(w) for w in _PROSE_WORD.findall(inner)) and span[1] not in " \\") or (
        span[1:2].isdigit() and span[-2] in " (-+="
    )


def _runs(sentence: str) -> list[NumberRun]:
    """All runs of a sentence that hold a digit or a mathematical command."""
    masked = sentence
    for m in _ASIDE.finditer(sentence):
        inside, outside = m.group(), sentence[: m.start()]
        if (
            re.search(r"\d", outside)
            and not re.match(r"\((?:in\s+)?(?:base|binary|octal|hex|mod)", inside)
            and "$" not in inside
        ):
            masked = masked[: m.start()] + "\0" * len(inside) + masked[m.end() :]
    runs, current = [], []
    for m in [*_tokens(masked), None]:
        kind = _kind(m) if m else "other"
        if kind == "letter" and not _belongs(masked, m):
            kind = "other"
        if kind == "unit" and not any(_kind(t) in ("number", "span") for t in current[-2:]):
            kind = "other"
        if kind in ("other", "name") or _begins_anew(masked, m, current):
            if (run := _run(sentence, current)) is not None:
                runs.append(run)
            current = []
        if kind not in ("other", "name"):
            current.append(m)
    return runs


def _begins_anew(sentence: str, m: re.Match[str], run: list[re.Match[str]]) -> bool:
    """Whether a token begins another run: a semicolon outside brackets, a number behind a number (no mixed number)."""
    if m.group() == ";":
        return sum((_kind(t) == "open") - (_kind(t) == "close") for t in run) <= 0
    neighbours = len(run) > 1 and (_kind(run[-2]), _kind(run[-1]), _kind(m)) == ("number", "space", "number")
    return neighbours and sentence[m.end() : m.end() + 1] != "/"


def _belongs(sentence: str, m: re.Match[str]) -> bool:
    """A single letter is mathematics when it touches some, or stands beside an operator; else it may be an article."""
    before, behind = sentence[: m.start()], sentence[m.end() :]
    if before[-1:].isdigit() or before[-1:] in _OPERATORS or before[-1:] in "(," or behind[:1] in _OPERATORS:
        return True
    if before[-1:] in ")}" or behind[:1] in "(":
        return True
    return before.rstrip()[-1:] in _OPERATORS or behind.lstrip()[:1] in _OPERATORS


def _run(sentence: str, tokens: list[re.Match[str]]) -> NumberRun | None:
    """A run from its tokens: joints and unmatched brackets at its ends are the sentence's."""
    while tokens and (_kind(tokens[-1]) in ("joint", "space", "money") or tokens[-1].group() in _EDGE + "+-−–("):
        tokens = tokens[:-1]
    while tokens and (_kind(tokens[0]) in ("joint", "space", "unit", "base") or tokens[0].group() in _EDGE + ")]}–"):
        tokens = tokens[1:]
    if tokens and tokens[0].group() in "-−" and len(tokens) > 1 and _kind(tokens[1]) == "space":
        tokens = tokens[2:]
    tokens = _balanced(tokens)
    if not tokens or not any(
        _kind(t) in ("number", "span") or t.group()[:1] == "\\" or t.group() in "π∞√∛∜½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞" for t in tokens
    ):
        return None
    start, end = tokens[0].start(), tokens[-1].end()
    text = "".join(_plain(t) for t in tokens)
    return (
        NumberRun(start, end, text) if any(c.isnumeric() for c in text) or re.search(r"\\[a-z]+|[π∞]", text) else None
    )


def _plain(m: re.Match[str]) -> str:
    text = m.group()
    kind = _kind(m)
    if kind == "span":
        text, scale = m.group("span"), m.group("spanscale") or ""
        return f" {text[2:-2] if text.startswith(('$$', chr(92))) else text[1:-1]} {scale}"
    if kind == "times":
        return "\\times "
    if kind == "money":
        return r"\$"
    if kind == "number" and re.search(r"(?:st|nd|rd|th)$", text) and m.group("scale") in ("st", "nd", "rd", "th"):
        return text[:-2]
    return text


def _balanced(tokens: list[re.Match[str]]) -> list[re.Match[str]]:
    """Without brackets that have no partner in the run."""
    stack, lonely = [], set()
    for k, t in enumerate(tokens):
        if _kind(t) == "open":
            stack.append(k)
        elif _kind(t) == "close":
            if stack:
                stack.pop()
            else:
                lonely.add(k)
    lonely |= set(stack)
    if not lonely:
        return tokens
    cut = max((k for k in lonely if not any(_kind(t) == "number" for t in tokens[k:])), default=len(tokens))
    start = max((k + 1 for k in lonely if k < cut), default=0)
    return tokens[start:cut]


def _is_aside(sentence: str, run: NumberRun, later: NumberRun) -> bool:
    """Whether the later run says why, or for what something was worked out: ``4 + 5 = 9 points in 40 minutes``."""
    between = sentence[run.end : later.start]
    if _REASON.search(between):
        return True
    plain = "=" in run.text and "=" not in later.text and not re.search(r"[.,;:$]", between)
    return plain and len(between) <= 80 and _CIRCUMSTANCE.search(between) is not None


def _readings(sentence: str, runs: list[NumberRun]) -> list[str]:
    telling = [r for r in runs if any(c.isnumeric() for c in r.text)] or runs
    while len(telling) > 1 and excepted(sentence[: telling[-1].start]):
        telling.pop()  # 42, not 41
    while len(telling) > 1 and _is_aside(sentence, telling[-2], telling[-1]):
        telling.pop()
    last = telling[-1]
    before, behind = sentence[: last.start], sentence[last.end :]
    if (m := _NAMES_BEHIND.match(behind)) and not set(re.findall(r"\b[a-z]\b", m[1])) & set(last.text):
        return []  # a part of an expression: it has none of the names it is said to have
    if denied(before, behind) or bounds(before, behind) or refused(sentence):
        return []
    text = last.text.strip()
    if m := _RANGE.fullmatch(text):
        return [f"{m[1]}:{m[2]}"] if _RATIO.search(before) else []
    if re.search(r"\b(?:to|through|by)\b", text):
        return []
    head, _, rest = text.rpartition("=")
    if head and rest.strip() and head[-1] not in "<>!:" and not re.search(r"[^\W\d_]", re.sub(r"\\[a-z]+", "", head)):
        return [rest.strip()]  # 140 - 95 = 45: working, then its result
    return [text, rest.strip()] if head and rest.strip() and "," not in text else [text]
