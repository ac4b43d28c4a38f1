"""Requests that are answered side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any


async def together(work: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """The results of all, in order; the first error ends the others and is raised.

    A single one needs no task of its own.

    >>> async def double(x):
    ...     return 2 * x
    >>> asyncio.run(together([double(1), double(2)]))
    [2, 4]
    """
    if len(work) == 1:
        return [await work[0]]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except ExceptionGroup as errors:  # the others were cancelled: one of these tells what went wrong
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
