"""The measurement from rollouts to the table: streams, autoencoder, ranking, steering and its controls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from evals.features.autoencoder import (
    TopKAutoencoder,
    explained_variance,
    fingerprint,
    load_autoencoder,
    save_autoencoder,
    train_autoencoder,
)
from evals.features.ranking import by_text, effect, random_sets, ranked, tells_right
from evals.features.steering import Steering, chosen, compared, vector_of
from evals.features.streams import SteeredSampler, Text, block_of, read_streams
from evals.statistics.rounding import rounded
from rlad.cli import PlainError, progress
from rlad.config import ConfigError, RunConfig
from rlad.generation import Sampling
from rlad.problems import Problem, load_problems
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.tree import Plan, Tree

HELD_OUT = 5
"""Every fifth problem's solutions are kept from the autoencoder, which is measured on them."""
FREQUENT = 0.01
"""A feature is a candidate where it is active at this share of the tokens of solutions at least."""


def layer_of(run: RunConfig, model) -> int:
    """The layer that is asked for, or the middle one. Raises ConfigError where it does not exist."""
    layer = run.features.layer
    layer = (model.config.num_hidden_layers - 1) // 2 if layer is None else layer
    block_of(model, layer)
    return layer


def rollouts(run: RunConfig, reasoner: Reasoner, problems: Sequence[Problem], task: str) -> list[Tree]:
    """Judged trees with one abstraction, solved once with it and once without, as co-training samples."""
    propose = Sampling(run.abstraction.temperature, run.abstraction.max_new_tokens, run.seed + 11)
    solve = Sampling(run.solution.temperature, run.solution.max_new_tokens, run.seed + 12)
    trees = [Tree(problem) for problem in problems]
    plan = Plan(1, 1, propose, solve, distinct=True, draws=3)  # a draw that says nothing is drawn again
    reasoner.propose(trees, plan)
    reasoner.solve(trees, plan)
    reasoner.solve_bare(trees, 1, Sampling(solve.temperature, solve.max_new_tokens, run.seed + 13), task)
    reasoner.judge(trees)
    return trees


def told_apart(autoencoder: TopKAutoencoder, streams: torch.Tensor, owners: torch.Tensor, guided: int,
               right: list[bool], top: int) -> tuple[list[int], list[int], list[dict[str, Any]]]:  # fmt: skip
    """(the ranked features, all candidates, a row per ranked feature).

    streams (N, D) of `guided` solutions under an abstraction and, behind them, of plain ones; right: of all of them.
    """
    features = autoencoder.encode(streams)
    texts = by_text(features, owners, len(right))
    often = (features > 0).double().mean(0).numpy()
    effects = effect(texts[:guided], texts[guided:])
    best = ranked(np.where(often >= FREQUENT, effects, -np.inf), top)
    rows = [
        {"feature": i, "effect": rounded(effects[i]), "guided": rounded(texts[:guided, i].mean()),
         "plain": rounded(texts[guided:, i].mean()), "active": rounded(often[i]),
         "auroc_right": tells_right(texts[guided:, i], right[guided:])}
        for i in best
    ]  # fmt: skip
    return best, [int(i) for i in np.flatnonzero(often >= FREQUENT)], rows


def guided_accuracy(run: RunConfig, reasoner: Reasoner, problems: Sequence[Problem]) -> np.ndarray:
    """(P,) whether each problem is solved greedily under the abstraction player's likeliest abstraction."""
    trees = [Tree(problem) for problem in problems]
    plan = Plan(1, 1, Sampling(0.0, run.abstraction.max_new_tokens), Sampling(0.0, run.solution.max_new_tokens))
    reasoner.propose(trees, plan)
    reasoner.solve(trees, plan)
    reasoner.judge(trees)
    return np.array([any(solution.correct for solution in tree.solutions) for tree in trees], float)


