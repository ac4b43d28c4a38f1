"""Rows of a hub dataset or a local dataset folder, with the values that its files hold.

`datasets` gives every column one type, which changes golds: dates become timestamps, "3.50" beside a list 3.5, "null"
in a table nothing. So JSON files are only found by it and read here, and of CSV files our columns are read as text.
Parquet and Arrow files state their types themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from rlad.problems.base import ProblemError
from rlad.problems.jsonl import Row, json_rows


def hub_rows(name: str, subset: str | None, split: str, columns: Collection[str]) -> Iterator[Row]:
    """The rows of a split, which may be an expression such as `train[:10%]`; `columns` are kept as text where the
    files are CSV. Raises ProblemError when there is no such dataset or split."""
    import datasets
    from datasets.packaged_modules.cache.cache import Cache
    from datasets.packaged_modules.csv.csv import Csv
    from datasets.packaged_modules.json.json import Json

    try:
        with _no_progress_bars(datasets):
            builder = datasets.load_dataset_builder(name, subset)
            if isinstance(builder, Json):
                yield from _json_split(datasets, builder, split, name)
                return
            if isinstance(builder, Cache) and builder.info.builder_name in ("json", "csv"):
                raise ProblemError(
                    f"Of the dataset '{name}' only a cached copy is here, whose values may have been changed; load it "
                    "with the network, or read its file through problems.source=jsonl."
                )
            kept: dict[str, Any] = {}
            if isinstance(builder, Csv):
                kept = {"converters": dict.fromkeys(columns, str), "keep_default_na": False}
            rows = datasets.load_dataset(name, subset, split=split, **kept)
    except ProblemError:
        raise
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        cause = error.__cause__ or error  # "an error occurred while generating the dataset" names its cause below it
        raise ProblemError(f"The dataset '{name}' cannot be loaded: {first_line(cause)}.") from error
    yield from rows


def _json_split(datasets: Any, builder: Any, split: str, name: str) -> Iterator[Row]:
    """The rows of a split of JSON files, read as they stand."""
    files = {str(key): list(paths) for key, paths in (builder.config.data_files or {}).items()}
    if split in files:
        yield from _json_files(datasets, files[split], builder.config.field, name)
        return
    rows = {key: list(_json_files(datasets, paths, builder.config.field, name)) for key, paths in files.items()}
    lengths = {key: len(found) for key, found in rows.items()}
    for part in datasets.ReadInstruction.from_spec(split).to_absolute(lengths):
        yield from rows[part.splitname][part.from_ : part.to]


def _json_files(datasets: Any, paths: list[str], field: str | None, name: str) -> Iterator[Row]:
    manager = datasets.DownloadManager(dataset_name=name)
    for file in manager.iter_files(manager.download_and_extract(paths)):
        yield from json_rows(file, field, name)


def first_line(error: BaseException) -> str:
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
