"""Proposers that write no tokens, as samplers: whoever asks for abstractions sees no difference.

Reasoning code draws, gates, removes duplicates and solves as it does with a language model of tokens.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch.nn import functional as F

from evals.concepts.codec import Codec
from evals.concepts.diffusion import guided, repulsion, sample
from evals.concepts.learning import Documents
from evals.concepts.models import ConceptModel, Noised
from evals.concepts.normaliser import Normaliser
from evals.concepts.sentences import split
from rlad.config.concepts import ConceptsConfig
from rlad.generation import Completion, Sampling
from rlad.players.prompts import Prompts
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.tree import Tree

STOP = 0.9
"""Cosine with the end's vector from which a text has ended (2412.08821)."""
REPEAT = 0.99
"""Cosine with the sentence before from which the next one says nothing new."""
PROBLEMS = 32
"""Problems whose sets are denoised together."""


def ends(vector: torch.Tensor, end: torch.Tensor, before: torch.Tensor | None) -> torch.Tensor:
    """(R,) whether each vector (R, V) is the end (V,), or nearly the sentence before it (R, V), where there is one.

    >>> axes = torch.eye(3)
    >>> ends(axes, axes[0], torch.roll(axes, 1, 0)).tolist(), ends(axes, axes[0], axes).tolist()
    ([True, False, False], [True, True, True])
    """
    found = F.cosine_similarity(vector, end[None], dim=-1) >= STOP
    return found if before is None else found | (F.cosine_similarity(vector, before, dim=-1) >= REPEAT)


@dataclass(frozen=True)
class Way:
    """How a diffusion is sampled."""

    guidance: float = 1.0
    repulsion: float = 0.0
    """0 = abstractions of one problem know nothing of each other."""


class Written:
    """What a proposer that is no language model of tokens needs to pass for a sampler."""

    version, adapters = 0, False

    def __init__(self, prompts: Prompts):
        self.prompts = prompts
        self.questions: dict[tuple[int, ...], str] = {}

    def know(self, reasoner: Reasoner, trees: Sequence[Tree]) -> None:
        """Notes which question each prompt asks."""
        self.questions |= {tuple(reasoner.propose_ids(tree)): tree.problem.question for tree in trees}

    def completion(self, text: str, finished: bool = True) -> Completion:
        """A text as the tokens of the run's own tokenizer."""
        ids = tuple(self.prompts.completion_ids(text, "propose"))
        return Completion(ids, (), "stop" if finished else "length", 0)


class Shuffled(Written):
    """Abstractions of other problems: drawn from those of the training documents, whatever is asked."""

    def __init__(self, prompts: Prompts, texts: Sequence[str]):
        super().__init__(prompts)
        self.texts = list(texts)

    def generate(self, prompts: list[list[int]], sampling: Sampling) -> list[Completion]:
        """A training abstraction for each prompt."""
        rng = random.Random(sampling.seed)
        return [self.completion(rng.choice(self.texts)) for _ in prompts]


