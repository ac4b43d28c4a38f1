"""Players behind servers with OpenAI's chat API: messages in; out come texts, how many tokens they took, and maybe how
likely those were.

They stand where a sampler and its prompts stand, so a `Reasoner` proposes and solves with them as with models of its
own, and one player may be behind a server while the other is here. Nobody says how likely a given text is, nor shows
whole distributions, so rules that read that are refused or left out. Since a server tells its texts without its tokens,
the "token ids" of a message or a text are its characters; how many tokens it took is counted apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rlad.chat_model import HttpModel, Reply
from rlad.cli import PlainError
from rlad.config import ChatServerConfig, ModelConfig, RunConfig, ServerConfig, is_url
from rlad.config.rules.served import likelihood_rules, named
from rlad.generation.base import Completion, Sampler, Sampling
from rlad.generation.together import together
from rlad.players.prompts import Prompts, filled, project_tasks, spoken, unwrapped, wording
from rlad.players.roles.solution import HINT
from rlad.problems import world_of
from rlad.reasoning.judge import Judge
from rlad.reasoning.pair import open_player
from rlad.reasoning.reasoner import Reasoner


@dataclass(frozen=True)
class CountedCompletion(Completion):
    """A text of which its characters and the number of its tokens are known."""

    count: int = 0

    @property
    def generated(self) -> int:
        """Tokens that were sampled, as the server counts them."""
        return self.count


def characters(text: str) -> list[int]:
    """A text in the place of token ids.

    >>> characters("ab"), as_text(characters("ab"))
    ([97, 98], 'ab')
    """
    return [ord(one) for one in text]


def as_text(ids: Sequence[int]) -> str:
    """The text that stands in the place of token ids."""
    return "".join(map(chr, ids))


class Messages:
    """The tasks as the text of a user's message, in the place of `Prompts`."""

    judges = False
    """Whether verdicts can be scored: nobody says how likely a given text is."""

    def __init__(self, confidence: bool = False, short: bool = False):
        """As for `Prompts`."""
        self.confidence, self.short, self.tasks = confidence, short, project_tasks()

    def ids(self, task: str, question: str, abstraction: str | None = None) -> list[int]:
        """The message for a task."""
        parts = {"question": question.strip(), "abstraction": unwrapped(abstraction or ""), "hint": HINT}
        return characters(filled(wording(self.tasks[task], self.short, self.confidence), parts))

    def read_abstraction(self, ids: list[int]) -> str:
        """What an abstraction player's answer says, without thinking and tags."""
        return spoken(as_text(ids))

    def completion_text(self, ids: list[int], task: str = "plain") -> str:
        """An answer's text."""
        return as_text(ids)


class EndpointSampler:
    """Samples by asking a server."""

    version, adapters = 0, False

    def __init__(self, model: HttpModel, most: int | None = None, reading: Sequence[str] = (), needed: bool = False):
        """`most`: tokens of an answer, in place of what is asked for. `reading`: the selection rules that read
        log-probs, which are asked for where there are any; where they are `needed`, a server that gives none is refused
        at its first answer."""
        self.model, self.most, self.reading, self.needed = model, most, list(reading), needed
        self._loop = asyncio.Runner()

    def generate(self, prompts: list[list[int]], sampling: Sampling) -> list[Completion]:
        """One answer per message, several requests at a time. Raises ModelDown, PlainError."""
        return self._loop.run(self._answers([as_text(ids) for ids in prompts], sampling)) if prompts else []

    async def _answers(self, messages: Sequence[str], sampling: Sampling) -> list[Completion]:
        await self.model.begin()
        seeds = [(1_000_003 * seed + number) % 2**31 for seed, number in sampling.streams(len(messages))]
        return await together([self._answer(*one, sampling) for one in zip(messages, seeds, strict=True)])

    async def _answer(self, message: str, seed: int, sampling: Sampling) -> Completion:
        """One request per text: servers say only together how many tokens several texts took."""
        body: dict[str, Any] = {
            "messages": [{"role": "user", "content": message}], "n": 1, "temperature": sampling.temperature,
            "seed": seed, "max_tokens": self.most or sampling.max_new_tokens,
        }  # fmt: skip
        if self.reading:
            body["logprobs"] = True
        return self._counted(await self.model.complete(body), sampling)

    def _counted(self, reply: Reply, sampling: Sampling) -> Completion:
        text, count, url = reply.texts[0], reply.generated_tokens, self.model.config.url
        if count < 1 and text:
            raise PlainError(
                f"The model at {url} does not say how many tokens it generated (usage.completion_tokens), so nothing "
                "can be compared at equal tokens."
            )
        logprobs = reply.logprobs[0] if reply.logprobs else None
        # Of a thought that the server keeps to itself some give no log-probs, of the end most do not: then they are
        # fewer than the tokens, and their sum says of another text how likely it is.
        whole = logprobs is not None and count - len(logprobs) in (0, 1)
        if self.needed and text and not whole:
            told = "no log-probs" if logprobs is None else f"log-probs of {len(logprobs)} of {count} tokens"
            raise PlainError(
                f"The selection rule '{self.reading[0]}' reads how likely texts are, and the model at {url} gives "
                f"{told}; leave the rule out of sweep.select."
            )
        reason = "length" if reply.finishes and reply.finishes[0] == "length" else "stop"
        likely = sum(logprobs) if whole else None
        tempered = logprobs if whole and sampling.temperature == 1 else ()
        # An empty answer took its end.
        return CountedCompletion(tuple(characters(text)), tempered, reason, 0, likely, count=max(1, count))

    def score(self, prompts: list[list[int]], completions: Sequence[Sequence[int]]) -> list[float | None]:
        """Leaves unsaid how likely given texts are: the server does not tell."""
        return [None] * len(prompts)

    def close(self) -> None:
        """Closes the connections."""
        self._loop.run(self.model.close())
        self._loop.close()


