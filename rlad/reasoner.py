"""problem -> n abstractions -> n x m solutions: the one implementation that rollouts, sweeps and the server use.

The phases are separate methods (`propose`, `gate`, `solve`, `judge`) because training times each of them; `run` is all
of them in order. Work is breadth-first: every phase sends the requests of all problems to an engine at once.

What a tree is made of, which prompts it asks for and what becomes of their completions stands in `Growth`, which sends
nothing. `Reasoner` sends whole batches, as training and sweeps want it; the server's trees grow by the same rules with
all requests overlapping (rlad/explore.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from rlad.confidence import stated_confidence
from rlad.gate import leaks
from rlad.generation.base import Completion, Engine, Sampling
from rlad.judge import Judge
from rlad.problems.base import Problem, World
from rlad.prompts import Prompts
from rlad.verifier import Verdict


@dataclass
class Solution:
    """One solution of a problem, under an abstraction or bare."""

    prompt: list[int]
    completion: Completion
    text: str
    verdict: Verdict | None = None
    adheres: bool | None = None
    reward: float | None = None
    """What it earned in training, where that isn't its verdict."""

    @property
    def correct(self) -> bool:
        return self.verdict is not None and self.verdict.correct

    @property
    def confidence(self) -> float | None:
        """The confidence it states about itself, 0 to 1; None when it states none."""
        return stated_confidence(self.text)

    @property
    def tokens(self) -> int:
        return len(self.completion.token_ids)


@dataclass
class Draw:
    """One sample of the abstraction player."""

    prompt: list[int]
    completion: Completion
    text: str
    branch: int | None
    """Index of the branch that this draw opened or repeated; None when it is empty or unfinished."""


@dataclass
class Branch:
    """One abstraction that is solved with."""

    text: str
    key: str
    """Its identity: draws with the same key are duplicates."""
    leak: bool = False
    solutions: list[Solution] = field(default_factory=list)
    reward: float | None = None
    """What it is worth in training, where that isn't its accuracy."""
    partner: list[Solution] = field(default_factory=list)
    """Solutions of a lagged partner, which then pay the abstraction instead of the learning solver's."""
    refined: list[Solution] = field(default_factory=list)
    """Second attempts written under a critique; their prompt is that of the first attempts."""

    @property
    def accuracy(self) -> float | None:
        """Share of its solutions that are correct; None without solutions (masked, not zero)."""
        return sum(s.correct for s in self.solutions) / len(self.solutions) if self.solutions else None


@dataclass
class Tree:
    """Everything that was tried on one problem."""

    problem: Problem
    draws: list[Draw] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)
    bare: list[Solution] = field(default_factory=list)
    refined: list[Solution] = field(default_factory=list)
    """Second attempts at bare solutions."""
    filtered: bool = False
    """A filter left the problem out: its abstractions earn nothing and are not learnt from."""
    extra_tokens: int = 0
    """Generated beside the samples kept here: critiques, and second attempts that were dropped."""

    @property
    def solutions(self) -> list[Solution]:
        """All guided solutions."""
        return [solution for branch in self.branches for solution in branch.solutions]

    @property
    def sampled(self) -> list[Solution]:
        """All solutions, whoever wrote them and why."""
        beside = [solution for branch in self.branches for solution in [*branch.partner, *branch.refined]]
        return [*self.solutions, *self.bare, *beside, *self.refined]

    @property
    def tokens(self) -> int:
        """Generated tokens, those of duplicate and failed draws included."""
        drawn = sum(len(draw.completion.token_ids) for draw in self.draws)
        return drawn + self.extra_tokens + sum(s.tokens for s in self.sampled)


@dataclass(frozen=True)
class Plan:
    """How to spend the samples on each problem."""

    abstractions: int
    solutions: tuple[int, ...] | int
    """m, the same for all abstractions or one number per abstraction in the order they were drawn."""
    propose: Sampling
    solve: Sampling
    distinct: bool = True
    """Draw until all abstractions differ (sampling without replacement at sequence level) or the draws run out."""
    draws: int = 0
    """Most draws per problem when distinct; at least `abstractions`."""

    @property
    def most_draws(self) -> int:
        return max(self.draws, self.abstractions) if self.distinct else self.abstractions

    def solutions_of(self, branch: int) -> int:
        return self.solutions if isinstance(self.solutions, int) else self.solutions[branch]


