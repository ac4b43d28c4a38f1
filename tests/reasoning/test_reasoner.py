"""Bare solutions in the guided ones' batch: one call, every solution in its place, every part with its own seed."""

from rlad.generation import Completion, Sampling
from rlad.problems import Problem
from rlad.reasoning.reasoner import Bare, Reasoner
from rlad.reasoning.tree import Branch, Plan, Tree


class Recorder:
    """Completes a prompt with itself."""

    def __init__(self):
        self.calls = []

    def generate(self, prompts, sampling):
        self.calls.append((prompts, sampling))
        return [Completion(tuple(prompt), (0.0,), "stop", 0) for prompt in prompts]


class Letters:
    """A prompt is its task and its question, with an abstraction that too."""

    def ids(self, task, question, abstraction=None):
        return [{"guided": 1, "plain": 2, "one_pass": 3}[task], int(question), *map(int, abstraction or ())]

    def completion_text(self, ids):
        return str(ids)


def test_bare_solutions_join_the_guided_ones():
    guided, bare = [Tree(Problem("", str(i), "")) for i in (7, 8)], [Tree(Problem("", "9", ""))]
    guided[0].branches = [Branch("4", "4"), Branch("5", "5", leak=True)]
    sampler, plan = Recorder(), Plan(1, 2, Sampling(), Sampling(0.7, 9, seed=11))
    reasoner = Reasoner(None, sampler, Letters(), Letters(), None)
    beside = [Bare(bare, 3, 12, "one_pass"), Bare(guided, 1, 13), Bare([], 5, 14)]
    reasoner.solve(guided, plan, skip_leaks=True, bare=beside)
    ((prompts, sampling),) = sampler.calls
    assert prompts == [[1, 7, 4]] * 2 + [[3, 9]] * 3 + [[2, 7], [2, 8]]
    assert sampling == Sampling(0.7, 9, seed=11, parts=((2, 11), (3, 12), (2, 13)))
    assert [solution.prompt for solution in guided[0].solutions] == [[1, 7, 4]] * 2
    assert [[s.completion.token_ids for s in tree.bare] for tree in (*bare, *guided)] == [
        [(3, 9)] * 3,
        [(2, 7)],
        [(2, 8)],
    ]
    reasoner.solve([], plan, bare=beside[:1])
    assert sampler.calls[1][1] == Sampling(0.7, 9, seed=12), "alone it is an ordinary call"
