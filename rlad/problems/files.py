"""Real problems: JSONL and Parquet files, and datasets of the Hugging Face hub, all as the same `Problem`.

JSONL is read line by line with `json`, so that an error can name its line and columns may mix types between rows;
Parquet and the hub go through `datasets`, which is imported only when one of them is asked for.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rlad.config import FieldNames, ProblemsConfig
from rlad.problems.base import SPLITS, Problem, ProblemError, split_of

log = logging.getLogger(__name__)

SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}


def load_split(config: ProblemsConfig, split: str, count: int) -> list[Problem]:
    """At most `count` problems of one split (0 = all), in an order that depends on nothing but the rows and the seed.

    A held-out split with its own file is that file; one without is split off the training file by a hash of the
    question. A question that a held-out file holds is left out of training. Raises ProblemError.
    """
    if config.path is None:
        raise ProblemError(f"problems.source={config.source} needs problems.path.")
    own = {"validation": config.validation_path, "test": config.test_path}
    if own.get(split):
        problems = _read(config, own[split])
    else:
        problems = _shares(_read(config, config.path), own, config.seed)[split]
    if split == "train":
        held_out = {p.id for path in own.values() if path for p in _read(config, path)}
        problems = [p for p in problems if p.id not in held_out]
    if not problems:
        raise ProblemError(
            f"'{config.path}' leaves no problem for the {split} split; give more rows"
            + ("." if split == "train" else f" or a problems.{split}_path.")
        )
    if 0 < count < len(problems):  # files are often sorted by subject or level, so the first rows would be a bad sample
        problems = sorted(problems, key=lambda p: _digest(f"{config.seed}|{p.id}"))[:count]
    return problems


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


def _read(config: ProblemsConfig, path: str) -> list[Problem]:
    """The rows of one file or dataset as problems, without repeated questions. Rows whose question or answer is empty
    are left out with a warning: most large datasets hold a few."""
    found: dict[str, Problem] = {}
    empty = []
    for where, row in _rows(config, path):
        problem = _problem(row, config.fields, f"{where} of '{path}'")
        if not problem.question or not problem.answer:
            empty.append(where)
        else:
            found.setdefault(problem.id, problem)
    if empty:
        log.warning("'%s': %d rows without question or answer left out, the first is %s.", path, len(empty), empty[0])
    if not found:
        raise ProblemError(f"'{path}' holds no problems.")
    return list(found.values())


def _rows(config: ProblemsConfig, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Pairs ("line 3" or "row 3", row)."""
    kind = SUFFIXES.get(Path(path).suffix, config.source)
    if kind == "hub":
        yield from _hub_rows(config, path)
        return
    if not Path(path).is_file():
        raise ProblemError(f"There is no file '{path}'.")
    yield from (_jsonl_rows(path) if kind == "jsonl" else _parquet_rows(path))


def _jsonl_rows(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    with open(path, "rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except UnicodeDecodeError as error:
                raise ProblemError(f"Line {number} of '{path}' is not UTF-8 text.") from error
            except json.JSONDecodeError as error:
                raise ProblemError(f"Line {number} of '{path}' is not JSON: {error.msg}.") from error
            if not isinstance(row, dict):
                raise ProblemError(f"Line {number} of '{path}' is not a JSON object.")
            yield f"line {number}", row


def _parquet_rows(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    import datasets
    import pyarrow

    try:  # streaming reads the file itself: no copy in a cache folder
        rows = datasets.load_dataset("parquet", data_files=path, split="train", streaming=True)
        for number, row in enumerate(rows, 1):
            yield f"row {number}", row
    except (pyarrow.ArrowInvalid, datasets.exceptions.DatasetsError) as error:
        raise ProblemError(f"'{path}' is not a Parquet file: {_first_line(error)}.") from error


def _hub_rows(config: ProblemsConfig, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of a hub dataset or a local dataset folder; `name:split` overrides `hub_split`."""
    import datasets

    name, _, split = path.partition(":")
    subset = config.subset if name == str(config.path).partition(":")[0] else None
    try:
        with _no_progress_bars(datasets):
            rows = datasets.load_dataset(name, subset, split=split or config.hub_split)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        cause = error.__cause__ or error  # "an error occurred while generating the dataset" names its cause below it
        raise ProblemError(f"The dataset '{path}' cannot be loaded: {_first_line(cause)}.") from error
    for number, row in enumerate(rows, 1):
        yield f"row {number}", row


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


@contextmanager
def _no_progress_bars(datasets: Any) -> Iterator[None]:
    """Ranks must not draw bars over each other; the setting is put back as it was."""
    shown = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()


def _problem(row: dict[str, Any], names: FieldNames, where: str) -> Problem:
    for key in ("question", "answer"):
        column = getattr(names, key)
        if column not in row:
            raise ProblemError(
                f"{where[0].upper()}{where[1:]} has no field '{column}' (problems.fields.{key}); "
                f"it has {', '.join(map(repr, row)) or 'none'}."
            )
    question = _optional(row, names.question) or ""
    canonical = " ".join(question.split())
    return Problem(
        id=_digest(canonical),
        question=question,
        answer=answer_text(row[names.answer]),
        solution=_optional(row, names.solution),
        abstraction=_optional(row, names.abstraction),
        attempt=_optional(row, names.attempt),
        critique=_optional(row, names.critique),
        meta={"canonical": canonical, "where": where},
    )


def answer_text(value: Any) -> str:
    """The gold answer as text; of a GSM8K-style worked answer only what follows the last `####`.

    >>> answer_text(72.0), answer_text("48/2=24, 48+24=72 #### 72"), answer_text([1, 2])
    ('72', '72', '1, 2')
    """
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return ", ".join(answer_text(item) for item in value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).rsplit("####", 1)[-1].strip()


def _optional(row: dict[str, Any], column: str) -> str | None:
    value = row.get(column)
    return None if value is None or not str(value).strip() else str(value).strip()


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
