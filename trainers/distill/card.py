"""The data card: where the rows come from, what was thrown away and why, what it cost."""

from __future__ import annotations

from collections import Counter

from rlad.config import RunConfig
from trainers.distill.gates import probe_bound
from trainers.distill.pipeline import Worked
from trainers.distill.rows import RIGHT, counts

GATES = ("format", "length", "leak", "duplicate", "probe", "useless", "strategy")
"""In the order in which a candidate meets them."""


def card(
    run: RunConfig,
    worked: list[Worked],
    names: dict[str, str],
    spent: Counter,
    written: list[dict],
    tasks: dict[str, int],
) -> str:
    """The card as Markdown; `names`: role -> model, `spent`: (role, calls | in | out) -> number, `written`: the rows,
    `tasks`: task -> rows that demonstrate it."""
    config, kept = run.distill, [one for done in worked for one in done.kept]
    tested = sum(one.gate in ("useless", "strategy", "") for done in worked for one in done.candidates)
    wordings = sum(one.gate in ("strategy", "") for done in worked for one in done.candidates)
    strategies = sum(len({one.strategy for one in done.candidates if one.gate in ("strategy", "")}) for done in worked)
    base = sum(len(done.right) for done in worked) / max(1, len(worked) * config.traces)
    helped = sum(one.right for one in kept) / max(1, len(kept) * config.guided)
    skipped = Counter(done.skipped for done in worked if done.skipped)
    lines = [
        "# Abstraction data",
        "",
        f"{len(kept)} abstractions for {sum(bool(done.kept) for done in worked)} of {len(worked)} problems "
        f"(`problems.source={run.problems.source}`, `{run.problems.path or 'generated'}`, seed {run.seed}).",
        f"Teacher: {names['teacher']}. Solver: {names['solver']}.",
        "",
        *(f"{count} problems were left: {why}." for why, count in sorted(skipped.items())),
        f"The solver is right in {base:.1%} of its solutions without an abstraction, and in {helped:.1%} with one that "
        "was kept. The second share is chosen by its own samples and too good for that; measure it anew.",
        "",
        "| kind | written | " + " | ".join(GATES) + " | kept |",
        "|---" * (len(GATES) + 3) + "|",
        *_rows(worked),
        "",
        f"- **Leak probe**: {config.probe} answers without the problem, none right; a leak rate of up to "
        f"{probe_bound(config.probe):.1%} remains possible for each (95 %).",
        f"- **Useful**: Fisher's exact test, one-sided, below {config.alpha:g} for {config.guided} solutions with it "
        f"against {config.traces} without. Of {tested} tested, at most {config.alpha * tested:.1f} useless ones pass.",
        f"- **Distinct**: {wordings} wordings, {strategies} strategies, told apart by "
        f"{f'the encoder {config.encoder}' if config.encoder else 'the teacher'}"
        f"{_undecided(worked)}.",
        "",
        *_accounts(run, spent),
        "",
        *_tasks(written, tasks),
        "",
        "Each row: `problem`, `answer`, `base_success`, and by its `kind`: *plain* a right `solution`; *verdict* an "
        "`attempt` and its `critique`; *list* the strategies' `abstractions`; *choice* `right_solutions` and "
        "`wrong_solutions`; every other kind an `abstraction`, a right `solution` that was written with it, `attempt` "
        "and `critique` where the solver was wrong without it, `strategy`, `guided_success` and `chance`.",
    ]
    return "\n".join(lines) + "\n"


def _tasks(written: list[dict], tasks: dict[str, int]) -> list[str]:
    """How many rows demonstrate each task of the warm start, and both verdicts."""
    verdicts = Counter(row["critique"].endswith(RIGHT) for row in written if "critique" in row)
    return [
        f"{len(written)} rows; a row can demonstrate several tasks:",
        "",
        "| task | " + " | ".join(tasks) + " |",
        "|---" * (len(tasks) + 1) + "|",
        "| rows | " + " | ".join(map(str, tasks.values())) + " |",
        "",
        f"Of the critiques {verdicts[True]} conclude that the attempt is right, {verdicts[False]} that it is wrong.",
    ]


def _rows(worked: list[Worked]) -> list[str]:
    return [
        f"| {kind} | " + " | ".join(str(found[name]) for name in ("written", *GATES, "kept")) + " |"
        for kind, found in sorted(counts(worked).items())
    ]


def _undecided(worked: list[Worked]) -> str:
    count = sum(done.ungrouped for done in worked)
    return f" (not for {count} problems, where its answer could not be read)" if count else ""


def _accounts(run: RunConfig, spent: Counter) -> list[str]:
    """Calls, tokens and money by role."""
    found = []
    for role in ("teacher", "solver"):
        price = getattr(run.distill, role)
        calls, given, made = (spent[role, what] for what in ("calls", "in", "out"))
        money = (given * price.price_in + made * price.price_out) / 1e6
        found.append(f"- **{role}**: {calls} calls, {given} prompt tokens, {made} generated tokens, cost {money:.4f}")
    return found
