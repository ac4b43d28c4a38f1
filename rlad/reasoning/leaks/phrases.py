"""Answers that are no numbers: words, letters of choices, formulas, pairs and sets."""

from __future__ import annotations

import re

from rlad.reasoning.leaks import context
from rlad.reasoning.leaks.question import facts
from rlad.reasoning.leaks.spoken import in_signs, written_values
from rlad.reasoning.leaks.wording import MOST, plain_text
from rlad.verifier import verify

_SPANS = re.compile(
    r"\$([^$]{1,200})\$|\\\((.{1,200}?)\\\)|\\\[(.{1,200}?)\\\]|\\boxed\{((?:[^{}]|\{[^{}]*\}){1,200})\}", re.DOTALL
)
_PAIR = r"[a-z]\s*=\s*-?[\d./]{1,40}"
_JOINT = r"\s*(?:,|and|, and|or)\s*"
_GROUPS = re.compile(
    rf"(?<![a-zA-Z])[(\[{{][^()\[\]{{}}]{{1,80}}[)\]}}]|{_PAIR}(?:{_JOINT}{_PAIR})+|(?<![\d./])-?\d[\d./]{{0,40}}(?:{_JOINT}-?\d[\d./]{{0,40}})+"
)
_FORMULA = re.compile(
    r"(?:\d{1,30}[a-z]\b|[-+*/^=<>≤≥(),\d. √π]|\b[a-zA-Z]\b|\\[a-zA-Z]+|[{}]|\b(?:pi|sqrt|sin|cos|log|ln|exp)\b){3,200}"
)
_GENERIC = frozenset(
    [
        "yes",
        "no",
        "true",
        "false",
        "none",
        "even",
        "odd",
        "both",
        "left",
        "right",
        "up",
        "down",
        "more",
        "less",
        "same",
        "never",
        "always",
        "equal",
    ]
)
_CHOSEN = re.compile(r"\b(?:choose|pick|select|choice\s+is)\s+(?:(?:the\s+)?option\s+)?\(?$", re.IGNORECASE)
_CHOICE_IS = re.compile(
    r".*\b(?:option|choice|alternative|statement)\s+@ "
    r"(?:works|fits|satisfies|holds|(?:is|must be)\s+(?:the|right|best|true)\b)",
    re.IGNORECASE,
)
CALLED = "it is called the answer"
Found = tuple[bool, str, str]


def phrase_leak(abstraction: str, gold: str, question: str) -> Found:
    """(leak, quote, reason) for a gold answer that is no number.

    >>> phrase_leak("Count on: it is Friday.", "Friday", "Which day comes after Thursday?")[0]
    True
    >>> phrase_leak("Factor $x^2 - 1$ as $(x-1)(x+1)$.", "(x+1)(x-1)", "Factor $x^2 - 1$.")[0]
    True
    """
    abstraction = abstraction[:MOST]
    written = plain_text(gold).text.strip(" .()")
    words = written.casefold()
    if re.fullmatch(r"[a-z]", words):
        return _letter(plain_text(abstraction).text, written, question)
    if re.fullmatch(r"[^\W\d_]{2,}(?:[\s'-]+[^\W\d_]+){0,6}", words):
        return _words(plain_text(abstraction).text, words, plain_text(question).text)
    return _formula(abstraction, gold, question)


def chosen_text(gold: str, question: str) -> str:
    """What a question says behind the letter of one of its choices; empty where it has none.

    >>> chosen_text("B", "Which is prime? (A) 21 (B) 29, (C) 33")
    '29'
    """
    letter = plain_text(gold).text.strip(" .()")
    if not re.fullmatch("[A-Z]", letter):
        return ""
    found = re.search(
        rf"(?:\({letter}\)|(?<![\w(]){letter}[.):])\s*(.{{1,200}}?)\s*[,;.]?\s*(?:\(?[A-Z][).:]|\n|$)", question
    )
    return found[1] if found else ""


