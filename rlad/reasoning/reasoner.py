"""problem -> n abstractions -> n x m solutions, in whole batches: what rollouts and sweeps use.

The phases are separate methods (`propose`, `gate`, `solve`, `judge`) because training times each of them; `run` is all
of them in order. Work is breadth-first: every phase sends the requests of all problems to a sampler at once. The
server's trees grow by the same rules (`Growth`) with all requests overlapping (rlad/reasoning/explorer.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rlad.generation.base import Sampler, Sampling
from rlad.players.prompts import Prompts
from rlad.problems.base import Problem, World
from rlad.reasoning.growth import Growth
from rlad.reasoning.judge import Judge
from rlad.reasoning.leaks import gives_away
from rlad.reasoning.scores import belief
from rlad.reasoning.tree import BARE, Draw, Plan, Solution, Tree
from rlad.selection import reads

Request = tuple[list[Solution], list[int]]
"""Where a solution goes, and its prompt."""


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
        prompts = [self.propose_ids(tree) for tree in trees]
        for round_number in range(max((plan.of(tree).most_draws for tree in trees), default=0)):
            wanted = [missing_draws(tree, plan.of(tree)) for tree in trees]
            if not any(wanted):
                break
            owners = [i for i, count in enumerate(wanted) for _ in range(count)]
            sampling = _reseeded(plan.propose, round_number)
            completions = self.proposer.generate([prompts[i] for i in owners], sampling)
            for i, completion in zip(owners, completions, strict=True):
                self.add_draw(trees[i], prompts[i], completion, plan.distinct)

    def _propose_lists(self, trees: list[Tree], plan: Plan) -> None:
        for number in sorted({plan.of(tree).abstractions for tree in trees}):
            alike = [tree for tree in trees if plan.of(tree).abstractions == number]
            prompts = [self.list_ids(tree, number) for tree in alike]
            sampling = replace(plan.propose, max_new_tokens=number * plan.propose.max_new_tokens)
            for tree, prompt, completion in zip(alike, prompts, self.proposer.generate(prompts, sampling), strict=True):
                self.add_list(tree, prompt, completion, number)

    def gate(self, trees: list[Tree]) -> None:
        """Marks the abstractions that give the answer away."""
        for tree in trees:
            for branch in tree.branches:
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
        parts, seeds = [self._guided(trees, plan, skip_leaks, lagged is not None)], [plan.solve.seed]
        for own in bare:
            parts.append([request for tree in own.trees for request in self._bare(tree, own.samples, own.task)])
            seeds.append(own.seed)
        streams = tuple((len(part), seed) for part, seed in zip(parts, seeds, strict=True) if part)
        sampling = plan.solve
        if streams:
            sampling = replace(sampling, seed=streams[0][1], parts=streams if len(streams) > 1 else ())
        self._solved(lagged, [request for part in parts for request in part], sampling)

    def _guided(self, trees: list[Tree], plan: Plan, skip_leaks: bool, lagged: bool) -> list[Request]:
        requests = []
        for tree in trees:
            for index, branch in enumerate(tree.branches):
                if branch.leak and skip_leaks:
                    continue
                prompt = self.guided_ids(tree, branch)
                kept = branch.lagged if lagged else branch.solutions
                own = plan.of(tree)
                requests += [(kept, prompt)] * (own.solutions_of(index) if lagged else own.first_of(index))
        return requests

    def _bare(self, tree: Tree, samples: int, task: str) -> list[Request]:
        return [(tree.bare, self.bare_ids(tree, task))] * samples

    def _solved(self, lagged: Sampler | None, requests: list[Request], sampling: Sampling) -> list[Solution]:
        completions = (lagged or self.solver).generate([prompt for _, prompt in requests], sampling)
        solutions = [
            self.solution(prompt, completion) for (_, prompt), completion in zip(requests, completions, strict=True)
        ]
        for (kept, _), solution in zip(requests, solutions, strict=True):
            kept.append(solution)
        return solutions

    def solve_further(self, wanted: Iterable[tuple[Tree, int, int]], sampling: Sampling, task: str = "plain") -> None:
        """Adds so many solutions to each (tree, branch or BARE, how many): those that are there have decided that."""
        requests: list[Request] = []
        for tree, index, count in wanted:
            bare = index == BARE
            prompt = self.bare_ids(tree, task) if bare else self.guided_ids(tree, tree.branches[index])
            requests += [(tree.under(index), prompt)] * count
        for solution in self._solved(None, requests, sampling):
            solution.further = True

    def solve_bare(
        self, trees: list[Tree], samples: int, sampling: Sampling, task: str = "plain", lagged: Sampler | None = None
    ) -> None:
        """Adds solutions without an abstraction, by a `lagged` sampler where given; `task` is plain or one_pass."""
        self._solved(lagged, [request for tree in trees for request in self._bare(tree, samples, task)], sampling)

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
        todo = [(tree, s) for tree in trees for s in tree.sampled if s.verdict is None]
        verdicts = self.judge_of([(tree.problem, s.text) for tree, s in todo])
        for (_, solution), verdict in zip(todo, verdicts, strict=True):
            solution.verdict = verdict
        if self.world is None:
            return
        for tree in trees:
            for branch in tree.branches:
                for solution in [*branch.solutions, *branch.lagged, *branch.refined]:
                    solution.adheres = self.world.adheres(tree.problem, branch.text, solution.text)


def missing_draws(tree: Tree, plan: Plan) -> int:
    """How many draws a tree still needs: no more than abstractions are missing, and than draws are left."""
    have = len(tree.branches) if plan.distinct else len(tree.draws)
    return min(plan.abstractions - have, plan.most_draws - len(tree.draws))


def _reseeded(sampling: Sampling, offset: int) -> Sampling:
    return Sampling(sampling.temperature, sampling.max_new_tokens, sampling.seed * 1009 + offset)
