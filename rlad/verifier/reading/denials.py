"""Words that take an answer back: denials, bounds, ranges and refusals, before or behind the place where it stands."""

from __future__ import annotations

import re

_CLAUSE_START = re.compile(
    r"[,;:。，；]|\b(?:but|so|therefore|thus|hence|then|and|because|since|rather|instead|which|who|whose|where|if|when|"
    r"sondern|mais|sino|ma|а)\b|而是",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"(?:(?<!\\)\b(?:not|never|no\s+longer|cannot|unable|fails?|failed|impossible|wrong|incorrect|wrongly|nor|neither|"
    r"no\s+(?:solutions?|answers?)|doubt|nicht|kein\w*|non\s+(?:è|sono)|não|не|no\s+(?:es|son|puede))\b|n['’]t\b|n['’]est\s+pas\b|不是|不能|并非)"
    r"(?!.*(?:=|['’]s\b|\b(?:is|are|was|were|equals|gives|leaves|makes|gets|has|takes|becomes|needs|costs|totals|we)\b))",
    re.IGNORECASE | re.DOTALL,
)
_BOUND_BEFORE = re.compile(
    r"\b(?:at\s+(?:least|most)|(?:more|less|fewer|greater|larger|smaller|bigger|higher|lower|other|different)\s+than|"
    r"up\s+to|over|under|above|below|beyond|exceed(?:s|ing)?|almost|nearly|between|within|as\s+(?:many|few|much)\s+as|"
    r"close\s+to|short\s+of|neither|either|except(?:\s+for)?|mindestens|höchstens|au\s+moins|au\s+plus|al\s+menos|至少|至多)"
    r"\s*(?:\b(?:a|an|the|by|about|exactly|roughly|or\s+equal\s+to)\s+)*[$(\\*\s]*$",
    re.IGNORECASE,
)
_BOUND_BEHIND = re.compile(
    r"[)\]}$*\s]*(?:\+(?!\s*[\d$\\(])|(?:,?\s*[^\W\d]+){0,2}?\s*\b(?:or|and|oder|ou|o|или)\s+(?:even\s+|possibly\s+|any\s+)?"
    r"(?:more|less|fewer|greater|larger|bigger|smaller|higher|lower|above|below|over|under|so|up|upwards?|beyond|beneath|"
    r"older|younger|longer|shorter|later|earlier|mehr|weniger|plus|moins|más|menos|больше|меньше)\b"
    r"|\s+at\s+(?:the\s+)?(?:least|most|minimum|maximum)\b)",
    re.IGNORECASE,
)
_TAKEN_BACK = re.compile(
    r"[)\]}$*\"',\s\\]*(?:(?:which|that|this|but\s+(?:that|this|it)|und\s+das|et\s+c)\s+)?"
    r"(?:(?:is|are|was|were|would\s+be|seems?|looks?|must\s+be|ist|est|es|è|é)\s+(?:\w+ly\s+|also\s+|just\s+|still\s+|simply\s+)?"
    r"(?:not\b|wrong|incorrect|false|impossible|invalid|mistaken|absurd|too\s+\w+|nicht|falsch|faux|incorrecto|sbagliato|errado|"
    r"a\s+(?:mistake|wrong)|an?\s+(?:error|incorrect)|out\s+of)"
    r"|(?:is|was|are|were|does|do|did|would|could|ca|can|should)n['’]t\b|cannot\b|can\s*not\b|(?:does|do|did|can|could|would)\s+not\b"
    r"|不是|是错|不对|错误)",
    re.IGNORECASE,
)
_EXCEPTED = re.compile(r"(?:[,;]\s*not|\b(?:and|but)\s+not|\b(?:rather\s+than|instead\s+of))\s+[$\\(]*$", re.IGNORECASE)
_REFUSED = re.compile(
    r"\b(?:I|we)\s+(?:really\s+|just\s+|honestly\s+)?(?:cannot|can\s*not|can['’]t|could\s+not|couldn['’]t|(?:am|was|are|were)\s+(?:not\s+able|unable)|"
    r"do\s+not\s+know|don['’]t\s+know|have\s+no\s+idea|give\s+up)\b(?!\s+(?:use|have|just|simply|take|choose|be\b))",
    re.IGNORECASE,
)


