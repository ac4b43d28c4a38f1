"""Task sets of the `verifiers` package as problems: rlad trains on what others made an environment of.

Only their data are taken: a prompt, and an answer that our verifier reads. What an environment scores in its own way,
with tools, in containers or over several turns, is not a problem in this sense.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rlad.problems.base import ProblemError


def taskset_rows(name: str, most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Pairs ("task 3", row) of an installed task set by its id: its tasks' data, the prompt as text under `problem`.

    An endless task set gives its first `most` tasks. Raises ProblemError where the package or the task set is not
    installed, where tasks want a container, and for an endless one of which no number is wanted.
    """
    try:
        from verifiers.v1.utils.loaders import load_taskset, taskset_config_type

        tasks = load_taskset(taskset_config_type(name)(id=name))
    except (ModuleNotFoundError, AttributeError, TypeError) as error:
        raise ProblemError(
            f"problems.source=verifiers needs the package verifiers and a task set '{name}' (problems.path): {error}."
        ) from error
    if not tasks.bounded:
        if not most:
            raise ProblemError(f"The task set '{name}' is endless; set problems.train, .validation and .test above 0.")
        tasks = tasks.take(most)
    for number, task in enumerate(tasks, 1):
        if task.NEEDS_CONTAINER:
            raise ProblemError(f"The tasks of '{name}' are worked on in a container; a problem is answered in text.")
        yield f"task {number}", {"problem": task.data.prompt_text, **task.data.model_dump()}
