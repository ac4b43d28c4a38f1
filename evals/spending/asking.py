"""A player that chooses, such as the selector, as an action of `budget=auto`: what it is worth, and what it said.

Where a policy asks depends on what was sampled and on what was said before, so its choices cannot be taken from the
grid's cells: in the sweep's sampling the policy is replayed with the player at hand, and the trees keep what it chose
in every state where it was asked. What it is worth is counted on validation problems, in the grid's cells.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from evals.samples.choosing import answers_in, reader_of
from evals.samples.trees import ASKED, CHOSEN, Asked, Choices, Grown, ModelPair, Sampled
from evals.spending.pools import Depths, Pool
from evals.spending.replay import Choice, walked
from rlad.config import RunConfig
from rlad.players.roles import role_of
from rlad.problems import Problem
from rlad.reasoning.budget_policy import BudgetPolicy
from rlad.reasoning.selecting import Choosing
from rlad.reasoning.tree import Tree


class Shown(NamedTuple):
    """A choice on a validation problem."""

    answers: int
    """How many the player was shown."""
    voted: bool
    """Whether the vote's answer is right."""
    right: bool
    """Whether the player's is."""
    there: bool
    """Whether a right one was shown."""
    same: bool
    """Whether both are one."""
    tokens: int


def choosing(role: str, seen: Sequence[Sequence[Shown]], most: int) -> Choosing | None:
    """The numbers of a player from its choices, problem by problem; None without any.

    Every share has one trial of a blind choice before it. What the player knows is taken less a standard error over
    problems, and at least 0: one that validation problems do not show to know more than picking blindly, or than
    repeating the vote, is worth nothing.

    >>> right, swayed = Shown(2, True, True, True, True, 6), Shown(2, True, False, True, False, 6)
    >>> found = choosing("selector", [[right]] * 8 + [[swayed]], 8)
    >>> round(found.keep, 3), found.rescue, found.tokens  # (8 * .5 - .5) / (9 * .5 + 1) = .636, less .176
    (0.461, 0.0, (6.0,))
    """
    every = [one for rows in seen for one in rows]
    if not every:
        return None
    by_number: dict[int, list[int]] = defaultdict(list)
    for one in every:
        by_number[one.answers].append(one.tokens)
    numbers = sorted(by_number)
    tokens = np.interp(range(2, numbers[-1] + 1), numbers, [float(np.mean(by_number[number])) for number in numbers])
    repeat, unsure = share([[_repeats(one) for one in rows if not one.voted and _others(one)] for rows in seen])
    repeat = float(np.clip(repeat, 0.0, 1.0))
    kept, keeping = share([[_beyond(one, 1.0) for one in rows if one.voted] for rows in seen])
    found = [[one for one in rows if one.there and not one.voted] for rows in seen]
    rescued, rescuing = share([[_beyond(one, 1 - repeat) for one in rows] for rows in found])
    keep = float(np.clip(kept - repeat - np.hypot(keeping, unsure), 0.0, 1.0))
    return Choosing(role, keep, float(np.clip(rescued - rescuing, 0.0, 1.0)), repeat, tuple(tokens.tolist()), most)


def _others(one: Shown) -> int:
    """Wrong answers beside the vote's wrong one."""
    return one.answers - 1 - one.there


def _repeats(one: Shown) -> tuple[float, float]:
    """Where the vote is wrong: how much likelier the player gives its answer than one of the other wrong ones."""
    return (1.0 if one.same else 0.0 if one.right else -1 / _others(one)), 1.0


def _beyond(one: Shown, blind: float) -> tuple[float, float]:
    """Whether its choice is right, less what picking blindly in a share of the cases gives, and what knowing adds."""
    return one.right - blind / one.answers, 1 - 1 / one.answers


def share(trials: Sequence[Sequence[tuple[float, float]]]) -> tuple[float, float]:
    """What was gained over what there was to gain, summed, with one trial that gained nothing before them, and its
    standard error over problems. trials: (gained, to gain) by problem.

    >>> found, error = share([[(0.5, 0.5)], [(0.75, 0.75)]])  # off by .2222 and .3333
    >>> round(found, 4), round(error, 4)  # (.5 + .75) / (.5 + .75 + 1), (.2222 ** 2 + .3333 ** 2) ** .5 / 2.25
    (0.5556, 0.1781)
    """
    gained, room = (sum(one[i] for rows in trials for one in rows) for i in (0, 1))
    found = gained / (room + 1)
    off = [sum(gain - found * most for gain, most in rows) for rows in trials]
    return found, float(np.sqrt(np.square(off).sum()) / (room + 1))