def _letter(text: str, letter: str, question: str) -> Found:
    """A letter leaks where it is announced: ``the answer is (B)``, ``option B is right``; a name also where it is a
    conclusion or what the question asks for: ``the limit is e``.
    """
    choices = letter.isupper()
    subjects = frozenset() if choices else facts(question).subjects
    for m in re.finditer(rf"(?<![A-Za-z]){letter}(?![A-Za-z'])", text):
        before, behind = (
            text[max(0, m.start() - 80) : m.start()].rstrip("( "),
            text[m.end() : m.end() + 60].lstrip(") "),
        )
        said = context.announced(f"{before} ", f" {behind}", subjects)
        if choices:
            said = (
                said
                or _CHOSEN.search(f"{before} ") is not None
                or _CHOICE_IS.match(f"{before[-12:]} @ {behind}") is not None
            )
        else:
            said = said or (not behind.strip(" .,;$") and context.concluded(f"{before} "))
        if said:
            return True, f"{before[-30:]} {m[0]}".strip(), CALLED
    return False, "", "the answer is not in it"


def _words(text: str, words: str, question: str) -> Found:
    """Words of an answer: announced ones always, others where the question does not say them and they are special."""
    seen = False
    pattern = re.compile(rf"(?<!\w){re.escape(words)}(?!\w)", re.I)
    for m in pattern.finditer(text):
        seen = True
        before, behind = text[max(0, m.start() - 120) : m.start()], text[m.end() : m.end() + 80]
        before, behind = re.split(r"[.;!?]", before)[-1], re.split(r"[.;!?]", behind)[0]
        quote = f"{before[-40:]}{m[0]}".strip()
        if context.announced(before, behind, frozenset()):
            return True, quote, CALLED
        if words in ("yes", "no", "true", "false") and not behind.strip(" ,\"')") and context.concluded(before):
            return True, quote, "it is a conclusion"
        opens = not before.strip() and (behind[:1] in ("", ",", "!") or not behind.strip())
        if words in _GENERIC:
            if opens and words in ("yes", "no", "true", "false"):
                return True, quote, CALLED
            continue
        if not pattern.search(question):
            return True, quote, "the answer's words are in it"
        if context.concluded(before) and not re.search(r"\bequals?\s*$", before):
            return True, quote, "it is a conclusion"
    return False, "", "it is only mentioned" if seen else "the answer is not in it"


def _formula(abstraction: str, gold: str, question: str) -> Found:
    """A formula, pair or set: any equal formula that the question does not hold itself."""
    asked = re.sub(r"[\s$\\]", "", question)
    text = plain_text(abstraction).text
    spans = [next(filter(None, m.groups())) for m in _SPANS.finditer(abstraction)]
    aloud = in_signs(text)
    runs = [m[0] for source in (abstraction, text, aloud) for p in (_GROUPS, _FORMULA) for m in p.finditer(source)]
    runs += written_values(text)
    for span in dict.fromkeys([*spans, *_sides(spans), *runs, *_sides(runs)]):
        span = span.strip(" ,.;:=")
        if not re.search(r"\w", span) or not verify(gold, span).correct:
            continue
        if re.sub(r"[\s$\\]", "", span) not in asked or _called_answer(text, span):
            return True, span, "an equal formula is in it"
    squeezed, written = re.sub(r"[\s$]", "", abstraction), re.sub(r"[\s$]", "", gold)
    if len(written) >= 4 and written in squeezed and written not in re.sub(r"[\s$]", "", question):
        return True, gold, "the answer's own text is in it"
    return False, "", "the answer is not in it"


def _sides(spans: list[str]) -> list[str]:
    """What stands right of an equals sign."""
    return [side for span in spans if "=" in span for side in span.split("=")[1:]]


def _called_answer(text: str, span: str) -> bool:
    at = text.find(plain_text(span).text.strip())
    return at >= 0 and context.announced(text[max(0, at - 100) : at], "", frozenset())
