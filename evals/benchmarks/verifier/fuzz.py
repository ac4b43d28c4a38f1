"""Random and mutated texts against the verifier: ``./launch.sh bench fuzz cases=100000``.

Nothing may raise or take long, a gold that can be read equals itself, the order of the two answers does not matter, and
an answer with one digit changed is another answer. Prints what broke a rule.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rlad.verifier import Outcome, Verdict, verify

SLOW_MS = 100.0
"""Of the processor, twice what the benchmark asks for, of the faster of two runs: a fuzz run shares its caches."""

_SEEDS = r"""
\frac{3\sqrt{2}}{4}
x^2+2x+1
\left(\frac{1}{2},\,-3\right]
(-\infty,2)\cup[5,\infty)
\{1,2,\sqrt{3}\}
\begin{pmatrix}1&2\\3&4\end{pmatrix}
x=\pm\sqrt{5}
2\pi r^2
\binom{10}{3}
12\frac{1}{3}
45^\circ
\log_2 12
\frac{n!}{(n-2)!}
3+4i
\text{(C)}
1{,}234{,}567
25\%
\$12.50
2.5\times10^{-3}
y=-\frac{2}{3}x+7
0\le x<\frac{\pi}{2}
1101_2
3:30\text{ p.m.}
12\text{ cm}^2
\lfloor x\rfloor
\sum_{k=1}^{n}k^2
e^{2x}\cos 3x
0.\overline{142857}
x=1, y=2
|x-3|<5
July 4, 1776
a_{n+1}=2a_n
\begin{cases}x & x>0\\-x & x\le 0\end{cases}
\sqrt[3]{2}+\sqrt[3]{4}
7 \pmod{12}
3:4:5
no solution
"""
SEEDS = tuple(_SEEDS.strip().splitlines())
_TOKENS = re.compile(r"\\[a-zA-Z]+|\\.|\d+|.", re.DOTALL)
_MORE = r"\left \right \boxed{ <think> </think> ! ^ _ \not \mathbb{R} \emptyset ≤ ∞ ½ ² \to \mid \int dx \lim \infty"
_MORE += r" 99999999 0 - \begin{cases} \\ & ' km e i"
PIECES = (
    *sorted({token for seed in SEEDS for token in _TOKENS.findall(seed)}),
    *_MORE.split(),
    "answer is ",
    "\0",
    "\ud800",
)


def mutate(text: str, draw: random.Random) -> str:
    """``text`` with one to four of its tokens dropped, doubled, exchanged or replaced."""
    tokens = _TOKENS.findall(text)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(tokens) + 1)
        match draw.randrange(4):
            case 0:
                del tokens[at : at + 1]
            case 1:
                tokens[at:at] = tokens[max(0, at - 3) : at]
            case 2 if len(tokens) > 1:
                other = draw.randrange(len(tokens))
                at = min(at, len(tokens) - 1)
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case _:
                tokens.insert(at, draw.choice(PIECES))
    return "".join(tokens)


def change_a_digit(text: str, draw: random.Random) -> str | None:
    """``text`` with one digit replaced by another; None if it has none, or if a zero may hide the change."""
    places = [i for i, c in enumerate(text) if c in "123456789"]
    if not places or "0" in text:
        return None
    at = draw.choice(places)
    return text[:at] + draw.choice([d for d in "123456789" if d != text[at]]) + text[at + 1 :]


def cases(golds: Sequence[str], count: int, seed: int) -> Iterator[tuple[str, str, str]]:
    """``count`` cases (kind, gold, pred)."""
    draw = random.Random(seed)
    for _ in range(count):
        gold = draw.choice(golds)
        match draw.randrange(7):
            case 0:
                noise = draw.randbytes(draw.randint(0, 200)).decode(
                    draw.choice(("latin-1", "utf-8")), "surrogateescape"
                )
                yield "bytes", *draw.sample((gold, noise), 2)
            case 1:
                soup = "".join(draw.choices(PIECES, k=draw.randint(1, 40)))
                yield "soup", *draw.sample((gold, soup), 2)
            case 2:
                soup = "".join(draw.choices(PIECES, k=draw.randint(1, 20)))
                yield "soup twice", soup, mutate(soup, draw)
            case 3:
                yield "mutated", gold, mutate(gold, draw)
            case 4:
                yield (
                    "boxed",
                    gold,
                    f"so \\boxed{{{mutate(gold, draw)}}}" + draw.choice(("", ".", "$", "}", "\\boxed{")),
                )
            case 5:
                changed = change_a_digit(gold, draw)
                yield ("digit", gold, changed) if changed else ("self", gold, gold)
            case _:
                same = mutate(gold, draw).replace(
                    "answer is ", ""
                )  # a gold is read as a whole first, a completion is not
                yield "self", same, ""


def timed(gold: str, pred: str) -> tuple[Verdict, float]:
    """The verdict and the milliseconds of the processor that it took: by the clock, a busy machine would be a fault."""
    start = time.thread_time()
    verdict = verify(gold, pred)
    return verdict, (time.thread_time() - start) * 1e3


def faults(kind: str, gold: str, pred: str) -> list[str]:
    """The rules that one case breaks."""
    if kind == "self":
        own = verify(gold, gold)
        return ["not equal to itself"] if own.outcome in (Outcome.incorrect, Outcome.unparseable_pred) else []
    one, milliseconds = timed(gold, pred)
    broken = []
    if milliseconds > SLOW_MS and timed(gold, pred)[1] > SLOW_MS:  # the first may have filled a cache
        broken.append(f"slow ({milliseconds:.0f} ms)")
    if kind == "digit" and one.correct:
        broken.append("a changed digit was accepted")
    # Only decimals are compared in one direction: the gold's digits say how exact an answer has to be.
    bare = "boxed" not in gold + pred and "think" not in gold + pred and "answer" not in gold + pred
    if kind in ("mutated", "digit") and bare and "." not in gold + pred:
        other = verify(pred, gold)  # a completion may be searched for its last number, a gold never is
        if other.correct is not one.correct and Outcome.unparseable_gold not in (one.outcome, other.outcome):
            broken.append("the order of the two matters")
    return broken


def fuzz(golds: Sequence[str], count: int, seed: int) -> tuple[Counter, list[tuple[str, str, str, str]]]:
    """Totals by kind, and (fault, kind, gold, pred) of every rule that was broken. An exception is a fault too."""
    totals: Counter = Counter()
    found = []
    for kind, gold, pred in cases(golds, count, seed):
        totals[kind] += 1
        try:
            broken = faults(kind, gold, pred)
        except Exception as error:  # the very thing that is looked for
            broken = [f"raised {type(error).__name__}: {error}"]
        found += [(fault, kind, gold, pred) for fault in broken]
    return totals, found


@dataclass
class Keys:
    """How much is tried."""

    cases: int = 100_000
    """Pairs of texts."""
    seed: int = 0
    """Of everything that is drawn."""
    golds: str = ""
    """JSON lines with an `answer` to start from; empty = a few built-in ones."""


def bench(keys: Keys) -> dict:
    """Cases by kind, and the rules that were broken, each printed too."""
    golds = [json.loads(line)["answer"] for line in Path(keys.golds).read_text().splitlines()] if keys.golds else SEEDS
    start = time.perf_counter()
    totals, found = fuzz(golds, keys.cases, keys.seed)
    for fault in found[:200]:
        print(*map(ascii, fault), sep="\t")
    return {"cases": keys.cases, **totals, "faults": len(found), "seconds": round(time.perf_counter() - start, 1)}
