"""What a sentence does with a number: concludes it, works with it, or only mentions it.

Every function takes the text of the number's sentence before it, behind it, or both, and answers one question.
"""

from __future__ import annotations

import re

from rlad.reasoning.leaks import cues


def negated(before: str) -> bool:
    """``not 8``, ``instead of 8``."""
    return cues.DENIED.search(before) is not None


def bound(before: str, behind: str) -> bool:
    """``less than 8``, ``between 1 and 8``, ``from 8 to``."""
    opens = re.match(r"\s*(?:to|-)\s*\d", behind) is not None and cues.RANGE_BEGIN.search(before) is not None
    return opens or cues.BOUND.search(before) is not None or cues.RANGE_END.search(before) is not None


def label(before: str) -> bool:
    """``step 8``, ``case 8``."""
    return cues.LABEL.search(before) is not None


def part_of_word(before: str, behind: str) -> bool:
    """``8th``, ``8-digit``; a computed place (``7 - 1 = 6th``) is a number."""
    ordinal = cues.ORDINAL.match(behind) is not None and not computed(before)
    return ordinal or cues.ATTRIBUTE.match(behind) is not None


def part_of_formula(before: str, written: str, behind: str) -> bool:
    """``8x``, ``x + 8``, ``x -8``, ``f(8``, and an operand in words: ``the sum of 8 and``."""
    if written.startswith("-") and cues.SIGN_OF_TERM.search(before):
        return True
    together = cues.TAKEN_TOGETHER.search(before) and cues.OPERAND_BEHIND.match(behind)
    return bool(together or cues.FORMULA_BEHIND.match(behind) or cues.FORMULA_BEFORE.search(before))


def compares(behind: str) -> bool:
    """``8 times``, ``8 more than``."""
    return cues.SCALED.match(behind) is not None or cues.COMPARED.match(behind) is not None


def pronoun(word: str, before: str, behind: str) -> bool:
    """``this one``, ``one of them``, and ``half of it`` where nothing is said to be a half."""
    if word in ("one", "a", "an"):
        return cues.PRONOUN.search(before) is not None or cues.ONE_OF.match(behind) is not None
    part = word in cues.PARTS and cues.PART_OF.match(behind) is not None
    return part and not (concluded(before) or cues.DECLARES.search(before))


def enumerated(before: str, behind: str) -> bool:
    """Whether the number is a member of a list of three or more, or of one that goes on.

    >>> enumerated("try 1, 2, ", ", 4"), enumerated("3 and ", " cents")
    (True, False)
    """
    listed = goes_on = 0
    if cues.LISTED_BEFORE.search(before):
        listed = len(re.findall(r"\d+(?=\s*(?:,|,?\s+(?:and|or)\b))", before[-60:]))
    if cues.LISTED_BEHIND.match(behind):
        goes_on = len(re.findall(r"(?:,|\b(?:and|or))\s*(?:\d+|\.\.\.|…)", behind[:60]))
    return listed + goes_on >= 2


def operated(before: str, special: bool) -> bool:
    """Whether something is done with the number: ``divide by 8``, ``groups of 8``; one that is not special may just
    be used: ``the first 8``, ``with 8``."""
    return cues.OPERATED.search(before) is not None or (not special and cues.USED.search(before) is not None)


def announced(before: str, behind: str, subjects: frozenset[str]) -> bool:
    """Whether the sentence calls it the answer, or gives it as what the question asks for (`Facts.subjects`)."""
    if cues.IS_ANSWER.match(behind) or (cues.ANSWER.search(before) and not cues.FOUND_BY.search(before)):
        return True
    variables = "".join(name for name in subjects if len(name) == 1)
    if variables and re.search(rf"(?:^|[^a-zA-Z0-9])[{variables}]{cues.VARIABLE_IS}$", before, re.IGNORECASE):
        return True
    names = "|".join(re.escape(name) for name in subjects if len(name) > 1)
    return bool(names) and re.search(rf"\b(?:{names})\w{{0,3}}\b{cues.SUBJECT_IS}$", before, re.IGNORECASE) is not None


def counted(before: str, nouns: frozenset[str]) -> bool:
    """``cows: 8``, ``the number of cows is 8``, where `nouns` (without plurals) are counted."""
    names = "|".join(re.escape(noun) for noun in nouns if len(noun) > 2)
    return bool(names) and re.search(rf"\b(?:{names})\w{{0,3}}{cues.COUNT_IS}$", before, re.IGNORECASE) is not None


def named(before: str, nouns: frozenset[str]) -> bool:
    """``floor 8``, ``floor number 8``, where `nouns` (without plurals) are asked for by name."""
    names = "|".join(re.escape(noun) for noun in nouns)
    return bool(names) and re.search(rf"\b(?:{names})\w{{0,2}}{cues.NAMED}$", before, re.IGNORECASE) is not None


def placed(before: str) -> bool:
    """``she finished third``, ``came in 3rd``."""
    return cues.PLACED.search(before) is not None


def fits(behind: str) -> bool:
    """``8 works``, ``8 satisfies``."""
    return cues.FITS.match(behind) is not None


def supposed(before: str) -> bool:
    """``let``, ``if``, ``for example`` before it."""
    return cues.SUPPOSED.search(before) is not None


def assigned(before: str) -> str | None:
    """The name that is set equal to it: x in ``x = 8``."""
    found = cues.ASSIGNED.search(before)
    return found and found[1].lower()


def example(before: str) -> bool:
    """Whether the sentence tells another story: ``for example, if there were``."""
    return cues.EXAMPLE.search(before) is not None


def counts_method(behind: str) -> bool:
    """``8 cases``, ``8 equal parts``."""
    return cues.METHOD.match(behind) is not None


def computed(before: str) -> bool:
    """``5 + 3 = 8``."""
    return cues.COMPUTED.search(before) is not None


def ends(behind: str) -> bool:
    """``8 are left``, ``8 apples in total``."""
    return cues.ENDS.match(behind) is not None


def given(before: str) -> bool:
    """``her change is 8``, ``left = 8``: a quantity in words is said to be it."""
    return cues.GIVEN.search(before) is not None and cues.SUPPOSED.search(before) is None


def concluded(before: str) -> bool:
    """``he will have 8``, ``which gives 8``, ``so 8``."""
    return cues.CONCLUDED.search(before) is not None


def imperative(before: str) -> bool:
    """Whether the clause tells the reader what to do, from its beginning to the number.

    >>> imperative("Divide the total in "), imperative("Divide both sides, so she has "), imperative("He has ")
    (True, False, False)
    """
    clause = cues.CLAUSE.split(before)[-1]
    return cues.IMPERATIVE.match(clause if clause.strip() else before) is not None


def checked(before: str) -> bool:
    """Whether the number is what the reader is told to check: a value that is put to the test is the answer.

    >>> checked("Check that x = "), checked("Check all "), checked("Verify ")
    (True, False, True)
    """
    return cues.CHECKED.search(before) is not None


def declared(before: str, behind: str) -> bool:
    """Whether a statement is made about the number: somebody has it, something is it."""
    opens = not before.strip(" ;,:") and cues.SUBJECTED.match(behind) is not None
    labels = not re.match(r"\s*\w", behind) and cues.LABELLED.search(before) is not None
    return opens or labels or cues.DECLARES.search(before) is not None


def whole(before: str, behind: str) -> bool:
    """Whether the sentence says no more than that it is this: ``It is 8``."""
    return not behind.strip(" ,\"')") and cues.WHOLE.search(before) is not None
