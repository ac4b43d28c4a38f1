"""``verify``: one prediction against one gold answer, in the calling thread, without signals or timers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

from rlad.verifier.budget import BudgetExceeded, NotDefined, OperationBudget, ParseError, TooLarge, VerifierError
from rlad.verifier.comparing.canon import canonical_key, rational
from rlad.verifier.comparing.compare import equal
from rlad.verifier.comparing.literal import computes
from rlad.verifier.comparing.values import Context
from rlad.verifier.grammar import nodes as N
from rlad.verifier.grammar.nodes import Node, free_symbols, show
from rlad.verifier.reading.answers import parse_answer
from rlad.verifier.reading.choices import choice_letter, lettered_option, plain_option, stated_letter
from rlad.verifier.reading.extract import Extraction, extract
from rlad.verifier.types import DEFAULT, Outcome, Verdict, VerifyOptions

_INTEGER = re.compile(r"(?:\s*\$)?\s*(-?\d{1,400})\s*(?:\$\s*)?")  # linear: no two blanks in a row
_DECIMAL_COMMA = re.compile(r"(-?)\s*(\d+)\s*(?:,|\{,\})\s*(\d+)")
_INDIAN = re.compile(r"[1-9]\d?(?:,\d{2}){1,20},\d{3}")
"""Lakhs and crores: two digits a group above the thousands; without blanks, so it is no list."""
_REPLY = re.compile(r"\s*(yes|no|true|false)\s*[,;.:!-]", re.IGNORECASE)
_REPLY_WORD = re.compile(r"\b(?:yes|no|true|false|but|however|actually)\b", re.IGNORECASE)
_WORD = re.compile(
    r"[\s$]*(?:\\(?:text|mbox|textbf|mathrm|textrm|textnormal|mathbf)\s*\{\s*)?([^\W\d_]{2,40})[\s}$.,]*"
)
_BLANKS = re.compile(r"\s{4,}")
_SHOWN = 400

Judgement = tuple[Outcome, str, str | None, str | None]


def extract_answer(completion: str, options: VerifyOptions = DEFAULT) -> str | None:
    """The answer of a whole completion as text, or None when it holds none.

    >>> extract_answer(r"Adding up, we get $\\\\boxed{12}$.")
    '12'
    """
    for candidate in extract(completion, options).candidates:
        try:
            if parse_answer(candidate, options, OperationBudget(options.max_operations)).kind != "text":
                return candidate
        except VerifierError:
            continue
    candidates = extract(completion, options).candidates
    return candidates[0] if candidates else None


def verify(gold: str, pred: str, options: VerifyOptions = DEFAULT) -> Verdict:
    """Judge ``pred`` (a bare answer or a whole completion) against ``gold``.

    Never raises. The work is bounded by ``options.max_operations``, not by a clock; what only symbolic simplification
    could
    decide comes back ``undecided`` (see ``deep_compare``).

    >>> verify("(-\\\\infty, 3)", "x < 3").outcome.value
    'correct'
    """
    return _timed(lambda: _judge(gold, pred, options, equal))


def deep_compare(gold: str, pred: str, options: VerifyOptions = DEFAULT) -> Verdict:
    """Like ``verify``, and when that is undecided let sympy simplify; may be slow and large: only for a killable
    worker.
    """
    from rlad.verifier.comparing.deep import deep_equal

    return _timed(lambda: _judge(gold, pred, options, deep_equal))


def _timed(judge: Callable[[], Judgement]) -> Verdict:
    start = time.perf_counter()
    try:
        outcome, reason, g, p = judge()
    except Exception as error:
        outcome, reason, g, p = Outcome.undecided, f"unexpected {type(error).__name__}: {error}"[:200], None, None
    return Verdict(outcome, reason, g, p, (time.perf_counter() - start) * 1e3)


def _judge(gold: str, pred: str, options: VerifyOptions, compare) -> Judgement:
    if not isinstance(gold, str) or not isinstance(pred, str):
        which = Outcome.unparseable_pred if isinstance(gold, str) else Outcome.unparseable_gold
        return which, "not a text", None, None
    short = len(gold) < 1000 > len(pred)
    if short and (a := _INTEGER.fullmatch(gold)) and (b := _INTEGER.fullmatch(pred)) and not options.require_boxed:
        same = int(a[1]) == int(b[1])
        return (Outcome.correct if same else Outcome.incorrect), "exact integer", a[1], b[1]
    same_text = pred.strip() == gold.strip()
    gold, pred = (_squeezed(text[-options.max_chars :]) for text in (gold, pred))
    try:
        g, gold_text = _read_gold(gold, options)
    except (VerifierError, RecursionError) as error:
        return Outcome.unparseable_gold, str(error)[:200], None, None
    found = extract(pred, options)
    if not found.candidates:
        return Outcome.unparseable_pred, found.source, show(g)[:_SHOWN], None
    if found.source != "boxed" and same_text:
        return Outcome.correct, "same text", show(g)[:_SHOWN], show(g)[:_SHOWN]
    if (
        found.source != "boxed"
        and (letter := choice_letter(gold_text)) is not None
        and (stated := stated_letter(pred)) is not None
    ):
        same = letter == stated
        return (Outcome.correct if same else Outcome.incorrect), "multiple choice", letter, stated
    try:
        p, pred_text = _read_pred(found, g, options)
    except (VerifierError, RecursionError) as error:
        return Outcome.unparseable_pred, str(error)[:200], show(g)[:_SHOWN], None
    ctx = Context(options, OperationBudget(options.max_operations, options.max_digits))
    shown = show(g)[:_SHOWN], show(p)[:_SHOWN]
    try:
        p = _repeated(found, p, ctx, compare)
        right = compare(g, p, ctx) or _other_readings(gold_text, pred_text, g, p, ctx, compare)
        if not right and found.rivals and g.kind in ("list", "set") and _spread(found, g, ctx, compare):
            return Outcome.correct, "one box per element", *shown
        if right and options.reject_hedging and not _one_answer(found, p, ctx, compare):
            return Outcome.incorrect, "several different boxed answers", *shown
        if right and options.values_only and computes(p, ctx.budget) and not computes(g, ctx.budget):
            return Outcome.incorrect, "a computation instead of its value", *shown
    except BudgetExceeded as error:
        return Outcome.undecided, str(error), *shown
    except (TooLarge, NotDefined) as error:
        return Outcome.undecided, str(error), *shown
    if right:
        return Outcome.correct, ctx.rung, *shown
    if ctx.undecided:
        return Outcome.undecided, "; ".join(ctx.undecided)[:200], *shown
    return Outcome.incorrect, ctx.rung, *shown


def _squeezed(text: str) -> str:
    """Long runs of blanks shortened: they mean nothing, and patterns with several optional blanks take ages on them."""
    return _BLANKS.sub(lambda m: "\n\n" if m.group().count("\n") > 1 else "  ", text)


# --- reading
# ------------------------------------------------------------------------------------------------------------
@lru_cache(maxsize=4096)
def _read_gold(gold: str, options: VerifyOptions) -> tuple[Node, str]:
    """The gold's tree: the first candidate that is mathematics, else its text. A problem's solutions come together, so
    what was read is kept for the next one.
    """
    found = extract(gold, options, gold=True)
    if not found.candidates:
        raise ParseError(f"gold: {found.source}")
    return _first_parse(found.candidates, options)


def _read_pred(found: Extraction, gold: Node, options: VerifyOptions) -> tuple[Node, str]:
    if gold.kind == "text" and found.source != "boxed":  # the announced words, or the words as they stand
        ordered = (
            found.candidates[1:2] + found.candidates[:1]
            if found.source == "announced" and len(found.candidates) > 1
            else found.candidates[:1]
        )
        parsed = [(node, c) for c in ordered if (node := _readable(c, options)) is not None]
        if parsed:
            return next((pc for pc in parsed if canonical_key(pc[0]) == canonical_key(gold)), parsed[0])
    return _first_parse(found.candidates, options)


def _readable(text: str, options: VerifyOptions) -> Node | None:
    try:
        return _parse(text, options)
    except (ParseError, NotDefined):
        return None


def _first_parse(candidates: list[str], options: VerifyOptions) -> tuple[Node, str]:
    words: tuple[Node, str] | None = None
    failure: VerifierError | None = None
    for candidate in map(plain_option, candidates):
        try:
            node = _parse(candidate, options)
        except (ParseError, NotDefined) as error:
            failure = failure or error
            continue
        if node.kind != "text":
            return node, candidate
        words = words or (node, candidate)
    if words is None:
        raise failure or ParseError("no answer found")
    return words


@lru_cache(maxsize=64)
def _parse(text: str, options: VerifyOptions) -> Node:
    """The tree of an answer, kept for a while: whoever groups a problem's answers compares each with many others."""
    budget = OperationBudget(options.max_operations, options.max_digits)
    node = parse_answer(text, options, budget)
    canonical_key(node, budget)  # a division by zero or an oversized number shows here
    return node


