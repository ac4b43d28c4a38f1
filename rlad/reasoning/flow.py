"""The same trees as the reasoner's phases grow, with everything sent as soon as what it needs is there.

Engines decode what they are sent together, and are better used the more that is. So a tree's next draws, and the
solutions of the abstractions that it has, are sent when its own draws of a round have ended, while others still write;
and a solution is judged when it has ended, while the engines decode. Every request has the seed that it has in the
phases (rlad/reasoning/numbers.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from queue import SimpleQueue
from threading import Thread

from rlad.generation.base import Completion, Sampling, numbered
from rlad.reasoning.numbers import draw_numbers, list_sampling, reseeded, solution_numbers
from rlad.reasoning.reasoner import Bare, Reasoner, Request, missing_draws
from rlad.reasoning.tree import Plan, Solution, Tree


def overlaps(reasoner: Reasoner) -> bool:
    """Whether both players' samplers take requests while others run; where one does not, the phases take turns."""
    return all(hasattr(sampler, "stream") for sampler in (reasoner.proposer, reasoner.solver))


class Flow:
    """One batch of trees. Its methods wait, in this order, for abstractions, solutions and verdicts.

    A context that abandons on leaving what has not ended; the first error of a sampler or of the judge is raised by the
    method that waits.
    """

    def __init__(
        self, reasoner: Reasoner, trees: Sequence[Tree], plan: Plan, skip_leaks: bool = False, bare: Iterable[Bare] = ()
    ):
        """trees: without a draw. The other arguments are those of `Reasoner.solve`."""
        self.reasoner, self.trees, self.plan, self.skip_leaks, self.bare = reasoner, trees, plan, skip_leaks, bare
        self._events: SimpleQueue = SimpleQueue()
        self._draws, self._numbers = draw_numbers(trees, plan), solution_numbers(trees, plan)
        self._rounds, self._solved_of = [0] * len(trees), [0] * len(trees)
        """By tree: rounds of draws that were sent, branches whose solutions were."""
        self._writing = self._solving = 0
        """Trees that wait for draws, and solutions that have not ended."""
        self._parts: list[tuple[list[Request], list[Solution | None]]] = []
        self._bare: list[tuple[list[Request], list[Solution | None]]] = []

    def __enter__(self) -> Flow:
        with ExitStack() as stack:
            self._judging = stack.enter_context(closing(_Judging(self.reasoner, self._events.put)))
            self._solver = stack.enter_context(closing(self.reasoner.solver.stream(self._ended)))
            self._proposer = stack.enter_context(closing(self.reasoner.proposer.stream(self._ended)))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def propose(self) -> None:
        """Sends all that waits for nothing; returns when every tree has its abstractions, marked by the gate."""
        for place in range(len(self.trees)):
            self._draw(place)
        for own in self.bare:
            requests = self.reasoner.bare_requests(own.trees, own.samples, own.task)
            self._solve(requests, replace(self.plan.solve, seed=own.seed), self._bare)
        while self._writing:
            self._take()

    def solve(self) -> None:
        """Returns when every solution is in its tree, in the phases' order."""
        while self._solving:
            self._take()
        for requests, solutions in [*self._parts, *self._bare]:
            for request, solution in zip(requests, solutions, strict=True):
                request.kept.append(solution)

    def judge(self) -> None:
        """Returns when every solution has its verdict."""
        self._judging.finish()
        while not self._events.empty():
            self._take()

    def _ended(self, key: object, completion: Completion | BaseException) -> None:
        self._events.put(completion if key is None else (*key, completion))

    def _take(self) -> None:
        """Waits for the next that has ended, and does what it makes possible."""
        event = self._events.get()
        if isinstance(event, BaseException):
            raise event
        then, group, index, completion = event
        then(group, index, completion)

    # ------------------------------------------------------------------------------------------------ abstractions
    def _draw(self, place: int) -> None:
        """Sends what a tree still has to draw, if there is something, and the solutions that it is ready for."""
        tree, plan, reasoner = self.trees[place], self.plan, self.reasoner
        own, rounds = plan.of(tree), self._rounds[place]
        if plan.reference:
            reasoner.add_prefixes(tree, own.abstractions, plan.propose.max_new_tokens)
        elif plan.joint and not rounds:
            before = sum(plan.of(other).abstractions == own.abstractions for other in self.trees[:place])
            sampling = list_sampling(plan, own.abstractions)
            self._write(place, reasoner.list_ids(tree, own.abstractions), sampling, [before])
        elif not plan.joint:
            start, count = self._draws[place], missing_draws(tree, own)
            sampling = reseeded(plan.propose, rounds)
            self._write(place, reasoner.propose_ids(tree), sampling, range(start, start + count))
        for branch, numbers in list(zip(tree.branches, self._numbers[place], strict=False))[self._solved_of[place] :]:
            reasoner.gate_one(tree, branch)
            if not (branch.leak and self.skip_leaks):
                self._solve(reasoner.guided_requests(tree, branch, numbers), plan.solve, self._parts)
        self._solved_of[place] = len(tree.branches)

    def _write(self, place: int, prompt: list[int], sampling: Sampling, numbers: Sequence[int]) -> None:
        if not numbers:
            return
        self._rounds[place] += 1
        self._writing += 1
        texts: list[Completion | None] = [None] * len(numbers)
        keys = [(self._drawn, (place, prompt, texts), index) for index in range(len(numbers))]
        self._proposer.send(keys, [prompt] * len(numbers), numbered(sampling, numbers))

    def _drawn(self, group: tuple, index: int, completion: Completion) -> None:
        place, prompt, texts = group
        texts[index] = completion
        if None in texts:
            return
        self._writing -= 1
        tree = self.trees[place]
        for text in texts:
            if self.plan.joint:
                self.reasoner.add_list(tree, prompt, text, self.plan.of(tree).abstractions)
            else:
                self.reasoner.add_draw(tree, prompt, text, self.plan.distinct)
        self._draw(place)

    # --------------------------------------------------------------------------------------------------- solutions
    def _solve(self, requests: list[Request], sampling: Sampling, parts: list) -> None:
        solutions: list[Solution | None] = [None] * len(requests)
        parts.append((requests, solutions))
        self._solving += len(requests)
        keys = [(self._solved, parts[-1], index) for index in range(len(requests))]
        sampling = numbered(sampling, [request.number for request in requests])
        self._solver.send(keys, [request.prompt for request in requests], sampling)

    def _solved(self, part: tuple, index: int, completion: Completion) -> None:
        requests, solutions = part
        solutions[index] = self.reasoner.solution(requests[index].prompt, completion)
        self._solving -= 1
        self._judging.put((requests[index], solutions[index]))


