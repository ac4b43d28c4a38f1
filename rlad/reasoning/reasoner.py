"""problem -> n abstractions -> n x m solutions, in whole batches: what rollouts and sweeps use.

The phases are separate methods (`propose`, `gate`, `solve`, `judge`) because training times each of them; `run` is all
of them in order. Work is breadth-first: every phase sends the requests of all problems to a sampler at once. Where a
sampler takes requests while others run, the same requests overlap (flow.py). The server's trees grow by the same rules
(`Growth`), one tree at a time (rlad/reasoning/explorer.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from rlad.generation.base import Sampler, Sampling, numbered
from rlad.players.prompts import Prompts
from rlad.problems.base import Problem, World
from rlad.reasoning.growth import Growth
from rlad.reasoning.judge import Judge
from rlad.reasoning.leaks import gives_away
from rlad.reasoning.numbers import draw_numbers, list_sampling, reseeded, solution_numbers
from rlad.reasoning.scores import belief
from rlad.reasoning.tree import BARE, Branch, Draw, Plan, Solution, Tree
from rlad.selection import reads


class Request(NamedTuple):
    """A solution to be sampled."""

    tree: Tree
    branch: Branch | None
    """None = bare."""
    kept: list[Solution]
    """Where it goes."""
    prompt: list[int]
    number: int
    """In its seed's stream."""


@dataclass(frozen=True)
class Bare:
    """Solutions without an abstraction to be sampled for some trees."""

    trees: Sequence[Tree]
    samples: int
    """For each tree."""
    seed: int
    task: str = "plain"
    """plain or one_pass"""


