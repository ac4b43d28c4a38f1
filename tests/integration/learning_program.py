"""Run on two ranks: gradients are the same however rows are split, and every method learns in the real loop."""

import sys
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import torch
import torch.distributed as dist
from deepspeed.utils import safe_get_full_grad
from updates_program import make_rows

from rlad.config import PlayerConfig, load_config, save_config
from rlad.config.registry import loss as losses
from rlad.entropy import StrategicGrams
from rlad.players.policy import make_policy
from rlad.reasoning.reasoner import Reasoner
from trainers import cotrain as loop
from trainers.credit import pay
from trainers.credit.measurements import Measurements
from trainers.credit.planning import planning_credit
from trainers.credit.whitening import whitened
from trainers.data import dynamic_sampling
from trainers.data.rows import Row, merged
from trainers.learner.learner import Learner
from trainers.learner.scoring import reference_gaps
from trainers.learner.update import update_together
from trainers.losses.clip_cov import ClipCovKeys
from trainers.metrics.strategic_grams import FILE
from trainers.runtime import zero3

SPLITS = {
    "one rank": (16, 16, 1),
    "two ranks": (9, 16, 1),
    "ragged micro-batches, reversed": (9, 4, -1),
}
"""How many of sixteen rows rank 0 holds, rows per micro-batch, and in which direction the rows are dealt."""

SINGLE = {f"loss {name}": {"loss": name} for name in losses.names()}
SINGLE |= {f"aggregation {mode}": {"aggregation": mode} for mode in ("sequence-mean", "prompt-mean", "constant")}
SINGLE |= {f"advantage {kind}": {"advantage": kind} for kind in ("batch_std", "reinforce_pp", "reinforce_pp_baseline")}
SINGLE |= {
    "forking kept": {"forking.share": 0.3, "forking.denominator": "kept"},
    "forking all": {"forking.share": 0.3},
    "forking kept, by sequence": {"forking.share": 0.5, "forking.denominator": "kept", "aggregation": "sequence-mean"},
    "hicra": {"hicra": 0.2},
    "three mini-batches": {},
    "masked by sequence": {"old_logprobs": "trainer", "mismatch.kind": "masked", "mismatch.level": "geometric",
                           "mismatch.low": 0.2, "mismatch.high": 5.0, "mismatch.opsm": 0.5},
}  # fmt: skip

PAIRS = {
    "gspo-cispo": [
        *("solution.loss=gspo", "solution.advantage=reinforce_pp"),
        *("abstraction.loss=cispo", "abstraction.advantage=reinforce_pp_baseline"),
    ],
    "clip_cov-kl_cov": ["solution.loss=clip_cov", "abstraction.loss=kl_cov", "solution.clip_cov.low=-9"],
    "dr_grpo-rloo": ["solution.loss=dr_grpo", "abstraction.advantage=rloo", "abstraction.forking.share=0.2"],
    "mismatch": [
        *("solution.loss=sapo", "abstraction.loss=dppo"),
        "solution.mismatch.kind=truncated",
        "abstraction.mismatch.kind=masked",
        "abstraction.mismatch.level=sequence",
        "solution.mismatch.opsm=0.1",
        "solution.overlong=4",
    ],
    "steered": [
        *("solution.loss=vespo", "solution.advantage=nudge", "solution.distillation=0.1"),
        *("abstraction.loss=luspo", "abstraction.advantage=polychromic", "abstraction.polychromic.k=2"),
        *("solution.shaping=autopilot", "abstraction.shaping=entrocraft"),
        *("solution.entropy_final=0.01", "cotrain.solution_group=problem"),
    ],
    "ucpo-uniqueness": ["solution.advantage=ucpo", "solution.loss=lp_reg", "abstraction.advantage=uniqueness"],
    "hicra": [
        *("solution.hicra=0.2", "abstraction.hicra=0.2", "solution.loss=gppo", "abstraction.loss=ce_gppo"),
        *("zero.shard_references=true", "instruments.every=1", "instruments.rank_every=1"),
    ],
    "scalerl": [
        "solution.loss=cispo",
        "solution.old_logprobs=sampler",
        "solution.advantage=batch_std",
        "solution.aggregation=prompt-mean",
        "cotrain.drop_constant_groups=true",
        "cotrain.dynamic_sampling=2",
        "cotrain.retire_above=0.9",
    ],
}


