"""Our verifier beside math-verify 0.9 in one run: ``./launch.sh bench verifier data=DIR``.

DIR holds ``verifier/*.jsonl`` (rows of gold, pred, expected) and ``problems/math_test_5000.jsonl`` (answer, solution).
Each runs in one worker of the same pool, which guards the other one's hangs too; times are wall time in there.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from evals.benchmarks.verifier.hostile import Measurement, measure_command, measure_ladder, measure_ours, measure_theirs
from rlad.verifier import DEFAULT, Outcome, Verdict, VerifierPool, VerifyOptions
from rlad.verifier.cli import percentile

OURS = "evals.benchmarks.verifier.judges:ours"
THEIRS = "evals.benchmarks.verifier.judges:"
Pair = tuple[str, str]


@dataclass
class JudgedPairs:
    """The verdicts of one verifier on one list of pairs."""

    verdicts: list[Verdict]
    expected: list[bool]

    def wrong(self, expected: bool) -> int:
        """Rows expected to be ``expected`` and judged otherwise."""
        return sum(e is expected and v.correct is not e for v, e in zip(self.verdicts, self.expected, strict=True))

    @property
    def errors(self) -> int:
        """False positives and false negatives."""
        return self.wrong(True) + self.wrong(False)

    @property
    def accuracy(self) -> float:
        """Share of rows judged as expected."""
        return 1 - self.errors / len(self.verdicts)

    @property
    def milliseconds(self) -> list[float]:
        """Time of each row inside the worker."""
        return [v.milliseconds for v in self.verdicts]

    @property
    def per_second(self) -> float:
        """Rows a single process judges per second."""
        return len(self.verdicts) / (sum(self.milliseconds) / 1e3)

    def count(self, outcome: Outcome) -> int:
        """Rows with this outcome."""
        return sum(v.outcome is outcome for v in self.verdicts)


@dataclass
class Report:
    """The table, filled row by row."""

    rows: list[tuple[str, str, str, str, bool]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, what: str, theirs: str, ours: str, target: str, reached: bool) -> None:
        """One row; printed at once on stderr too, because the whole takes minutes."""
        self.rows.append((what, theirs, ours, target, reached))
        print(f"{what}: math-verify {theirs}, ours {ours} (target {target})", file=sys.stderr)

    def print(self) -> None:
        """The table and, below it, what a reader should look at."""
        table = Table("what", "math-verify 0.9", "ours", "target", "")
        for *cells, reached in self.rows:
            table.add_row(*cells, "reached" if reached else "MISSED")
        console = Console(width=140)
        console.print(table)
        for note in self.notes:
            console.print(note, markup=False, highlight=False, soft_wrap=True)


def judge_pairs(
    judge: str, pairs: list[Pair], expected: list[bool] | None = None, options: VerifyOptions = DEFAULT
) -> JudgedPairs:
    """All pairs through one worker that runs ``judge``, warmed up on the first so that no clock counts imports."""
    with VerifierPool(workers=1, options=options, time_limit_s=30, memory_limit_mb=4096, judge=judge) as pool:
        pool.verify_many([*pairs[:20], (r"\int_0^1 x\,dx", "1/2")])
        return JudgedPairs(pool.verify_many(pairs), expected or [True] * len(pairs))


def read(path: Path) -> list[dict]:
    """The rows of a JSON-lines file."""
    with path.open() as file:
        return [json.loads(line) for line in file]


def labelled_sets(data: Path, report: Report, theirs: bool) -> None:
    """Every set by itself and pooled. math-verify is run twice: on the texts as they are, as ours is, and with bare
    answers put into a math span, which suits it better on the whole and counts in the rows of single sets."""
    ways = {"ours": OURS, **({way: THEIRS + way for way in ("raw", "wrapped")} if theirs else {})}
    pooled = {way: [0, 0] for way in ways}
    runs: dict[str, tuple[JudgedPairs, JudgedPairs | None]] = {}
    for path in sorted((data / "verifier").glob("*.jsonl")):
        rows = read(path)
        pairs, expected = [(r["gold"], r["pred"]) for r in rows], [r["expected"] for r in rows]
        judged = {way: judge_pairs(judge, pairs, expected) for way, judge in ways.items()}
        for way, one in judged.items():
            pooled[way][0] += one.wrong(False)
            pooled[way][1] += one.wrong(True)
        runs[path.stem] = judged["ours"], judged.get("wrapped")
        errors = ", ".join(f"{way} {one.wrong(False)} + {one.wrong(True)}" for way, one in judged.items())
        report.notes.append(f"{path.stem}: {len(rows)} rows, false positives + false negatives: {errors}")
    tinyv, gsm8k = runs["tinyv_hardverify_dev"], runs["gsm8k_model_solutions_dev"]

    def cell(one: JudgedPairs | None, text: Callable[[JudgedPairs], str]) -> str:
        return text(one) if one else "-"

    def accuracy(one: JudgedPairs) -> str:
        return f"{one.accuracy:.1%} / {one.wrong(False)}"

    ours, other = tinyv
    report.add("TinyV rows, accuracy / false positives", cell(other, accuracy), accuracy(ours), "≥ 88 % / ≤ 1",
               ours.accuracy >= 0.88 and ours.wrong(False) <= 1)  # fmt: skip
    cells = {way: f"{fp} + {fn}" for way, (fp, fn) in pooled.items()}
    reached = theirs and 2 * sum(pooled["ours"]) <= min(sum(pooled[way]) for way in ("raw", "wrapped"))
    cell_of_theirs = f"{cells['wrapped']} (raw {cells['raw']})" if theirs else "-"
    report.add("all sets, false positives + negatives", cell_of_theirs, cells["ours"], "at most half", reached)
    ours, other = gsm8k
    report.add("GSM8K model solutions, accuracy", cell(other, lambda r: f"{r.accuracy:.2%}"), f"{ours.accuracy:.2%}",
               "100 %", ours.accuracy == 1)  # fmt: skip
    for name, (ours, other), least in (("GSM8K solutions", gsm8k, 20), ("TinyV rows", tinyv, 20)):
        factor = ours.per_second / other.per_second if other else 0.0
        speed = f"{ours.per_second:,.0f}" + (f" ({factor:.1f}×)" if other else "")
        report.add(f"{name} per second, one process", cell(other, lambda r: f"{r.per_second:,.0f}"), speed,
                   f"≥ {least}×", factor >= least)  # fmt: skip
    ours, other = tinyv
    p99 = percentile(ours.milliseconds, 0.99)
    report.add("TinyV rows, p99", cell(other, lambda r: f"{percentile(r.milliseconds, 0.99):.0f} ms"), f"{p99:.1f} ms",
               "≤ 20 ms", p99 <= 20)  # fmt: skip


def math_golds(data: Path, report: Report, theirs: bool, share: int) -> None:
    """MATH golds against themselves and against the full solutions they were taken from: all are correct.

    Some solutions box several different values on their way. That is hedging, which earns nothing by default, but these
    texts are to be trusted: the row counts ours with ``reject_hedging`` off, a note tells the number with the default.
    """
    rows = read(data / "problems" / "math_test_5000.jsonl")[::share]
    itself, solution = [(r["answer"], r["answer"]) for r in rows], [(r["answer"], r["solution"]) for r in rows]
    cells = []
    for judge in (THEIRS + "wrapped" if theirs else None, OURS):
        if judge is None:
            cells.append("-")
            continue
        same, full = (
            judge_pairs(judge, itself),
            judge_pairs(judge, solution, options=VerifyOptions(reject_hedging=False)),
        )
        unread = same.count(Outcome.unparseable_gold)
        cells.append(f"{unread} / {same.wrong(True)} + {full.wrong(True)}")
    report.add(
        f"{len(rows):,} MATH golds, unparseable / missed in themselves + in their solutions",
        *cells,
        "0 / ≤ 2",
        unread == 0 and same.wrong(True) + full.wrong(True) <= 2,
    )
    strict = judge_pairs(OURS, solution)
    report.notes.append(f"MATH solutions missed with the default reject_hedging: {strict.wrong(True)}")
    for kind, one in (("itself", same), ("solution", full)):
        missing = [r["answer"] for r, v in zip(rows, one.verdicts, strict=True) if not v.correct]
        report.notes += [f"MATH gold not found in its {kind}: {answer!r}" for answer in missing[:20]]


_SPACING = re.compile(r"\\left|\\right|\\[!,;: ]|[\s${}]")


def canonical(answer: str) -> str:
    """A gold without what never changes its meaning, so that two golds that are drawn are two different texts."""
    return _SPACING.sub("", answer.replace("dfrac", "frac").replace("tfrac", "frac"))


def random_pairs(data: Path, report: Report, theirs: bool, count: int) -> None:
    """Pairs of different golds: nearly all are wrong. Those judged correct are printed for a person to look at."""
    rows = read(data / "problems" / "math_test_5000.jsonl")
    golds = list({canonical(r["answer"]): r["answer"] for r in rows}.values())
    draw = random.Random(0)
    pairs = [tuple(draw.sample(golds, 2)) for _ in range(count)]
    counts = {"math-verify": "-"}
    for name, judge in (("math-verify", THEIRS + "remembered"), ("ours", OURS)):
        if judge == OURS or theirs:
            verdicts = judge_pairs(judge, pairs, [False] * count).verdicts
            accepted = [pair for pair, v in zip(pairs, verdicts, strict=True) if v.correct]
            report.notes += [f"random pair judged correct by {name}: {a!r} and {b!r}" for a, b in accepted]
            counts[name] = str(len(accepted))
    what = f"{count:,} random pairs of MATH golds judged correct"
    report.add(what, counts["math-verify"], counts["ours"], "none that is wrong (see below)", counts["ours"] == "0")


def hostile(report: Report, theirs: bool) -> None:
    """Every attack, alone in a fresh process: best of three, in the main thread and in another one."""

    def cell(all_: list[Measurement]) -> str:
        slowest, memory = max(m.milliseconds for m in all_), sum(m.megabytes for m in all_)
        return f"{slowest:,.0f} ms / {memory:.0f} MB ({len(all_)} pairs)"

    ours = measure_ours()
    slow = [m for m in ours if m.milliseconds > 50]
    report.notes += [f"slow: {m.name} took {m.milliseconds:.0f} ms" for m in slow]
    report.notes += [f"false positive: {m.name}" for m in ours if m.correct]
    ladder = measure_ladder()
    heavy = [m for m in ladder if m.processor > 50]
    report.notes += [f"through the whole ladder {m.name} took {m.processor:.0f} ms of the processor" for m in heavy]
    most = max(m.processor for m in ladder)
    report.add("hostile pairs through the whole ladder, slowest", "-", f"{most:,.0f} ms of the processor", "≤ 50 ms",
               not heavy)  # fmt: skip
    through = measure_command()
    late = [m for m in through if m.milliseconds > 50]
    report.notes += [f"slow through the command: {m.name} took {m.milliseconds:.0f} ms" for m in late]
    slowest = max(m.milliseconds for m in through)
    report.add("hostile pairs through the command, slowest", "-", f"{slowest:,.0f} ms", "≤ 50 ms", not late)
    report.add("hostile pairs, slowest / memory", cell(measure_theirs()) if theirs else "-",
               cell(ours), "≤ 50 ms / ≤ 100 MB", not slow and sum(m.megabytes for m in ours) <= 100)  # fmt: skip


@dataclass
class Keys:
    """What is compared."""

    data: str
    """Folder with verifier/ and problems/."""
    ours_only: bool = False
    """Leave math-verify out: seconds instead of minutes."""
    share: int = 1
    """Take every n-th MATH gold and 20,000 / n random pairs."""


def bench(keys: Keys) -> dict:
    """The rows of the table, which is printed too, and the notes below it."""
    report, theirs, data = Report(), not keys.ours_only, Path(keys.data)
    labelled_sets(data, report, theirs)
    math_golds(data, report, theirs, keys.share)
    random_pairs(data, report, theirs, 20_000 // keys.share)
    hostile(report, theirs)
    report.print()
    names = ("what", "math_verify", "ours", "target", "reached")
    return {"rows": [dict(zip(names, row, strict=True)) for row in report.rows], "notes": report.notes}
