"""The document store: facts with a full-text index over their documents (SQLite's FTS5), in memory or in a file."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from rlad.problems.base import WORD, ProblemError
from rlad.problems.search.facts import LARGEST, NUMBER, RELATIONS, Fact

TABLES = """
CREATE TABLE facts (id INTEGER PRIMARY KEY, relation TEXT, subject TEXT, object TEXT, inverse INTEGER);
CREATE VIRTUAL TABLE documents USING fts5(text);
"""
REMEMBERED = 50_000
"""Queries whose documents are kept in memory."""


class Store:
    """Facts that are searched by the words of their documents, and read by subject and relation.

    Any number of threads may search: one at a time.
    """

    def __init__(self, connection: sqlite3.Connection, name: str):
        """name: what errors call it. Raises ProblemError where the index is broken or empty."""
        self.connection, self.name, self._lock = connection, name, threading.Lock()
        try:
            rows = connection.execute("SELECT relation, subject, object, inverse FROM facts ORDER BY id").fetchall()
            (indexed,) = connection.execute("SELECT count(*) FROM documents").fetchone()
            connection.execute("SELECT text FROM documents WHERE documents MATCH ? LIMIT 1", ('"a"',)).fetchall()
        except sqlite3.Error as error:
            raise ProblemError(f"The document store '{name}' cannot be read: {error}.") from None
        if not rows:
            raise ProblemError(f"The document store '{name}' is empty.")
        if indexed != len(rows):
            raise ProblemError(f"The index of '{name}' is broken: it has {indexed} documents for {len(rows)} facts.")
        self.facts = [_read(*row, name) for row in rows]
        self._told: dict[tuple[str, str], Fact] = {(fact.relation, fact.subject): fact for fact in self.facts}
        self._known: dict[tuple[str, int], list[str]] = {}  # demonstrations and rollouts ask the same again and again

    @classmethod
    def of(cls, facts: Iterable[Fact], path: Path | None = None) -> Store:
        """Indexes facts, in memory or in a new file. Raises ProblemError where the file cannot be written."""
        try:
            if path is not None:
                path.unlink(missing_ok=True)
            connection = sqlite3.connect(path or ":memory:", check_same_thread=False)
            connection.executescript(TABLES)
            facts = list(facts)
            rows = [(fact.relation, fact.subject, fact.object, fact.inverse) for fact in facts]
            connection.executemany("INSERT INTO facts (relation, subject, object, inverse) VALUES (?, ?, ?, ?)", rows)
            connection.executemany("INSERT INTO documents (text) VALUES (?)", [(fact.text,) for fact in facts])
            connection.commit()
        except (sqlite3.Error, OSError) as error:
            raise ProblemError(f"The document store '{path}' cannot be written: {error}.") from None
        return cls(connection, str(path or "in memory"))

    @classmethod
    def open(cls, path: Path) -> Store:
        """The store of a file that `of` has written. Raises ProblemError where it is missing, broken or empty."""
        if not path.is_file():
            raise ProblemError(f"There is no document store '{path}'.")
        return cls(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False), str(path))

    def search(self, query: str, most: int) -> list[str] | None:
        """The best `most` documents that hold all words of the query, the same for the same query; [] = none.

        None where the query has no word. Raises sqlite3.Error where the index has become unreadable.

        >>> store = Store.of([Fact("writer", "red river", "balen vaba"), Fact("year", "red river", "7", inverse=True)])
        >>> store.search("red river", 5), store.search("writer ) red", 5), store.search("blue", 5), store.search("*", 5)
        (['7 printed red river', 'red river writer balen vaba'], ['red river writer balen vaba'], [], None)
        """
        asked = [f'"{word}"' for word in re.findall(r"\w+", query)]
        if not asked:
            return None
        command, key = (
            "SELECT text FROM documents WHERE documents MATCH ? ORDER BY rank, rowid LIMIT ?",
            " ".join(asked),
        )
        with self._lock:
            if (key, most) not in self._known:
                if len(self._known) >= REMEMBERED:
                    self._known.clear()
                self._known[key, most] = [text for (text,) in self.connection.execute(command, (key, most))]
            return self._known[key, most]

    def told(self, relation: str, subject: str) -> Fact | None:
        """The fact of a subject, where it has one."""
        return self._told.get((relation, subject))

    @property
    def kinds(self) -> dict[str, list[str]]:
        """Kind -> the entities of that kind that have a fact, in order."""
        found: dict[str, dict[str, None]] = defaultdict(dict)
        for fact in self.facts:
            found[RELATIONS[fact.relation].subject][fact.subject] = None
        return {kind: sorted(names) for kind, names in found.items()}

    @property
    def words(self) -> list[str]:
        """Every word of a name, and every number that a fact may hold."""
        named = {
            word for fact in self.facts for word in f"{fact.subject} {fact.object}".split() if not word.isdecimal()
        }
        return [*sorted(named), *map(str, range(LARGEST + 1))]


def _read(relation: str, subject: str, object_: str, inverse: int, name: str) -> Fact:
    """A fact of a file. Raises ProblemError for a relation that is unknown, and for names that are not plain words."""
    if relation not in RELATIONS:
        raise ProblemError(f"The document store '{name}' has the unknown relation '{relation}'.")
    for text in (subject, object_):
        if not text or " ".join(re.findall(WORD, text)) != text or re.search(r"[^\w ]", text):
            raise ProblemError(f"The document store '{name}' has the name '{text}', which is not words of letters.")
    if RELATIONS[relation].object == NUMBER and not (object_.isdecimal() and 1 <= int(object_) <= LARGEST):
        raise ProblemError(f"The document store '{name}' has '{object_}' where {relation} is a number up to {LARGEST}.")
    return Fact(relation, subject, object_, bool(inverse))