class _Judging:
    """A thread that judges, in one call of the judge, all that has come in since the one before."""

    def __init__(self, reasoner: Reasoner, failed: Callable[[BaseException], None]):
        self.reasoner, self.failed = reasoner, failed
        self._waiting: SimpleQueue = SimpleQueue()
        self._left = False
        self._thread = Thread(target=self._work, name="judging beside a rollout", daemon=True)
        self._thread.start()

    def put(self, item: tuple[Request, Solution]) -> None:
        self._waiting.put(item)

    def finish(self) -> None:
        """Waits until all is judged."""
        self._waiting.put(None)
        self._thread.join()

    def close(self) -> None:
        """Lets it end after the call of the judge that it is in; nobody waits for that."""
        self._left = True
        self._waiting.put(None)

    def _work(self) -> None:
        try:
            while self._judge():
                pass
        except BaseException as error:  # raised in the thread that waits for completions or verdicts
            self.failed(error)

    def _judge(self) -> bool:
        """Judges what is there; whether there may be more."""
        items = [self._waiting.get()]
        while not self._waiting.empty():
            items.append(self._waiting.get())
        found = [item for item in items if item is not None]
        if self._left:
            return False
        if found:
            self.reasoner.give_verdicts([(request.tree, solution) for request, solution in found])
        for request, solution in found:
            if request.branch is not None:
                self.reasoner.note_adherence(request.tree, request.branch, solution)
        return None not in items
