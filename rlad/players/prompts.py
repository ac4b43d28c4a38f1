r"""The roles' prompts as token ids, and the reading of what they write.

The templates stand with the roles (rlad/players/roles/): *propose* (problem -> abstraction), *guided* (problem,
abstraction -> solution), *plain* (problem -> solution) and their kin. Worlds mark the task with a special token; chat
models get a wording through their own chat template. A plain prompt is the guided one without the abstraction block,
never with an empty block (RLAD, 2510.02263).

Only templates write control tokens: questions, and what players wrote, are plain text wherever they are filled in
(rlad/players/plain.py). Where a chat template opens `<think>` at the end of the prompt, the tag counts as the
completion's own: a thought that is not finished is neither an abstraction nor an answer.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from functools import cached_property

from jinja2 import TemplateError

from rlad.config import ConfigError, registry
from rlad.players.confidence import CLOSE, CONFIDENCE_TOKENS, OPEN
from rlad.players.lists import item_spans, thought_span, unnumbered
from rlad.players.plain import THINK, PlainTokenizer, bare_prefix
from rlad.players.roles import Task
from rlad.players.roles.solution import BOXED, HINT
from rlad.players.tokenizer import RIGHT, SEPARATOR, UNKNOWN, WRONG, is_world_tokenizer
from rlad.verifier.reading.extract import without_thinking

CONFIDENCE = f" Behind it, state how likely your answer is to be right, a number from 0 to 1, in {OPEN}{CLOSE}."


WORLD_WORDS = {"attempt": CONFIDENCE_TOKENS, "critique": (RIGHT, WRONG)}
"""Special tokens of a world that are words of what is filled in; they open no part of a prompt."""
_WRAPPERS = re.compile(r"<\s*/?\s*(?:abstraction|solution|critique)\s*>", re.IGNORECASE)
_NAME = re.compile(r"\{([a-z]\w*)\}")
_BEGIN, _END = f"qz{secrets.token_hex(12)}x", "xzq"  # around a part's name while a template is rendered


def project_tasks() -> dict[str, Task]:
    """The tasks of the project's own roles by name."""
    return {name: task for role in registry.role for name, task in role.call.tasks.items()}


def filled(template: str, parts: dict[str, str]) -> str:
    """The template with its placeholders replaced in one pass: what is filled in may hold braces, even a placeholder.

    >>> filled("{question} {attempt}", {"question": "{attempt}?", "attempt": "1"})
    '{attempt}? 1'
    """
    return re.sub(r"\{(\w+)\}", lambda found: parts.get(found[1], found[0]), template)


def wording(task: Task, short: bool = False, confidence: bool = False) -> str:
    """A task's template for models with a language of their own: its `short` wording where there is one, and with
    `confidence` the request that solvers say how sure they are."""
    template = (short and task.short) or task.chat
    return template.replace(BOXED, BOXED + CONFIDENCE) if confidence else template


def unwrapped(text: str) -> str:
    """The text without the tags that prompts put around what players wrote, however they are nested.

    >>> unwrapped("<abs<abstraction>traction> count </abstraction>")
    'count'
    """
    while (shorter := _WRAPPERS.sub("", text)) != text:
        text = shorter
    return text.strip()


def spoken(text: str) -> str:
    """What a text says outside of thinking, without tags; nothing while a thought is not finished.

    >>> spoken("<think> 12? </think> look at parities"), spoken("so far <think> 12"), spoken("<thi</abstraction>nk> 12")
    ('look at parities', 'so far', '')
    """
    while (shorter := unwrapped(without_thinking(text))) != text:
        text = shorter
    return text


def chat_prompt(tokenizer, content: str, thinking: bool) -> str:
    """A user's message and the beginning of its answer, as the tokenizer's chat template writes them.

    Raises ConfigError for a template that refuses it, is broken, or is one of several of which none is the default.
    """
    message = [{"role": "user", "content": content}]
    try:
        return tokenizer.apply_chat_template(
            message, tokenize=False, add_generation_prompt=True, enable_thinking=thinking
        )
    except (TemplateError, ValueError) as error:
        why = str(error).partition("\n")[0].rstrip("!.")
        raise ConfigError(
            f"The chat template of '{tokenizer.name_or_path}' makes no prompt of a user's message: {why}."
        ) from error


def reads_thinking(tokenizer) -> bool:
    """Whether the tokenizer has a chat template, and prompts differ by what it is told as `enable_thinking`."""
    return bool(tokenizer.chat_template) and len({chat_prompt(tokenizer, "?", on) for on in (True, False)}) > 1


