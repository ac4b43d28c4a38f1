"""Rows of one role from trees, with the pay of a configuration's co-training."""

from rlad.config import RunConfig
from rlad.players.roles import role_of
from trainers.credit.pay import StepPay
from trainers.credit.rows import role_rows


def rows_of(role, trees, config, player):
    """What `role`'s player with the configuration `player` learns from `trees`; `config` is the co-training's."""
    run = RunConfig(cotrain=config)
    run.players[role] = player
    return role_rows(role_of(role), trees, StepPay(run), player)


def abstraction_rows(trees, config, player):
    return rows_of("abstraction", trees, config, player)


def solution_rows(trees, config, player):
    return rows_of("solution", trees, config, player)
