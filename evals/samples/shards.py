"""What of a sweep has been sampled already, by this process or by others, and whose the rest is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evals.samples.journal import FOLDER, Journal, Shard, differences
from evals.samples.trees import ModelPair
from rlad.card import CARD
from rlad.cli import PlainError
from rlad.config import RunConfig, load_config
from rlad.config.load import as_tree
from rlad.config.servers import PACING
from rlad.problems import Problem

ASIDE = ("name", "runs_dir", "launch", "track", "zero", "cotrain", "warmstart", "serving", "distill", "alarms")
"""Keys and sections that say nothing of what a sweep samples; which models there are, their digests say."""
MEASURED = ("sweep.bootstrap", "sweep.budget_policy")
"""Keys that say what is measured of the samples, and change none of them; a policy's player is asked beside them."""
ASKED = tuple(f".{section}.{name}" for section in ("server", "endpoint") for name in PACING)
"""Ends of keys that say how fast a server is asked, which has no part in its answers. A model's name has: by the time
a head is written it is filled in where it was empty (`settle_servers`)."""


class Unfinished(PlainError):
    """Some of a sweep's jobs belong to shards that have not done them yet."""


class Kept:
    """The jobs of a sweep by name: those that this process may do, and what it knows of the others'."""

    def __init__(self, head: dict[str, Any], own: Journal | None = None, others: Sequence[Journal] = (), of: int = 1):
        """`own` is where this process writes; without it, it samples nothing. Raises PlainError for a journal of other
        samples."""
        self.head, self.own, self.of = head, own, of
        self.journals = [*([own] if own else []), *others]
        for journal in others:
            if parted := differences(journal.head, head):
                raise PlainError(
                    f"'{journal.path}' does not belong to this sweep: {'; '.join(parted)}. Remove it, or sample its "
                    "shard again with the same words."
                )

    def find(self, name: str) -> list[Any] | None:
        """What a job gave; None where nobody has done it."""
        for journal in self.journals:
            if name in journal.jobs:
                return json.loads(journal.jobs[name])
        return None

    def add(self, name: str, records: list[Any]) -> None:
        """Keeps what a job gave."""
        self.own.add(name, records)

    def require_same(self, run: RunConfig, problems: Mapping[str, Sequence[Problem]]) -> None:
        """Raises PlainError where a run's settings or problems are not those that were sampled."""
        asked = {"settings": settings_of(run), "problems": problems_digest(_in_turn(problems))}
        known = {"settings": _defaults_of(asked["settings"]) | self.head["settings"], "problems": self.head["problems"]}
        if parted := differences(known, asked):
            raise PlainError(f"The shards were sampled otherwise: {'; '.join(parted)}. Merge them with the same words.")

    def mine(self, chunk: int, everybodys: bool) -> bool:
        """Whether this process may do a job; what is chosen by is `everybodys`."""
        return self.own is not None and (everybodys or Shard(*self.own.head["shard"]).owns(chunk))

    def unfinished(self, chunks: Sequence[int]) -> Unfinished:
        """What to say where jobs of these chunks are lacking."""
        there = {journal.head["shard"][0] for journal in self.journals}
        others = sorted({chunk % self.of + 1 for chunk in chunks})
        return Unfinished(" ".join(_lacking(number, self.of, number in there) for number in others))


def _lacking(number: int, of: int, there: bool) -> str:
    shard = f"{number}/{of}"
    state = f"Shard {shard} is not finished" if there else f"There is no shard {shard} here"
    return f"{state}: sample it with --shard {shard}."


# ------------------------------------------------------------------------------------------- what is sampled from
def head_of(
    run: RunConfig,
    pairs: Sequence[ModelPair],
    problems: Mapping[str, Sequence[Problem]],
    shard: Shard,
    names: Mapping[str, str],
) -> dict:
    """The first line of a journal: settings, digests of models and problems, versions, and which shard it is.

    names: server's address -> the model that answers there.
    """
    return {
        "shard": [shard.number, shard.of],
        "settings": settings_of(run),
        "problems": problems_digest(_in_turn(problems)),
        "models": models_digests(pairs, names),
        "pairs": [asdict(pair) for pair in pairs],
        "versions": {name: version(name) for name in ("rlad", "torch", "transformers")},
    }


