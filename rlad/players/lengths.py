"""Whether the longest prompts and what may follow them fit into a model's positions, found before a model is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rlad.config import ConfigError, RunConfig
from rlad.config.rules import max_positions
from rlad.players.marks import Marks
from rlad.players.roles import playing, role_of
from rlad.problems import Problem, Tool, tool_of
from rlad.problems.base import words

MOST = 20_000
"""Questions that are tokenised; of more than that the ones with the most characters."""

Count = Callable[[str], int]


def check_lengths(config: RunConfig, problems: Iterable[Problem]) -> dict[str, int]:
    """The longest sequence of each role in tokens: its prompt for the longest question, all that it may write and
    that a tool may put there.

    Raises ConfigError where a question is too long for a player, or where a player's tokenizer cannot be used.
    For models of one's own the tokenizer is read (torch is imported for it); a world's words are counted as they are.
    """
    seen = {problem.question: problem for problem in problems}
    longest, lengths = sorted(seen, key=len, reverse=True)[:MOST], {}
    tool = tool_of(config.problems)
    for role in playing(config):
        own = config.players[role].model
        model, name = own or config.base, f"{role}.model" if own else "base"
        if model.path is None:
            room, count = model.max_positions, _world_count(role, config)
            given = tool.calls * tool.room if tool else 0
        else:
            room, (count, given) = max_positions(model.path), _count(role, config, tool)
        counted = {question: count(question) for question in longest}
        question = max(counted, key=counted.__getitem__, default=None)
        answers = _answers(role, config) + given
        lengths[role] = counted.get(question, 0) + answers
        if question is not None and room and lengths[role] > room:
            where = seen[question].meta.get("where", "a question of the world")
            of = "of those and of the tool" if given else "of those"
            raise ConfigError(
                f"The {role} player's longest prompt takes {counted[question]} tokens without what players write "
                f"({where}); with up to {answers} tokens {of}, that is more than the {room} positions of its model "
                f"({name}): lower max_new_tokens, or leave out questions that long."
            )
    return lengths


def _answers(role: str, config: RunConfig) -> int:
    """Most tokens beside the question that a player's sequence holds: what players wrote before it, and it itself."""
    return role_of(role, config).reads(config) + config.players[role].max_new_tokens


def _world_count(role: str, config: RunConfig) -> Count:
    """One token for each word; around them the task's own, and a separator behind every part."""
    parts = 1 + len(role_of(role, config).longest_task(config)[1])
    return lambda question: 1 + len(words(question)) + parts


def _count(role: str, config: RunConfig, tool: Tool | None) -> tuple[Count, int]:
    """How a player's own tokenizer counts prompts, and most tokens that the tool may put behind one."""
    from rlad.players.policy import format_tokens, load_tokenizer, make_prompts, require_thinking

    model = getattr(config, role).model or config.base
    tokenizer = load_tokenizer(model, config.problems, format_tokens(config))
    require_thinking(tokenizer, config, [role])
    prompts = make_prompts(tokenizer, config)
    task, shown = role_of(role, config).longest_task(config)
    given = tool.calls * Marks(tool, tokenizer).room if tool else 0
    return lambda question: len(prompts.ids(task, question, **shown)) - len(shown), given