class Reasoner(Growth):
    """Two samplers, two players' prompts, a judge."""

    def __init__(
        self,
        proposer: Sampler,
        solver: Sampler,
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
        """Draws abstractions. Each round draws as many as are still missing, so none beyond the last needed one.

        With a `joint` plan one text of each tree lists all of them (2602.08344).
        """
        if plan.reference:
            for tree in trees:
                self.add_prefixes(tree, plan.of(tree).abstractions, plan.propose.max_new_tokens)
            return
        if plan.joint:
            self._propose_lists(trees, plan)
            return
        prompts, starts = [self.propose_ids(tree) for tree in trees], draw_numbers(trees, plan)
        for round_number in range(max((plan.of(tree).most_draws for tree in trees), default=0)):
            wanted = [missing_draws(tree, plan.of(tree)) for tree in trees]
            if not any(wanted):
                break
            owners = [i for i, count in enumerate(wanted) for _ in range(count)]
            numbers = [starts[i] + place for i, count in enumerate(wanted) for place in range(count)]
            sampling = numbered(reseeded(plan.propose, round_number), numbers)
            completions = self.proposer.generate([prompts[i] for i in owners], sampling)
            for i, completion in zip(owners, completions, strict=True):
                self.add_draw(trees[i], prompts[i], completion, plan.distinct)

    def _propose_lists(self, trees: list[Tree], plan: Plan) -> None:
        for number in sorted({plan.of(tree).abstractions for tree in trees}):
            alike = [tree for tree in trees if plan.of(tree).abstractions == number]
            prompts, sampling = [self.list_ids(tree, number) for tree in alike], list_sampling(plan, number)
            for tree, prompt, completion in zip(alike, prompts, self.proposer.generate(prompts, sampling), strict=True):
                self.add_list(tree, prompt, completion, number)

    def gate(self, trees: list[Tree]) -> None:
        """Marks the abstractions that give the answer away."""
        for tree in trees:
            for branch in tree.branches:
                self.gate_one(tree, branch)

    def gate_one(self, tree: Tree, branch: Branch) -> None:
        """Marks an abstraction if it gives the answer away."""
        branch.leak = gives_away(tree.problem, branch.text, self.world)

    def solve(
        self,
        trees: list[Tree],
        plan: Plan,
        skip_leaks: bool = False,
        lagged: Sampler | None = None,
        bare: Iterable[Bare] = (),
    ) -> None:
        """Solves with every abstraction, all branches of all problems at once; in training, leaks are not worth it.

        With a `lagged` sampler that one solves instead, and its solutions are kept apart. `bare` ones are sampled in
        the same batch, as plan.solve says, each from its own seed as if it were alone.
        """
        numbers, guided = solution_numbers(trees, plan, lagged is not None), []
        for tree, own in zip(trees, numbers, strict=True):
            for branch, places in zip(tree.branches, own, strict=False):
                if not (branch.leak and skip_leaks):
                    guided += self.guided_requests(tree, branch, places, lagged is not None)
        parts, seeds = [guided], [plan.solve.seed]
        for own in bare:
            parts.append(self.bare_requests(own.trees, own.samples, own.task))
            seeds.append(own.seed)
        streams = tuple((len(part), seed) for part, seed in zip(parts, seeds, strict=True) if part)
        requests, sampling = [request for part in parts for request in part], plan.solve
        if streams:
            sampling = replace(sampling, seed=streams[0][1], parts=streams if len(streams) > 1 else ())
        self._solved(lagged, requests, numbered(sampling, [request.number for request in requests]))

    def guided_requests(
        self, tree: Tree, branch: Branch, numbers: Iterable[int], lagged: bool = False
    ) -> list[Request]:
        """One for each of the numbers, with the branch's abstraction."""
        prompt, kept = self.guided_ids(tree, branch), branch.lagged if lagged else branch.solutions
        return [Request(tree, branch, kept, prompt, number) for number in numbers]

    def bare_requests(self, trees: Sequence[Tree], samples: int, task: str) -> list[Request]:
        """`samples` of every tree, without an abstraction."""
        prompts = [self.bare_ids(tree, task) for tree in trees]
        owners = [(tree, prompt) for tree, prompt in zip(trees, prompts, strict=True) for _ in range(samples)]
        return [Request(tree, None, tree.bare, prompt, number) for number, (tree, prompt) in enumerate(owners)]

    def _solved(self, lagged: Sampler | None, requests: list[Request], sampling: Sampling) -> list[Solution]:
        completions = (lagged or self.solver).generate([request.prompt for request in requests], sampling)
        solutions = [self.solution(own.prompt, text) for own, text in zip(requests, completions, strict=True)]
        for request, solution in zip(requests, solutions, strict=True):
            request.kept.append(solution)
        return solutions

    def solve_further(self, wanted: Iterable[tuple[Tree, int, int]], sampling: Sampling, task: str = "plain") -> None:
        """Adds so many solutions to each (tree, branch or BARE, how many): those that are there have decided that."""
        requests: list[Request] = []
        for tree, index, count in wanted:
            bare = index == BARE
            prompt = self.bare_ids(tree, task) if bare else self.guided_ids(tree, tree.branches[index])
            requests += [Request(tree, None, tree.under(index), prompt, 0)] * count
        for solution in self._solved(None, requests, sampling):
            solution.further = True

    def solve_bare(
        self, trees: list[Tree], samples: int, sampling: Sampling, task: str = "plain", lagged: Sampler | None = None
    ) -> None:
        """Adds solutions without an abstraction, by a `lagged` sampler where given; `task` is plain or one_pass."""
        self._solved(lagged, self.bare_requests(trees, samples, task), sampling)

    def score_unguided(self, trees: list[Tree]) -> None:
        """Asks the solver how likely it finds every guided solution without its abstraction (rule `unguided`)."""
        todo = [(self.bare_ids(tree), solution) for tree in trees for solution in tree.solutions]
        scores = self.solver.score(
            [prompt for prompt, _ in todo], [solution.completion.token_ids for _, solution in todo]
        )
        for (_, solution), score in zip(todo, scores, strict=True):
            solution.unguided = score

    def score_listed(self, trees: list[Tree]) -> None:
        """Asks the proposer how likely it finds every different item of a list as a single proposal, which is what
        rules that read `proposal` are told of it: a prefill of each, no generated token. Draws have theirs already, and
        items that opened and repeated no branch are solved by nobody."""
        todo: dict[tuple[int, str], list[Draw]] = {}
        for number, tree in enumerate(trees):
            for draw in tree.draws:
                if draw.listed and draw.branch is not None and draw.alone is None:
                    todo.setdefault((number, draw.text), []).append(draw)
        if not todo:
            return
        prompts = [self.propose_ids(trees[number]) for number, _ in todo]
        scores = self.proposer.score(prompts, [self.alone_ids(draws[0]) for draws in todo.values()])
        for draws, score in zip(todo.values(), scores, strict=True):
            for draw in draws:
                draw.alone = score

    def score_judged(self, trees: list[Tree]) -> None:
        """Asks the solver, as a critic, how likely every solution is to be right (rules `best_judged`,
        `judged_majority`): two prefills of each, no generated token. Without words for a verdict it is left unsaid."""
        if not self.solve_prompts.judges:
            return
        todo = [(self.critique_ids(tree, None, solution), solution) for tree in trees for solution in tree.bare]
        todo += [
            (self.critique_ids(tree, branch, solution), solution)
            for tree in trees
            for branch in tree.branches
            for solution in branch.solutions
        ]
        prompts = [prompt for prompt, _ in todo]
        right, wrong = (
            self.solver.score(prompts, [self.solve_prompts.conclusion_ids(flag)] * len(prompts))
            for flag in (True, False)
        )
        for (_, solution), yes, no in zip(todo, right, wrong, strict=True):
            solution.judgement = belief(yes, no)

    def score_for(self, trees: list[Tree], rules: Iterable[str]) -> None:
        """Asks what some selection rules read beyond what was said while the trees grew."""
        wanted = {one for name in rules for one in reads(name)}
        if "proposal" in wanted:
            self.score_listed(trees)
        if "unguided" in wanted:
            self.score_unguided(trees)
        if "judgement" in wanted:
            self.score_judged(trees)

    def judge(self, trees: list[Tree]) -> None:
        """Gives every solution its verdict and, where the world can tell, whether it uses its abstraction."""
        self.give_verdicts([(tree, s) for tree in trees for s in tree.sampled if s.verdict is None])
        for tree in trees:
            for branch in tree.branches:
                for solution in [*branch.solutions, *branch.lagged, *branch.refined]:
                    self.note_adherence(tree, branch, solution)

    def give_verdicts(self, solutions: list[tuple[Tree, Solution]]) -> None:
        """Of the trees' problems to these solutions."""
        verdicts = self.judge_of([(tree.problem, solution.text) for tree, solution in solutions])
        for (_, solution), verdict in zip(solutions, verdicts, strict=True):
            solution.verdict = verdict

    def note_adherence(self, tree: Tree, branch: Branch, solution: Solution) -> None:
        """Whether a solution uses its abstraction, unless that is known or the world cannot tell."""
        if self.world is not None and solution.adheres is None:
            solution.adheres = self.world.adheres(tree.problem, branch.text, solution.text)


def missing_draws(tree: Tree, plan: Plan) -> int:
    """How many draws a tree still needs: no more than abstractions are missing, and than draws are left."""
    have = len(tree.branches) if plan.distinct else len(tree.draws)
    return min(plan.abstractions - have, plan.most_draws - len(tree.draws))
