"""A tree whose budget spends itself: what to ask for next is a policy's to say (rlad/reasoning/budget_policy.py).

Decisions come one after the other: the policy is asked when nothing is under way, so that it knows everything that was
generated. The plan's n and m, and the tokens in all, are ceilings.
"""

from __future__ import annotations

from rlad.generation.base import Completion
from rlad.reasoning.events import AbstractionEvent, Stopped
from rlad.reasoning.explorer import Exploration, Explorer, Limits
from rlad.reasoning.posterior import Seen, Standing
from rlad.reasoning.reasoner import missing_draws
from rlad.reasoning.requests import Request
from rlad.reasoning.scores import proposals_of, under
from rlad.reasoning.tree import Plan, Tree


def explored(explorer: Explorer, tree: Tree, plan: Plan, limits: Limits) -> Exploration:
    """A tree that is to grow, by a policy where the limits hold one."""
    return AutoExploration(explorer, tree, plan, limits) if limits.policy else explorer.explore(tree, plan, limits)


class AutoExploration(Exploration):
    """One tree that grows by a policy. Its limits hold that policy; `early_stop` changes nothing."""

    _settled = False

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
        action = self.limits.policy.next(self.standing(), free, more, self._room() if free >= solve else [])
        if action.kind == "abstraction":
            self._propose(1)
        elif action.kind == "solution":
            self.breadth.wanted[action.branch] += 1
            self._solve(action.branch, 1, solve)
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
        """What the policy knows: every abstraction, the answers under it, and how the vote stands."""
        answers, proposals = self.vote.under(), proposals_of(self.tree)
        branches = [
            Seen(answers.get(branch, ()), under(branch, proposals, 1).proposal)
            for branch in range(len(self.tree.branches))
        ]
        return Standing(tuple(branches), self.vote.log_votes())
