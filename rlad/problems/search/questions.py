"""Questions of one to three hops over a store, and the ways through its relations that answer them."""

from __future__ import annotations

from itertools import pairwise

from rlad.problems.search.facts import NUMBER, RELATIONS

Chain = tuple[str, ...]
"""Relations from an entity to a number, one after the other."""
ASKED = {
    "year": "when was {} printed ?",
    "born": "when was {} born ?",
    "founded": "when was {} founded ?",
    "size": "how large is {} ?",
}
"""What a question asks of the entity at its end, by the last relation."""
AROUND = ("home", "country")
"""Another way to a person's nation, which the store need not tell itself."""


def chains(kind: str, longest: int) -> list[Chain]:
    """Every chain of at most `longest` relations from entities of a kind to a number.

    >>> chains("city", 2)
    [('founded',), ('country', 'size')]
    """
    found: list[Chain] = []
    begun: list[tuple[Chain, str]] = [((), kind)]
    for _ in range(longest):
        begun = [
            ((*chain, name), relation.object)
            for chain, end in begun
            for name, relation in RELATIONS.items()
            if relation.subject == end
        ]
        found += [chain for chain, end in begun if end == NUMBER]
    return found


def is_asked(chain: Chain) -> bool:
    """Whether questions ask for a chain: a nation is asked for by its name.

    >>> is_asked(("nation", "size")), is_asked(("home", "country", "size"))
    (True, False)
    """
    return AROUND not in pairwise(chain)


def routes(chain: Chain) -> list[Chain]:
    """The chains that lead to the same number: a nation is told of the person, or is the country of the home.

    >>> routes(("nation", "size")), routes(("born",))
    ([('nation', 'size'), ('home', 'country', 'size')], [('born',)])
    """
    found: list[Chain] = [()]
    for relation in chain:
        ways = [(relation,), AROUND] if relation == "nation" else [(relation,)]
        found = [(*begun, *way) for begun in found for way in ways]
    return found


def worded(chain: Chain, entity: str) -> str:
    """A question.

    >>> worded(("writer", "home", "founded"), "red river")
    'when was the home of the writer of red river founded ?'
    """
    for relation in chain[:-1]:
        entity = f"the {relation} of {entity}"
    return ASKED[chain[-1]].format(entity)
