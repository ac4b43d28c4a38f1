"""Real problems: JSONL and Parquet files, and datasets of the Hugging Face hub, all as the same `Problem`.

JSONL is read line by line with `json`, so that an error can name its line and columns may mix types between rows;
Parquet and the hub go through `datasets`, which is imported only when one of them is asked for. The same rows give the
same golds through all three.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rlad.config import FieldNames, ProblemsConfig
from rlad.problems.base import SPLITS, Problem, ProblemError, split_of
from rlad.problems.columns import answer_text, at, question_text, text_of, texts_of, worked_solution
from rlad.problems.environments import taskset_rows
from rlad.problems.hub import first_line, hub_rows
from rlad.problems.jsonl import json_lines, json_rows

log = logging.getLogger(__name__)

SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".parquet": "parquet"}
"""What a file is by the end of its name, before `.gz`; the source says it of all others."""

DISTILLED = "base_success"
"""A column that every row of distillation has, and other data has not."""


def load_split(config: ProblemsConfig, split: str, count: int) -> list[Problem]:
    """At most `count` problems of one split (0 = all), in an order that depends on nothing but the rows and the seed.

    A held-out split with its own file is that file; one without is split off the training file by a hash of the
    question. A question that a held-out file holds is left out of training. Raises ProblemError.
    """
    own = {held_out: config.held_out(held_out) for held_out in SPLITS[1:]}
    if config.path is None and not own.get(split):
        raise ProblemError(f"problems.source={config.source} needs problems.path.")
    if own.get(split):
        problems = _read(config.of_split(split), own[split])
    else:
        problems = _shares(_read(config, config.path), own, config.seed)[split]
    if split == "train":
        held_out = {p.id for name, path in own.items() if path for p in _read(config.of_split(name), path)}
        problems = [p for p in problems if p.id not in held_out]
    if not problems:
        raise ProblemError(
            f"'{config.path}' leaves no problem for the {split} split; give more rows"
            + ("." if split == "train" else f" or a problems.{split}_path.")
        )
    if 0 < count < len(problems):  # files are often sorted by subject or level, so the first rows would be a bad sample
        problems = sorted(problems, key=lambda p: _digest(f"{config.seed}|{p.id}"))[:count]
    return problems


def read_demonstrations(config: ProblemsConfig, path: str) -> list[Problem]:
    """All rows of a file for a warm start (`warmstart.path`), by the columns of `config.fields`, for worlds too.

    What distillation wrote is read by the project's own columns, whatever those of its problems are. None is held out.
    A world's solutions end as the file says: not every word is in its small models' vocabulary.
    Raises ProblemError where there is nothing to read.
    """
    boxed, config = not config.generated, replace(config, source="jsonl")
    for _, first in _rows(config, path):
        if DISTILLED in first:
            config = replace(config, fields=FieldNames())
        break
    return _read(config, path, boxed)


def _shares(problems: list[Problem], own: dict[str, str | None], seed: int) -> dict[str, list[Problem]]:
    """The training file's rows by split; a held-out split with its own file takes none, another at least one."""
    shares: dict[str, list[Problem]] = {split: [] for split in SPLITS}
    for problem in problems:
        split = split_of(problem.meta["canonical"], seed)
        shares["train" if own.get(split) else split].append(problem)
    for split in SPLITS[1:]:
        if not own.get(split) and not shares[split] and len(shares["train"]) > 1:  # a handful of rows
            row = min(shares["train"], key=lambda problem: _digest(f"{seed}|{problem.id}"))
            shares["train"].remove(row)
            shares[split].append(row)
    return shares


def _read(config: ProblemsConfig, path: str, boxed: bool = True) -> list[Problem]:
    """The rows of one file or dataset as problems, without repeated questions; those that demonstrate something else
    than the rows before them are kept under `meta["others"]` of the first, for the warm start. Rows whose question or
    answer is empty are left out with a warning: most large datasets hold a few. `boxed`: see
    `worked_solution`."""
    found: dict[str, Problem] = {}
    empty, seen = [], set()
    for where, row in _rows(config, path):
        problem = _problem(row, config.fields, f"{where} of '{path}'", boxed)
        if not problem.question or not problem.answer:
            empty.append(where)
        else:
            first, shows = found.setdefault(problem.id, problem), (problem.id, *_demonstrates(problem))
            if first is not problem and any(shows[1:]) and shows not in seen:
                first.meta.setdefault("others", []).append(problem)
            seen.add(shows)
    if empty:
        log.warning("'%s': %d rows without question or answer left out, the first is %s.", path, len(empty), empty[0])
    if not found:
        raise ProblemError(f"'{path}' holds no problems.")
    return list(found.values())


