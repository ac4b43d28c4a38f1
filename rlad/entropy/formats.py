"""Which form an output has, and whether one form takes over (the echo chamber, 2504.07912).

The classifiers look for signs that only one form has, in a fixed order, so that every text has exactly one. A word like
"define" is no code: the released classifier of the paper counts it as such.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from rlad.entropy.pieces import sentences
from rlad.entropy.shares import shares_entropy

CODE = re.compile(r"```\s*(?:python|py|cpp|c|java|sage)\b|^\s*(?:def \w+\(.*\).*:|import \w+|from \w+ import )", re.M)
STATED = re.compile(r"<(\w+)>[\s\d.]*</\1>")
STEP = re.compile(r"^\s*(?:\W*step\s+\d+|\d+[.)]\s|#{1,4} )", re.I | re.M)
BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s", re.M)
LATEX = re.compile(r"\\[A-Za-z]+|\$[^$]*\$|\\\[.*?\\\]|\\\(.*?\\\)", re.S)
PROSE = re.compile(r"[A-Za-z]{2,}")
MATH = re.compile(r"\\[A-Za-z]+|[0-9]+|[=+*/^<>-]")
ANSWER = re.compile(r"\\boxed|the (?:final )?answer is|therefore the (?:value|result) is", re.I)
EXAMPLE = re.compile(r"\bfor (?:example|instance)\b|\be\.g\.|\bexample:|\bsuppose \w+ ?= ?\d|\bsay \w+ ?= ?\d", re.I)
PITFALL = re.compile(r"\b(?:avoid|beware|careful|pitfall|mistake|do not forget|don't forget|never)\b", re.I)
LEMMA = re.compile(r"\b(?:lemma|theorem|identity|fact|property|formula|inequality|law)\b", re.I)
PROCEDURE = re.compile(r"\bfirst(?:ly)?\b.*\b(?:then|next|finally|second(?:ly)?)\b", re.I | re.S)
RESULT = re.compile(r"=\s*-?\d+(?:\.\d+)?(?![\w(])")

SOLUTION_FORMATS = ("code", "steps", "equations", "prose", "answer", "empty")
ABSTRACTION_FORMATS = ("solution", "example", "lemmas", "procedure", "pitfall", "insight", "empty")


def solution_format(text: str) -> str:
    r"""The form of a solution in natural language: one of SOLUTION_FORMATS.

    >>> solution_format("We define x as the sum. It is even because both terms are.")
    'prose'
    >>> solution_format("def f(n):\n    return n"), solution_format("Step 1: add.\nStep 2: halve.")
    ('code', 'steps')
    >>> solution_format("4"), solution_format("")
    ('answer', 'empty')
    >>> solution_format("$2x + 3 = 7$ so $2x = 4$, $x = 2$ \\boxed{2}")
    'equations'
    """
    if not text.strip():
        return "empty"
    if CODE.search(text):
        return "code"
    text = STATED.sub(" ", text)  # a stated confidence is neither words nor mathematics
    prose, math = len(PROSE.findall(LATEX.sub(" ", text))), len(MATH.findall(text))
    if prose <= 3 and math <= 3:
        return "answer"
    if len(STEP.findall(text)) >= 2:
        return "steps"
    return "equations" if math > prose else "prose"


def abstraction_format(text: str) -> str:
    r"""The form of an abstraction in natural language: one of ABSTRACTION_FORMATS.

    A disguised solution is looked for first: it is what the leak gate wants to know of.

    >>> abstraction_format("2 + 3 = 5, 5 * 4 = 20 and 20 - 1 = 19."), abstraction_format("The answer is 19.")
    ('solution', 'solution')
    >>> abstraction_format("For example, take n = 3."), abstraction_format("Lemma 1. a | b. Lemma 2. b | c.")
    ('example', 'lemmas')
    >>> abstraction_format("First factor, then compare signs."), abstraction_format("Beware of dividing by zero.")
    ('procedure', 'pitfall')
    >>> abstraction_format("Look at the parity.")
    'insight'
    """
    if not text.strip():
        return "empty"
    if ANSWER.search(text) or len(RESULT.findall(text)) >= 3:
        return "solution"
    if EXAMPLE.search(text):
        return "example"
    if len(LEMMA.findall(text)) >= 2:
        return "lemmas"
    if len(STEP.findall(text)) >= 2 or len(BULLET.findall(text)) >= 2 or PROCEDURE.search(text):
        return "procedure"
    return "pitfall" if PITFALL.search(text) else "insight"


def world_format(text: str) -> str:
    r"""The form of a world's text: its operations, in order, without numbers and signs.

    >>> world_format("3 + 8 = 11 ; 9 - 11 = - 2 ; 5 + 4 = 9 ; 9 + - 2 = 7 \\boxed{ 7 }")
    '+ - + +'
    >>> world_format("2 a + 1 b"), world_format("1 min"), world_format("7")
    ('a + b', 'min', 'number')
    """
    words = [word for sentence in sentences(text.encode(), symbols=True) for word, *_ in sentence]
    kept = []
    for before, word in zip(["", *words], words, strict=False):
        sign = word == "-" and (not before or before in "=+-*/(,;{")
        if not sign and word not in PUNCTUATION:
            kept.append(word)
    return " ".join(kept[:12]) or "number"


PUNCTUATION = {"#", "=", ";", ",", "(", ")", "{", "}", "\\boxed"}


def counted_profile(counts: Counter, right: Counter, judged: bool, most: int = 6) -> dict:
    """Shares and accuracy of the forms, the dominant one, their number, and their entropy in nats.

    counts, right: how often each form came, and how often it came right, summed over ranks. judged: whether `right`
    means anything. The `most` frequent forms are listed.

    >>> found = counted_profile(Counter(prose=3, code=1), Counter(prose=1, code=1), True)
    >>> found["dominant"], found["dominant_share"], found["number"], round(found["entropy"], 4)
    ('prose', 0.75, 2, 0.5623)
    >>> found["shares"], found["accuracy"]["code"]
    ({'prose': 0.75, 'code': 0.25}, 1.0)
    >>> counted_profile(Counter(a=1, b=1), Counter(), False)["dominant"]  # of equals the first by name
    'a'
    """
    total = sum(counts.values())
    if not total:
        return {}
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    found = {
        "dominant": ranked[0][0],
        "dominant_share": ranked[0][1] / total,
        "number": len(counts),
        "entropy": shares_entropy(counts.values()),
        "shares": {name: count / total for name, count in ranked[:most]},
    }
    if judged:
        found["accuracy"] = {name: right[name] / count for name, count in ranked[:most]}
    return found


def takeover_step(steps: Sequence[float], shares: Sequence[float | None], above: float = 0.9) -> float | None:
    """The first step from which one form's share stays above `above` to the end; None when it never does.

    >>> takeover_step([1, 2, 3, 4], [0.95, 0.5, 0.92, 0.97]), takeover_step([1, 2], [0.5, 0.6])
    (3, None)
    """
    found = None
    for step, share in zip(steps, shares, strict=True):
        if share is None:
            continue
        if share <= above:
            found = None
        elif found is None:
            found = step
    return found