def seen_in(pool: Pool, choices: Choices, most: int) -> list[Shown]:
    """A problem's choices in the grid's cells beside the vote of the pool's rule, where there was one to make."""
    found = []
    for (n, m), key, tokens in zip(choices.cells, choices.key, choices.tokens, strict=True):
        if tokens:
            branches = pool.grown.branches[:n]
            votes = pool.standing((m,) * len(branches), n).votes
            leader = max(votes, key=votes.__getitem__)
            pairs = [pair for b in branches for pair in zip(b.solutions.key[:m], b.solutions.correct[:m], strict=True)]
            right = {key for key, flag in pairs if flag}
            # The most frequent ones, votes or none: some rules leave answers without.
            shown = dict(Counter(key for key, _ in pairs if key is not None).most_common(most))
            there = not right.isdisjoint(shown)
            found.append(Shown(len(shown), leader in right, key in right, there, key == leader, tokens))
    return found


@dataclass
class Consulted:
    """A player that chooses and what it said, on the validation and on the test problems."""

    player: Choosing
    said: dict[str, list[dict[Depths, Choice]]]
    """By split and problem: what it chose in a state, and the tokens that it generated for that."""
    lacking: list[Depths] = field(default_factory=list)
    """States in which it was to be asked and nothing is kept."""

    def choice(self, split: str, problem: int) -> Any:
        """What says what it chose in a state of a problem's tree."""

        def known(depths: Depths) -> Choice | None:
            found = self.said[split][problem].get(depths)
            if found is None:
                self.lacking.append(depths)
            return found

        return known


def player_of(
    run: RunConfig, sampled: Sampled, checkpoint: str, temperature: float, pools: Sequence[Pool]
) -> Choosing | None:
    """What the validation choices say of the first player that chooses; None where there is none, or none was asked."""
    for condition, records in sampled.conditions.items():
        role = condition.mode.removeprefix(CHOSEN)
        where = (condition.checkpoint, condition.temperature, condition.split)
        if where == (checkpoint, temperature, "validation") and condition.mode.startswith(CHOSEN):
            most = role_of(role, run).shown
            pairs = zip(pools, records, strict=True)
            return choosing(role, [seen_in(pool, record, most) for pool, record in pairs], most)
    return None


def consulted(
    run: RunConfig, sampled: Sampled, checkpoint: str, temperature: float, pools: Sequence[Pool]
) -> Consulted | None:
    """The player that a sweep asked along the policy's way, with what it said; None where there was none."""
    kept = {
        condition.split: records
        for condition, records in sampled.conditions.items()
        if condition.mode.startswith(ASKED)
        and (condition.checkpoint, condition.temperature) == (checkpoint, temperature)
    }
    player = player_of(run, sampled, checkpoint, temperature, pools) if len(kept) == 2 else None
    return player and Consulted(player, {split: [_known(one) for one in records] for split, records in kept.items()})


def _known(record: Asked) -> dict[Depths, Choice]:
    rows = zip(record.states, record.key, record.tokens, strict=True)
    return {tuple(state): (key, tokens) for state, key, tokens in rows}


@dataclass(frozen=True)
class Way:
    """By what a policy goes through trees."""

    policy: BudgetPolicy
    rule: str
    keys: Any


def asked_job(
    run: RunConfig, problems: list[Problem], seed: int, pair: ModelPair, role: str, way: Way, grown: Sequence[Grown]
) -> list[Asked]:
    """What a player chooses in every state where a policy asks it, at whatever price; the problems go in step."""
    choose, solutions = reader_of(run, problems, seed, pair, role, grown)
    walks = [walked(way.policy, Pool(one, way.rule, way.keys)) for one in grown]
    found = [Asked([], [], [], []) for _ in grown]
    states = {i: _stepped(walk, None) for i, walk in enumerate(walks)}
    while states := {i: depths for i, depths in states.items() if depths is not None}:
        boards = [(Tree(problems[i]), answers_in(grown[i], solutions[i], depths)) for i, depths in states.items()]
        places = choose([(tree, list(answers.values())) for tree, answers in boards])
        for (i, depths), (tree, answers), place in zip(list(states.items()), boards, places, strict=True):
            written = tree.written.get(role, [])
            key, tokens = list(answers)[place], sum(one.completion.generated for one in written)
            record = found[i]
            record.states.append(list(depths))
            record.key.append(key)
            record.tokens.append(tokens)
            record.read.append(sum(len(one.prompt) for one in written))
            states[i] = _stepped(walks[i], (key, tokens))
    return found


def _stepped(walk: Any, choice: tuple[Hashable, int] | None) -> Depths | None:
    """The next state in which a walk asks; None where it has ended."""
    try:
        return walk.send(choice)
    except StopIteration:
        return None
