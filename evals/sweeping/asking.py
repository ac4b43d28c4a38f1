"""What a player that chooses says where `budget=auto` asks it: sampled when everything else of the trees is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evals.cells.selecting import BREADTH, book_of, sides
from evals.samples.choosing import choose_job
from evals.samples.trees import ModelPair
from evals.samples.workers import SamplingPool
from evals.spending.asking import Way, asked_job, player_of
from evals.spending.auto import pools_of
from evals.spending.statistics import statistics
from evals.sweeping.measuring import largest_budget
from rlad.config import RunConfig
from rlad.reasoning.budget_policy import BudgetPolicy


def ask_along(
    run: RunConfig, pool: SamplingPool, proposing: Sequence[ModelPair], temperatures: Mapping[str, Sequence[float]]
) -> None:
    """Asks the main pair's player in every state where the policy would, on the validation problems (for the prices)
    and on the test problems, by the rule and temperature that select best on the validation problems.

    temperatures: checkpoint -> those of its test problems. Without validation problems, whose choices in the grid's
    cells say what the player is worth, nothing is asked.
    """
    pairs = {pair.checkpoint: pair for pair in proposing}
    pair = pairs.get("cotrained") or pairs.get("warmstart")
    if pair is None or not pair.choosers or not pool.problems.get("validation"):
        return
    valid = sides(run, pool.sampled, "validation", largest_budget(run, pool.sampled, "validation"))
    option = book_of(run, "validation", valid).best(pair.checkpoint, BREADTH, temperatures[pair.checkpoint])
    several = [side.samples for side in valid[pair.checkpoint, BREADTH]]
    samples = next(one for one in several if one.temperature == option.temperature)
    pools, role = pools_of(samples, option.rule, option.keys), pair.choosers[0][0]
    if not any(one.grown.branches for one in pools):
        return
    pool.chosen(pair, role, option.temperature, choose_job, "validation")
    player = player_of(run, pool.sampled, pair.checkpoint, option.temperature, pools)
    if player is not None:
        way = Way(BudgetPolicy(statistics(pools), player=player), option.rule, option.keys)
        for split in ("validation", "test"):
            pool.asked(pair, role, option.temperature, way, asked_job, split)
