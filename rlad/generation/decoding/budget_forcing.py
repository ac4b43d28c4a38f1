"""Budget forcing (s1, 2501.19393): thoughts are cut off at a cap, and go on where they end before it."""

from __future__ import annotations

from dataclasses import dataclass

from rlad.config import ConfigError, RunConfig
from rlad.config.registry import decoding, key
from rlad.generation.base import Sampling
from rlad.generation.decoding.base import DecodingMethod, GrowingSequence, Trace, Writer, by_prompt, in_turn, traces_of


@dataclass
class BudgetForcingKeys:
    cap: int | list[int] = key(0, least=0)
    """Tokens of thinking after which the answer is asked for; 0 = three quarters of solution.max_new_tokens. A list,
    such as [8, 16, 24], makes each a condition of the sweep: how much more is right when the solver thinks longer."""
    waits: int = key(1, least=0, most=100)
    """How often a thought that ends is made to go on; what makes it (\"Wait\") counts in the cap."""


def forced(thought: int, ends: bool, cap: int, waits: int, again: int) -> str:
    """What becomes of a thought of so many tokens, of which the next would end it or not: wait, close or go on.

    `again` is how many tokens make it go on; where they do not fit below the cap, it may end.

    >>> forced(4, True, cap=10, waits=1, again=1)  # one \"Wait\"; the second segment has at most 10 - 4 - 1 = 5 tokens
    'wait'
    >>> forced(9, True, 10, 0, 1), forced(10, False, 10, 1, 1), forced(9, False, 10, 1, 1), forced(9, True, 10, 1, 1)
    ('end', 'close', 'go on', 'end')
    """
    if ends:
        return "wait" if waits and thought + again < cap else "end"
    return "close" if thought >= cap else "go on"


class _Forcing(DecodingMethod):
    def __init__(self, writer: Writer, sampling: Sampling, keys: BudgetForcingKeys):
        super().__init__(writer, sampling)
        self.cap, self.waits = keys.cap or max(1, 3 * sampling.max_new_tokens // 4), keys.waits

    def begin(self, row: GrowingSequence) -> None:
        row.state = {"thinking": True, "waits": self.waits}

    def settle(self, row: GrowingSequence, token: int) -> int:
        if not row.state["thinking"]:
            return token
        own, marks = row.state, self.marks
        ends = token in self.writer.eos or marks.ends([*row.ids, token])
        begun = len(marks.close) - 1 if ends and marks.close else 0  # of an end of several tokens
        what = forced(len(row.ids) - begun, ends, self.cap, own["waits"] if marks.again else 0, len(marks.again))
        if what == "wait":
            own["waits"] -= 1
            row.forced = list(marks.again[1:])
            return marks.again[0]
        if what == "close":
            row.forced = [*marks.close, *marks.cue]
            own["thinking"] = False
            return row.forced.pop(0)
        own["thinking"] = what == "go on"
        return token


def _check(run: RunConfig, section: str) -> None:
    """Caps leave room for an answer, and those of a list differ."""
    cap, most = getattr(run, section).of("budget_forcing").cap, run.solution.max_new_tokens
    caps = cap if isinstance(cap, list) else [cap]
    bad = not caps or None in caps or max(caps) >= most or len(set(caps)) < len(caps)
    if bad or (isinstance(cap, list) and 0 in caps):
        raise ConfigError(
            f"{section}.budget_forcing.cap={'null' if cap is None else cap} must be 0, a number from 1 to {most - 1} "
            f"or a list of different ones: solution.max_new_tokens={most} has to hold an answer behind the thought."
        )


@decoding("budget_forcing", keys=BudgetForcingKeys, source="2501.19393", check=_check, axis="cap")
def budget_forcing(
    writer: Writer, prompts: list[list[int]], samples: int, sampling: Sampling, keys: BudgetForcingKeys
) -> list[list[Trace]]:
    """Samples whose thought is closed at a cap, with the cue for the answer, and goes on where it ends before."""
    rows = writer.write(in_turn(prompts, samples), _Forcing(writer, sampling, keys), sampling.max_new_tokens)
    return by_prompt(traces_of(rows), samples)
