"""The measurement: exactness of the codec, training of all models under one budget, and what their sets cover."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from evals.concepts.codec import Codec, exactness, train_codec
from evals.concepts.coverage import Outcome, Trials, compared
from evals.concepts.learning import Documents, train_concepts, train_tokens
from evals.concepts.models import MODELS, ConceptModel
from evals.concepts.normaliser import Normaliser
from evals.concepts.proposers import ConceptSampler, Shuffled, Way
from evals.concepts.sentences import Corpus, gather
from evals.statistics.rounding import rounded
from rlad.cli import PlainError, progress
from rlad.config import ConfigError, RunConfig
from rlad.generation import Sampler, make_sampler
from rlad.players.policy import build_model
from rlad.problems import load_problems
from rlad.reasoning.reasoner import Reasoner

REPELLING = "two-tower, repelling"
RIVALS = ("run's proposer", "two-tower", "token model", "shuffled")
"""What the repelling two-tower is compared with."""


def require_sizes(run: RunConfig) -> None:
    """Raises ConfigError for sizes that do not go together."""
    keys = run.concepts
    if keys.width % 8:
        raise ConfigError(
            f"concepts.width={keys.width} cannot be dealt to four heads of even size; give a multiple of 8."
        )
    if keys.sampling_steps > keys.noise_steps:
        raise ConfigError(
            f"concepts.sampling_steps={keys.sampling_steps} is more than the concepts.noise_steps={keys.noise_steps} "
            "that training knows."
        )


class Study:
    """Concept models of a run's world beside its proposer."""

    def __init__(self, run: RunConfig, reasoner: Reasoner, told: Callable[[dict[str, Any]], None]):
        """told: shows the codec's exactness as soon as it is known."""
        require_sizes(run)
        self.run, self.keys, self.reasoner, self.told = run, run.concepts, reasoner, told
        self.prompts = reasoner.propose_prompts

    def measure(self) -> dict[str, Any]:
        """Everything."""
        problems, validation = (load_problems(self.run.problems, split) for split in ("train", "validation"))
        if not validation:
            raise PlainError("Guidance and repulsion are chosen on the validation problems, and there are none.")
        corpus = gather(problems, self.reasoner.world, self.keys.documents, self.run.seed)
        codec, exact = self._codec(corpus)
        self.told(exact)
        own = ["", *corpus.questions, *corpus.abstractions]
        normaliser = Normaliser.of(codec.encode(own), self.keys.normaliser)
        documents = Documents.of(corpus, codec, normaliser)
        models, facts = self._concepts(documents)
        tokens, facts["token model"] = self._tokens(corpus)
        texts = [" ".join(sentence.strip() for sentence in written) for _, written in corpus.documents]
        trials = Trials(self.run, self.reasoner, set())
        trials.known = {trials.canonical(text) for text in texts}
        make = lambda kind, way: ConceptSampler(  # noqa: E731
            self.prompts, codec, normaliser, models[kind], documents, self.keys, way
        )
        chosen, rows = self._chosen(trials, make, validation[: self.keys.validation])
        test = load_problems(self.run.problems, "test")[: self.keys.problems]
        temperature = self.run.sweep.propose_temperature
        arms: dict[str, Sampler] = {
            "base-LCM": make("base", Way()), "one-tower": make("one_tower", chosen["one-tower"]),
            "two-tower": make("two_tower", chosen["two-tower"]), REPELLING: make("two_tower", chosen[REPELLING]),
            "token model": tokens, "run's proposer": self.reasoner.proposer, "shuffled": Shuffled(self.prompts, texts),
        }  # fmt: skip
        outcomes: dict[str, Outcome] = {}
        with progress("test problems", len(arms)) as bar:
            for name, arm in arms.items():
                outcomes[name] = trials.of(arm, test, temperature)
                bar.advance()
        resamples, repelling = self.run.sweep.bootstrap, outcomes[REPELLING]
        return {
            "codec": exact, "models": facts, "chosen": {kind: vars(way) for kind, way in chosen.items()},
            "validation": rows, "problems": len(test), "abstractions": self.keys.abstractions,
            "known_abstractions": len(trials.known),
            "test": {name: outcome.told(resamples) for name, outcome in outcomes.items()},
            "repelling_minus": {name: compared(repelling, outcomes[name], resamples) for name in RIVALS},
        }  # fmt: skip

    def _codec(self, corpus: Corpus) -> tuple[Codec, dict[str, Any]]:
        keys = self.keys
        learnt, unseen = corpus.divided()
        codec = train_codec(learnt, keys.vector, keys.codec_width, keys.codec_steps, 2 * keys.batch, keys.noise,
                            keys.lr, self.run.seed)  # fmt: skip
        parts = {"held out": unseen, "learnt": learnt, "abstractions": corpus.abstractions}
        told = {name: exactness(part, codec.decode(codec.encode(part)) if part else []) for name, part in parts.items()}
        return codec, {name: {key: value if isinstance(value, int | None) else rounded(value)
                              for key, value in row.items()} for name, row in told.items()}  # fmt: skip

    def _concepts(self, documents: Documents) -> tuple[dict[str, ConceptModel], dict[str, Any]]:
        models, facts = {}, {}
        with progress("concept models", len(MODELS)) as bar:
            for kind in MODELS:
                models[kind], facts[kind] = train_concepts(kind, documents, self.keys, self.run.seed)
                reading, writing = models[kind].cost(documents.known, 1)
                again = self.keys.sampling_steps if models[kind].diffuses else 1
                facts[kind]["flops_per_sentence"] = reading + again * writing
                bar.advance()
        return models, facts

    def _tokens(self, corpus: Corpus) -> tuple[Sampler, dict[str, Any]]:
        """A language model of tokens of the concept models' width and depth, on the same documents."""
        keys, tokenizer = self.keys, self.prompts.tokenizer
        size = replace(self.run.base, path=None, hidden_size=keys.width, layers=keys.layers, heads=4, kv_heads=4,
                       intermediate_size=round(8 * keys.width / 3))  # fmt: skip
        model = build_model(size, tokenizer, self.run.seed)
        texts = [
            (self.prompts.ids("propose", "".join(question)), self.prompts.completion_ids("".join(written), "propose"))
            for question, written in corpus.documents
        ]
        facts = train_tokens(model, texts, tokenizer.pad_token_id, keys, self.run.seed)
        return make_sampler(self.run.engine, model, tokenizer), facts

    def _chosen(self, trials: Trials, make, problems) -> tuple[dict[str, Way], list[dict[str, Any]]]:
        """Arm -> the way in which it covers most of the validation problems, and a row for all that was tried."""
        rows: list[dict[str, Any]] = []

        def best(arm: str, kind: str, ways: list[Way]) -> Way:
            covered = {way: float(trials.of(make(kind, way), problems).covered.mean()) for way in ways}
            rows.extend({"arm": arm, **vars(way), "coverage": rounded(found)} for way, found in covered.items())
            return max(covered, key=covered.get)

        alone = [Way(guidance) for guidance in self.keys.guidance]
        pushed = [Way(guidance, push) for guidance in self.keys.guidance for push in self.keys.repulsion]
        return {
            "one-tower": best("one-tower", "one_tower", alone),
            "two-tower": best("two-tower", "two_tower", alone),
            REPELLING: best(REPELLING, "two_tower", pushed),
        }, rows
