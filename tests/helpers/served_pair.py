"""A pair behind one server with OpenAI's chat API: its proposer writes a world's forms, its solver follows one."""

import random
import re

from chat_server import in_openais_form

from rlad.problems import load_problems, world_of

SPLITS = ("validation", "test")


class ServedPair:
    """Answers by the message, the seed and what a test switches on; counts what it generates."""

    def __init__(self, run, logprobs=True):
        self.world, self.problems = world_of(run.problems), {}
        for split in SPLITS:
            self.problems |= {problem.question: problem for problem in load_problems(run.problems, split)}
        self.logprobs, self.asked, self.tokens, self.breaks_after = logprobs, [], 0, None

    def __call__(self, body, request):
        if self.breaks_after is not None and len(self.asked) >= self.breaks_after:
            return 400, {"error": {"message": "worn out"}}
        self.asked.append(body)
        message, most = body["messages"][0]["content"], body.get("max_tokens") or body["max_completion_tokens"]
        words = self.written(message, random.Random(f"{message}|{body.get('seed')}")).split()[:most]
        self.tokens += len(words)
        answer = in_openais_form([" ".join(words)], usage={"prompt_tokens": 1, "completion_tokens": len(words)})
        answer["choices"][0]["finish_reason"] = "stop" if len(words) < most else "length"
        if self.logprobs and body.get("logprobs"):
            answer["choices"][0]["logprobs"] = {"content": [{"token": one, "logprob": -0.25} for one in words]}
        return 200, answer

    def written(self, message, rng):
        problem = self.problems[message.split("\n")[0]]
        if "Do not solve this problem" in message:
            return self.world.propose(problem, rng)
        hint = re.search(r"<abstraction>\n(.*)\n</abstraction>", message)
        known = {form.text for form in self.world.prior}
        if hint and self.world.canonical_abstraction(hint[1]) in known:
            return self.world.solve(problem, hint[1], rng)
        return f"I guess \\boxed{{ {rng.randrange(9)} }}"
