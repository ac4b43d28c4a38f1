"""Multiple choice: a gold that is one letter, with or without the text of its option."""

from __future__ import annotations

import re

_GOLD = re.compile(
    r"\s*\$?(?:\\boxed\{)?(?:\\(?:text|textbf|mathrm|mathbf)\{)?\s*\(?\s*([A-J])\s*\)?\s*\}?\}?\$?[.,]?\s*"
)
_LETTER_AND_TEXT = re.compile(r"(?:.*\banswer is\s*)?\(?([A-J])(?:\)|[.:)]|(?=\s+[A-Z][a-z]))\s*(.*)", re.DOTALL)
_LEADING = re.compile(r"\s*[*_\"'$]*\(?([A-J])\)?[*_\"'$]*(?:[.。,，:：;)]|\s*(?:不是|$|\n|because\b|since\b|is\b))")
_STATED = re.compile(
    r"(?i:(answer|correct|réponse|respuesta|resposta|risposta|antwort|ответ|答案|正确选项)|option|choice)\W*"
    r"(?i:option\W+|choice\W+)?(?:is|are|est|es|é|è|ist|lautet|是|为|:|：)?\W*"
    r"(?:for\s+sure\W+|definitely\W+|clearly\W+|option\W+|choice\W+|therefore\W+|most\s+likely\W+)*[*\"'$(\\a-z{]{0,10}?\b([A-J])\b(?![a-z'])"
    r"|\b(?:it'?s|it\s+is|is|choose|pick|select)\s+(?:option\s+|choice\s+)?[*\"'$(]{0,4}([A-J])\b(?!\s*[a-z']{2})(?=[\s.)*\"'$,]|$)"
)
_WRONG = re.compile(
    r"[*_\"'$)\s]*(?:(?:is|was|are|would\s+be|seems|looks)\s+(?:not\b|wrong|incorrect|false|invalid|out\b|too\b|ruled|a\s+distractor|excluded)"
    r"|(?:is|was|does|would|can)n['o]t\b|cannot\b|can\s+be\s+(?:ruled|excluded|eliminated)|does\s+not\b|fails\b)",
    re.IGNORECASE,
)
_LOWER = re.compile(r"\s*\(?([a-j])[).]\s*")
_NEGATED = re.compile(r"(?:\bnot|n't|\bnon|不是|\bnicht|\bno)\s+(?:be\s+)?[*\"'$(]{0,3}$", re.IGNORECASE)


_DRESSED = re.compile(
    r"\s*\$?\\(?:text|textbf|textrm|mathrm|mathbf|mbox)\s*\{\s*"
    r"\(?([A-J])\s?[).][\s~.:]{0,4}\}(?:\\[ ,;:]|\\q?quad|[\s~$:.])*"
)
_BARE = re.compile(r"\s*([A-J])\s?[).]\s+")
_IN_TEXT = re.compile(r"\s*\\(?:text|textbf|textrm|mathrm|mathbf|mbox)\s*\{\s*\(?([A-J])\s?[).:]\s*([^{}]+)\}\s*")


def plain_option(text: str) -> str:
    """An option with its letter in any dress as ``(D) 42``; any other text as it is.

    >>> plain_option(r"\\textbf{(D)}\\ 42"), plain_option("D. 42"), plain_option(r"\\mathbf{A} x")
    ('(D) 42', '(D) 42', '\\\\mathbf{A} x')
    """
    if m := _IN_TEXT.fullmatch(text):
        return f"({m[1]}) {m[2].strip()}"
    m = _DRESSED.match(text) or _BARE.match(text)
    rest = text[m.end() :] if m else ""
    return f"({m[1]}) {rest}" if m and rest.strip() else text


def choice_letter(gold: str) -> str | None:
    """The letter of a multiple-choice gold: ``C``, ``(C)``, ``\\text{(C)}``."""
    m = _GOLD.fullmatch(gold)
    return m.group(1) if m else None


def lettered_option(text: str) -> tuple[str, str] | None:
    """``(D) Alina`` as ``("D", "Alina")``; None for anything else."""
    m = _LETTER_AND_TEXT.fullmatch(text.strip().splitlines()[0] if text.strip() else "") or _LETTER_AND_TEXT.fullmatch(
        text.strip()
    )
    if m is None or not m.group(2).strip() or len(m.group(2)) > 300:
        return None
    return m.group(1), m.group(2).strip()


def stated_letter(completion: str) -> str | None:
    """The letter a completion in words settles on: leading ``D.``, or the last ``the answer is D`` that is not
    negated.
    """
    if m := _LOWER.fullmatch(completion):
        return m.group(1).upper()
    if (m := _LEADING.match(completion)) and not _WRONG.match(completion, m.end(1)):
        return m.group(1)
    end = completion[-2000:]
    stated = [m for m in _STATED.finditer(end) if not _taken_back(end, m)]
    announced = [m for m in stated if m[1]] or stated  # "the answer is C because option B is wrong"
    return announced[-1][announced[-1].lastindex] if announced else None


def _taken_back(text: str, m: re.Match[str]) -> bool:
    start, end = m.span(m.lastindex)
    return _NEGATED.search(text[max(0, start - 12) : start]) is not None or _WRONG.match(text, end) is not None
