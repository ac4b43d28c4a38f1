"""Where a value stands in a row, and its text, or a sentence why it has none.

A gold answer is what the file says, not what Python makes of it: text stays as it is, numbers are written as numbers,
days as 2026-01-31, and anything else (lists, truth values, times, bytes) has no one text and is refused by row and
column.
A question may also be a conversation of one turn, as verl and TRL write prompts. A worked solution is read in the form
in which players are to write one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from rlad.problems.base import ProblemError
from rlad.verifier.reading.boxes import find_boxes
from rlad.verifier.reading.extract import without_thinking

_ANNOTATION = re.compile(r"<<[^<>\n]*=[^<>\n]*>>")
_HASHES = re.compile(r"(?:^|\s)####[ \t]*[^\s#][^\n#]*$")


def at(row: Mapping[str, Any], path: str) -> Any:
    """The value under a column's name, or under a path into it: `reward_model.ground_truth`, `answer.0`.

    A column that has the whole path for its name goes first. Raises KeyError where there is nothing.

    >>> row = {"reward_model": {"ground_truth": "72"}, "answers": ["3", "6/2"], "a.b": 1}
    >>> at(row, "reward_model.ground_truth"), at(row, "answers.1"), at(row, "a.b")
    ('72', '6/2', 1)
    """
    if path in row:
        return row[path]
    value: Any = row
    for part in path.split("."):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)) and part.isdigit():
            if int(part) >= len(value):
                raise KeyError(path)
            value = value[int(part)]
        else:
            raise KeyError(path)
    return value


def question_text(value: Any, where: str) -> str:
    """A question as text, or the user's turn of a conversation `[{"role": ..., "content": ...}, ...]`; what its system
    says is left out, since the players have prompts of their own. Raises ProblemError for any other conversation.

    >>> question_text([{"role": "system", "content": "Be brief."}, {"role": "user", "content": " 2+2? "}], "x")
    '2+2?'
    """
    if not isinstance(value, list):
        return text_of(value, where)
    turns = [turn for turn in value if not (isinstance(turn, Mapping) and turn.get("role") == "system")]
    if len(turns) != 1 or not isinstance(turns[0], Mapping) or turns[0].get("role") != "user":
        raise ProblemError(
            f"{where} is a list, but no conversation with one turn of the user, whose text is the question."
        )
    content = turns[0].get("content")
    if not isinstance(content, list):
        return text_of(content, where)
    parts = [part.get("text") if isinstance(part, Mapping) and part.get("type") == "text" else None for part in content]
    if not all(isinstance(part, str) for part in parts):
        raise ProblemError(f"{where} holds a turn with parts that are no text, such as images; only text can be read.")
    return text_of("".join(parts), where)


def text_of(value: Any, where: str) -> str:
    """The text of a value, without white space around it; empty for None. Whole numbers are written without a point.

    `where` begins the sentence of the ProblemError that any other value raises.

    >>> text_of(72.0, "x"), text_of(" 3.50 ", "x"), text_of(9007199254740993, "x"), text_of(None, "x")
    ('72', '3.50', '9007199254740993', '')
    """
    if value is None:
        return ""
    if isinstance(value, str):
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise ProblemError(f"{where} holds half of a character (a lone surrogate), which is no text.")
        return value.strip()
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise ProblemError(f"{where} holds {_kind(value)}, not a text or a number; {_way_out(value)}.")
    if not math.isfinite(value):
        raise ProblemError(f"{where} holds {value}, which is no number; write it as text or leave it empty.")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)


def texts_of(value: Any, where: str) -> tuple[str, ...]:
    """The texts of a list, without empty ones; () for nothing. Raises ProblemError, as `text_of` does.

    >>> texts_of(["a ", 2, None], "x"), texts_of(None, "x")
    (('a', '2'), ())
    """
    if value is None or value == "":
        return ()
    if not isinstance(value, list):
        raise ProblemError(f"{where} holds no list of texts.")
    return tuple(filter(None, (text_of(one, where) for one in value)))


def _kind(value: Any) -> str:
    """What a value is, in words.

    >>> _kind([1]), _kind({}), _kind(True), _kind(b"1")
    ('a list', 'an object', 'a truth value (True)', 'bytes')
    """
    if isinstance(value, bool):
        return f"a truth value ({value})"
    names = {list: "a list", tuple: "a list", dict: "an object", bytes: "bytes"}
    return names.get(type(value), f"a {type(value).__name__}")


def _way_out(value: Any) -> str:
    """What to do about a value that has no one text.

    >>> _way_out({"ground_truth": "72", "style": "rule"}), _way_out(["72"])
    ("name a part of it, such as '.ground_truth'", "name one of its items, such as '.0'")
    >>> _way_out(b"1")
    'write it as text, or name another column'
    >>> _way_out(True)
    'write the word that is meant in the file, such as "true" or "yes" in quotes, or name another column'
    """
    if isinstance(value, Mapping) and value:
        return f"name a part of it, such as '.{next(iter(value))}'"
    if isinstance(value, (list, tuple)) and value:
        return "name one of its items, such as '.0'"
    if isinstance(value, bool):
        word, other = ("true", "yes") if value else ("false", "no")
        return (
            f'write the word that is meant in the file, such as "{word}" or "{other}" in quotes, or name another column'
        )
    return "write it as text, or name another column"


def answer_text(value: Any, where: str = "The answer") -> str:
    """The gold answer as text; of a GSM8K-style worked answer only what follows the last `####`. Errors: see `text_of`.

    >>> answer_text(72.0), answer_text("48/2=24, 48+24=72 #### 72")
    ('72', '72')
    """
    return text_of(value, where).rsplit("####", 1)[-1].strip()


def worked_solution(text: str, gold: str, boxed: bool = True) -> str:
    r"""A worked solution as players are to write one: without GSM8K's calculator annotations, its answer in a box.

    A last `#### answer` becomes a sentence with the gold answer in a box. So ends a solution with neither, too, where
    `boxed`; one with a box outside of thinking stays as it is. Empty where nothing stands before the `####`.

    >>> worked_solution("2+2=<<2+2=4>>4\n#### 4", "4")
    '2+2=4\nThe answer is \\boxed{4}.'
    >>> worked_solution("so 4", "4"), worked_solution("so 4", "4", boxed=False), worked_solution("#### 4", "4")
    ('so 4\nThe answer is \\boxed{4}.', 'so 4', '')
    >>> worked_solution(r"It is \boxed{4}", "4"), worked_solution("It is \\boxed{4}\n#### 4", "4")
    ('It is \\boxed{4}', 'It is \\boxed{4}')
    """
    text = _ANNOTATION.sub("", text)
    hashes = _HASHES.search(text)
    way = text[: hashes.start()].rstrip() if hashes else text
    if not way or not (hashes or boxed) or any(box.content for box in find_boxes(without_thinking(way))):
        return way
    own = [box.content for box in find_boxes(gold) if box.content]
    answer = own[-1] if own else gold
    line = f"The answer is \\boxed{{{answer}}}."
    return f"{way}\n{line}" if [box.content for box in find_boxes(line)] == [answer] else text  # not every gold fits