def _demonstrates(problem: Problem) -> tuple:
    """What a row holds for a warm start beside the problem; a solution alone is not told from another one."""
    lists = (problem.abstractions, problem.right_solutions, problem.wrong_solutions)
    return (problem.abstraction, problem.attempt, problem.critique, *lists)


def _rows(config: ProblemsConfig, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Pairs ("line 3" or "row 3", row)."""
    kind = SUFFIXES.get(Path(path.removesuffix(".gz")).suffix, config.source)
    if kind == config.source and config.generated:
        raise ProblemError(f"The held-out problems of a world are read from {', '.join(SUFFIXES)} files, not '{path}'.")
    if kind == "hub":
        yield from _hub_rows(config, path)
        return
    if kind == "verifiers":
        yield from taskset_rows(path, config.train + config.validation + config.test)
        return
    if not Path(path).is_file():
        raise ProblemError(f"There is no file '{path}'.")
    if kind == "json":
        yield from ((f"row {number}", row) for number, row in enumerate(json_rows(path, None, path), 1))
    else:
        yield from (json_lines(path) if kind == "jsonl" else _parquet_rows(path))


def _parquet_rows(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    import datasets
    import pyarrow

    try:  # streaming reads the file itself: no copy in a cache folder
        rows = datasets.load_dataset("parquet", data_files=path, split="train", streaming=True)
        for number, row in enumerate(rows, 1):
            yield f"row {number}", row
    except (pyarrow.ArrowInvalid, datasets.exceptions.DatasetsError) as error:
        raise ProblemError(f"'{path}' is not a Parquet file: {first_line(error)}.") from error


def _hub_rows(config: ProblemsConfig, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of a hub dataset or a local dataset folder; `name:split` overrides `hub_split`."""
    name, _, split = path.partition(":")
    subset = config.subset if name == str(config.path).partition(":")[0] else None
    rows = hub_rows(name, subset, split or config.hub_split, list(asdict(config.fields).values()))
    for number, row in enumerate(rows, 1):
        yield f"row {number}", row


def _problem(row: dict[str, Any], names: FieldNames, where: str, boxed: bool) -> Problem:
    where = where[0].upper() + where[1:]

    def text(key: str, read: Callable[[Any, str], str] = text_of) -> str:
        column = getattr(names, key)
        try:
            value = at(row, column)
        except KeyError:
            if key not in ("question", "answer"):
                return ""
            raise ProblemError(
                f"{where} has no field '{column}' (problems.fields.{key}); "
                f"it has {', '.join(map(repr, row)) or 'none'}.{_hint(row)}"
            ) from None
        return read(value, f"{where}, column '{column}' (problems.fields.{key})")

    def texts(key: str) -> tuple[str, ...]:
        column = getattr(names, key)
        try:
            value = at(row, column)
        except KeyError:
            return ()
        return texts_of(value, f"{where}, column '{column}' (problems.fields.{key})")

    question, answer, solution = text("question", question_text), answer_text(text("answer")), text("solution")
    if solution == answer:
        solution = ""  # the bare answer shows no way to it
    canonical = " ".join(question.split())
    return Problem(
        id=_digest(canonical),
        question=question,
        answer=answer,
        solution=worked_solution(solution, answer, boxed) or None,
        abstraction=text("abstraction") or None,
        attempt=text("attempt") or None,
        critique=text("critique") or None,
        abstractions=texts("abstractions"),
        right_solutions=texts("right_solutions"),
        wrong_solutions=texts("wrong_solutions"),
        meta={"canonical": canonical, "where": where[0].lower() + where[1:]},
    )


SHAPES = {
    "verl": ("reward_model", "problems.fields.question=prompt problems.fields.answer=reward_model.ground_truth"),
    "TRL": ("prompt", "problems.fields.question=prompt problems.fields.answer=solution"),
    "GSM8K": (
        "question",
        "problems.fields.question=question problems.fields.answer=answer problems.fields.solution=answer",
    ),
}
"""Rows that people have: whose, a column that tells them, and the keys that read them."""


def _hint(row: Mapping[str, Any]) -> str:
    """The keys for rows of a known shape, as a sentence; empty for others.

    >>> _hint({"data_source": "x", "prompt": [], "reward_model": {"ground_truth": "72"}})
    " Rows in verl's shape want problems.fields.question=prompt problems.fields.answer=reward_model.ground_truth."
    >>> _hint({"prompt": [], "answer": "72"})
    " Rows in TRL's shape want problems.fields.question=prompt problems.fields.answer=answer."
    """
    for name, (column, keys) in SHAPES.items():
        if column in row:
            if name == "TRL" and "solution" not in row and "answer" in row:  # both are in use
                keys = keys.replace("=solution", "=answer")
            return f" Rows in {name}'s shape want {keys}."
    return ""


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