# --- other readings of ambiguous notation
# -------------------------------------------------------------------------------
def _other_readings(gold_text: str, pred_text: str, g: Node, p: Node, ctx: Context, compare) -> bool:
    """Notation that two authors write differently: decimal commas, lists that look like thousands, units in italics,
    options.
    """
    if _same_word(gold_text, pred_text) or _answers_first(gold_text, pred_text):
        return True
    option_g, option_p = lettered_option(gold_text), lettered_option(pred_text)
    if ctx.options.choice_text and (option_g or option_p):
        if option_g and option_p:
            return option_g[0] == option_p[0]
        letter = choice_letter(pred_text if option_g else gold_text)
        if letter is not None:
            return letter == (option_g or option_p)[0]
        value = _option_value((option_g or option_p)[1], ctx)
        if value is not None:
            return compare(value, p, ctx) if option_g else compare(g, value, ctx)
    for text, other, mine_is_gold in ((gold_text, p, True), (pred_text, g, False)):
        value = _decimal_comma(text) if other.kind == "num" and other.decimals else None
        if value is not None and value.decimals == other.decimals and (other.decimals > 1 or not mine_is_gold):
            return compare(value, other, ctx) if mine_is_gold else compare(other, value, ctx)
    if g.kind == "num" and (grouped := _INDIAN.fullmatch(pred_text.strip("$ "))) is not None:
        return compare(g, N.num(int(grouped[0].replace(",", ""))), ctx)
    if g.kind == "num" and "," in gold_text and p.kind == "set":
        split = _as_list(gold_text, ctx)
        return split is not None and compare(split, p, ctx)
    if p.kind == "num" and "," in pred_text and g.kind == "set":
        split = _as_list(pred_text, ctx)
        return split is not None and compare(g, split, ctx)
    if p.kind == "mul" and not free_symbols(g) and (quantity := _italic_unit(p)) is not None:
        return compare(g, quantity, ctx)
    return False