@dataclass
class ConceptSampler(Written):
    """A concept model, its codec and normaliser. Draws for the same prompt are one set, those of earlier calls too."""

    prompts: Prompts
    codec: Codec
    normaliser: Normaliser
    model: ConceptModel
    documents: Documents
    keys: ConceptsConfig
    way: Way = field(default_factory=Way)

    def __post_init__(self):
        super().__init__(self.prompts)
        self.sets: dict[tuple[int, ...], list[torch.Tensor]] = {}
        self.end = self.normaliser.denormalise(self.documents.table[0])

    @torch.inference_mode()
    def generate(self, prompts: list[list[int]], sampling: Sampling) -> list[Completion]:
        """A text for each prompt: sentences until the end, a near repeat, or one more than any it has learnt from."""
        generator = torch.Generator().manual_seed(sampling.seed)
        asked = [tuple(prompt) for prompt in prompts]
        distinct = list(dict.fromkeys(asked))
        found: dict[int, tuple[str, bool]] = {}
        for start in range(0, len(distinct), PROBLEMS):
            part = set(distinct[start : start + PROBLEMS])
            rows = [i for i, prompt in enumerate(asked) if prompt in part]
            found |= zip(rows, self._texts([asked[i] for i in rows], generator), strict=True)
        return [self.completion(*found[i]) for i in range(len(prompts))]

    def _texts(self, asked: list[tuple[int, ...]], generator: torch.Generator) -> list[tuple[str, bool]]:
        clean, real = self._questions(asked)
        known, count = self.documents.known, len(asked)
        done, before = torch.zeros(count, dtype=torch.bool), None
        texts: list[list[str]] = [[] for _ in asked]
        for place in range(known, known + self.documents.targets):
            vectors = self._next(clean, real, place, asked, generator)
            raw = self.normaliser.denormalise(vectors)
            done |= ends(raw, self.end, before)
            sentences = self.codec.decode(raw)
            for i in (~done).nonzero().flatten().tolist():
                texts[i].append(sentences[i])
            if place == known:
                for prompt, vector in zip(asked, vectors, strict=True):
                    self.sets.setdefault(prompt, []).append(vector)
            clean, before = torch.cat([clean, vectors[:, None]], 1), raw
            real = torch.cat([real, torch.ones(count, 1, dtype=torch.bool)], 1)
            if done.all():
                break
        return [(" ".join(text), bool(over)) for text, over in zip(texts, done, strict=True)]

    def _questions(self, asked: list[tuple[int, ...]]) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, known, V) vectors of every prompt's question, its last sentences where there are more, and which are."""
        known, width = self.documents.known, self.documents.table.shape[1]
        own = {prompt: split(self.questions[prompt])[-known:] for prompt in dict.fromkeys(asked)}
        clean, real = {}, {}
        for prompt, sentences in own.items():
            vectors = self.normaliser.normalise(self.codec.encode(sentences))
            clean[prompt] = torch.cat([torch.zeros(known - len(sentences), width), vectors])
            real[prompt] = torch.arange(known) >= known - len(sentences)
        return torch.stack([clean[prompt] for prompt in asked]), torch.stack([real[prompt] for prompt in asked])

    def _next(self, clean, real, place: int, asked, generator) -> torch.Tensor:
        """The sentence at a place, (B, V). Abstractions repel each other in their first one."""
        seen, at = self.model.context(clean, real), torch.tensor([place])
        if not self.model.diffuses:
            return self.model(seen, at)[:, 0]
        count, strength = len(asked), self.way.guidance

        def foretold(noisy: torch.Tensor, level: int, kept: bool) -> torch.Tensor:
            given = Noised(noisy[:, None], torch.full((count, 1), level), torch.full((count, 1), kept))
            return self.model(seen, at, given)[:, 0]

        def denoise(noisy: torch.Tensor, level: int) -> torch.Tensor:
            found = foretold(noisy, level, True)
            return found if strength == 1 else guided(found, foretold(noisy, level, False), strength)

        push = self._push(asked) if self.way.repulsion and place == self.documents.known else None
        shape = (count, clean.shape[-1])
        return sample(denoise, shape, self.keys.noise_steps, self.keys.sampling_steps, generator, push,
                      self.way.repulsion)  # fmt: skip

    def _push(self, asked: list[tuple[int, ...]]):
        number = {prompt: i for i, prompt in enumerate(dict.fromkeys(asked))}
        owners = torch.tensor([number[prompt] for prompt in asked])
        earlier = [(number[prompt], vector) for prompt in number for vector in self.sets.get(prompt, [])]
        theirs = torch.tensor([owner for owner, _ in earlier], dtype=torch.long)
        others = torch.stack([vector for _, vector in earlier]) if earlier else torch.empty(0, len(self.end))
        return lambda clean: repulsion(clean, owners, others, theirs)
