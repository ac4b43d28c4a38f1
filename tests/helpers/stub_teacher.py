"""A server with OpenAI's chat API that plays teacher and solver for problems "Tom has A cards and gets B more."

The solver is right in one of four solutions, in three of four with a hint that says "useful", and guesses a number
without its problem where the note says "secret". Every answer depends on the message and the sample's place alone.
"""

import asyncio
import json
import math
import re
import threading
import time
from collections import Counter
from contextlib import contextmanager

from chat_server import chat_server, in_openais_form

from rlad.config import load_config
from rlad.problems import load_problems
from trainers.distill.__main__ import distil

PATIENCE = 300.0
"""Seconds after which a request that waits for `go` is answered all the same."""
QUESTION = "Tom has {a} cards and gets {b} more. How many cards does Tom have now?"
PROBLEMS = [
    {"problem": QUESTION.format(a=a, b=b), "answer": a + b, "solution": f"{a} + {b}"}
    for a, b in ((21, 6), (14, 17), (40, 9), (33, 25))
]
TEXTS = {
    "Several attempts": ["A useful sign is the word 'more': the amount grows.", "He will have {words} cards.", "short"],
    "Its solution": [
        "A useful sign is the word 'more': the amount grows!",
        "Here is the insight: add.",
        "secret {gold2}",
    ],
    "A right and a wrong": [
        "Think of cards in any way that you like to.",
        "A useful picture: lay both heaps together.",
        "",
    ],
    "that was checked": [
        "It is useful to lay both heaps side by side, as one.",
        "The attempts above are fine.",
        "x" * 300,
    ],
}


def answers(message, n):
    """The `n` texts that the model gives to a message."""
    numbers = (
        [int(x) for x in re.findall(r"Tom has (\d+) cards and gets (\d+)", message)[0]] if "Tom has" in message else []
    )
    gold = sum(numbers)
    if "Group the notes" in message:
        count = len(re.findall(r"(?m)^\d+\.", message))
        return [" | ".join([",".join(map(str, range(2, count + 1))), "1"]) if count > 1 else "1"] * n
    for start, texts in TEXTS.items():
        if start in message:
            made = {"words": f"exactly {gold}", "gold2": f"note on the year that has {gold - 1} before it, a long one"}
            return [texts[i % len(texts)].format(**made) for i in range(n)]
    if "that you cannot see" in message:
        found = re.search(r"has (\d+) before it", message)
        return [rf"\boxed{{{int(found[1]) + 1 if found and i == 3 else 0}}}" for i in range(n)]
    share = 3 if "<abstraction>" in message and "useful" in message else 1
    return [rf"So \boxed{{{gold if i % 4 < share else gold + 1}}}." for i in range(n)]


def role_of(message):
    """Who is asked a message."""
    return "teacher" if "Write one short" in message or "Group the notes" in message else "solver"


class Asked(list):
    """The bodies asked; `open` and `most`: requests of each role that are, and at most were, open at a time. Those
    behind the first `free` are answered once `go` is set."""

    def __init__(self):
        super().__init__()
        self.open, self.most, self.lock = Counter(), Counter(), threading.Lock()
        self.free, self.go = math.inf, threading.Event()

    @contextmanager
    def counted(self, body):
        role = role_of(body["messages"][0]["content"])
        with self.lock:
            self.append(body)
            number = len(self)
            self.open[role] += 1
            self.most[role] = max(self.most[role], self.open[role])
        if number > self.free:
            self.go.wait(PATIENCE)
        yield
        with self.lock:
            self.open[role] -= 1


@contextmanager
def stub(delay=0.0, most=None):
    """Yields (base URL, bodies asked). `delay`: seconds per answer; `most`: samples it gives at once."""
    asked = Asked()

    def answer(body, _):
        with asked.counted(body):
            time.sleep(delay)
        n = min(body["n"], most or body["n"])
        usage = {"prompt_tokens": 10, "completion_tokens": 5 * n}
        return 200, in_openais_form(answers(body["messages"][0]["content"], n), usage=usage)

    with chat_server(answer) as url:
        yield url, asked


def made(path, folder, *overrides):
    """(card, sft rows, rejects) of a run in this process."""
    run = load_config(path, list(overrides))
    folder.mkdir(exist_ok=True)
    card = asyncio.run(distil(run, folder, load_problems(run.problems, "train")))
    read = [
        [json.loads(line) for line in (folder / name).read_text().splitlines()]
        for name in ("sft.jsonl", "rejects.jsonl")
    ]
    return card, *read
