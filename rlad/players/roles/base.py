"""What a role declares. After the verdicts the loop, credit, statistics and checkpoints go over roles and name none.

Growing a tree and serving know the pair: what plays before the verdicts is in rlad/reasoning/growth.py.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from rlad.config import CotrainConfig, RunConfig, registry
from rlad.problems.base import Problem, World

# Trees are built of what players write, so these types stand on higher floors; their names are theirs.
Completion = Any
"""A sampled text (rlad.generation.Completion)."""
Solution = Any
"""One solution of a tree (rlad.reasoning.tree.Solution)."""
Tree = Any
"""A reasoning tree (rlad.reasoning.tree.Tree)."""
Prompts = Any
"""A player's prompts (rlad.players.prompts.Prompts), which are made of the roles' tasks."""

Answers = Sequence[tuple[str, Sequence[Solution]]]
"""Different answers of a tree, each with its solutions, in order of appearance."""

Ask = Callable[[list[list[int]]], list[Completion]]
"""Token ids of prompts -> one completion of each."""


@dataclass(frozen=True)
class Task:
    """A kind of prompt that a role answers, as templates with {placeholders}."""

    chat: str
    """Wording for models with a language of their own; goes through their chat template as the user's message."""
    world: str
    """Layout for the worlds' small models: a token that names the task, then the parts."""
    short: str = ""
    """Wording for models that a warm start teaches what is wanted (`wording=short`); empty = as `chat`."""
    thinking: bool = False
    """Whether a model that can think before it answers may do so, where its player's `thinking` is auto."""
    chat_item: str = "{item}\n"
    world_item: str = "{item} "
    """How one member of a list is laid out, with its {number} from 1, where a part of the prompt is a list."""


@dataclass(frozen=True)
class Sample:
    """One sampled text that is learnt from."""

    prompt: Sequence[int]
    completion: Completion
    reward: float | None
    """None = masked: it is counted, and not learnt from."""
    shaping: float = 0.0
    """gamma of p / (p + gamma) for a text that was not written under this prompt; 0 = an ordinary sample."""
    kl_weight: float = 1.0
    strategy: str = ""
    """What it attempts, in a form by which attempts of one group are told apart: those with the same one are alike."""
    further: bool = False
    """Sampled because of how others of its group came out (`cotrain.adaptive`)."""


@dataclass(frozen=True)
class Group:
    """Samples whose rewards are compared with each other."""

    samples: list[Sample]
    compared: bool = True
    """Whether the group is the baseline; False = a reward is an advantage as it stands."""


@dataclass(frozen=True)
class Demonstration:
    """What a player is shown: the parts of its prompt beside the question, and the text that it should write."""

    parts: dict[str, str | list[str]]
    chat: str
    """The text for models with a language of their own."""
    world: str
    """The text for the worlds' small models."""


class Pay(Protocol):
    """What training pays for the two players' texts (trainers/credit/pay.py)."""

    config: CotrainConfig

    def solution(self, solution: Solution) -> float:
        """The reward of a solution."""

    def draws(self, tree: Tree) -> list[float | None]:
        """The reward of every draw of a tree, duplicates included; None = masked."""

    def attempts(self, tree: Tree) -> list[tuple[list[Solution], list[Solution]]]:
        """(solutions, second attempts) of every set whose rewards are compared."""


