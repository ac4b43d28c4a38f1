"""How the models learn: documents as vectors, the same training budget for all of them, and a token model beside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from evals.concepts.codec import Codec
from evals.concepts.diffusion import signal
from evals.concepts.flops import attended, core_parameters, forward, steps_for, training
from evals.concepts.models import MODELS, ConceptModel, Noised
from evals.concepts.normaliser import Normaliser
from evals.concepts.sentences import Corpus
from rlad.config.concepts import ConceptsConfig

IGNORED = -100


@dataclass
class Documents:
    """A corpus as numbers of sentences in a table of vectors; number 0 is the end, questions are padded on the left."""

    table: torch.Tensor
    """(N, V) normalised vectors of the distinct sentences."""
    rows: torch.Tensor
    """(D, known + targets)"""
    real: torch.Tensor
    """(D, known + targets): what is a sentence of its document, its end included."""
    known: int
    """Places of the question."""

    @staticmethod
    def of(corpus: Corpus, codec: Codec, normaliser: Normaliser) -> Documents:
        """All documents, each with the end behind its abstraction."""
        own = list(dict.fromkeys([*corpus.questions, *corpus.abstractions]))
        number = {sentence: i for i, sentence in enumerate(own, start=1)}
        known = max(len(question) for question, _ in corpus.documents)
        rows, real = [], []
        for question, written in corpus.documents:
            ids = [number[one] for one in (*question, *written)]
            before, behind = known - len(question), corpus.longest - len(written)
            rows.append([0] * before + ids + [0] * (behind + 1))
            real.append([False] * before + [True] * (len(ids) + 1) + [False] * behind)
        table = normaliser.normalise(codec.encode(["", *own]))
        return Documents(table, torch.tensor(rows), torch.tensor(real), known)

    @property
    def targets(self) -> int:
        """Places that are foretold: the longest abstraction's sentences and its end."""
        return self.rows.shape[1] - self.known


def rate(lr: float, step: int, steps: int) -> float:
    """The learning rate of a step: it falls to 0 in the second half.

    >>> [rate(1.0, step, 4) for step in range(4)]
    [1.0, 1.0, 1.0, 0.5]
    """
    return lr * min(1.0, 2 * (1 - step / steps))


def loss_of(model: ConceptModel, documents: Documents, rows: torch.Tensor, keys: ConceptsConfig) -> torch.Tensor:
    """Mean squared error per component of the foretold sentences of some documents, at levels of noise drawn here."""
    vectors, real = documents.table[documents.rows[rows]], documents.real[rows]
    known, count = documents.known, documents.targets
    wanted, counted = vectors[:, known:], real[:, known:]
    given = None
    if model.diffuses:
        level = torch.randint(1, keys.noise_steps + 1, counted.shape)
        share = torch.tensor(signal(keys.noise_steps))[level][..., None]
        noisy = share.sqrt() * wanted + (1 - share).sqrt() * torch.randn_like(wanted)
        given = Noised(noisy, level, torch.rand(counted.shape) >= keys.guidance_drop)
    seen = model.context(vectors[:, :-1], real[:, :-1])
    found = model(seen, torch.arange(known, known + count), given)
    return (found - wanted).square().mean(-1)[counted].mean()


def train_concepts(kind: str, documents: Documents, keys: ConceptsConfig, seed: int) -> tuple[ConceptModel, dict]:
    """(a model, its facts): parameters, operations per document, steps, and the mean loss of the last tenth."""
    torch.manual_seed(seed)
    vector, places = documents.table.shape[1], documents.rows.shape[1]
    model = MODELS[kind](vector, keys.width, keys.layers, places, keys.noise_steps)
    per_document = training(sum(model.cost(documents.known, documents.targets)))
    steps = steps_for(1e15 * keys.petaflops, per_document, keys.batch)
    optimiser = torch.optim.Adam(model.parameters(), lr=keys.lr, fused=True)
    losses = []
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = rate(keys.lr, step, steps)
        loss = loss_of(model, documents, torch.randint(len(documents.rows), (keys.batch,)), keys)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
    return model.eval().requires_grad_(False), _facts(model, per_document, steps, keys.batch, losses)


def train_tokens(model, texts: Sequence[tuple[list[int], list[int]]], pad: int, keys: ConceptsConfig,
                 seed: int) -> dict:  # fmt: skip
    """Trains a causal language model of tokens on (prompt, completion) pairs under the same budget, and tells its
    facts; its loss is a cross-entropy in nats per token of a completion."""
    torch.manual_seed(seed)
    width, vocabulary = model.config.hidden_size, model.config.vocab_size
    length = math.ceil(sum(len(prompt) + len(completion) for prompt, completion in texts) / len(texts))
    parameters = core_parameters(width, model.config.num_hidden_layers, 0) + vocabulary * width
    per_document = training(forward(parameters, length, attended(length), width, model.config.num_hidden_layers))
    steps = steps_for(1e15 * keys.petaflops, per_document, keys.batch)
    longest = max(len(prompt) + len(completion) for prompt, completion in texts)
    ids = torch.full((len(texts), longest), pad)
    labels, mask = torch.full_like(ids, IGNORED), torch.zeros_like(ids)
    for row, (prompt, completion) in enumerate(texts):
        both = len(prompt) + len(completion)
        ids[row, :both], mask[row, :both] = torch.tensor([*prompt, *completion]), 1
        labels[row, len(prompt) : both] = torch.tensor(completion)
    optimiser = torch.optim.Adam(model.parameters(), lr=keys.lr, fused=True)
    losses = []
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = rate(keys.lr, step, steps)
        rows = torch.randint(len(ids), (keys.batch,))
        states = model.get_decoder()(input_ids=ids[rows], attention_mask=mask[rows]).last_hidden_state[:, :-1]
        wanted = labels[rows][:, 1:]
        # Of completions alone: at 49,152 words the logits of 128 documents of 60 tokens and their gradient are 6 GB.
        logits = model.get_output_embeddings()(states[wanted != IGNORED])
        loss = F.cross_entropy(logits, wanted[wanted != IGNORED])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
    model.eval().requires_grad_(False)
    return _facts(model, per_document, steps, keys.batch, losses)


def _facts(model, per_document: int, steps: int, batch: int, losses: list[float]) -> dict:
    last = losses[-max(1, len(losses) // 10) :]
    return {"parameters": sum(p.numel() for p in model.parameters()), "flops_per_document": per_document,
            "steps": steps, "flops": per_document * steps * batch, "loss": round(sum(last) / len(last), 4)}  # fmt: skip
