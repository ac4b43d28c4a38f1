"""From what a request asks for to what a tree or a player is given, within the server's limits."""

from __future__ import annotations

import difflib
import secrets
from dataclasses import dataclass

from rlad.config import ServingConfig
from rlad.config.registry import rule
from rlad.config.running import WINDOW
from rlad.generation.base import Sampling
from rlad.problems.base import Problem
from rlad.reasoning.budget_policy import SPENDING, BudgetPolicy
from rlad.reasoning.explorer import Limits, derived_seed
from rlad.reasoning.scores import STATED, ScoreMissing
from rlad.reasoning.tree import Plan
from rlad.selection import certainty_window, reads
from rlad.serving.errors import ApiError
from rlad.serving.pair import Player, ServedPair
from rlad.serving.ruling import AUTO, FALLBACK
from rlad.serving.schema import TreeOptions


@dataclass(frozen=True)
class TreeJob:
    """One tree to be grown."""

    problem: Problem
    """Its answer is the request's `gold`, empty where that isn't known."""
    plan: Plan
    limits: Limits


def check_problem(problem: str, config: ServingConfig, param: str) -> None:
    if not problem.strip():
        raise ApiError(400, "The problem is empty.", param, "empty_problem")
    if len(problem) > config.max_problem_chars:
        message = f"The problem has {len(problem)} characters; at most {config.max_problem_chars} are accepted."
        raise ApiError(400, message, param, "string_above_max_length")


def tree_job(
    pair: ServedPair,
    config: ServingConfig,
    identity: str,
    problem: str,
    options: TreeOptions,
    temperature: float | None = None,
    max_tokens: int | None = None,
    seed: int | None = None,
    gold: str | None = None,
    deltas: bool = False,
    param: str = "problem",
    length_param: str = "max_tokens",
) -> TreeJob:
    """Fills in the defaults and checks the limits. Raises ApiError 400 naming the parameter that is at fault: `param`
    where that is the problem, `length_param` where it is the longest solution."""
    check_problem(problem, config, param)
    n = _within("abstractions", options.abstractions, config.abstractions, config.max_abstractions)
    m = _within("solutions", options.solutions, config.solutions, config.max_solutions)
    if max(1, n) * m > config.max_samples:
        message = f"abstractions x solutions is {max(1, n) * m}; at most {config.max_samples} are accepted."
        raise ApiError(400, message, "solutions", "too_many_samples")
    total = _within("max_total_tokens", options.max_total_tokens, config.max_total_tokens, config.max_total_tokens)
    select = options.select or config.select
    select = FALLBACK if select == AUTO else select  # nobody has settled it
    if select != config.select and select not in rule:  # a request names the project's own rules, never a module
        near = difflib.get_close_matches(select, rule.names(), n=1, cutoff=0.0)[0]
        raise ApiError(400, f"There is no selection rule '{select[:80]}'; the nearest is '{near}'.", "select")
    seed = secrets.randbelow(2**31) if seed is None else seed
    policy = _policy(pair, options, n, select, seed)
    proposer, solver = pair.abstraction, pair.solution
    if STATED in reads(select) and not solver.prompts.confidence:
        raise ApiError(400, str(ScoreMissing(select)), "select", "score_missing")
    if "judgement" in reads(select) and not solver.prompts.judges:
        raise ApiError(400, str(ScoreMissing(select)), "select", "score_missing")
    room = solver_room(pair, problem, n, param)
    sure = certainty_window([select], WINDOW)
    longest = min(max_tokens or solver.max_new_tokens, room)
    if total < longest:  # cut without a word, a solution would have no answer
        raise _above_budget(options.max_total_tokens, total, longest, length_param)
    if options.mean_tokens is not None and options.mean_tokens > total:
        message = f"mean_tokens={options.mean_tokens} is more than a tree may take at most, which is {total} tokens"
        raise ApiError(400, f"{message} (max_total_tokens).", "mean_tokens")
    plan = Plan(
        n,
        m,
        Sampling(_given(options.propose_temperature, proposer.temperature), min(proposer.max_new_tokens, total), seed),
        Sampling(_given(temperature, solver.temperature), longest, seed, certainty=sure),
        draws=round(config.draw_factor * n),
    )
    limits = Limits(total, select, options.early_stop is not False, deltas, config.of(select), policy)
    return TreeJob(Problem(identity, problem, gold or ""), plan, limits)


def _above_budget(asked: int | None, total: int, longest: int, length_param: str) -> ApiError:
    """A tree may take fewer tokens in all than one solution: as the request says, else by the server's own limit."""
    if asked is not None:
        message = (
            f"max_total_tokens={asked} is less than one solution may take, which is {longest} tokens: raise it, or "
        )
        return ApiError(400, f"{message}lower {length_param}.", "max_total_tokens", "budget_below_one_solution")
    message = f"A solution of up to {longest} tokens is more than this server lets a tree take, which is {total} tokens"
    return ApiError(400, f"{message}: lower {length_param}.", length_param, "budget_below_one_solution")


def _policy(pair: ServedPair, options: TreeOptions, abstractions: int, select: str, seed: int) -> BudgetPolicy | None:
    """What decides where tokens go, where the request leaves it to the tree."""
    if options.budget is None:
        if options.mean_tokens is not None:
            raise ApiError(
                400, "mean_tokens says what budget='auto' spends on average; ask for that too.", "mean_tokens"
            )
        return None
    if pair.spending is None:
        message = (
            "This server has no statistics for budget='auto': sweep the run with sweep.budget_policy=true, which "
            f"writes {SPENDING}, and start it again."
        )
        raise ApiError(400, message, "budget", "budget_unknown")
    if not abstractions:
        raise ApiError(400, "budget='auto' decides about abstractions; ask for at least one.", "abstractions")
    if select != pair.spending.rule:
        message = f"budget='auto' knows what votes under '{pair.spending.rule}' are worth; '{select}' counts others."
        raise ApiError(400, message, "select")
    return pair.spending.policy(options.mean_tokens, derived_seed(seed, "price") / 2**31, pair.asks)


def _given(value: float | None, default: float) -> float:
    return default if value is None else value


def _within(name: str, value: int | None, default: int, most: int) -> int:
    value = default if value is None else value
    if value > most:
        raise ApiError(400, f"{name}={value} is more than this server allows, which is {most}.", name)
    return value


def solver_room(pair: ServedPair, problem: str, abstractions: int, param: str) -> int:
    """Tokens left for a solution behind the longest prompt that the tree can ask for."""
    proposer, solver = pair.abstraction, pair.solution
    prompt = len(solver.problem_ids(problem))
    if abstractions:
        check_room(proposer, proposer.problem_ids(problem), proposer.max_new_tokens, param)
        prompt = len(solver.prompts.ids("guided", problem, "x")) + proposer.max_new_tokens
    if prompt >= solver.context:
        raise _too_long(prompt + 1, solver.context, param)
    return solver.context - prompt


def check_room(player: Player, prompt: list[int], new_tokens: int, param: str) -> None:
    """Raises ApiError when a prompt and its continuation do not fit into the player's context."""
    if len(prompt) + new_tokens > player.context:
        raise _too_long(len(prompt) + new_tokens, player.context, param)


def _too_long(tokens: int, context: int, param: str) -> ApiError:
    message = f"The prompt and what may follow take {tokens} tokens; the model's context holds {context}."
    return ApiError(400, message, param, "context_length_exceeded")
