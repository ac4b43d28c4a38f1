"""Properties over random answers. ``RLAD_FUZZ_CASES`` sets how many examples each property tries (default 60)."""

import os
import random
import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlad.verifier import Outcome, verify

CASES = int(os.environ.get("RLAD_FUZZ_CASES", "60"))
SETTINGS = settings(
    max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)

integers = st.integers(-999, 999)
leaves = st.one_of(
    integers.map(lambda n: f"({n})" if n < 0 else str(n)),
    st.sampled_from(["x", "y", r"\pi", "a_1"]),
    st.tuples(st.integers(1, 99), st.integers(2, 99)).map(lambda t: rf"\frac{{{t[0]}}}{{{t[1]}}}"),
)


def _grow(inner):
    pair = st.tuples(inner, inner)
    return st.one_of(
        pair.map(lambda t: f"({t[0]}+{t[1]})"),
        pair.map(lambda t: f"({t[0]}-{t[1]})"),
        pair.map(lambda t: rf"{t[0]}\cdot {t[1]}"),
        inner.map(lambda a: rf"\sqrt{{({a})^2+1}}"),
        inner.map(lambda a: f"({a})^2"),
        inner.map(lambda a: rf"\sin({a})"),
    )


expressions = st.recursive(leaves, _grow, max_leaves=6)
answers = st.one_of(
    expressions,
    st.lists(expressions, min_size=2, max_size=4).map(", ".join),
    st.tuples(expressions, expressions).map(lambda t: f"({t[0]}, {t[1]})"),
    expressions.map(lambda a: f"x = {a}"),
)


@SETTINGS
@given(answers)
def test_reflexive(answer):
    """Every gold that can be read equals itself."""
    verdict = verify(answer, answer)
    assert verdict.correct or verdict.outcome is Outcome.unparseable_gold


@SETTINGS
@given(answers, answers)
def test_symmetric(a, b):
    """Golds without decimals have no asymmetric policy."""
    assert verify(a, b).correct == verify(b, a).correct


REWRITES = [
    lambda e: f"({e})+0",
    lambda e: f"1\\cdot({e})",
    lambda e: f"\\frac{{2({e})}}{{2}}",
    lambda e: f"-(-({e}))",
    lambda e: f"({e})+x-x",
    lambda e: f"({e})(\\sin^2 t+\\cos^2 t)",
    lambda e: f"\\left( {e} \\right)",
]


@SETTINGS
@given(expressions, st.sampled_from(REWRITES))
def test_identities_keep_correct(expression, rewrite):
    assert not expression.count("!")
    assert verify(expression, rewrite(expression)).outcome in (Outcome.correct, Outcome.unparseable_gold)


@SETTINGS
@given(expressions, st.integers(1, 9))
def test_a_changed_value_is_incorrect(expression, shift):
    assert not verify(expression, f"({expression})+{shift}").correct


@SETTINGS
@given(st.integers(0, 10**12), st.integers(0, 11), st.integers(1, 9))
def test_a_changed_digit_is_incorrect(number, place, shift):
    digits = list(str(number))
    k = place % len(digits)
    digits[k] = str((int(digits[k]) + shift) % 10)
    assert not verify(str(number), "".join(digits)).correct
    assert not verify(f"{number}/7", "".join(digits) + "/7").correct


SEEDS = [
    r"\frac{1}{2}",
    r"x \in (-\infty, 3] \cup \{5\}",
    r"\begin{pmatrix}1&2\\3&4\end{pmatrix}",
    r"1 \pm \sqrt{5}",
    "f(x)=x^2, y=3",
    r"\sum_{k=1}^{10} k!",
    r"The answer is \boxed{\text{(C) } 42\%}.",
    r"4:30 \text{ p.m.}",
    r"10^{10^{10}}",
    "<think> no </think> 5 cm",
    r"\{x \mid |x|<3\}",
    "2;3 and 4",
]
PIECES = [
    "{",
    "}",
    "\\",
    "^",
    "_",
    "!",
    "(",
    ")",
    "|",
    "$",
    "9" * 30,
    r"\frac",
    r"\sqrt",
    r"\boxed{",
    r"\text{",
    ",",
    ";",
    " and ",
    "\0",
    "😀",
    "٣",
    r"\left",
    "&",
    r"\\",
    "%",
    "'",
]


def _mutated(seed: int) -> str:
    rng = random.Random(seed)
    text = rng.choice(SEEDS)
    for _ in range(rng.randrange(1, 8)):
        at = rng.randrange(len(text) + 1)
        text = rng.choice(
            [
                text[:at] + rng.choice(PIECES) + text[at:],
                text[:at] + text[at + rng.randrange(1, 4) :],
                text[:at] + text[at:] * 2,
            ]
        )[:3000]
    return text


def _survives(gold: str, pred: str) -> None:
    start = time.thread_time()
    verdict = verify(gold, pred)
    assert verdict.outcome is not Outcome.undecided or not verdict.reason.startswith("unexpected "), (
        gold,
        pred,
        verdict.reason,
    )
    assert time.thread_time() - start < 2, (gold, pred)  # the slowest needs .03; a collection of garbage comes on top


@SETTINGS
@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_mutated_latex_is_survived(a, b):
    """No exception reaches the outer guard, no pair takes long."""
    gold, pred = _mutated(a), _mutated(b)
    _survives(gold, pred)
    _survives(gold, gold)


@SETTINGS
@given(st.text(max_size=60), st.binary(max_size=60))
def test_random_text_is_survived(text, data):
    _survives("1", text)
    _survives(text, data.decode("latin-1"))
