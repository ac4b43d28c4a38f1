r"""The search tool: a call is `\search WORDS \endsearch`, the reply `\result DOCUMENT ; DOCUMENT \endresult`."""

from __future__ import annotations

import sqlite3

from rlad.problems.base import Tool
from rlad.problems.search.store import Store

SEARCH, END, RESULT, DONE = "\\search", "\\endsearch", "\\result", "\\endresult"
NO_QUERY, NOTHING, NO_INDEX = "no query", "nothing", "no index"
"""Replies to a call without words, to one that no document answers, and where the index cannot be read any more."""
LONGEST = 8
"""Most words that a document in a reply has; longer ones are cut."""


class SearchTool(Tool):
    """Searches a store for what a call asks for."""

    end = END

    def __init__(self, store: Store, calls: int, documents: int):
        """calls: most of a completion. documents: most in a reply."""
        self.store, self.calls, self.documents = store, calls, documents

    @property
    def room(self) -> int:
        return 2 + self.documents * (LONGEST + 1) - 1

    def reply(self, text: str) -> str:
        return f"{RESULT} {self._found(asked(text))} {DONE}"

    def _found(self, query: str | None) -> str:
        if query is None:
            return NO_QUERY
        try:
            found = self.store.search(query, self.documents)
        except sqlite3.Error:  # a call must not end what thousands of others are part of
            return NO_INDEX
        if found is None:
            return NO_QUERY
        return " ; ".join(" ".join(document.split()[:LONGEST]) for document in found) or NOTHING


def asked(text: str) -> str | None:
    r"""The words of the last call of a text that ends in one; None where it was never opened.

    >>> asked(r"so \search writer red river \endsearch"), asked(r"writer red river \endsearch")
    ('writer red river', None)
    """
    _, opened, query = text.removesuffix(END).rpartition(SEARCH)
    return " ".join(query.split()) if opened else None


def queries(solution: str) -> list[str]:
    r"""The queries of a solution in order; calls without one are left out.

    >>> queries(r"\search born ki \endsearch \result nothing \endresult \endsearch \search bore ki \endsearch")
    ['born ki', 'bore ki']
    """
    found = [asked(f"{part}{END}") for part in solution.split(END)[:-1]]
    return [query for query in found if query]
