"""Task sets of the `verifiers` package as problems: rlad trains on what others made an environment of.

Only their data are taken: a prompt, and an answer that our verifier reads. What an environment scores in its own way,
with tools, in containers or over several turns, is not a problem in this sense.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rlad.problems.base import ProblemError


def taskset_rows(name: str, most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Pairs ("task 3", row) of an installed task set by its id: its tasks' data, the prompt (text or a conversation)
    under `problem`, too.

    An endless task set gives its first `most` tasks. Raises ProblemError where the package or the task set is not
    installed or wants to be configured, where tasks want a container, and for an endless one of which no number is
    wanted.
    """
    from pydantic import ValidationError

    try:
        from verifiers.v1.utils.loaders import load_taskset, taskset_config_type

        tasks = load_taskset(taskset_config_type(name)(id=name))
    except ValidationError as error:
        wants = "; ".join(": ".join([*map(str, one["loc"]), one["msg"]]) for one in error.errors())
        raise ProblemError(
            f"The task set '{name}' wants to be configured ({wants}); problems.path reads one as it stands."
        ) from error
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise ProblemError(
            f"problems.source=verifiers needs the package verifiers and a task set '{name}' (problems.path): {reason}."
        ) from error
    if not tasks.bounded:
        if not most:
            raise ProblemError(f"The task set '{name}' is endless; set problems.train, .validation and .test above 0.")
        tasks = tasks.take(most)
    for number, task in enumerate(tasks, 1):
        if task.NEEDS_CONTAINER:
            raise ProblemError(f"The tasks of '{name}' are worked on in a container; a problem is answered in text.")
        data = task.data.model_dump()
        yield f"task {number}", {"problem": data["prompt"], **data}
