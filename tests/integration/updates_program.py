"""Run on two ranks: one update from ragged rows must equal the same update computed in one process by hand."""

import copy
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import torch
import torch.distributed as dist
from deepspeed.runtime.zero import stage3

from rlad.config import RunConfig, load_config
from rlad.generation import make_sampler
from rlad.players import pieces
from rlad.players.policy import make_policy
from trainers.data.rows import Row, merged
from trainers.learner.assembly import frozen_copy
from trainers.learner.batches import collate, micro_batches, token_logprobs
from trainers.learner.layout import Sharing
from trainers.learner.learner import Learner
from trainers.learner.sft import supervised_step
from trainers.learner.update import update
from trainers.losses.kl import kl_penalty
from trainers.runtime import zero3


def make_rows(vocabulary: int) -> list[Row]:
    """Twelve rows of different lengths, some of them bare anchors."""
    generator = torch.Generator().manual_seed(4)
    rows = []
    for i in range(9):
        prompt = tuple(torch.randint(8, vocabulary, (3 + i % 3,), generator=generator).tolist())
        completion = tuple(torch.randint(8, vocabulary, (1 + (5 * i) % 7,), generator=generator).tolist())
        bare = i % 4 == 3
        rows.append(Row(prompt, completion, 0.0 if bare else (-1.0) ** i * (1 + i / 3), float(not bare), 1.0, bare))
    return [*rows, rows[2], rows[2], rows[7]]  # duplicates, which `merged` makes one row of


def by_hand(policy, reference, rows, player, steps: int) -> dict[str, torch.Tensor]:
    """`steps` plain PyTorch updates over all rows: -A logp (on-policy) + kl * k3, token mean, clipped AdamW.

    Refinements are learnt through p / (p + gamma) instead, without KL.
    """
    model = copy.deepcopy(policy.model)
    optimizer = torch.optim.AdamW(
        model.parameters(), player.lr, betas=(player.beta1, player.beta2), weight_decay=player.weight_decay
    )
    for _ in range(steps):
        batch = collate(rows, list(range(len(rows))), policy.tokenizer.pad_token_id, torch.device("cpu"))
        logp, _ = token_logprobs(model, batch, player.temperature, False)
        with torch.no_grad():
            anchor, _ = token_logprobs(reference, batch, player.temperature, False)
        advantage = torch.tensor([row.advantage * row.pg_weight for row in rows])[:, None]
        gamma, kl = (torch.tensor([getattr(row, key) for row in rows])[:, None] for key in ("shaping", "kl_weight"))
        # p / (p + gamma) is 1 / (1 + gamma / p).
        gain = torch.where(gamma > 0, 1 / (1 + gamma * (-logp).exp()), (logp - logp.detach()).exp())
        loss = -gain * advantage + player.kl_coef * kl_penalty(logp, anchor, "k3") * kl
        ((loss * batch.mask).sum() / batch.mask.sum()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), player.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
    return {name: tensor.detach() for name, tensor in model.named_parameters()}


def main(folder: Path) -> None:
    run = load_config(folder / "config.yaml")
    device, run.cotrain.micro_batch = zero3.start(run.launch), 2
    found = []
    for once in (True, False):
        run.zero.reduce_once = once
        with patch.object(stage3, "reduce_scatter_coalesced", wraps=stage3.reduce_scatter_coalesced) as reductions:
            found.append(three_steps(run, folder, device))
        # The first update has five micro-batches on each rank, the supervised step four.
        assert reductions.call_count == 3 if once else reductions.call_count >= 10, reductions.call_count
    assert all((tensor - found[1][name]).abs().max() < 1e-6 for name, tensor in found[0].items())


def three_steps(run: RunConfig, folder: Path, device: torch.device) -> dict[str, torch.Tensor]:
    """Two updates, checked, and a supervised step; returns the weights behind it."""
    policy = make_policy("solution", run.base, run, folder / "x")
    player = run.solution
    rows = make_rows(len(policy.tokenizer))
    shared = {rows[i].prompt: rows[i - 1].prompt for i in (1, 4, 7)}
    rows = [replace(row, prompt=shared.get(row.prompt, row.prompt)) for row in rows]
    rows.append(replace(rows[4], advantage=2.0, shaping=0.02, kl_weight=0.0))
    reference = copy.deepcopy(policy.model).eval()
    expected = by_hand(policy, reference, rows, player, steps=2)
    sampler = make_sampler(run.engine, copy.deepcopy(policy.model), policy.tokenizer)
    settings = zero3.model_engine_config(
        run.zero, policy.model.dtype, player.lr, player.weight_decay, (player.beta1, player.beta2), player.max_grad_norm
    )
    model_engine = zero3.make_model_engine(policy.model, settings)
    learner = Learner(policy, player, model_engine, reference, sampler, device)
    # Ragged on purpose: rank 1 holds two rows, then none at all; micro-batches of two make five forwards against one.
    # The first update holds its logits and counts rows; the second makes them in pieces, of a head that is partitioned,
    # and deals its rows over the ranks by length, in micro-batches of so many positions; prompts are shared.
    # The reference, too, is whole in the first and partitioned in the second.
    held = (pieces.WHOLE, 0, rows[:7] if zero3.rank() == 0 else rows[7:])
    for whole, tokens, mine in (held, (0, 24, rows if zero3.rank() == 0 else [])):
        run.cotrain.micro_tokens, learner.sharing = tokens, Sharing(weights=20) if tokens else None
        run.zero.shard_references = bool(tokens)
        learner.reference = frozen_copy(reference, run.zero, device)
        with patch.object(pieces, "WHOLE", whole), patch.dict(pieces.PIECE, cpu=1):
            stats = update(learner, merged(mine), run)
        assert stats["updated"] == 1 and stats["trained_tokens"] == sum(len(row.completion) for row in rows)
    assert len(learner.record.tokens) in (4, 5, 6)  # rank 0 had all ten of them
    found = micro_batches(merged(rows), 64, learner.pad_id, device, 24, learner.sharing)
    assert any(len(batch.input_ids) < len(batch.index) for batch in found)
    worst = max(
        (tensor - expected[name]).abs().max().item()
        for name, tensor in zero3.gathered(model_engine, run.zero.bucket_size)
    )
    assert worst < 1e-6, worst
    assert update(learner, [], run) == {"updated": 0}  # nobody has rows: nobody steps, nobody hangs

    assert torch.nn.functional.linear is zero3.linear  # DeepSpeed's only where a gradient follows
    shards = list(learner.reference.parameters())  # never gathered for longer than a forward
    assert (
        all(p.numel() == 0 < p.ds_numel and not p.requires_grad for p in shards)
        and not learner.reference.module.training
    )

    # A partitioned parameter is empty, its full size is known, and publishing fills the sampler with the truth.
    parameter = next(model_engine.module.parameters())
    assert parameter.numel() == 0 < parameter.ds_numel
    zero3.send_weights(model_engine, sampler, 5, bucket_size=1000)
    for name, tensor in sampler.model.named_parameters():
        assert (tensor - expected[name]).abs().max().item() < 1e-6
    assert sampler.version == 5
    print(f"WORST {worst:.1e}", flush=True)
    supervised_step(model_engine, rows[:8] if zero3.rank() == 0 else rows[8:9], learner.pad_id, 2, device)
    dist.barrier()
    return dict(zero3.gathered(model_engine, run.zero.bucket_size))


if __name__ == "__main__":
    main(Path(sys.argv[-1]))