def settings_of(run: RunConfig) -> dict[str, Any]:
    """Every key that has a part in what is sampled, by its full name."""
    found: dict[str, Any] = {}

    def walk(prefix: str, tree: Any) -> None:
        if isinstance(tree, dict) and tree:
            for name, value in tree.items():
                walk(f"{prefix}{name}" if not prefix else f"{prefix}.{name}", value)
        elif prefix not in MEASURED and not prefix.endswith(ASKED):
            found[prefix] = tree

    walk("", {name: value for name, value in as_tree(run).items() if name not in ASIDE})
    return json.loads(json.dumps(found, default=str))


def _defaults_of(settings: Container[str]) -> dict[str, Any]:
    """What a journal was sampled by that does not know one of these keys yet: a new key changes nothing by itself."""
    return {name: value for name, value in settings_of(load_config(None, [])).items() if name in settings}


def _in_turn(problems: Mapping[str, Sequence[Problem]]) -> list[Problem]:
    return [one for several in problems.values() for one in several]


def problems_digest(problems: Sequence[Problem]) -> str:
    """A digest of the problems in their order: questions and answers."""
    parts = json.dumps([[one.id, one.question, one.answer] for one in problems])
    return hashlib.blake2b(parts.encode(), digest_size=12).hexdigest()


def models_digests(pairs: Sequence[ModelPair], names: Mapping[str, str]) -> dict[str, str]:
    """Checkpoint and role -> a digest of the model's files: weights, configuration, tokenizer. A model that is a name
    instead of a folder is known by it, one behind a server by the address and its name there (`names`)."""
    found, known = {}, {}
    for pair in pairs:
        for role, place in (*pair.places, *pair.choosers):
            if place is not None:
                known[place] = known.get(place) or (f"{place} {names[place]}" if place in names else _digest(place))
                found[f"{pair.checkpoint} {role}"] = known[place]
    return found


def _digest(place: str) -> str:
    folder = Path(place)
    if not folder.is_dir():
        return place
    digest = hashlib.blake2b(digest_size=12)
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name != CARD:  # a card says what was measured, and is no part of the model
            with path.open("rb") as file:
                digest.update(path.name.encode() + hashlib.file_digest(file, hashlib.blake2b).digest())
    return digest.hexdigest()


# ------------------------------------------------------------------------------------------------- in a run folder
def keep(
    run: RunConfig,
    folder: Path,
    pairs: Sequence[ModelPair],
    problems: Mapping[str, Sequence[Problem]],
    shard: Shard,
    names: Mapping[str, str],
) -> Kept:
    """What is sampled here goes on in this shard's journal, beside those of the others that lie there; `names` as in
    `head_of`."""
    head = head_of(run, pairs, problems, shard, names)
    defaults = _defaults_of(head["settings"])
    own = Journal.begin(shard.path(folder), head, defaults)
    others = [Journal.read(path, defaults) for path in journals_in(folder, shard.of) if path != own.path]
    return Kept(head, own, others, shard.of)


def keep_all(folder: Path) -> Kept:
    """All shards of a sweep in a folder, of which nothing more is to be sampled.

    Raises PlainError where there is none, where one is missing or damaged, and where they do not belong together.
    """
    paths = sorted((folder / FOLDER).glob("*_of_*.journal"))
    counts = {path.stem.partition("_of_")[2] for path in paths}
    if not counts:
        raise PlainError(f"There are no shards in '{folder / FOLDER}'; sample them with --shard 1/2 and so on.")
    if len(counts) > 1:
        known = " and ".join(sorted(f"of {count}" for count in counts))
        raise PlainError(f"'{folder / FOLDER}' holds shards {known}; remove those that are not meant.")
    of = int(counts.pop())
    journals = [Journal.read(path) for path in journals_in(folder, of)]
    defaults = _defaults_of({name for journal in journals for name in journal.head.get("settings", {})})
    for journal in journals:
        journal.settle(defaults)  # it may be older than a key that another knows
    kept = Kept(journals[0].head, None, journals, of)
    missing = sorted(set(range(1, of + 1)) - {journal.head["shard"][0] for journal in journals})
    if missing:
        raise Unfinished(" ".join(_lacking(number, of, False) for number in missing))
    return kept


def journals_in(folder: Path, of: int) -> list[Path]:
    """The journals of a run folder's shards of so many."""
    return [path for n in range(1, of + 1) if (path := Shard(n, of).path(folder)).is_file()]