class Study:
    """One solver's features: found on training problems, chosen on validation problems, judged on test problems."""

    def __init__(self, run: RunConfig, reasoner: Reasoner, task: str, given: Path | None = None):
        """given: an autoencoder to use instead of training one."""
        self.run, self.reasoner, self.task = run, reasoner, task
        self.keys, self.model = run.features, reasoner.solver.model
        self.of = fingerprint(self.model.named_parameters())
        self.given = None if given is None else load_autoencoder(given, self.of)
        if self.given and self.keys.layer not in (None, self.given[1]):
            raise ConfigError(f"'{given}' knows layer {self.given[1]}, not features.layer={self.keys.layer}.")
        self.layer = self.given[1] if self.given else layer_of(run, self.model)
        latents = self.keys.latents or 4 * self.model.config.hidden_size
        if self.given is None and self.keys.active > latents:
            raise ConfigError(f"features.active={self.keys.active} of features.latents={latents} cannot be active.")

    def measure(self, folder: Path) -> dict[str, Any]:
        """Everything; the autoencoder is kept in `folder`."""
        problems = load_problems(self.run.problems, "train")[: self.keys.problems]
        validation = load_problems(self.run.problems, "validation")
        if not validation:
            raise PlainError(
                "Features are chosen on the validation problems, and there are none (problems.validation)."
            )
        trees = rollouts(self.run, self.reasoner, problems, self.task)
        autoencoder, facts, best, candidates, rows = self._found(trees)
        if self.given is None:
            save_autoencoder(autoencoder, folder / f"layer_{self.layer}.safetensors", self.of, self.layer)
        if not best:
            raise PlainError("No feature is more active under abstractions than without; try another features.layer.")
        sets = [best, *random_sets([i for i in candidates if i not in best], len(best), self.keys.controls,
                                   self.run.seed)]  # fmt: skip
        if not sets[1]:
            raise PlainError("No feature is left for random controls; lower features.top or raise features.latents.")
        test = load_problems(self.run.problems, "test")[: self.run.sweep.problems]
        return {"autoencoder": facts, "features": rows} | self._steered(
            autoencoder, sets, facts["norm"], validation, test
        )

    def _found(self, trees: Sequence[Tree]):
        """The autoencoder with its facts, the ranked features, all candidates and the ranked features' rows."""
        solutions = [[(tree, s) for tree in trees for s in part(tree)] for part in (_under, _bare)]
        pairs = [pair for part in solutions for pair in part]
        texts: list[Text] = [(s.prompt, s.completion.token_ids) for _, s in pairs]
        streams, owners = read_streams(self.model, self.layer, texts, self.reasoner.solver.pad_id)
        number = {id(tree): i for i, tree in enumerate(trees)}
        unseen = torch.tensor([number[id(tree)] % HELD_OUT == 0 for tree, _ in pairs])[owners]
        if self.given:
            autoencoder = self.given[0]
        else:
            keys = self.keys
            autoencoder = train_autoencoder(streams[~unseen], keys.latents or 4 * streams.shape[1], keys.active,
                                            keys.steps, keys.batch, keys.lr, self.run.seed)  # fmt: skip
        first = torch.cat([owners.new_tensor([True], dtype=torch.bool), owners[1:] != owners[:-1]])
        features = autoencoder.encode(streams)
        facts = {
            "layer": self.layer, "latents": features.shape[1], "active": autoencoder.active,
            "tokens": int((~unseen).sum()), "held_out_tokens": int(unseen.sum()),
            "explained_variance": rounded(explained_variance(streams[unseen], autoencoder.decode(features[unseen]))),
            "dead": int((~(features > 0).any(0)).sum()), "norm": rounded(streams[first].norm(dim=-1).mean()),
            "guided": len(solutions[0]), "plain": len(solutions[1]),
        }  # fmt: skip
        right = [s.correct for _, s in pairs]
        return autoencoder, facts, *told_apart(autoencoder, streams, owners, len(solutions[0]), right, self.keys.top)

    def _steered(self, autoencoder, sets, norm: float, validation, test) -> dict[str, Any]:
        sampler = SteeredSampler(self.reasoner.solver, self.layer)
        chosen_on, judged_on = (
            Steering(self.reasoner, sampler, some, self.task, self.run.solution.max_new_tokens)
            for some in (validation, test)
        )
        nothing = vector_of(autoencoder, 0, 0.0, norm)
        before, plain = chosen_on.under(nothing), judged_on.under(nothing)
        tried, rows, outcomes = [], [], []
        with progress("steering", len(sets)) as bar:
            for number, features in enumerate(sets):
                choice, own = chosen(chosen_on, autoencoder, features, self.keys.strengths, norm, before)
                tried.append(choice)
                rows += [{"set": f"random {number}" if number else "ranked"} | row for row in own]
                outcomes.append(judged_on.under(vector_of(autoencoder, choice.feature, choice.strength, norm)))
                bar.advance()
        guided = guided_accuracy(self.run, self.reasoner, test)
        result = compared(plain, guided, outcomes[0], outcomes[1:], self.run.sweep.bootstrap)
        return {
            "validation": {"plain": rounded(before.right.mean()), "problems": len(validation), "rows": rows},
            "chosen": [{"feature": c.feature, "strength": c.strength, "accuracy": rounded(c.accuracy)} for c in tried],
            "test": result | {"problems": len(test)},
        }  # fmt: skip


def _under(tree: Tree):
    return tree.solutions


def _bare(tree: Tree):
    return tree.bare
