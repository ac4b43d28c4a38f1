"""A small encoder and decoder of sentences: words in, one vector, the same words out. Trained once, then frozen."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from rlad.problems.base import words

EMBEDDING = 24
"""Numbers of a word inside the codec."""
PAD, UNKNOWN = 0, 1
NUMBER = re.compile(r"\d+")


class Codec(nn.Module):
    """Words of a sentence, position by position, as one vector of mean 0 and variance 1; the empty sentence is the end.

    Words, not characters or spaces, are what is kept: `text` puts one space between them.
    """

    def __init__(self, sentences: Sequence[str], vector: int, width: int):
        """Knows the words of these sentences, and texts as long as the longest of them."""
        super().__init__()
        spelt = [words(sentence) for sentence in sentences]
        self.words = ["", "�", *dict.fromkeys(word for one in spelt for word in one)]
        self.number = {word: i for i, word in enumerate(self.words)}
        self.length = max(map(len, spelt))
        self.embedding = nn.Embedding(len(self.words), EMBEDDING)
        flat = self.length * EMBEDDING
        self.encoder = nn.Sequential(nn.Linear(flat, width), nn.GELU(), nn.Linear(width, vector))
        self.decoder = nn.Sequential(
            nn.Linear(vector, width), nn.GELU(), nn.Linear(width, width), nn.GELU(), nn.Linear(width, flat)
        )
        self.head = nn.Linear(EMBEDDING, len(self.words))

    def ids(self, sentences: Sequence[str]) -> torch.Tensor:
        """(N, length) numbers of words, padded. What is longer is cut, and so comes back wrong."""
        rows = [[self.number.get(word, UNKNOWN) for word in words(one)][: self.length] for one in sentences]
        return torch.tensor([row + [PAD] * (self.length - len(row)) for row in rows])

    def vectors(self, ids: torch.Tensor) -> torch.Tensor:
        """(N, V) of numbers of words (N, length)."""
        encoded = self.encoder(self.embedding(ids).flatten(1))
        return F.layer_norm(encoded, encoded.shape[-1:])

    def logits(self, vectors: torch.Tensor) -> torch.Tensor:
        """(N, length, words) of vectors (N, V)."""
        return self.head(self.decoder(vectors).unflatten(-1, (self.length, EMBEDDING)))

    @torch.inference_mode()
    def encode(self, sentences: Sequence[str]) -> torch.Tensor:
        """(N, V) vectors of sentences."""
        return torch.cat([self.vectors(part) for part in self.ids(sentences).split(4096)])

    @torch.inference_mode()
    def decode(self, vectors: torch.Tensor) -> list[str]:
        """The likeliest sentence of each vector (N, V), up to its first empty place."""
        return [self.text(row) for part in vectors.split(4096) for row in self.logits(part).argmax(-1).tolist()]

    def text(self, ids: Sequence[int]) -> str:
        """Words of one sentence, one space between them."""
        ids = list(ids)
        return " ".join(self.words[i] for i in ids[: ids.index(PAD) if PAD in ids else None])


def train_codec(sentences: Sequence[str], vector: int, width: int, steps: int, batch: int, noise: float, lr: float,
                seed: int) -> Codec:  # fmt: skip
    """A codec of distinct sentences, by Adam on every word's cross-entropy, with noise on the vectors.

    The empty sentence, which ends a text, is one of those it learns.
    """
    torch.manual_seed(seed)
    codec = Codec(sentences, vector, width)
    ids = codec.ids(["", *sentences])
    optimiser = torch.optim.Adam(codec.parameters(), lr=lr, fused=True)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = lr * min(1.0, 2 * (1 - step / steps))
        rows = ids[torch.randint(len(ids), (batch,))]
        vectors = codec.vectors(rows)
        logits = codec.logits(vectors + noise * torch.randn_like(vectors))
        loss = F.cross_entropy(logits.flatten(0, 1), rows.flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return codec.eval().requires_grad_(False)


def exactness(given: Sequence[str], returned: Sequence[str]) -> dict[str, float | int | None]:
    """Shares of sentences that came back word for word, and of numbers that came back at their place among numbers.

    >>> exactness(["8 + 5 = 13 ; ", "2 a + 1 b"], ["8 + 5 = 12 ;", "2 a + 1 b"])
    {'sentences': 2, 'exact': 0.5, 'numbers': 5, 'numbers_exact': 0.8}
    """
    exact = sum(words(one) == words(two) for one, two in zip(given, returned, strict=True))
    right = total = 0
    for one, two in zip(given, returned, strict=True):
        wanted, found = NUMBER.findall(one), NUMBER.findall(two)
        total += len(wanted)
        right += sum(a == b for a, b in zip(wanted, found, strict=False))
    return {"sentences": len(given), "exact": exact / len(given) if given else None,
            "numbers": total, "numbers_exact": right / total if total else None}  # fmt: skip
