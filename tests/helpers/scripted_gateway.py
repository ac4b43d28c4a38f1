"""A gateway without models: serves the playground, and answers POST /v1/solve with whatever a test has written down.

Its events are built from rlad.reasoning.events, so they cannot drift from the contract. Nothing sleeps: a script may
pause at `HOLD`, where the server waits until the test releases it or the browser hangs up.
"""

from __future__ import annotations

import select
import socket
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pydantic import ValidationError

from rlad.reasoning import events
from rlad.serving import playground, schema

HOLD = "hold"
"""Wait here for `ScriptedGateway.release`."""
HANG_UP = "hang up"
"""Close the connection here, in the middle of the stream."""
PATIENCE = 300.0
"""Seconds after which a forgotten HOLD ends by itself."""


@dataclass
class Refusal:
    """An answer that is no stream."""

    status: int
    message: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        error = events.ErrorBody(message=self.message, type="invalid_request_error", code=str(self.status))
        return schema.ErrorResponse(error=error).model_dump_json().encode()


class ScriptedGateway:
    """`with ScriptedGateway() as gateway:` serves at `gateway.url` what `gateway.script` holds: a list or a Refusal."""

    def __init__(self):
        self.script = []
        self.key: str | None = None
        self.examples: list[str] = []
        self.requests: list[schema.SolveRequest] = []
        self.hung_up, self.released = threading.Event(), threading.Semaphore(0)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"gateway": self}))
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def release(self) -> None:
        """Lets the script go on from one HOLD."""
        self.released.release()

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(PATIENCE)