class Growth:
    """How a tree grows: the prompts it asks for, and what their completions add to it."""

    def __init__(self, propose_prompts: Prompts, solve_prompts: Prompts, world: World | None = None):
        self.propose_prompts, self.solve_prompts, self.world = propose_prompts, solve_prompts, world

    def propose_ids(self, tree: Tree) -> list[int]:
        """The prompt for an abstraction."""
        return self.propose_prompts.ids("propose", tree.problem.question)

    def guided_ids(self, tree: Tree, branch: Branch) -> list[int]:
        """The prompt for a solution with the branch's abstraction."""
        return self.solve_prompts.ids("guided", tree.problem.question, branch.text)

    def bare_ids(self, tree: Tree, task: str = "plain") -> list[int]:
        """The prompt for a solution without an abstraction; `task` is plain or one_pass."""
        return self.solve_prompts.ids(task, tree.problem.question)

    def add_draw(self, tree: Tree, prompt: list[int], completion: Completion, distinct: bool) -> Draw:
        """Adds a sample of the abstraction player; it opens a branch unless it is empty, unfinished or a duplicate."""
        text = self.propose_prompts.read_abstraction(list(completion.token_ids))
        branch = None
        if text and completion.finish_reason == "stop":
            key = self.world.canonical_abstraction(text) if self.world else " ".join(text.split())
            keys = [b.key for b in tree.branches]
            if distinct and key in keys:
                branch = keys.index(key)
            else:
                branch = len(tree.branches)
                tree.branches.append(Branch(text, key))
        tree.draws.append(Draw(prompt, completion, text, branch))
        return tree.draws[-1]

    def solution(self, prompt: list[int], completion: Completion) -> Solution:
        """A sample of the solution player, not yet judged."""
        return Solution(prompt, completion, self.solve_prompts.decode(list(completion.token_ids)))


class Reasoner(Growth):
    """Two engines, two players' prompts, a judge."""

    def __init__(
        self,
        proposer: Engine,
        solver: Engine,
        propose_prompts: Prompts,
        solve_prompts: Prompts,
        judge: Judge,
        world: World | None = None,
    ):
        super().__init__(propose_prompts, solve_prompts, world)
        self.proposer, self.solver, self.judge_of = proposer, solver, judge

    def run(self, problems: Iterable[Problem], plan: Plan) -> list[Tree]:
        """All phases. Returns one judged tree per problem."""
        trees = [Tree(problem) for problem in problems]
        self.propose(trees, plan)
        self.gate(trees)
        self.solve(trees, plan)
        self.judge(trees)
        return trees

    def propose(self, trees: list[Tree], plan: Plan) -> None:
        """Draws abstractions. Each round draws as many as are still missing, so none beyond the last needed one."""
        prompts = [self.propose_ids(tree) for tree in trees]
        for round_number in range(plan.most_draws):
            wanted = [missing(tree, plan) for tree in trees]
            if not any(wanted):
                break
            owners = [i for i, count in enumerate(wanted) for _ in range(count)]
            sampling = _reseeded(plan.propose, round_number)
            completions = self.proposer.generate([prompts[i] for i in owners], sampling)
            for i, completion in zip(owners, completions, strict=True):
                self.add_draw(trees[i], prompts[i], completion, plan.distinct)

    def gate(self, trees: list[Tree]) -> None:
        """Marks the abstractions that give the answer away."""
        for tree in trees:
            for branch in tree.branches:
                branch.leak = leaks(branch.text, tree.problem.answer)

    def solve(self, trees: list[Tree], plan: Plan, skip_leaks: bool = False, partner: Engine | None = None) -> None:
        """Solves with every abstraction, all branches of all problems at once; in training, leaks are not worth it.

        With a `partner` that engine solves instead, and its solutions are kept apart.
        """
        owners, prompts = [], []
        for tree in trees:
            for index, branch in enumerate(tree.branches):
                if branch.leak and skip_leaks:
                    continue
                prompt = self.guided_ids(tree, branch)
                for _ in range(plan.solutions_of(index)):
                    owners.append(branch)
                    prompts.append(prompt)
        completions = (partner or self.solver).generate(prompts, plan.solve)
        for branch, prompt, completion in zip(owners, prompts, completions, strict=True):
            (branch.partner if partner else branch.solutions).append(self.solution(prompt, completion))

    def solve_bare(
        self, trees: list[Tree], samples: int, sampling: Sampling, task: str = "plain", partner: Engine | None = None
    ) -> None:
        """Adds solutions without an abstraction, by a `partner` where one is given; `task` is plain or one_pass."""
        prompts = [self.bare_ids(tree, task) for tree in trees]
        owners = [i for i in range(len(trees)) for _ in range(samples)]
        completions = (partner or self.solver).generate([prompts[i] for i in owners], sampling)
        for i, completion in zip(owners, completions, strict=True):
            trees[i].bare.append(self.solution(prompts[i], completion))

    def judge(self, trees: list[Tree]) -> None:
        """Gives every solution its verdict and, where the world can tell, whether it uses its abstraction."""
        todo = [(tree, s) for tree in trees for s in tree.sampled if s.verdict is None]
        verdicts = self.judge_of([(tree.problem, s.text) for tree, s in todo])
        for (_, solution), verdict in zip(todo, verdicts, strict=True):
            solution.verdict = verdict
        if self.world is None:
            return
        for tree in trees:
            for branch in tree.branches:
                for solution in [*branch.solutions, *branch.partner, *branch.refined]:
                    solution.adheres = self.world.adheres(tree.problem, branch.text, solution.text)


def missing(tree: Tree, plan: Plan) -> int:
    """How many draws a tree still needs: no more than abstractions are missing, and than draws are left."""
    have = len(tree.branches) if plan.distinct else len(tree.draws)
    return min(plan.abstractions - have, plan.most_draws - len(tree.draws))


def _reseeded(sampling: Sampling, offset: int) -> Sampling:
    return Sampling(sampling.temperature, sampling.max_new_tokens, sampling.seed * 1009 + offset)
