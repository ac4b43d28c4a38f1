"""Which tokens of an abstraction matter: log P(y | x, z) of a right solution y against that without the token."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evals.pruning.categories import token_names, words_of
from evals.pruning.chains import first_right
from evals.pruning.retention import LEAST
from evals.samples.trees import Grown
from evals.statistics.estimators import bootstrap, paired_difference
from rlad.entropy.pieces import token_bytes
from rlad.generation.base import Sampler
from rlad.players.prompts import Prompts
from rlad.problems import Problem


@dataclass(frozen=True)
class Note:
    """An abstraction with a right solution that was written under it."""

    question: str
    ids: list[int]
    names: list[str]
    """Of every token: its word in a world's formal language (every number is '#'), its category in English."""
    solution: list[int]


def note_names(pieces: Sequence[bytes], is_formal: bool) -> list[str]:
    """What each token of an abstraction is called.

    >>> note_names([b"2 ", b"a ", b"+ ", b"1 ", b"b "], True)
    ['#', 'a', '+', '#', 'b']
    """
    if not is_formal:
        return token_names(pieces, False)[0]
    names = [""] * len(pieces)
    for word, tokens in words_of(pieces):
        for token in tokens:
            names[token] = "#" if word[:1].isdigit() else word
    return names


def notes_of(
    problems: Sequence[Problem], grown: Sequence[Grown], prompts: Prompts, is_formal: bool, most: int
) -> list[Note]:
    """Of at most so many problems the first abstraction that is no leak and led to a right solution."""
    found, spell = [], token_bytes(prompts.tokenizer)
    for problem, tree in zip(problems, grown, strict=True):
        led = ((b.abstraction, first_right(b.solutions)) for b in tree.branches if not b.leak)
        abstraction, text = next(((z, y) for z, y in led if y is not None), (None, None))
        if text is not None and len(found) < most:
            ids = prompts.completion_ids(abstraction)[:-1]
            names = note_names([spell(token) for token in ids], is_formal)
            found.append(Note(problem.question, ids, names, prompts.completion_ids(text)))
    return found


def edited(ids: Sequence[int]) -> list[list[int]]:
    """The abstraction, nothing, then without each token, then with each token twice.

    Two tokens alike say no more than one, but are as ill-formed as none: what deletion costs beyond is information.

    >>> edited([5, 6])
    [[5, 6], [], [6], [5], [5, 5, 6], [5, 6, 6]]
    """
    places = range(len(ids))
    return [
        list(ids),
        [],
        *([*ids[:t], *ids[t + 1 :]] for t in places),
        *([*ids[:t], ids[t], *ids[t:]] for t in places),
    ]


def drops(note: Note, scores: Sequence[float]) -> dict[str, tuple[float, float]]:
    """Name -> (nats lost without such a token, nats lost with it twice), means over its tokens; '' = the whole.

    >>> note = Note("", [5, 6], ["#", "max"], [])
    >>> drops(note, [-1.0, -9.0, -4.0, -2.0, -1.5, -1.0])
    {'': (8.0, 0.0), '#': (3.0, 0.5), 'max': (1.0, 0.0)}
    """
    full, nothing, *rest = scores
    count = len(note.ids)
    own: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for name, gone, twice in zip(note.names, rest[:count], rest[count:], strict=True):
        own[name].append((full - gone, full - twice))
    means = {name: tuple(np.mean(pairs, axis=0).tolist()) for name, pairs in own.items()}
    return {"": (full - nothing, 0.0)} | means


def scored(sampler: Sampler, prompts: Prompts, notes: Sequence[Note]) -> list[dict[str, tuple[float, float]]]:
    """`drops` of every abstraction under one solver."""
    asked = [(note, ids) for note in notes for ids in edited(note.ids)]
    texts = [prompts.decode(ids).strip() for _, ids in asked]
    given = [
        prompts.ids("guided" if text else "plain", note.question, text or None)
        for (note, _), text in zip(asked, texts, strict=True)
    ]
    scores = iter(sampler.score(given, [note.solution for note, _ in asked]))
    return [drops(note, [next(scores) for _ in range(2 + 2 * len(note.ids))]) for note in notes]


def table(by_solver: dict[str, list[dict[str, tuple[float, float]]]], resamples: int) -> list[dict[str, Any]]:
    """One row per solver and name: nats lost by deletion and by doubling, their difference, and (from the second solver
    on) what deletion costs more than under the first; bootstrap intervals over problems."""
    (first, base), *_ = by_solver.items()
    rows = []
    for solver, every in by_solver.items():
        for name in sorted(set().union(*every)):
            own = [i for i, one in enumerate(every) if name in one]
            if len(own) < LEAST:
                continue
            gone, twice = np.array([every[i][name] for i in own]).T
            row = {"solver": solver, "token": name or "the whole", "abstractions": len(own)}
            row |= _told("deleted", bootstrap(gone, resamples=resamples))
            if name:
                row |= _told("twice", bootstrap(twice, resamples=resamples))
                row |= _told("excess", paired_difference(gone, twice, resamples))
            if solver != first:
                before = [base[i][name][0] for i in own]
                row |= _told(f"more than {first}", paired_difference(gone, before, resamples))
            rows.append(row)
    return rows


def _told(name: str, interval) -> dict[str, Any]:
    return {name: round(interval.estimate, 4), f"{name} ci95": [round(end, 4) for end in interval.ci95]}
