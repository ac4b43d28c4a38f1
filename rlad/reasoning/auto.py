"""A tree whose budget spends itself: what to ask for next is a policy's to say (rlad/reasoning/budget_policy.py).

Decisions come one after the other: the policy is asked when nothing is under way, so that it knows everything that was
generated. The plan's n and m, and the tokens in all, are ceilings. Where the explorer has a player that chooses and the
policy knows what it is worth, asking it is a decision like the others; its choice is evidence from then on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

from rlad.generation.base import Completion
from rlad.generation.streaming import Piece
from rlad.reasoning.choosing import Asking
from rlad.reasoning.events import AbstractionEvent, SelectionEvent, Stopped, TreeEvent, VoteEvent
from rlad.reasoning.explorer import Exploration, Explorer, Limits, derived_seed
from rlad.reasoning.posterior import Seen, Standing
from rlad.reasoning.reasoner import missing_draws
from rlad.reasoning.requests import Request
from rlad.reasoning.scores import proposals_of, under
from rlad.reasoning.selecting import Heard
from rlad.reasoning.tree import BARE, Place, Plan, Tree


def explored(explorer: Explorer, tree: Tree, plan: Plan, limits: Limits) -> Exploration:
    """A tree that is to grow, by a policy where the limits hold one."""
    return AutoExploration(explorer, tree, plan, limits) if limits.policy else explorer.explore(tree, plan, limits)


class AutoExploration(Exploration):
    """One tree that grows by a policy. Its limits hold that policy; `early_stop` changes nothing."""

    _settled = False
    _asking: tuple[Request, Asking] | None = None
    """What is asked of the player that chooses, while it is under way."""
    _said: tuple[Place, tuple[Place, ...]] | None = None
    """What it has said last: where a solution of its choice stands, and one of each answer that it was shown."""
    _choices = 0
    _silent = False
    """Whether the answers do not fit into its context."""

    async def _opened(self, request: Request, completion: Completion) -> AbstractionEvent | None:
        event = await super()._opened(request, completion)
        if event is not None:
            self.breadth.wanted[event.index] = 0  # whether it is solved with is decided when it is known
        return event

    def _decided(self) -> bool:
        return False

    def _reason(self) -> Stopped:
        if self._settled:
            return "settled"
        whole = missing_draws(self.tree, self.plan) <= 0 and not self._room()
        return "complete" if whole else "budget"

    def _ask(self) -> None:
        propose, solve = self.plan.propose.max_new_tokens, self.plan.solve.max_new_tokens
        if self._flying:
            return
        free = self.budget.free
        more = max(0, missing_draws(self.tree, self.plan)) if free >= propose + solve else 0
        standing = self.standing()
        if self._said:
            self.vote.prefer(self.limits.policy.selected(standing))
        room = self._room() if free >= solve else []
        action = self.limits.policy.next(standing, free, more, room, self._may_ask(free))
        if action.kind == "abstraction":
            self._propose(1)
        elif action.kind == "solution":
            self.breadth.wanted[action.branch] += 1
            self._solve(action.branch, 1, solve)
        elif action.kind == "selector":
            self._choose()
        elif more or self._room():
            self._settled = free >= solve and bool(self.breadth.sent)
        if not self._flying and self.tree.branches and not self.breadth.sent:
            self.breadth.wanted[0] = 1
        self._ask_at_last()

    def _room(self) -> list[int]:
        """Branches under which there may be a solution, or a further one."""
        most = self.plan.solutions_of(0)
        return [branch for branch in range(len(self.tree.branches)) if self.breadth.sent[branch] < most]

    def standing(self) -> Standing:
        """What the policy knows: every abstraction, the answers under it, how the vote stands, and what was chosen."""
        answers, proposals = self.vote.under(), proposals_of(self.tree)
        branches = [
            Seen(answers.get(branch, ()), under(branch, proposals, 1).proposal)
            for branch in range(len(self.tree.branches))
        ]
        standing = Standing(tuple(branches), self.vote.log_votes())
        if self._said is None:
            return standing
        # Keys of answers change as solutions come in between; where solutions stand does not.
        keys = {place: key for key, (_, places) in self.vote.given().items() for place in places}
        choice, shown = self._said
        return replace(standing, heard=Heard(keys[choice], tuple(keys[place] for place in shown)))

    # ---------------------------------------------------------------------------------------- a player that chooses
    def _may_ask(self, free: int) -> bool:
        """Whether there is such a player, and the tokens for the most that it may write."""
        chooser = self.explorer.chooser
        if chooser is None or self._silent:
            return False
        return free >= chooser.texts(len(self.vote.given())) * chooser.each

    def _choose(self) -> None:
        chooser, given = self.explorer.chooser, self.vote.given()
        answers = [(text, [self.tree.at(place) for place in places]) for text, places in given.values()]
        asking = Asking(chooser, self.tree, answers)
        request = Request(chooser.name, BARE, 0, [], chooser.texts(len(answers)), chooser.each)
        self._asking = request, asking
        seed = derived_seed(self.plan.solve.seed, "choose", self._choices)
        self._choices += 1
        self._flying.send(asking, request, chooser.sampling(seed))

    async def _take(self, request: Request, piece: Piece) -> AsyncIterator[TreeEvent]:
        if self._asking is None or request is not self._asking[0]:
            async for event in super()._take(request, piece):
                yield event
            return
        request.add(piece)
        self.generated[request.role] += len(piece.token_ids)
        if piece.finish_reason:
            self.budget.settle(request.each, request.completion(piece.sample, piece.finish_reason).generated)

    def _landed(self, request: Request) -> Iterable[TreeEvent]:
        if self._asking is None or request is not self._asking[0]:
            return
        asking, self._asking = self._asking[1], None
        self.prompt_tokens[request.role] += asking.read
        tokens = sum(request.completion(i, "stop").generated for i in range(request.count))
        if asking.place is None:
            self._silent = True
            yield SelectionEvent(player=request.role, answer=None, tokens=tokens)
            return
        given = self.vote.given()
        heard = self.limits.policy.heard(self.standing(), list(given)[asking.place])
        self._said = given[heard.choice][1][0], tuple(given[key][1][0] for key in heard.shown)
        self.vote.prefer(self.limits.policy.selected(self.standing()))
        yield SelectionEvent(player=request.role, answer=asking.answers[asking.place][0], tokens=tokens)
        yield VoteEvent(votes=self.vote.votes(), weights=self.vote.weights())