def player_with(keys: dict) -> PlayerConfig:
    player = PlayerConfig(old_logprobs="sampler")  # ratios away from 1 without a second update
    player.of("kl_cov").share = 0.2
    player.of("lp_reg").share, player.of("lp_reg").min_p = 1.0, 0.85  # words are nearly alike before any training
    player.methods["clip_cov"] = ClipCovKeys(share=0.2, low=0.0, high=99.0)
    player.of("cispo").cap = 1.5
    for key, value in keys.items():
        *section, name = key.split(".")
        setattr(getattr(player, section[0]) if section else player, name, value)
    return player


def rows_of(vocabulary: int) -> list[Row]:
    """Ragged rows with the log-probs of a sampler that was somewhat off."""
    generator, rows = torch.Generator().manual_seed(9), []
    for row in make_rows(vocabulary)[:9]:
        noise = torch.randn(len(row.completion), generator=generator) - torch.log(torch.tensor(float(vocabulary)))
        given = ((1, 3),) if len(row.completion) > 4 else ()  # what a tool has put there
        rows.append(replace(row, sampler_logprobs=tuple(noise.tolist()), given=given))
    # Others behind one prefix, whose tokens tie: first ones in all of them, the second too in two.
    ends = ((9, 8), (9, 10), (11, 12), (13, 8))
    tied = [Row(rows[0].prompt, end, (-1.0) ** i, sampler_logprobs=(-4.0, -4.5)) for i, end in enumerate(ends)]
    return [*rows, *tied, rows[2], rows[2], rows[7]]


class EveryThird:
    """Grams by which every third token of the vocabulary plans."""

    def mask(self, token_ids: tuple[int, ...]) -> tuple[bool, ...]:
        return tuple(i % 3 == 0 for i in token_ids)


def credited(learner: Learner, rows: list[Row], run) -> list[Row]:
    """What credit does over all ranks, by the player's keys."""
    player = learner.config
    gaps = partial(reference_gaps, learner, micro_batch=run.cotrain.micro_batch)
    rows = whitened(merged(rows), player, Measurements(learner.device, None, gaps))
    return planning_credit(rows, EveryThird(), player.hicra) if player.hicra else rows


def gradients(learners: list[Learner], rows: list[list[Row]], run) -> tuple[list[dict], dict]:
    """Statistics of an update whose weights stay, and the full gradient of every parameter before its step."""
    found = {}
    learner = learners[0]
    original = learner.model_engine.step

    def step():
        """Names begin with the number of the step, as there may be several mini-batches."""
        number = len({name.partition(" ")[0] for name in found})
        named = learner.model_engine.module.named_parameters()
        found.update({f"{number} {name}": safe_get_full_grad(parameter).clone() for name, parameter in named})
        original()

    learner.model_engine.step = step
    try:
        return update_together(learners, rows, run), found
    finally:
        learner.model_engine.step = original


def check_splits(start: Path) -> None:
    run = load_config(start / "config.yaml")
    policy = make_policy("solution", run.base, run, start / "x")
    reference = make_policy("solution", run.base, replace(run, seed=5), start / "x").model.eval()
    rows = rows_of(len(policy.tokenizer))
    settings = zero3.model_engine_config(run.zero, policy.model.dtype, 0.0, 0.0, (0.9, 0.95), 1e9)
    model_engine = zero3.make_model_engine(policy.model, settings)
    seen = set()
    for name, keys in SINGLE.items():
        player, results = player_with(keys), {}
        run.cotrain.updates_per_rollout = 3 if name == "three mini-batches" else 1
        for split, (first, micro, direction) in SPLITS.items():
            run.cotrain.micro_batch, dealt = micro, rows[::direction]
            mine = dealt[:first] if zero3.rank() == 0 else dealt[first:]
            learner = Learner(policy, player, model_engine, reference, None, torch.device("cpu"))
            (stats,), found = gradients([learner], [credited(learner, mine, run)], run)
            results[split] = stats, found
        stats, expected = results["one rank"]
        assert max(g.abs().max().item() for g in expected.values()) > 1e-3, name
        assert len(expected) == run.cotrain.updates_per_rollout * len(list(model_engine.module.parameters()))
        for split, (other, found) in results.items():
            worst = max((found[key] - expected[key]).abs().max().item() for key in expected)
            assert worst < 1e-6 * max(1.0, stats["grad_norm"]), (name, split, worst)
            assert abs(other["loss"] - stats["loss"]) < 1e-6 * max(1.0, abs(stats["loss"])), (name, split)
        seen.add(round(stats["grad_norm"], 7))
        if zero3.rank() == 0:
            print(f"SAME {name}", flush=True)
    assert len(seen) == len(SINGLE) - 1, "methods that should differ do not"  # dr_grpo is aggregation=constant
    run.cotrain.updates_per_rollout = 1
    check_given(Learner(policy, player_with({}), model_engine, reference, None, torch.device("cpu")), rows, run)
    check_together(Learner(policy, player_with({}), model_engine, reference, None, torch.device("cpu")), rows, run)