class Role(ABC):
    """A role is declared by `@role(NAME)` on a subclass; it has no state of its own."""

    symbol: ClassVar[str]
    """How tables and plots call its policy, such as π_sol."""
    title: ClassVar[str]
    """How sentences call its player."""
    tasks: ClassVar[dict[str, Task]]
    """Its prompts by name of the task."""
    own_tasks: ClassVar[tuple[str, ...]]
    """Tasks of its player's own warm start, after the base's; all of its tasks where that is not said."""
    probe: ClassVar[str]
    """The task, with nothing but the question, that checks its sampler after new weights."""
    judged: ClassVar[bool] = True
    """Whether each of its texts is right or wrong by itself."""
    proposes: ClassVar[bool] = False
    """Whether its texts open the branches of a tree."""
    solves: ClassVar[bool] = False
    """Whether its texts are solutions, one by one under every abstraction; a lagged solver plays such a role."""
    states_confidence: ClassVar[bool] = False
    """Whether its texts state how likely they are right where a run asks for that (RLCR)."""
    marks: ClassVar[tuple[str, ...]] = ()
    """Tokens that a world's vocabulary needs for this role and does without where nobody plays it."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "own_tasks" not in vars(cls) and "tasks" in vars(cls):
            cls.own_tasks = tuple(cls.tasks)

    @property
    def name(self) -> str:
        return registry.role.name_of(type(self))

    def plays(self, run: RunConfig) -> bool:
        """Whether the run has such a player."""
        return self.name in run.players

    @abstractmethod
    def groups(self, tree: Tree, pay: Pay) -> list[Group]:
        """What its player is paid for in a judged tree, in groups of texts that are compared."""

    def anchors(self, tree: Tree, pay: Pay) -> list[Sample]:
        """Samples without a policy gradient that keep its player near the reference."""
        return []

    @abstractmethod
    def written(self, tree: Tree) -> list[tuple[str, Completion, bool | None]]:
        """(text, completion, right or wrong or None) of everything that its player wrote in a tree."""

    @abstractmethod
    def form(self, text: str) -> str:
        """The kind of text that it is (2504.07912), for the share of each kind in a step."""

    def reads(self, run: RunConfig) -> int:
        """Tokens of its longest prompt beside the question."""
        return 0

    def longest_task(self, run: RunConfig) -> tuple[str, dict[str, str]]:
        """Its task with the longest prompt, and the least that can stand in it."""
        return self.probe, {}

    def group_size(self, run: RunConfig) -> tuple[int, str]:
        """(texts whose rewards are compared, the key that says so)."""
        return run.cotrain.selections, "cotrain.selections"

    def temperature(self, run: RunConfig) -> float:
        """Sampling temperature where it is served."""
        return run.sweep.solve_temperature

    def samples(self, run: RunConfig, problems: int, bare: int) -> int:
        """Texts that its player writes in a step at most, for so many guided problems and so many bare ones."""
        return 0

    def taught(self, abstraction: str, solution: str) -> list[tuple[str, str | None, str]]:
        """(task, the abstraction that its prompt shows, text) of what its player learns from a worked problem."""
        return []

    def offers(self, task: str, problem: Problem) -> bool:
        """Whether a row of data holds what `demonstrate` shows of a task where there is no world."""
        return False

    def demonstrate(
        self,
        task: str,
        problem: Problem,
        world: World | None,
        right: Callable[[Problem, str], bool],
        rng: random.Random,
    ) -> Demonstration | None:
        """A demonstration of a task that needs more than a world's `propose` and `solve`; None where there is none.

        `right(problem, solution)` judges. Without a world only problems come that the role `offers` something of.
        """
        return None


class TreeReader(Role):
    """A role whose player reads judged trees and adds its own texts to them."""

    chooses: ClassVar[bool] = False
    """Whether it can say which of a tree's answers is right (`choose`); a sweep then measures it beside the votes."""
    shown: ClassVar[int] = 8
    """Most answers that `choose` shows it, the most frequent ones."""

    def texts(self, run: RunConfig, answers: int) -> int:
        """Most texts that `choose` writes about a tree of so many answers."""
        return run.sweep.selections

    @abstractmethod
    def act(self, trees: list[Tree], prompts: Prompts, ask: Ask, run: RunConfig) -> None:
        """Writes about the trees (`Tree.add_written`); `ask` samples its player's completions of prompts."""

    def choose(
        self, asked: Sequence[tuple[Tree, Answers]], prompts: Prompts, ask: Ask, run: RunConfig
    ) -> list[int | None]:
        """The place of the answer that it chooses among those of each tree, None where there is none.

        It writes `sweep.selections` texts a prompt; they go into the trees, as in `act`. No verdict has a say in it.
        """
        raise NotImplementedError(f"The role '{self.name}' chooses no answers.")


def role_of(name: str, run: RunConfig | None = None) -> Role:
    """The role of a name or `module:attribute`; with a run also of the name that a role from outside has there.

    Raises ConfigError for an unknown one.
    """
    given = {registry.role[one].name: one for one in run.roles} if run else {}
    return registry.role[given.get(name, name)].call()


def choosers(run: RunConfig) -> dict[str, TreeReader]:
    """The roles of a run by name that can say which of a tree's answers is right."""
    return {name: one for name, one in playing(run).items() if isinstance(one, TreeReader) and one.chooses}


def playing(run: RunConfig) -> dict[str, Role]:
    """The roles that play in a run by name, in the order in which they act."""
    roles = [role_of(name) for name in run.roles]
    return {one.name: one for one in roles if one.plays(run)}