class Prompts:
    """Renders the tasks for one tokenizer; with `confidence`, solvers are asked how sure they are (RLCR)."""

    def __init__(self, tokenizer, confidence: bool = False, tasks: dict[str, Task] | None = None, short: bool = False):
        """`tasks`: by name; None = those of the project's own roles. `short`: their short wording, if there is one."""
        self.tokenizer, self.confidence, self.short = tokenizer, confidence, short
        self.tasks = project_tasks() if tasks is None else tasks
        self.world = is_world_tokenizer(tokenizer)
        self._skeletons: dict[tuple, list[str]] = {}

    @cached_property
    def plain(self) -> PlainTokenizer:
        return PlainTokenizer(self.tokenizer)

    def _template(self, task: str) -> str:
        """The task's template, with what the run's reward asks for."""
        own = self.tasks[task]
        return own.world if self.world else wording(own, self.short, self.confidence)

    def _skeleton(self, task: str, given: bool, lists: tuple[tuple[str, int], ...] = ()) -> list[str]:
        """The prompt of a task around what is filled in, with an abstraction or without: template text and names of
        parts, in turns. `lists`: how many members each part has that is a list."""
        if (task, given, lists) not in self._skeletons:
            self._skeletons[task, given, lists] = self._rendered(task, given, lists)
        return self._skeletons[task, given, lists]

    def _rendered(self, task: str, given: bool, lists: tuple[tuple[str, int], ...]) -> list[str]:
        hint = ("{abstraction} <sep> " if self.world else HINT) if given else ""
        content = self._template(task).replace("{hint}", hint)
        item = self.tasks[task].world_item if self.world else self.tasks[task].chat_item
        for name, count in lists:
            members = (filled(item, {"item": f"{{{name}{i}}}", "number": str(i + 1)}) for i in range(count))
            content = content.replace(f"{{{name}}}", "".join(members))
        names = list(dict.fromkeys(_NAME.findall(content)))
        content = filled(content, {name: f"{_BEGIN}{name}{_END}" for name in names})
        if self.tokenizer.chat_template:
            content = chat_prompt(self.tokenizer, content, self.tasks[task].thinking)
        else:
            content += "\n"
        pieces = re.split(f"{_BEGIN}([a-z]\\w*){_END}", content)
        if set(pieces[1::2]) != set(names):
            raise ConfigError("The tokenizer's chat template leaves out the text of the user's message.")
        return pieces

    def _parts(self, task: str, question: str, abstraction: str | None, more: dict[str, str | Sequence[str]]):
        """Pairs (text, control tokens that it may hold; None = all). See `text` for the errors."""
        lists = {name: value for name, value in more.items() if not isinstance(value, str)}
        parts = {name: value for name, value in more.items() if isinstance(value, str)}
        parts |= {f"{name}{i}": member for name, members in lists.items() for i, member in enumerate(members)}
        parts["abstraction"] = abstraction or ""
        parts = {name: value.strip() if self.world else unwrapped(value) for name, value in parts.items()}
        parts["question"] = question.strip()
        given, template = bool(parts["abstraction"]), self._template(task)
        if "{hint}" not in template and ("{abstraction}" in template) != given:
            raise ValueError(f"A '{task}' prompt was asked for with the abstraction {abstraction!r}.")
        pieces = self._skeleton(task, given, tuple((name, len(members)) for name, members in lists.items()))
        return [
            (parts.get(piece, ""), WORLD_WORDS.get(piece, ()) if self.world else ()) if i % 2 else (piece, None)
            for i, piece in enumerate(pieces)
        ]

    def text(self, task: str, question: str, abstraction: str | None = None, **parts: str | Sequence[str]) -> str:
        """The prompt of a task as text; `parts` are what else its template names, such as `attempt`.

        Raises ValueError when an abstraction is missing, empty or unasked for.
        """
        return "".join(text for text, _ in self._parts(task, question, abstraction, parts))

    def ids(self, task: str, question: str, abstraction: str | None = None, **parts: str | Sequence[str]) -> list[int]:
        """The prompt of a task as token ids. See `text`."""
        pairs = self._parts(task, question, abstraction, parts)
        if self.world:
            pairs = [
                (text if allowed is None else self._world_words(text, allowed), allowed) for text, allowed in pairs
            ]
        # A chat template writes the special tokens itself; bare text wants the tokenizer's own.
        return [*([] if self.tokenizer.chat_template else self._prefix), *self.plain(pairs)]

    def raw_ids(self, text: str) -> list[int]:
        """A text that is a whole prompt by itself, control tokens and all, as token ids."""
        return [*self._prefix, *self.tokenizer(text, add_special_tokens=False)["input_ids"]]

    @cached_property
    def _prefix(self) -> list[int]:
        return bare_prefix(self.tokenizer)

    def _world_words(self, text: str, allowed: tuple[str, ...]) -> str:
        """A control token in a world's text is one unknown word, so that no prompt grows beyond what was sampled."""
        return self.plain.replaced(text, UNKNOWN, allowed)

    def opening(self, task: str) -> str:
        """The thought that the chat template opens at the end of a task's prompt, such as `<think>` and a line break;
        empty where it opens none."""
        tail = self._skeleton(task, "{abstraction}" in self._template(task))[-1]
        tags = list(THINK.finditer(tail))
        return tail[tags[-1].start() :] if tags and not tags[-1][1] else ""

    def completion_ids(self, text: str, task: str = "plain") -> list[int]:
        """A demonstration's tokens, ending in the end-of-sequence token.

        A thought that the task's prompt opens is closed first, or goes on with the demonstration's own.
        """
        if opening := self.opening(task):
            own = THINK.match(text.lstrip())
            text = text.lstrip()[own.end() :].lstrip() if own else f"\n</{THINK.match(opening)[2]}>\n\n{text}"
        return [*self.plain([(text, self._demonstrated)]), self.tokenizer.eos_token_id]

    @cached_property
    def _demonstrated(self) -> set[str] | None:
        """Control tokens that a demonstration may hold: a world's own; elsewhere the tags of thinking."""
        return None if self.world else {text for text in self.plain.control if THINK.fullmatch(text)}

    def decode(self, ids: list[int]) -> str:
        """The text of tokens. Special tokens are left out (in worlds only the end-of-sequence token), but tags of
        thinking never: without them a thought would read like an answer."""
        kept = self._special_tags
        if kept:
            hidden = set(self.tokenizer.all_special_ids) - kept
            text = self.tokenizer.decode([i for i in ids if i not in hidden], skip_special_tokens=False)
        else:
            text = self.tokenizer.decode(ids, skip_special_tokens=not self.world)
        return text.replace(self.tokenizer.eos_token, "")

    @cached_property
    def _special_tags(self) -> set[int]:
        added = self.tokenizer.added_tokens_decoder
        return {i for i, token in added.items() if token.special and THINK.fullmatch(token.content)}

    def cut(self, text: str, most: int) -> str:
        """The text's first `most` tokens."""
        ids = self.plain([(text, self._demonstrated)])
        return text if len(ids) <= most else self.decode(ids[:most])

    def completion_text(self, ids: list[int], task: str = "plain") -> str:
        """What a player wrote under the prompt of a task, with the thought that the prompt had opened."""
        return self.opening(task) + self.decode(ids)

    def read_abstraction(self, ids: list[int]) -> str:
        """What the abstraction player wrote: its text without thinking and tags; empty when there is none."""
        return spoken(self.completion_text(ids, "propose"))

    def read_list(self, ids: list[int]) -> list[tuple[int, int, str]]:
        """(start, end, text) of every abstraction in a list of them; the places are among the tokens `ids`.

        A world's are parted by its separator, others by line breaks. Nothing of a thought is an item: one that ends
        stands in front of the first item, and one that does not is all that follows.
        """
        ended, opening = SEPARATOR if self.world else "\n", self.opening("propose_set")
        texts = [self.decode([i]) for i in ids]
        thought = thought_span([opening, *texts])
        ends = [ended in text and i not in thought for i, text in enumerate(texts, 1)]
        said = ["" if self.world and end else text for text, end in zip(texts, ends, strict=True)]
        found = []
        for start, end in item_spans(said, ends):
            text = self.decode(ids[start:end])
            if self.world:
                text = text.replace(SEPARATOR, "").strip()
            else:
                text = unnumbered(spoken(text if start else opening + text))
            found.append((start, end, text))
        return found

    def read_answer(self, ids: list[int], task: str = "select") -> str:
        """What a player says in answer to a task, without thinking and tags."""
        return spoken(self.completion_text(ids, task))

    def read_critique(self, ids: list[int]) -> str:
        """What was said about an attempt, without thinking."""
        return spoken(self.completion_text(ids, "critique"))

    def verdict_text(self, right: bool, gold: str | None = None) -> str:
        """The verifier's critique: the verdict and, where it is to be told, the right answer."""
        if self.world:
            return (RIGHT if right else WRONG) + (f" {gold}" if gold else "")
        told = f" The right answer is {gold}." if gold else ""
        return ("The solution is right." if right else "The solution is wrong.") + told

    @property
    def judges(self) -> bool:
        """Whether a player has words for a verdict: a world's are in its vocabulary only where critiques are learnt."""
        return not self.world or RIGHT in self.tokenizer.get_vocab()

    def conclusion_ids(self, right: bool) -> list[int]:
        """A critique that says its verdict at once, as token ids without an end."""
        word = "right" if right else "wrong"
        return self.completion_ids(f"<{word}>" if self.world else f"Conclusion: {word}", "critique")[:-1]

    def one_pass_text(self, abstraction: str, solution: str) -> str:
        """A demonstration of the one-pass task."""
        if self.world:
            return f"{abstraction} {SEPARATOR} {solution}"
        return f"<abstraction>\n{abstraction}\n</abstraction>\n\n{solution}"