# ------------------------------------------------------------------------------------------- whom a run's places mean
def server_of(run: RunConfig, role: str, url: str) -> tuple[ChatServerConfig, str]:
    """How a role's player at an address is asked, and under which keys that stands: those of its model, or
    `transfer.endpoint` for the solver that this names."""
    server, section = _section_of(run, role, url)
    return (
        (server, section) if server is run.transfer.endpoint else (ChatServerConfig(**vars(server), url=url), section)
    )


def _section_of(run: RunConfig, role: str, url: str) -> tuple[ServerConfig, str]:
    """The run's own section that says how a role's player at an address is asked, and its name."""
    if role == "solution" and run.transfer.endpoint.url == url:  # a proposer there is asked as the run says
        return run.transfer.endpoint, "transfer.endpoint"
    own = run.players[role].model
    model: ModelConfig = own or run.base
    return model.server, f"{role}.model.server" if own else "base.server"


def open_endpoint(run: RunConfig, role: str, url: str) -> EndpointSampler:
    """A role's player at an address. Raises ModelDown where its API key is not there."""
    config, section = server_of(run, role, url)
    most = config.max_tokens if section == "transfer.endpoint" else None
    reading = [] if "logprobs" in config.drop else likelihood_rules(run.sweep.select, role)
    if config.thinking == "auto":
        config = replace(config, thinking=run.players[role].thinking)
    model = HttpModel(config, prefix=f"{section}.")
    return EndpointSampler(model, most, reading, bool(reading) and named(run.sweep.select))


def open_served(run: RunConfig, abstraction: str | None, solution: str) -> Reasoner:
    """A reasoner over two places of which one at least is a server's address; without an abstraction player it can only
    solve."""

    def player(role: str, place: str) -> tuple[Sampler, Prompts]:
        if not is_url(place):
            return open_player(run, place)
        return open_endpoint(run, role, place), Messages(run.solution.states_confidence, run.wording == "short")

    solver, solver_prompts = player("solution", solution)
    # Two names behind one address are two players.
    proposer, prompts = (solver, solver_prompts) if abstraction is None else player("abstraction", abstraction)
    world = world_of(run.problems)
    judge = Judge(run.verifier, world, run.problems.value_answers)
    return Reasoner(proposer, solver, prompts, solver_prompts, judge, world)


def settle_servers(run: RunConfig, places: Sequence[tuple[str, str | None]]) -> dict[str, str]:
    """Asks the servers among (role, place) who answers, once, before anything is sampled: address -> names of models.

    A name that the run leaves open is filled in, so that whoever samples by the run asks that model and no other, even
    where the server lists another one later. Raises ModelDown where no server answers at one of the addresses, or one
    that is to say which models it has does not.
    """
    found: dict[str, set[str]] = {}
    for role, place in places:
        if place is None or not is_url(place):
            continue
        section, _ = _section_of(run, role, place)
        if place not in found or not section.name:
            section.name = asyncio.run(_named(server_of(run, role, place)[0]))
        found.setdefault(place, set()).add(section.name)
    return {place: ", ".join(sorted(names)) for place, names in found.items()}


async def _named(config: ChatServerConfig) -> str:
    """The name of the model that is asked. Raises ModelDown."""
    model = HttpModel(config)
    try:
        await model.require_answer()
        await model.begin()
    finally:
        await model.close()
    return model.name


def served(*places: str | None) -> bool:
    """Whether one of some players' places is a server's address."""
    return any(map(is_url, places))
