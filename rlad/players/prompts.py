r"""The roles' prompts as token ids, and the reading of what they write.

Four tasks: *propose* (problem -> abstraction), *guided* (problem, abstraction -> solution), *plain* (problem ->
solution) and *one_pass* (problem -> abstraction and solution in one text; a baseline). Two more for learning from
critiques: *critique* (problem, attempt -> critique) and *refine* (problem, attempt, critique -> solution). Worlds mark
the task with a special token; chat models get the wording below through their own chat template. A plain prompt is the
guided one without the abstraction block, never with an empty block (RLAD, 2510.02263).
"""

from __future__ import annotations

import re

from rlad.players.confidence import CLOSE, OPEN
from rlad.players.tokenizer import RIGHT, SEPARATOR, WRONG, is_world_tokenizer

BOXED = "Reason step by step and put your final answer within \\boxed{}."
CHAT = {
    "plain": "{question}\n\n" + BOXED,
    "guided": "{question}\n\nA hint that may help; use it where it does:\n"
    "<abstraction>\n{abstraction}\n</abstraction>\n\n" + BOXED,
    "propose": "{question}\n\nDo not solve this problem and do not reveal its answer. Write one short, reusable "
    "insight (a fact, a lemma, a strategy or a pitfall) that would help someone else to solve it. Answer with the "
    "insight only.",
    "one_pass": "{question}\n\nFirst write one short insight that helps to solve the problem, in "
    "<abstraction></abstraction>. Then solve the problem with it. " + BOXED,
}
HINT = "A hint that may help; use it where it does:\n<abstraction>\n{abstraction}\n</abstraction>\n\n"
ATTEMPT = "Somebody wrote this solution:\n<solution>\n{attempt}\n</solution>\n\n"
CHAT |= {
    "critique": "{question}\n\n{hint}" + ATTEMPT + "Check it step by step: name the first step that is wrong, and why. "
    "Do not write a new solution. End with 'Conclusion: right' or 'Conclusion: wrong'.",
    "refine": "{question}\n\n{hint}" + ATTEMPT + "What was said about it:\n<critique>\n{critique}\n</critique>\n\n"
    "Solve the problem again and do better. " + BOXED,
}
CONFIDENCE = f" Behind it, state how likely your answer is to be right, a number from 0 to 1, in {OPEN}{CLOSE}."
WORLD = {
    "plain": "<plain> {question} <sep>",
    "guided": "<guided> {question} <sep> {abstraction} <sep>",
    "propose": "<propose> {question} <sep>",
    "one_pass": "<one_pass> {question} <sep>",
    "critique": "<critique> {question} <sep> {hint}{attempt} <sep>",
    "refine": "<refine> {question} <sep> {hint}{attempt} <sep> {critique} <sep>",
}
# The abstraction player answers at once; solvers of reasoning models may think.
THINKING = {"plain": True, "guided": True, "propose": False, "one_pass": True, "critique": True, "refine": True}


def filled(template: str, parts: dict[str, str]) -> str:
    """The template with its placeholders replaced in one pass: what is filled in may hold braces, even a placeholder.

    >>> filled("{question} {attempt}", {"question": "{attempt}?", "attempt": "1"})
    '{attempt}? 1'
    """
    return re.sub(r"\{(\w+)\}", lambda found: parts.get(found[1], found[0]), template)


class Prompts:
    """Renders the tasks for one tokenizer; with `confidence`, solvers are asked how sure they are (RLCR)."""

    def __init__(self, tokenizer, confidence: bool = False):
        self.tokenizer, self.confidence = tokenizer, confidence
        self.world = is_world_tokenizer(tokenizer)
        self.templates = WORLD if self.world else CHAT

    def text(
        self, task: str, question: str, abstraction: str | None = None, attempt: str = "", critique: str = ""
    ) -> str:
        """The prompt of a task as text. Raises ValueError when an abstraction is missing, empty or unasked for; only
        critiques and refinements may do with or without one."""
        given = bool(abstraction and abstraction.strip())
        if task not in ("critique", "refine") and (task == "guided") != given:
            raise ValueError(f"A '{task}' prompt was asked for with the abstraction {abstraction!r}.")
        template = self.templates[task]
        if self.confidence and not self.world:
            template = template.replace(BOXED, BOXED + CONFIDENCE)
        content = template.replace("{hint}", ("{abstraction} <sep> " if self.world else HINT) if given else "")
        parts = {"question": question, "abstraction": abstraction or "", "attempt": attempt, "critique": critique}
        content = filled(content, parts)
        if not self.tokenizer.chat_template:
            return content + "\n"
        messages = [{"role": "user", "content": content}]
        return self.tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, enable_thinking=THINKING[task]
        )

    def ids(
        self, task: str, question: str, abstraction: str | None = None, attempt: str = "", critique: str = ""
    ) -> list[int]:
        """The prompt of a task as token ids."""
        text = self.text(task, question, abstraction, attempt, critique)
        # A chat template writes the special tokens itself; bare text wants the tokenizer's own.
        return self.tokenizer(text, add_special_tokens=not self.tokenizer.chat_template)["input_ids"]

    def completion_ids(self, text: str) -> list[int]:
        """A demonstration's tokens, ending in the end-of-sequence token."""
        return [*self.tokenizer(text, add_special_tokens=False)["input_ids"], self.tokenizer.eos_token_id]

    def decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=not self.world).replace(self.tokenizer.eos_token, "")

    def read_abstraction(self, ids: list[int]) -> str:
        """What the abstraction player wrote: its text without a thinking part and tags; empty when there is none."""
        text = self.decode(ids)
        text = text.rsplit("</think>", 1)[-1]
        return re.sub(r"</?abstraction>", "", text).strip()

    def read_critique(self, ids: list[int]) -> str:
        """What was said about an attempt, without a thinking part."""
        return self.decode(ids).rsplit("</think>", 1)[-1].strip()

    def verdict_text(self, right: bool, gold: str | None = None) -> str:
        """The verifier's critique: the verdict and, where it is to be told, the right answer."""
        if self.world:
            return (RIGHT if right else WRONG) + (f" {gold}" if gold else "")
        told = f" The right answer is {gold}." if gold else ""
        return ("The solution is right." if right else "The solution is wrong.") + told

    def one_pass_text(self, abstraction: str, solution: str) -> str:
        """A demonstration of the one-pass task."""
        if self.world:
            return f"{abstraction} {SEPARATOR} {solution}"
        return f"<abstraction>\n{abstraction}\n</abstraction>\n\n{solution}"
