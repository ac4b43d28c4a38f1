"""``./launch.sh curriculum CONFIG``: how often the base solves each training problem, measured once and resumably."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rlad.cli import Parser, PlainError, main_guard, progress
from rlad.config import RunConfig, load_config
from rlad.config.curriculum import BANDS
from rlad.generation import Sampling
from rlad.problems import Problem, load_problems
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.tree import Tree
from trainers.data.curriculum import FILE
from trainers.launching.folder import config_path, prepared_folder

AT_A_TIME = 16
"""Problems that are sampled together, and lost when the command is killed."""


def settings(run: RunConfig, model: str) -> dict:
    """What a measurement was made with: rows of other settings cannot stand beside it."""
    player = run.solution
    return {
        "model": model,
        "samples": run.curriculum.samples,
        "seed": run.seed,
        "wording": run.wording,
        "thinking": None if player.thinking == "auto" else player.thinking,
        "temperature": player.temperature,
        "max_new_tokens": player.max_new_tokens,
    }


def _measured_rows(path: Path, made_with: dict) -> list[dict]:
    """The rows of a file of measurements, whose first line says what they were made with; what was not sampled and
    written as a whole is cut off. Raises PlainError for a file of other settings.
    """
    whole = path.read_bytes().rpartition(b"\n")[0] if path.is_file() else b""
    lines = [json.loads(line) for line in whole.splitlines()]
    if not lines:
        path.write_text(json.dumps({"made_with": made_with}) + "\n")
        return []
    before = lines[0]["made_with"]
    changed = [f"{name}: {before.get(name)} -> {new}" for name, new in made_with.items() if before.get(name) != new]
    if changed:
        raise PlainError(
            f"'{path}' was measured with other settings ({'; '.join(changed)}); move it away to measure anew."
        )
    kept = [line for line in lines[1:] if line["of"] <= len(lines) - 1]
    path.write_text("".join(json.dumps(line) + "\n" for line in [lines[0], *kept]))
    return kept


def measure_success(
    run: RunConfig, reasoner: Reasoner, problems: Sequence[Problem], path: Path, model: str
) -> list[dict]:
    """Solves every problem `curriculum.samples` times without an abstraction and appends {"problem", "right",
    "sampled", "unfinished", "tokens", "of": rows when its batch is whole} of each to `path`; what is there already is
    kept. Returns all rows.
    """
    rows = _measured_rows(path, settings(run, model))
    have = {row["problem"] for row in rows}
    with path.open("a") as file, progress("measuring", len(problems)) as bar:
        for start in range(0, len(problems), AT_A_TIME):
            batch = problems[start : start + AT_A_TIME]
            trees = [Tree(problem) for problem in batch if problem.id not in have]
            bar.advance(len(batch) - len(trees))
            if not trees:
                continue
            # Seeded by its place, so that a measurement which was killed ends with the same numbers.
            sampling = Sampling(run.solution.temperature, run.solution.max_new_tokens, run.seed * 1009 + start)
            reasoner.solve_bare(trees, run.curriculum.samples, sampling)
            reasoner.judge(trees)
            new = [_row(tree) | {"of": len(rows) + len(trees)} for tree in trees]
            file.write("".join(json.dumps(row) + "\n" for row in new))
            file.flush()
            rows += new
            bar.advance(len(new))
    return rows


def _row(tree: Tree) -> dict:
    return {
        "problem": tree.problem.id,
        "right": sum(solution.correct for solution in tree.bare),
        "sampled": len(tree.bare),
        "unfinished": sum(solution.completion.finish_reason == "length" for solution in tree.bare),
        "tokens": tree.tokens,
    }


def band_summary(run: RunConfig, rows: Sequence[dict]) -> str:
    """How many problems each band holds, in a few lines."""
    found = [run.curriculum.band(row["right"] / row["sampled"]) for row in rows]
    lines = [f"{band:8s} {found.count(band):7,d} problems" for band in BANDS]
    solutions = sum(row["sampled"] for row in rows)
    cut = sum(row["unfinished"] for row in rows) / solutions
    right = sum(row["right"] for row in rows) / solutions
    return "\n".join([*lines, f"{right:.1%} of {solutions:,} solutions right, {cut:.1%} cut off"])


def advice(run: RunConfig, rows: Sequence[dict]) -> str:
    """Which bands to train on: of easy and medium those that hold a problem; a sentence where neither does."""
    found = [run.curriculum.band(row["right"] / row["sampled"]) for row in rows]
    bands = [band for band in ("easy", "medium") if band in found]
    if bands:
        return f"Train with, for example, curriculum.bands=[{','.join(bands)}]."
    cut = sum(row["unfinished"] for row in rows) / sum(row["sampled"] for row in rows)
    told = "No problem is easy or medium, so bands have nothing to train on: take easier problems or a stronger base."
    return told + f" Most are cut off: raise solution.max_new_tokens={run.solution.max_new_tokens}." * (cut > 0.5)


def main(words: list[str] | None = None) -> None:
    parser = Parser(prog="curriculum", description=__doc__)
    parser.add_argument("config", help="a YAML file, or the folder of a run to go on with")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes to the configuration")
    arguments = parser.parse_intermixed_args(words)
    run = load_config(config_path(arguments.config), arguments.overrides)
    problems = load_problems(run.problems, "train")
    with prepared_folder(run, "curriculum") as folder:
        from rlad.reasoning.pair import open_pair  # torch is loaded where a model is
        from trainers.learner.assembly import starting_model

        model = starting_model(run, "solution", folder).path
        if model is None:
            raise PlainError(f"{folder} has no warm-started base yet; run ./launch.sh warmstart first.")
        reasoner = open_pair(replace(run, base=run.solution.model or run.base), None, model)
        try:
            rows = measure_success(run, reasoner, problems, folder / FILE, model)
        finally:
            reasoner.solver.close()
            reasoner.judge_of.close()
    print(band_summary(run, rows))
    print(f"Written to {folder / FILE}. {advice(run, rows)}")


if __name__ == "__main__":
    main_guard(main)
