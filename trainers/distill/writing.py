"""What the teacher is asked: an abstraction from traces or solutions, and which abstractions are the same strategy."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rlad.players.prompts import filled, project_tasks
from rlad.players.roles.solution import HINT

_WISH = (
    "Write one short, reusable insight (a fact, a lemma, a strategy or a pitfall) that would help someone else to "
    "solve this problem. It must stand on its own, must not refer to the {shown}, must not carry out the solution, and "
    "must not reveal the answer or any result that leads to it in one step. Answer with the insight only."
)
_SHOWN = {
    "summary_traces": ("attempts", "Several attempts at it:", "Look at what they have in common and where they part."),
    "summary_solution": ("solution", "Its solution:", "Find the idea that makes it work."),
    "contrast": ("attempts", "A right and a wrong attempt:", "Find what the right one saw and the wrong one missed."),
    "hindsight": ("solution", "A solution that was checked and is right:", "Ask what one had to know beforehand."),
}
"""Kind -> what is shown, how it is introduced, what to look for."""


def request(kind: str, question: str, texts: Sequence[str]) -> str:
    """The teacher's task of one kind.

    >>> print(request("contrast", "What is 2 + 2?", ["four", "five"]).splitlines()[2])
    A right and a wrong attempt:
    """
    shown, introduction, advice = _SHOWN[kind]
    numbered = "\n\n".join(f"<{i}>\n{text.strip()}\n</{i}>" for i, text in enumerate(texts, 1))
    return f"{question}\n\n{introduction}\n\n{numbered}\n\n{advice} {_WISH.replace('{shown}', shown)}"


def plain_task(question: str) -> str:
    """The solver's task without an abstraction, in the words of its role."""
    return filled(project_tasks()["plain"].chat, {"question": question})


def guided(question: str, abstraction: str) -> str:
    """The solver's task with an abstraction, in the words of its role."""
    return filled(
        project_tasks()["guided"].chat.replace("{hint}", HINT), {"question": question, "abstraction": abstraction}
    )


def probe(abstraction: str) -> str:
    """The question of the leak probe: what is the answer, from the abstraction alone?"""
    return (
        f"A note was written about a problem that you cannot see:\n<abstraction>\n{abstraction}\n</abstraction>\n\n"
        "What is the problem's answer? Say your best guess within \\boxed{}."
    )


def grouping(abstractions: Sequence[str]) -> str:
    """The teacher's task of telling strategies apart."""
    listed = "\n".join(f"{i}. {' '.join(text.split())}" for i, text in enumerate(abstractions, 1))
    return (
        f"Notes about one problem:\n{listed}\n\nGroup the notes that tell the same strategy, however they are worded. "
        "Answer with the groups on one line, numbers with commas between, groups with | between, such as: 1,3 | 2"
    )


def read_groups(text: str, count: int) -> list[int] | None:
    """A group number for each of `count` notes; None where the answer does not name every note once.

    >>> read_groups("The groups are: 1,3 | 2", 3), read_groups("all the same", 2)
    ([0, 1, 0], None)
    """
    for line in reversed(text.splitlines()):
        groups = [[int(n) for n in re.findall(r"\d{1,4}", part)] for part in line.rpartition(":")[2].split("|")]
        if sorted(n for group in groups for n in group) == list(range(1, count + 1)):
            of = {n: i for i, group in enumerate(groups) for n in group}
            names: dict[int, int] = {}
            return [names.setdefault(of[n], len(names)) for n in range(1, count + 1)]
    return None
