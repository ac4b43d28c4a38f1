"""A vote that is called over cannot change any more: checked against everything that could still come."""

import random
from itertools import product
from math import log

import pytest

from rlad.selection import Candidate, Outstanding, decided, left, winners
from rlad.selection.proposing import MarginalKeys, ProposerKeys
from rlad.selection.unguided import UnguidedKeys

RULES = [
    ("majority", None),
    ("draws", None),
    ("proposer", None),
    ("proposer", ProposerKeys(alpha=0.5)),
    ("proposer", ProposerKeys(alpha=2.0)),
    ("marginal", None),
    ("marginal", MarginalKeys(alpha=1.0, beta=0.5)),
    ("unguided", None),
    ("unguided", UnguidedKeys(alpha=1.0)),
    ("unguided", UnguidedKeys(alpha=1.0)),
]


def branch(number, mass, answer, solution=0.0, text="y", draws=1):
    told = {"proposal": log(mass), "draws": draws, "drawn": 9, "unguided": solution}
    return Candidate(answer, solution, text=text, branch=number, **told)


@pytest.mark.parametrize(("name", "keys"), RULES)
def test_a_decided_vote_is_never_changed_by_what_comes(name, keys):
    """Two abstractions are being solved and two more may be proposed, of any split of the mass that is left."""
    rng, calls = random.Random(3), 0
    for _ in range(60):
        masses = sorted((rng.random() ** 3 for _ in range(5)), reverse=True)
        masses = [mass / (sum(masses) / rng.uniform(0.6, 0.99)) for mass in masses]
        done = [branch(i, masses[i], rng.choice("AAB"), draws=rng.randint(1, 4)) for i in range(3)]
        known = [Candidate(None, branch=i, proposal=log(masses[i]), draws=1, drawn=9) for i in (3, 4)]
        outstanding = Outstanding(known, branches=2, solutions=1, draws=2, mass=left([log(mass) for mass in masses]))
        if not decided(name, done, outstanding, keys):
            continue
        calls += 1
        before = winners(name, done, keys)
        for answers, part in product(product("ABC", repeat=4), (0.02, 0.5)):
            new = [max(1e-12, outstanding.mass * share) for share in (part, 1 - part)]
            came = [
                branch(i, mass, answer)
                for i, (mass, answer) in enumerate(zip([*masses[3:], *new], answers, strict=True), 3)
            ]
            assert winners(name, [*done, *came], keys) == before
    assert calls or (name, keys) in (
        ("majority", None),
        ("draws", None),
        ("unguided", None),
    )  # four outstanding votes are never too few for three


def test_what_is_left_for_others_settles_a_vote_early():
    """.6 is more than .1 and everything that was not proposed; the majority would wait for all."""
    drawn = [branch(0, 0.6, "A"), branch(1, 0.1, "B")]
    more = Outstanding(branches=10, draws=20, mass=left([log(0.6), log(0.1)]))
    assert decided("proposer", drawn, more) and not decided("majority", drawn, more)
    assert not decided("horvitz_thompson", drawn, more) and not decided("max-confidence", drawn, more)


def test_faint_votes_are_never_called_early():
    """Weights that would all vanish are relative to each other, and what is outstanding has no place among them."""
    drawn = [Candidate("A", -900.0, text="a", branch=0, proposal=-50.0)]
    known = Outstanding([Candidate(None, branch=1, proposal=-60.0)])
    assert not decided("marginal", drawn, known) and decided("marginal", drawn, Outstanding())