_WRONG = (
    r"(?:\w+ly\s+|still\s+|just\s+)?(?:wrong|incorrect|false|mistaken|invalid|impossible|(?:a|my)\s+mistake|an?\s+(?:error|(?:wrong|incorrect|invalid|false)\s+\w+)|"
    r"not\s+(?:\w+ly\s+)?(?:right|correct|(?:the|my|our|an?)\s+(?:\w+\s+)?(?:answer|solution)|it|possible|valid|allowed)\b)"
)
_REJECTED = re.compile(
    rf"[)\]}}$*\\\s]*(?:,?\s*(?:which|that|this|it|but\s+(?:that|this|it))?\s*)(?:['’]s|\b(?:is|are|was|were|would\s+be|seems|looks))\s+{_WRONG}"
    rf"|[)\]}}$*\\.?!\s]*(?:(?:wait|no|hmm|oh|but|however)\b[,.:!\s]*)*(?:that|this|it)(?:['’]s|\s+is|\s+was)\s+{_WRONG}"
    r"|[)\]}$*\\\s]*(?:is\s*n['’]t|was\s*n['’]t|cannot\s+be|can['’]t\s+be)\s+(?:right|correct|the\s+answer|it\b|true)"
    r"|[)\]}$*\\\s]*[-–—:(]\s*(?:wrong|incorrect)\b"
    r"|[)\]}$*\\\s]*(?:不是|是错|不对|错误|ist\s+falsch|est\s+faux|es\s+incorrect)",
    re.IGNORECASE,
)
_CORRECTED = re.compile(
    r"\b(?:wait|actually|correction|correcting|corrected|sorry|oops|hmm|mistake|mistaken|scratch\s+that|instead|"
    r"on\s+second\s+thought|let\s+me\s+(?:re|double|correct|fix|try|check)\w*|should\s+(?:be|have\s+been)|"
    r"(?:I|we)\s+(?:was|were)\s+wrong|(?:that|this)(?:['’]s|\s+is|\s+was)\s+(?:not\s+(?:right|correct)|wrong|incorrect))\b",
    re.IGNORECASE,
)


def _clause(before: str) -> str:
    """The part of a sentence since its last clause began."""
    start = 0
    for m in _CLAUSE_START.finditer(before):
        start = m.end()
    return before[start:]


def denied(before: str, behind: str) -> bool:
    """Whether a sentence denies what stands between ``before`` and ``behind``.

    >>> denied("It is not ", ""), denied("", " is wrong"), denied("It is not 41 but ", ""), denied("It is ", ".")
    (True, True, False, False)
    """
    return _DENIED.search(_clause(before[-200:])) is not None or _TAKEN_BACK.match(behind[:80]) is not None


def rejected(before: str, behind: str) -> bool:
    """``denied`` for a box, of which more may be said: that it is wrong, also in a sentence of its own behind it.

    >>> rejected("", ". Wait, that is not right."), rejected("", ", which cannot be simplified further.")
    (True, False)
    """
    return denied(before, "") or any(p.match(behind[:100]) for p in (_REJECTED, _BOUND_BEHIND))


def corrected(between: str) -> bool:
    """Whether the text between two answers says that the second corrects the first.

    >>> corrected(". Wait, I forgot the sign, so it is "), corrected(" for the first case and ")
    (True, False)
    """
    return _CORRECTED.search(between) is not None


def bounds(before: str, behind: str) -> bool:
    """Whether it is only a bound of the answer, or what the answer is different from.

    >>> bounds("at least ", ""), bounds("", " or more"), bounds("there are ", " apples or fewer"), bounds("is ", " m")
    (True, True, True, False)
    """
    return _BOUND_BEFORE.search(before[-60:]) is not None or _BOUND_BEHIND.match(behind[:60]) is not None


def excepted(before: str) -> bool:
    """Whether what follows is only what the answer is said not to be: ``42, not`` 41.

    >>> excepted("It is 42, not "), excepted("It is not "), excepted("It is 42 rather than ")
    (True, False, True)
    """
    return _EXCEPTED.search(before[-40:]) is not None


def refused(sentence: str) -> bool:
    """Whether a sentence says that there is no answer: a number in it is none.

    >>> refused("I cannot solve this in 42"), refused("We cannot have less, so 42")
    (True, False)
    """
    return _REFUSED.search(sentence) is not None