def check_given(learner: Learner, rows: list[Row], run) -> None:
    """Tokens that a tool has put into a text are not learnt from, whatever they seem to be worth, and not counted."""
    mine, found = merged(rows[zero3.rank() :: 2]), []
    for worth in (0.0, 1e3):
        paid = []
        for row in mine:
            values = [worth if any(a <= i < b for a, b in row.given) else x for i, x in enumerate(row.per_token)]
            paid.append(replace(row, token_advantages=tuple(values)))
        (stats,), gradient = gradients([learner], [paid], run)
        found.append(gradient)
        assert stats["trained_tokens"] == sum(row.length for row in rows), stats["trained_tokens"]
    assert any(row.given for row in rows) and all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    if zero3.rank() == 0:
        print("SAME given", flush=True)


def check_together(learner: Learner, rows: list[Row], run) -> None:
    """Two roles of one model: divided by counts of their own the gradient is the sum of both roles' gradients, divided
    by the counts of both it is that of all rows in one role."""
    pair = [learner, replace(learner, lead=learner)]
    own = [part[zero3.rank() :: 2] for part in (rows[:6], rows[6:])]
    alone = [gradients([learner], [part], run)[1] for part in own]
    _, all_in_one = gradients([learner], [own[0] + own[1]], run)
    summed = {name: alone[0][name] + alone[1][name] for name in alone[0]}
    for norm, expected in (("role", summed), ("joint", all_in_one)):
        run.cotrain.shared_norm = norm
        stats, found = gradients(pair, own, run)
        assert max((found[name] - expected[name]).abs().max().item() for name in expected) < 1e-6, norm
        assert stats[0]["grad_norm"] == stats[1]["grad_norm"] > 0
        assert stats[0]["trained_tokens"] != stats[1]["trained_tokens"]
    gap = max((summed[name] - all_in_one[name]).abs().max().item() for name in summed)
    assert gap > 1e-3, "the two ways to divide should differ"
    run.cotrain.shared_norm = "role"
    if zero3.rank() == 0:
        print("SAME together", flush=True)


def planted_signal() -> ExitStack:
    """An untrained pair is never right: pay for an even sum of tokens instead, and take abstractions cut short too."""

    def even(completion):
        return sum(completion.token_ids) % 2 == 0

    def pay_draws(tree, config, diversity=None):
        return [float(even(draw.completion)) for draw in tree.draws]

    def add_whole(self, tree, prompt, completion, distinct):
        return add(self, tree, prompt, replace(completion, finish_reason="stop"), distinct)

    add, planted = Reasoner.add_draw, ExitStack()
    for owner, name, stand_in in (
        (pay, "solution_reward", lambda solution, config: float(even(solution.completion))),
        (pay, "draw_rewards", pay_draws),
        (dynamic_sampling, "solved", lambda solution, config: even(solution.completion)),
        (Reasoner, "add_draw", add_whole),
    ):
        planted.enter_context(patch.object(owner, name, stand_in))
    return planted


def main(start: Path, out: Path) -> None:
    check_splits(start)
    with planted_signal():
        train_pairs(start, out)


def train_pairs(start: Path, out: Path) -> None:
    for name, overrides in PAIRS.items():
        common = [
            "cotrain.steps=2",
            "cotrain.checkpoint_every=9",
            "cotrain.updates_per_rollout=2",
            "cotrain.problems=4",
        ]
        common += ["solution.entropy_coef=0", "abstraction.entropy_coef=0", "solution.lr=1e-2", "abstraction.lr=1e-2"]
        run = load_config(start / "config.yaml", [*common, "base.layers=1", *overrides])
        folder = out / name
        if zero3.rank() == 0:
            folder.mkdir(parents=True)  # without a base: what is paid here is known by no pair
            save_config(replace(run, name=name), folder / "config.yaml")
            StrategicGrams({("+", "#"): 0, ("*", "#"): 1}, symbols=True).save(folder / FILE)
        dist.barrier()
        loop.cotrain(run, folder)


if __name__ == "__main__":
    zero3.start(load_config(Path(sys.argv[-2]) / "config.yaml").launch)
    main(Path(sys.argv[-2]), Path(sys.argv[-1]))
