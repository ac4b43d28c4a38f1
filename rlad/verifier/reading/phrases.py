"""Phrases that announce an answer, in the languages people ask in."""

from __future__ import annotations

import re

_ANNOUNCED = (
    r"answers?\s*(?:to\s[^.:\n]{1,60}?)?(?:is|are|was|would\s+be|should\s+be|must\s+be|equals|=|:|：)(?:\s*:)?",
    r"(?:^|\n)\s*A\s*:",
    r"\#{4}",
    r"r[ée]ponse(?:\s+(?:finale|correcte))?\s*(?:est|sera|:|：)",
    r"respuesta(?:\s+(?:final|correcta))?\s*(?:es|será|:|：)",
    r"resposta(?:\s+(?:final|correta))?\s*(?:é|será|:|：)",
    r"risposta(?:\s+(?:finale|corretta))?\s*(?:è|:|：)",
    r"(?:antwort|lösung|ergebnis)\s*(?:ist|lautet|:|：)",
    r"antwoord\s*(?:is|:)",
    r"(?:svar|svaret|vastaus|odpowiedź|odpověď|válasz|răspuns\w*|cevap|yanıt|απάντηση)\s*(?:är|er|on|to|je|este|είναι|:)?",
    r"(?:ответ|відповідь)(?:\s+(?:равен|равно|будет|дорівнює))?\s*(?:[:：—–-])?",
    r"(?:答案|答え|答)\s*(?:应该是|應該是|应为|是|为|為|等于|は|：|:)",
    r"(?:정답|답)\s*(?:은|는|:|：)",
    r"(?:الجواب|الإجابة|الاجابة)(?:\s+(?:النهائية|النهائي|الصحيحة|الصحيح))?\s*(?:هو|هي|:|：)?",
    r"(?:उत्तर|जवाब)\s*(?:है|:|：)?",
    r"(?:đáp\s+(?:án|số)|câu\s+trả\s+lời)\s*(?:là|:)",
    r"jawaban(?:nya)?\s*(?:adalah|:)",
    r"คำตอบ\s*(?:คือ|:)?",
)
PHRASE = re.compile("|".join(_ANNOUNCED), re.IGNORECASE)
_HINTS = re.compile(
    r"answer|\#{4}|\bA\s*:|[ée]ponse|respuesta|resposta|risposta|antwo|lösung|ergebnis|svar|vastaus|odpov|odpow|válasz|răspuns|cevap|yanıt|απάντηση|"
    r"ответ|відповідь|答|답|جواب|جابة|उत्तर|जवाब|đáp|trả|jawaban|คำตอบ",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<!\bp)(?<!\ba)(?<!\bsq)[.](?=\s+[^\d\s]|\s*$)|!(?=\s+[^\W\d_]|\s*$)|[。！]|\n|<\||<<")


def announced_answer(text: str) -> str | None:
    """What follows the last announcing phrase, up to the end of its sentence; None without a phrase."""
    for size in (250, 2000):
        tail = text[-size:]
        if _HINTS.search(tail):
            ends = [m.end() for m in PHRASE.finditer(tail)]
            if ends and (found := _sentence(tail[ends[-1] :])):
                return found
        if len(text) <= size:
            break
    return None


_DENIAL = re.compile(r"[,;]?\s*\b(?:but\s+)?(?:not|n't|rather than|instead of)\b.*", re.IGNORECASE | re.DOTALL)
_RANGE = re.compile(
    r"\b(?:between|at least|at most|more than|less than|greater than|fewer than|either|neither)\b", re.IGNORECASE
)


def affirmed(sentence: str) -> str:
    """The sentence up to "not ...": what it denies is no answer."""
    return _DENIAL.sub("", sentence).strip()


def names_a_range(sentence: str) -> bool:
    """Whether a number picked from the sentence would be a bound and not the answer."""
    return _RANGE.search(sentence) is not None


def _sentence(rest: str) -> str:
    rest = rest.lstrip(" \t\r\n:*\"'“")
    for opening, closing in (("\\[", "\\]"), ("$$", "$$"), ("\\(", "\\)")):
        if rest.startswith(opening) and (end := rest.find(closing, 2)) > 0:
            following = rest[end + 2 :]
            if not re.match(r"\s*(?:,|and|or)\s*(?:\\|\$)", following):
                return rest[: end + 2]
    ends = _SENTENCE_END.finditer(rest)
    end = next((m for m in ends if m.group() != "!" or rest[: m.start()].count("$") % 2 == 0), None)
    return (rest[: end.start()] if end else rest).strip(" \t*\"'”")
