"""From judged trees to rows with the advantages of their groups, for any role."""

from __future__ import annotations

from collections.abc import Iterator

from rlad.config import PlayerConfig
from rlad.players.roles import Group, Pay, Role, Sample
from rlad.reasoning.tree import Tree
from trainers.credit.advantages import is_constant
from trainers.credit.attempts import attempts
from trainers.data.rows import Row
from trainers.losses.mismatch import needs_sampler
from trainers.losses.overlong import overlong_penalty


def role_rows(role: Role, trees: list[Tree], pay: Pay, player: PlayerConfig) -> list[Row]:
    """Rows of what a role's player wrote: its groups' samples with their advantages, and its anchors.

    Samples without a reward are masked; groups without a signal are left out where `drop_constant_groups` says so.
    """
    rows = []
    for tree in trees:
        for group in role.groups(tree, pay):
            rows += group_rows(group, player, pay.config.drop_constant_groups)
        rows += [_row(sample, 0.0, player, pg_weight=0.0, bare=True) for sample in role.anchors(tree, pay)]
    return rows


def group_rows(group: Group, player: PlayerConfig, drop_constant: bool) -> Iterator[Row]:
    """The rows of one group's samples that have a reward."""
    scored = [sample for sample in group.samples if sample.reward is not None]
    if not scored:
        return
    rewards = [sample.reward for sample in scored]
    advantages = earned = punished(scored, player)
    if group.compared:
        reads = player.chosen("advantage").facts.get("reads", "rewards")
        advantages = player.bound("advantage")(attempts(scored, earned) if reads == "attempts" else earned)
        # What tells attempts apart may find something to learn where their rewards are all the same.
        signal = rewards if reads == "rewards" else [0.0, *advantages]
    else:
        signal = [0.0, *rewards]
    if drop_constant and is_constant(signal):
        return
    for sample, advantage in zip(scored, advantages, strict=True):
        yield _row(sample, advantage, player, shaping=sample.shaping, kl_weight=sample.kl_weight)


def punished(samples: list[Sample], player: PlayerConfig) -> list[float]:
    """The samples' rewards less the punishment of overlong texts, where that is on."""
    rewards = [sample.reward for sample in samples]
    if not player.overlong:
        return rewards
    lengths = [sample.completion.generated for sample in samples]
    penalties = [overlong_penalty(length, player.max_new_tokens, player.overlong) for length in lengths]
    return [reward + penalty for reward, penalty in zip(rewards, penalties, strict=True)]


def _row(sample: Sample, advantage: float, player: PlayerConfig, **kwargs) -> Row:
    sampled = sample.completion.logprobs if needs_sampler(player) else None
    written = sample.completion
    given = {"sampler_logprobs": sampled, "given": written.given}
    return Row(tuple(sample.prompt), written.token_ids, advantage, **given, **kwargs)