class _Handler(BaseHTTPRequestHandler):
    gateway: ScriptedGateway

    def log_message(self, *_):
        pass

    def do_GET(self):
        cards = [schema.ModelCard(id="rlad", created=0, examples=self.gateway.examples)]
        models = {"/v1/models": ("application/json", schema.ModelList(data=cards).model_dump_json().encode())}
        media_type, content = (playground.files() | models).get(self.path, (None, b""))
        self.answer(200 if media_type else 404, content, {"Content-Type": media_type or "text/plain"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/v1/solve":
            self.refuse(Refusal(404, f"There is no {self.path}."))
        elif self.gateway.key and self.headers["Authorization"] != f"Bearer {self.gateway.key}":
            self.refuse(Refusal(401, "This server wants a key."))
        elif isinstance(self.gateway.script, Refusal):
            self.refuse(self.gateway.script)
        else:
            self.solve(body)

    def solve(self, body):
        try:
            self.gateway.requests.append(schema.SolveRequest.model_validate_json(body))
        except ValidationError as problem:
            self.refuse(Refusal(422, str(problem)))
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        try:
            self.stream()
        except (BrokenPipeError, ConnectionResetError):
            self.gateway.hung_up.set()

    def stream(self):
        self.wfile.write(b": connected\n\n")
        for item in self.gateway.script:
            if item == HANG_UP:
                return
            if item == HOLD:
                self.hold()
            else:
                data = item if isinstance(item, str) else item.model_dump_json()
                self.wfile.write(f"data: {data}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def hold(self):
        """Until released; ends the stream when the browser has gone."""
        for _ in range(int(PATIENCE / 0.02)):
            if self.gateway.released.acquire(timeout=0.02):
                return
            readable, _, _ = select.select([self.connection], [], [], 0)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                raise BrokenPipeError

    def refuse(self, refusal):
        self.answer(refusal.status, refusal.body, {"Content-Type": "application/json", **refusal.headers})

    def answer(self, status, content, headers):
        self.send_response(status)
        for name, value in {**headers, **playground.HEADERS, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


# ------------------------------------------------------------------------------------------------------- scripts
@dataclass
class Story:
    """A tree to tell: abstractions, and under each the (text, answer) of its solutions."""

    branches: dict[str, list[tuple[str, str | None]]]
    """The key "" holds solutions without an abstraction."""
    same: dict[str, str] = field(default_factory=dict)
    """answer -> what it is counted as, where that is shared with another answer."""
    leaks: tuple[str, ...] = ()
    wanted: tuple[int, int] | None = None
    """(abstractions, solutions) that were asked for, when the tree ends with fewer."""
    stopped: str = "complete"
    limit: int = 4096
    select: str = "majority"

    @property
    def start(self) -> events.StartEvent:
        n, m = self.wanted or (len(self.abstractions), max(len(s) for s in self.branches.values()))
        return events.StartEvent(
            id="solve-1", abstractions=n, solutions=m, select=self.select, max_total_tokens=self.limit, seed=1,
            propose_temperature=1.0, temperature=0.3, max_tokens=64, early_stop=True,
        )  # fmt: skip

    @property
    def abstractions(self) -> list[events.AbstractionEvent]:
        return [
            events.AbstractionEvent(index=i, text=text, tokens=len(text.split()), leak=text in self.leaks or None)
            for i, text in enumerate(self.branches)
            if text
        ]

    @property
    def leaves(self) -> list[tuple[int | None, int, str, str | None]]:
        """(abstraction, solution, text, answer), first solutions first, as samplers finish them."""
        under = enumerate(self.branches.items())
        found = [(i if name else None, j, *s) for i, (name, leaves) in under for j, s in enumerate(leaves)]
        return sorted(found, key=lambda leaf: leaf[1])

    def votes(self, leaves) -> list[events.AnswerVotes]:
        """One vote each; an answer is listed in the form that stands first in the tree, so that may change later."""
        placed = sorted(leaves, key=lambda leaf: (leaf[0] is not None and leaf[0], leaf[1]))
        answers = [answer for *_, answer in placed if answer is not None]
        keys = [self.same.get(answer, answer) for answer in answers]
        forms = {key: list(dict.fromkeys(a for a, k in zip(answers, keys, strict=True) if k == key)) for key in keys}
        return [
            events.AnswerVotes(answer=forms[key][0], forms=forms[key], weight=count, share=count / len(keys))
            for key, count in Counter(keys).most_common()
        ]

    def told(self, leaf) -> list:
        """The events of one solution: its text word by word, its end, and the vote that follows."""
        i, j, text, answer = leaf
        words = [text[at : at + 12] for at in range(0, len(text), 12)]
        before = self.leaves[: self.leaves.index(leaf) + 1]
        deltas = [events.SolutionDeltaEvent(abstraction=i, solution=j, text=word) for word in words]
        tokens = len(text.split())
        end = events.SolutionEvent(
            abstraction=i, solution=j, text=text, answer=answer, tokens=tokens, ms=40.0 + 3 * tokens
        )
        counted = [leaf for leaf in before if leaf[3] is not None]
        weights = [
            sum(leaf[0] == index for leaf in counted) / max(1, len(counted)) for index in range(len(self.abstractions))
        ]
        vote = events.VoteEvent(votes=self.votes(before), weights=weights)
        return [*deltas, end, *([vote] if answer is not None else [])]

    @property
    def done(self) -> events.DoneEvent:
        votes = self.votes(self.leaves)
        answer = votes[0].answer if votes else None
        leaf = next((leaf for leaf in self.leaves if votes and leaf[3] == answer), None)
        written = sum(event.tokens for event in self.abstractions)
        solved = sum(len(text.split()) for _, _, text, _ in self.leaves)
        usage = events.Usage(
            prompt_tokens=50, completion_tokens=written + solved, total_tokens=50 + written + solved,
            abstraction=events.PlayerUsage(prompt_tokens=10, completion_tokens=written),
            solution=events.PlayerUsage(prompt_tokens=40, completion_tokens=solved),
        )  # fmt: skip
        chosen = events.Chosen(abstraction=leaf[0], solution=leaf[1]) if leaf else None
        text = leaf[2] if leaf else ""
        return events.DoneEvent(
            answer=answer, text=text, chosen=chosen, votes=votes, usage=usage, ms=412.0, stopped=self.stopped
        )

    def script(self) -> list:
        """All events in order."""
        return [self.start, *self.abstractions, *(e for leaf in self.leaves for e in self.told(leaf)), self.done]


def error(message: str) -> events.ErrorEvent:
    """The last event of a run that failed on the way."""
    return events.ErrorEvent(error=events.ErrorBody(message=message, type="server_error"))


def pause(fake, after="vote", number=1):
    """Makes the script wait after the first `number` events of a type."""
    at = [i for i, event in enumerate(fake.script) if event != HOLD and event.type == after][number - 1] + 1
    fake.script = [*fake.script[:at], HOLD, *fake.script[at:]]


STORY = Story(
    {
        "Fit 2 a + b and a constant.": [("6 + 5 = 11 ; 9 + 3 = 12 \\boxed{12}", "12"), ("so it is 12", "12")],
        "Multiply, then correct.": [("15 - 1 = 14 ; 4 - 1 = 3", "3"), ("4 - 1 is 3.0", "3.0")],
        "Look at it longer.": [("I do not see it.", None), ("once more: 12", "12")],
    },
    same={"3.0": "3"},
)
"""A tree with two answers, one of them in two forms, and a solution without any."""