def _option_value(text: str, ctx: Context) -> Node | None:
    """What stands behind an option's letter."""
    try:
        return parse_answer(text, ctx.options, ctx.budget)
    except ParseError:
        return None


def _as_list(text: str, ctx: Context) -> Node | None:
    """``101,202,303`` as three numbers."""
    try:
        node = parse_answer(text, ctx.options, ctx.budget, thousands=False)
    except ParseError:
        return None
    return node if node.kind == "list" else None


def _answers_first(gold_text: str, pred_text: str) -> bool:
    """``Yes, it is`` for the gold answer yes; not where the rest says the opposite too."""
    m = _REPLY.match(pred_text)
    return (
        m is not None and m[1].casefold() == gold_text.strip().casefold() and not _REPLY_WORD.search(pred_text, m.end())
    )


def _same_word(a: str, b: str) -> bool:
    x, y = _WORD.fullmatch(a), _WORD.fullmatch(b)
    return x is not None and y is not None and x[1].casefold() == y[1].casefold()


def _decimal_comma(text: str) -> Node | None:
    """``2,74`` as 2.74; three digits after the comma are thousands unless a zero leads."""
    m = _DECIMAL_COMMA.fullmatch(text.strip().strip("$").strip())
    if m is None or (len(m[3]) == 3 and m[2] != "0") or len(m[2]) + len(m[3]) > 300:
        return None
    value = Fraction(int(m[2] + m[3]), 10 ** len(m[3]))
    return N.num(-value if m[1] else value, len(m[3]))


def _italic_unit(p: Node) -> Node | None:
    """``5m^2`` where the gold is a plain number: square or cubic metres. A bare ``5m`` stays a product."""
    last = p.args[-1]
    if (
        last.kind != "pow"
        or last.args[0].kind != "sym"
        or last.args[0].value != "m"
        or any(free_symbols(a) for a in p.args[:-1])
    ):
        return None
    exponent = rational(last.args[1], OperationBudget(1000))
    return Node("quantity", (N.mul(*p.args[:-1]),), f"m^{exponent}") if exponent in (2, 3) else None


def _repeated(found: Extraction, p: Node, ctx: Context, compare) -> Node:
    """``\\boxed{x+11}`` or ``\\boxed{11+x}``: neighbouring boxes that say the same are one answer."""
    if found.joined and p.kind == "list" and all(compare(p.args[0], q, ctx) for q in p.args[1:]):
        return p.args[0]
    return p


def _spread(found: Extraction, g: Node, ctx: Context, compare) -> bool:
    """Boxes far apart that together hold exactly the gold's elements: a case by case solution."""
    try:
        whole = _parse(", ".join([*found.rivals, *found.candidates]), ctx.options)
    except VerifierError:
        return False
    return whole.kind == "list" and compare(g, whole, ctx)


def _one_answer(found: Extraction, p: Node, ctx: Context, compare) -> bool:
    """Whether every other box repeats the answer or one of its elements."""
    for rival in found.rivals:
        try:
            node = _parse(rival, ctx.options)
        except VerifierError:
            return False
        parts = p.args if p.kind in ("list", "set") else ()
        if not any(compare(q, node, ctx) for q in (p, *parts)):
            return False
    return True
