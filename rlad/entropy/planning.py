"""Planning tokens against execution tokens: strategic grams, mined as HICRA describes (2509.03646).

Phrases of three to five words of correct solutions are embedded and clustered; a cluster that many different
solutions use is strategy ("let us consider the", "# mod # ="), and its phrases are the strategic grams. The paper does
not publish its clustering; 100 k-means clusters and the most used fifth of them are what the community uses.

Plain frequency also finds boilerplate ("the final answer is"). So a phrase that nearly all solutions hold is left out
(ours). Grams are mined once, before training, and frozen: a moving ruler would measure itself.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

from rlad.entropy.embedders import Embedder, tfidf
from rlad.entropy.pieces import Word, sentences, token_bytes

SIZES = (3, 4, 5)
MOST_GRAMS = 4000
"""The most used phrases are clustered; more of them change the clusters little and cost minutes."""

MOST_BYTES = 2_000_000
"""Of all texts together; of longer ones each gives its beginning. A phrase costs a few hundred bytes of memory."""

Gram = tuple[str, ...]


class StrategicGrams:
    """The frozen phrases, found in texts and in rows of tokens.

    >>> grams = StrategicGrams({("let", "us", "consider"): 0}, symbols=False)
    >>> [text[a:b] for text in [b"So, let us consider n."] for a, b, _ in grams.spans(text)]
    [b'let us consider']
    """

    def __init__(self, grams: dict[Gram, int], symbols: bool, solutions: int = 0, tokenizer=None):
        self.grams = dict(grams)
        """Each gram with the number of its cluster."""
        self.symbols, self.solutions = symbols, solutions
        self._sizes = sorted({len(gram) for gram in self.grams})
        self._bytes = token_bytes(tokenizer) if tokenizer is not None else None
        self._found = lru_cache(maxsize=100_000)(self._find)

    def __len__(self) -> int:
        return len(self.grams)

    # ------------------------------------------------------------------------------------------------- finding
    def spans(self, text: bytes) -> list[tuple[int, int, Gram]]:
        """Every strategic gram in a UTF-8 text as (first byte, byte after the last, gram); they may overlap."""
        found = []
        for words in sentences(text, self.symbols):
            for size in self._sizes:
                found += [(first, last, gram) for gram, first, last in _grams(words, size) if gram in self.grams]
        return found

    def share(self, texts: Sequence[str]) -> float | None:
        """Share of the texts' words that stand inside a strategic gram; None when they have no words.

        >>> StrategicGrams({("let", "us", "consider"): 0}, symbols=False).share(["So let us consider. Then n is 4."])
        0.375
        """
        planned = total = 0
        for text in texts:
            data = text.encode()
            inside = bytearray(len(data))
            for first, last, _ in self.spans(data):
                inside[first:last] = b"\1" * (last - first)
            for words in sentences(data, self.symbols):
                planned += sum(inside[first] for _, first, _ in words)
                total += len(words)
        return planned / total if total else None

    def bound(self, tokenizer) -> StrategicGrams:
        """The same grams for rows of a tokenizer's tokens."""
        return StrategicGrams(self.grams, self.symbols, self.solutions, tokenizer)

    def mask(self, token_ids: Sequence[int]) -> tuple[bool, ...]:
        """Which of a row's tokens stand inside a strategic gram. Needs a tokenizer (see `bound`)."""
        return self._found(tuple(token_ids))[0]

    def counts(self, token_ids: Sequence[int]) -> Counter[Gram]:
        """How often each gram stands in a row of tokens. Needs a tokenizer."""
        return Counter(self._found(tuple(token_ids))[1])

    def _find(self, token_ids: tuple[int, ...]) -> tuple[tuple[bool, ...], tuple[Gram, ...]]:
        pieces = [self._bytes(index) for index in token_ids]
        ends = list(accumulate(map(len, pieces)))
        spans = self.spans(b"".join(pieces))
        marked = [False] * len(pieces)
        # A token that reaches into a gram plans, also when it is only the space between two of its words.
        for first, last, _ in spans:
            for at in range(bisect_right(ends, first), len(pieces)):
                if ends[at] - len(pieces[at]) >= last:
                    break
                marked[at] = len(pieces[at]) > 0
        return tuple(marked), tuple(gram for *_, gram in spans)

    # ------------------------------------------------------------------------------------------------- files
    def save(self, path: str | Path) -> None:
        """Writes strategic_grams.json."""
        draft = Path(f"{path}.part")  # a killed run leaves a whole file or none
        draft.write_text(json.dumps(self.as_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        draft.replace(path)

    @classmethod
    def load(cls, path: str | Path, tokenizer=None) -> StrategicGrams:
        """Reads what `save` wrote. Raises FileNotFoundError, or ValueError for a file that holds no grams."""
        try:
            return cls.from_json(json.loads(Path(path).read_text(encoding="utf-8")), tokenizer)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"'{path}' holds no strategic grams.") from error

    def as_json(self) -> dict:
        """Plain values that `from_json` reads."""
        grams = {" ".join(gram): cluster for gram, cluster in self.grams.items()}
        return {"symbols": self.symbols, "solutions": self.solutions, "grams": grams}

    @classmethod
    def from_json(cls, content: dict, tokenizer=None) -> StrategicGrams:
        """What `as_json` gave."""
        grams = {tuple(text.split(" ")): int(cluster) for text, cluster in content["grams"].items()}
        return cls(grams, bool(content["symbols"]), int(content["solutions"]), tokenizer)


def _grams(words: list[Word], size: int):
    """(gram, first byte, byte after the last) of every run of `size` words."""
    spelled = tuple(word for word, *_ in words)
    for i in range(len(words) - size + 1):
        yield spelled[i : i + size], words[i][1], words[i + size - 1][2]


def mine(
    texts: Sequence[str],
    symbols: bool = False,
    clusters: int = 100,
    top: float = 0.2,
    boilerplate: float = 0.9,
    least: int = 2,
    embed: Embedder = tfidf,
    seed: int = 0,
) -> StrategicGrams:
    """Strategic grams of correct solutions.

    A phrase is a candidate when at least `least` different solutions, and at most the share `boilerplate` of them, hold
    it. Candidates are embedded and put into `clusters` k-means clusters; the share `top` of the clusters whose phrases
    occur in most solutions is kept. No texts, or too few to repeat a phrase, give no grams.

    >>> a, b = "We count in two ways here.", "Now we count in two ways."
    >>> sorted(mine([a, b, "Add 3 and 4 to get 7.", a], clusters=1).grams)[:3]
    [('count', 'in', 'two'), ('count', 'in', 'two', 'ways'), ('in', 'two', 'ways')]
    """
    distinct = list(dict.fromkeys(text.strip() for text in texts))
    holders = _holders(distinct, symbols, least, boilerplate)
    if not holders:
        return StrategicGrams({}, symbols, len(distinct))
    labels = _clusters([" ".join(gram) for gram in holders], clusters, embed, seed)
    used: dict[int, set[int]] = {}
    for label, solutions in zip(labels, holders.values(), strict=True):
        used.setdefault(label, set()).update(solutions)
    order = sorted(used, key=lambda label: (-len(used[label]), label))
    rank = {label: place for place, label in enumerate(order[: math.ceil(top * len(order))])}
    kept = {gram: rank[label] for gram, label in zip(holders, labels, strict=True) if label in rank}
    return StrategicGrams(kept, symbols, len(distinct))


def _holders(texts: list[str], symbols: bool, least: int, boilerplate: float) -> dict[Gram, set[int]]:
    """Each candidate with the texts that hold it, the most used first."""
    holders: dict[Gram, set[int]] = {}
    share = MOST_BYTES // max(1, len(texts))
    for number, text in enumerate(texts):
        for words in sentences(text.encode()[:share], symbols):
            for size in SIZES:
                for gram, *_ in _grams(words, size):
                    holders.setdefault(gram, set()).add(number)
    most = boilerplate * len(texts)
    held = {gram: own for gram, own in holders.items() if least <= len(own) <= most and set(gram) != {"#"}}
    return dict(sorted(held.items(), key=lambda item: (-len(item[1]), item[0]))[:MOST_GRAMS])


def _clusters(phrases: list[str], clusters: int, embed: Embedder, seed: int) -> list[int]:
    """The k-means cluster of each phrase; never more clusters than different phrases."""
    from sklearn.cluster import KMeans

    found = KMeans(min(clusters, len(phrases)), n_init=1, random_state=seed).fit(embed(phrases))
    return found.labels_.tolist()
