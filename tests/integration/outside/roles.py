"""A referee: reads a problem and its most frequent answer, and says whether that is right."""

from typing import ClassVar

from rlad.config.registry import role
from rlad.players.roles import Demonstration, Group, Sample, Task, TreeReader
from rlad.verifier import extract_answer


@role("referee", starting={"max_new_tokens": 4})
class Referee(TreeReader):
    """Judges the most frequent answer of a tree; is paid for saying what the verifier says."""

    symbol, title, probe = "π_ref", "referee", "approve"
    marks = ("<approve>",)
    tasks: ClassVar = {
        "approve": Task(
            chat="{question}\n\nIs the answer {answer}? Reply with 1 if it is and with 0 if not.",
            world="<approve> {question} <sep> {answer} <sep>",
        )
    }

    def act(self, trees, prompts, ask, run):
        asked = [(tree, *max(tree.answers(), key=lambda one: len(one[1]))) for tree in trees if tree.answers()]
        asked = [(*one, prompts.ids("approve", one[0].problem.question, answer=one[1])) for one in asked]
        asked = [one for one in asked for _ in range(run.cotrain.selections)]
        for (tree, _, solutions, prompt), said in zip(asked, ask([prompt for *_, prompt in asked]), strict=True):
            text = prompts.read_answer(list(said.token_ids), "approve")
            tree.add_written(self.name, prompt, said, text, text.strip() == str(int(solutions[0].correct)))

    def groups(self, tree, pay):
        told = tree.written.get(self.name, [])
        return [Group([Sample(one.prompt, one.completion, float(one.correct)) for one in told])] if told else []

    def written(self, tree):
        return [(one.text, one.completion, one.correct) for one in tree.written.get(self.name, [])]

    def form(self, text):
        return "verdict" if text.strip() in ("0", "1") else "other"

    def reads(self, run):
        return 16

    def samples(self, run, problems, bare):
        return (problems + bare) * run.cotrain.selections

    def demonstrate(self, task, problem, world, right, rng):
        solution = world.solve(problem, world.propose(problem, rng), rng)
        verdict = str(int(right(problem, solution)))
        return Demonstration({"answer": extract_answer(solution) or "?"}, chat=verdict, world=verdict)
