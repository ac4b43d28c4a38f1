"""What comes out of worked problems: rows for every task of the warm start, what did not pass, and how many of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rlad.config import DistillConfig, MixtureConfig, registry
from rlad.players.roles.selector import DEMONSTRATED
from rlad.problems import Problem
from rlad.verifier import extract_answer
from trainers.data.demonstrations import offers, roles_of_tasks, with_others
from trainers.distill.pipeline import TeacherAbstraction, Worked

RIGHT, WRONG = "\n\nConclusion: right", "\n\nConclusion: wrong"
"""How a critique ends, as its task asks."""
REACHED, MISSED = "The solution reaches the right answer.", "The solution does not reach the right answer."
"""All that the verifier knows about a solution."""


def rows(done: Worked, config: DistillConfig) -> list[dict]:
    """Rows for the warm start, the plain one first: of a problem's rows with nothing but a solution one is read.

    The shortest right trace is solved plainly; each kept abstraction has a solution that follows it; right and wrong
    traces are attempts to criticise, as many of the one as of the other where there are; several strategies are a list;
    right beside wrong traces are a choice.
    """
    right = sorted(set(filter(None, done.right)), key=lambda text: (len(text), text))
    wrong = sorted(set(filter(None, done.wrong)), key=lambda text: (len(text), text))
    found: list[dict] = [{"solution": right[0], "kind": "plain"}] if right else []
    for i, one in enumerate(done.kept):
        row = {"abstraction": one.text, "solution": one.solution}
        if wrong:
            row |= {"attempt": wrong[i % len(wrong)], "critique": one.text + WRONG}
        facts = {"kind": one.kind, "strategy": one.strategy, "chance": round(one.chance, 6)}
        found.append(row | facts | {"guided_success": one.right / config.guided})
    if wrong and not done.kept:
        found.append({"attempt": wrong[0], "critique": MISSED + WRONG, "kind": "verdict"})
    for attempt in right[: max(1, len(done.kept))]:
        found.append({"attempt": attempt, "critique": REACHED + RIGHT, "kind": "verdict"})
    found += _list(done.kept) + _choice(right, wrong)
    always = {"problem": done.problem.question, "answer": done.problem.answer}
    return [always | row | {"base_success": len(done.right) / config.traces} for row in found]


def _list(kept: list[TeacherAbstraction]) -> list[dict]:
    """The most useful wording of each strategy, where there are several."""
    best: dict[int, TeacherAbstraction] = {}
    for one in kept:
        if one.strategy not in best or one.right > best[one.strategy].right:
            best[one.strategy] = one
    texts = [one.text for one in best.values()]
    return [{"abstractions": texts, "kind": "list"}] if len(texts) > 1 else []


def _choice(right: list[str], wrong: list[str]) -> list[dict]:
    """Right solutions, and the shortest wrong one of each wrong answer; only what has an answer can be chosen."""
    golds = {extract_answer(text) for text in right}
    missed: dict[str | None, str] = {}
    for text in wrong:
        missed.setdefault(extract_answer(text), text)
    others = [text for answer, text in missed.items() if answer is not None and answer not in golds]
    if not right or not others:
        return []
    return [{"right_solutions": right[:DEMONSTRATED], "wrong_solutions": others[: DEMONSTRATED - 1], "kind": "choice"}]


def offered(problems: Iterable[Problem]) -> dict[str, int]:
    """Task of the warm start -> rows that demonstrate it, as the warm start counts them."""
    roles = roles_of_tasks(one.call() for one in registry.role)
    found = with_others(problems)
    return {task: sum(offers(task, one, roles) for one in found) for task in MixtureConfig().shares()}


def rejects(done: Worked) -> list[dict]:
    """What did not pass, with gate and reason."""
    return [
        {"problem": done.problem.question, "answer": done.problem.answer, "abstraction": one.text, "kind": one.kind}
        | {"gate": one.gate, "reason": one.reason}
        for one in done.candidates
        if one.gate
    ]


def counts(worked: list[Worked]) -> dict[str, Counter]:
    """Per kind: how many were written, failed each gate, and were kept."""
    found: dict[str, Counter] = {}
    for done in worked:
        for one in done.candidates:
            found.setdefault(one.kind, Counter()).update({"written": 1, one.gate or "kept": 1})
    return found
