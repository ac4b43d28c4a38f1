"""Which part of a completion is its answer. Every step is an option of ``VerifyOptions`` with a safe default.

Order: thinking is dropped; the last group of boxes; a bare answer as a whole; ``<answer>`` or an announcing phrase;
the last math
span or number; a short text as it is.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import NamedTuple

from rlad.verifier.grammar.words import FUNCTIONS
from rlad.verifier.reading.boxes import Box, find_boxes, joined_groups
from rlad.verifier.reading.denials import corrected, rejected
from rlad.verifier.reading.normalize import repair
from rlad.verifier.reading.phrases import affirmed, announced_answer, names_a_range
from rlad.verifier.reading.prose import prose_candidates
from rlad.verifier.types import VerifyOptions

_TAG = re.compile(r"<answer>(.*?)</answer>", re.DOTALL | re.IGNORECASE)
_THINK = re.compile(r"<(think|thinking|thought)>", re.IGNORECASE)
_THINK_ANY = re.compile(r"</?(?:think|thinking|thought)>", re.IGNORECASE)
_THINK_END = re.compile(r"</(?:think|thinking|thought)>", re.IGNORECASE)
_WORDS = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{2,}|[^\W\d_a-zA-Z\u0370-\u03ff]")
_SHORT_WORDS = frozenset(("is", "it", "so", "we", "as", "of", "be", "by", "he", "my"))
_NO_PROSE = frozenset(
    (*FUNCTIONS, "matrix", "pmatrix", "bmatrix", "vmatrix", "array", "cases", "aligned", "align", "and")
)
_HASHES = re.compile(r"(?:^|\n)####[ \t]*(\S[^\n]{0,200})")
_LAST_LINE = re.compile(r"(?:^|\n)\s*(?:A:|####)\s*(-?\$?\d[\d,]*(?:\.\d+)?)\.?\s*$")


class Extraction(NamedTuple):
    """Candidate texts, best first, where they were found, other boxed answers to compare with, and why there are
    none.
    """

    candidates: list[str]
    source: str
    rivals: Sequence[str] = ()
    joined: bool = False


def without_thinking(text: str) -> str:
    """The text outside ``<think>...</think>``; an unterminated block runs to the end, a lone closing tag from the
    start.
    """
    if "</" in text and (ends := list(_THINK_END.finditer(text))):
        text = text[ends[-1].end() :]
    if "<" in text and (m := _THINK.search(text)):
        text = text[: m.start()]
    return text


def extract(completion: str, options: VerifyOptions, gold: bool = False) -> Extraction:
    """The candidates for the answer of a completion, or of a gold solution.

    A gold is never searched for its last number: it is boxed, announced, or an answer as a whole.
    """
    text = completion if len(completion) <= options.max_chars else completion[-options.max_chars :]
    if options.ignore_thinking and (">" in text and _THINK_ANY.search(text)):
        text = without_thinking(text)
    text = repair(text) if "\\\\" in text else text
    if options.boxed and ("boxed" in text or "fbox" in text):
        found = _boxed(text, options, gold)
        if found is not None:
            return found
    if options.require_boxed and not gold:
        return Extraction([], "no box")
    if m := _LAST_LINE.search(text, max(0, len(text) - 40)) if options.answer_phrases else None:
        return Extraction([m.group(1)], "announced")
    stripped = text.strip()
    if not stripped:
        return Extraction([], "empty")
    formula = not gold and _is_formula(stripped)
    candidates = [stripped] if len(stripped) <= (options.max_answer_chars if gold or formula else 400) else []
    source = "whole"
    if options.answer_phrases:
        tags = _TAG.findall(text)
        phrase = tags[-1].strip() if tags else announced_answer(text)
        if phrase:
            source = "announced"
            phrase = affirmed(phrase)
            if phrase:
                candidates.append(phrase)
            if not gold and not names_a_range(phrase):
                candidates += prose_candidates(phrase)
    if options.last_math and not gold and source == "whole" and not formula:
        candidates += prose_candidates(text)
    return Extraction(candidates, source)


def _is_formula(text: str) -> bool:
    """Whether a text is one formula and no sentence. What is wrong with a formula is not mended by a number inside
    it.
    """
    if any(mark in text for mark in ("$", "\\(", "\\[", "**", "\n")):
        return False
    return not any(_is_prose(m.group()) for m in _WORDS.finditer(text))


def _is_prose(word: str) -> bool:
    if not word.isascii():
        return word.isalpha()
    word = word.lower()
    return word in _SHORT_WORDS if len(word) == 2 else word not in _NO_PROSE


def _boxed(text: str, options: VerifyOptions, gold: bool) -> Extraction | None:
    """The last group of boxes; other groups are its rivals."""
    boxes = find_boxes(text)
    if not boxes:
        return None
    if boxes[-1].content is None:
        if options.reject_broken_last_box:
            return Extraction([], "last box is empty or not closed")
        boxes = [b for b in boxes if b.content is not None]
        if not boxes:
            return None
    # \\boxed{\\phantom{2}} draws a box to fill in
    whole = [b for b in boxes if b.content is not None and not b.content.startswith("\\phantom")]
    if not whole:
        return Extraction([], "last box is empty or not closed")
    if not gold:
        whole = [b for b in whole if not rejected(_sentence_before(text, b.start), text[b.end : b.end + 100])]
        if not whole:
            return Extraction([], "every box is denied")
    groups = joined_groups(text, whole)
    answer = ", ".join(b.content for b in groups[-1])
    if len(groups[-1]) > 1 and len({b.content for b in groups[-1]}) == 1:
        answer = groups[-1][-1].content
    rivals = [] if gold else _rivals(text, groups, options)
    return Extraction([answer], "boxed", [r for r in dict.fromkeys(rivals) if r != answer], len(groups[-1]) > 1)


def _sentence_before(text: str, end: int) -> str:
    """The text before a box, as far as its sentence and line go."""
    return re.split(r"[.!?]\s|\n", text[max(0, end - 200) : end])[-1]


def _is_answer(text: str) -> bool:
    """Whether a text holds a number, or no words: "see above" is no second answer beside a box."""
    return re.search(r"\d", text) is not None or re.search(r"[^\W\d_]{2}", re.sub(r"\\[a-z]+", "", text)) is None


def _rivals(text: str, groups: list[list[Box]], options: VerifyOptions) -> list[str]:
    """What a completion gives as its answer beside the last box: other boxes, an ``<answer>``, a ``####`` line.

    Boxes that the text corrects later are withdrawn, unless the options ask for one box only.
    """
    start = 0
    if options.accept_correction:
        pairs = itertools.pairwise(groups)
        start = max((k for k, (a, b) in enumerate(pairs, 1) if corrected(text[a[-1].end : b[0].start])), default=0)
    rivals = [", ".join(box.content for box in group) for group in groups[start:-1]]
    if options.answer_phrases:
        told = [*_TAG.findall(text)[-1:], *_HASHES.findall(text)[-1:]]
        rivals += [(prose_candidates(t) or [t])[0] for t in told if "boxed" not in t and _is_answer(t)]
    return rivals
