"""Critique-GRPO: who is refined, under what prompt it is learnt, the union baseline, the n_prefix trap, the critics."""

import re
from contextlib import closing
from types import SimpleNamespace

import pytest
import torch
from chat_server import chat_server, in_openais_form
from credit_rows import solution_rows
from teachers import teacher
from trees import solution, tree

from rlad.chat_model import ModelDown
from rlad.config import CotrainConfig, CritiqueConfig, MixtureConfig, PlayerConfig, VerifierConfig, load_config
from rlad.generation import Completion, Sampling
from rlad.players.policy import format_tokens, load_tokenizer, make_prompts
from rlad.problems import Problem, load_problems, make_world
from rlad.reasoning.judge import Judge
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.tree import Branch, Draw, Solution, Tree
from trainers.data.demonstrations import Demonstrations
from trainers.learner.batches import collate
from trainers.losses.shaped import shaped_ratio
from trainers.methods.critique import Refiner, failures, keep_best
from trainers.methods.critique_client import Teacher

SAMPLING = Sampling(max_new_tokens=24, seed=1)
ALONE = {"abstractions": 0, "drop_constant_groups": True}


def refined_group():
    """Three wrong bare solutions and a right refinement."""
    t = tree(bare=[0, 0, 0])
    t.refined = [solution(True, tokens=5)]
    return t


def test_union_baseline():
    rows = solution_rows([refined_group()], CotrainConfig(**ALONE), PlayerConfig())
    assert [row.advantage for row in rows] == pytest.approx([-0.25, -0.25, -0.25, 0.75], abs=1e-4)
    guided = tree([[0, 0, 0], [1, 0, 0]])
    guided.branches[0].refined = [solution(True, tokens=5)]
    rows = solution_rows([guided], CotrainConfig(), PlayerConfig())
    assert [row.advantage for row in rows] == pytest.approx([-0.25] * 3 + [0.75] + [2 / 3] + [-1 / 3] * 2)
    across = solution_rows([guided], CotrainConfig(solution_group="problem"), PlayerConfig())
    assert sum(row.advantage for row in across) == pytest.approx(0)
    assert across[-1].advantage == pytest.approx(1 - 2 / 7) and across[-1].shaping == 0.1


def test_refinements_are_shaped_and_carry_no_kl():
    rows = solution_rows([refined_group()], CotrainConfig(**ALONE), PlayerConfig())
    assert [row.shaping for row in rows] == [0, 0, 0, 0.1]
    assert [row.kl_weight for row in rows] == [1, 1, 1, 0]


def test_n_prefix_trap():
    """The published script leaves every refinement in a group of its own, so with advantage 0: it is never learnt.

    Here a refinement must move its tokens, all of them, and by the shaped weight.
    """
    rows = solution_rows([refined_group()], CotrainConfig(**ALONE), PlayerConfig())
    batch = collate(rows, [3], 0, torch.device("cpu"))
    advantage = batch.advantage
    assert advantage.tolist() == [[0.75] * 5]
    logp = torch.full((1, 5), 0.1).log().requires_grad_()
    shaped_ratio(logp, advantage, batch.gamma).sum().backward()
    assert logp.grad[0].tolist() == pytest.approx([-0.75 * 0.25] * 5)  # gamma p / (p + gamma)^2 at p = gamma


def test_which_failures_are_refined():
    t = tree([[0, 0], [1, 0], []], bare=[0])
    only_wrong = failures([t], CotrainConfig())
    assert [a.abstraction for a in only_wrong] == ["z0", "z0"]
    everyone = failures([t], CotrainConfig(critique=CritiqueConfig(groups="any")))
    assert [a.abstraction for a in everyone] == ["z0", "z0", "z1"]
    alone = failures([tree(bare=[0, 1, 0])], CotrainConfig(abstractions=0, critique=CritiqueConfig(groups="any")))
    assert [a.abstraction for a in alone] == [None, None]


def test_right_refinements_first():
    some = [solution(False), solution(True), solution(False), solution(True)]
    assert keep_best(some, CotrainConfig(critique=CritiqueConfig(keep=3))) == [some[1], some[3], some[0]]


# ------------------------------------------------------------------------------------------------ the critics
@pytest.fixture(scope="module")
def world_run():
    run = load_config(None, ["problems.train=40", "warmstart.mixture.critique=0.1", "warmstart.mixture.refine=0.1"])
    prompts = make_prompts(load_tokenizer(run.base, run.problems, format_tokens(run)), run)
    return SimpleNamespace(
        run=run, prompts=prompts, world=make_world(run.problems), problems=load_problems(run.problems, "train")
    )


class Pen:
    """A sampler that answers prompts in the order given, and remembers them."""

    def __init__(self, prompts, answers):
        self.prompts, self.answers, self.asked, self.samplings = prompts, list(answers), [], []

    def generate(self, prompts, sampling):
        self.asked.append([self.prompts.decode(p) for p in prompts])
        self.samplings.append(sampling)
        return [self._completion(self.answers.pop(0)) for _ in prompts]

    def _completion(self, text):
        ids = tuple(self.prompts.completion_ids(text))
        return Completion(ids, (0.0,) * len(ids), "stop", 0)


def failed_tree(setup):
    """A problem with one abstraction and two wrong attempts."""
    problem = setup.problems[0]
    t = Tree(problem, branches=[Branch("1 a + 1 b", "1 a + 1 b")])
    t.draws = [Draw([1], Completion((1,), (0.0,), "stop", 0), "1 a + 1 b", 0)]
    prompt = setup.prompts.ids("guided", problem.question, "1 a + 1 b")
    pen = Pen(setup.prompts, [])
    for text in ("1 + 1 = 2 \\boxed{ 199 }", "\\boxed{ 198 }"):
        completion = pen._completion(text)
        t.branches[0].solutions.append(Solution(prompt, completion, setup.prompts.decode(list(completion.token_ids))))
    return t


def refiner(setup, answers, **critique):
    config = CotrainConfig(critique=CritiqueConfig(**critique))
    run = SimpleNamespace(cotrain=config, solution=setup.run.solution)
    pen = Pen(setup.prompts, answers)
    judge = Judge(VerifierConfig(), setup.world)
    return Refiner(run, Reasoner(pen, pen, setup.prompts, setup.prompts, judge, setup.world)), pen


def test_the_verifiers_critique_and_the_prompt_that_is_learnt_under(world_run):
    t = failed_tree(world_run)
    gold = t.problem.answer
    refine, pen = refiner(world_run, ["\\boxed{ 197 }", f"\\boxed{{ {gold} }}"], source="verifier")
    refine.reasoner.judge([t])
    counts = refine([t], SAMPLING)
    (asked,) = pen.asked
    question = t.problem.question
    assert (
        asked[0].split()
        == f"<refine> {question} <sep> 1 a + 1 b <sep> 1 + 1 = 2 \\boxed{{ 199 }} <sep> <wrong> <sep>".split()
    )
    (kept,) = t.branches[0].refined
    assert kept.correct
    assert kept.prompt == t.branches[0].solutions[0].prompt  # no attempt, no critique in it
    assert counts == {"refined_correct": (1.0, 1), "refined_groups": (1.0, 1.0)}
    assert t.tokens == 1 + sum(s.tokens for s in t.solutions) + kept.tokens + len(
        world_run.prompts.completion_ids("\\boxed{ 197 }")
    )
    rows = solution_rows([t], refine.run.cotrain, PlayerConfig())
    assert rows[-1].advantage == pytest.approx(2 / 3) and rows[-1].prompt == rows[0].prompt


def test_gold_is_told_only_when_asked(world_run):
    for show in (False, True):
        t = failed_tree(world_run)
        refine, pen = refiner(world_run, ["1", "1"], source="verifier", show_gold=show)
        refine.reasoner.judge([t])
        refine([t], SAMPLING)
        assert (f"<wrong> {t.problem.answer} <sep>" in pen.asked[0][0]) == show


def test_the_policys_own_critique(world_run):
    t = failed_tree(world_run)
    answers = ["<wrong> 2 a + 1 b", "<wrong>", "\\boxed{ 1 }", "\\boxed{ 2 }"]
    refine, pen = refiner(world_run, answers, source="self", max_new_tokens=9)
    refine.reasoner.judge([t])
    refine([t], SAMPLING)
    critiques, second = pen.asked
    assert [(sampling.max_new_tokens, sampling.seed) for sampling in pen.samplings] == [(9, 1), (24, 2)]
    assert critiques[0].startswith("<critique> ") and "<wrong>" not in critiques[0]
    assert "<wrong> 2 a + 1 b <sep>" in second[0]
    assert t.extra_tokens >= sum(len(world_run.prompts.completion_ids(text)) for text in answers[:2])


def test_a_teachers_critique(world_run):
    t = failed_tree(world_run)
    with teacher("<wrong> 2 a + 1 b") as (url, asked):
        refine, pen = refiner(world_run, ["1", "1"], source="teacher", teacher_url=url, show_gold=True)
        refine.reasoner.judge([t])
        refine([t], SAMPLING)
        refine.close()
    assert [body["path"] for body in asked] == ["/v1/chat/completions"] * 2
    assert asked[0]["model"] == "the-teacher" and asked[0]["max_tokens"] == 64
    text = sorted(body["messages"][0]["content"] for body in asked)[0]
    assert t.problem.question in text and "\\boxed{ 19" in text and f"right answer is {t.problem.answer}" in text
    assert all("<wrong> 2 a + 1 b <sep>" in prompt for prompt in pen.asked[0])


def ask_once(config):
    with closing(Teacher(config, attempts=2, pause=0.001)) as ask:
        return ask(["a"])


def test_teacher_is_asked_again_when_busy_and_refused_in_one_sentence(monkeypatch):
    monkeypatch.setenv("TEACHER_KEY", "secret")
    with teacher("fine", failures=[503, 429]) as (url, asked):
        config = CritiqueConfig(teacher_url=url, teacher_model="m", teacher_key="TEACHER_KEY", teacher_requests=1)
        with closing(Teacher(config, pause=0.001)) as ask:
            assert ask(["a", "b"]) == ["fine", "fine"]
            assert ask([]) == [] and ask(["c"]) == ["fine"]  # over the same connections
        assert {body["authorization"] for body in asked} == {"Bearer secret"}
    with teacher(failures=[400]) as (url, _), pytest.raises(ModelDown, match="did not answer: .*400"):
        ask_once(CritiqueConfig(teacher_url=url, teacher_model="m"))
    with pytest.raises(ModelDown, match="did not answer"):  # nobody listens any more
        ask_once(CritiqueConfig(teacher_url=url, teacher_model="m"))
    with pytest.raises(ModelDown, match="'NOT_SET' .* is not set"):
        Teacher(CritiqueConfig(teacher_url=url, teacher_key="NOT_SET"))


def test_a_teacher_that_refuses_fields_is_asked_without_them():
    """Each refusal names a key of this section, until what is asked is what the server takes."""
    taken, bodies, keys = {"model", "messages", "max_completion_tokens"}, [], []

    def answer(body, _):
        if refused := sorted(body.keys() - taken):
            return 400, {"error": {"message": f"Unsupported parameter: '{refused[0]}' is not supported."}}
        bodies.append(body)
        return 200, in_openais_form(["wrong"])

    with chat_server(answer) as url:
        while True:
            words = ["cotrain.critique.source=teacher", f"cotrain.critique.teacher_url={url}"]
            run = load_config(None, [*words, "warmstart.mixture.refine=0.1", *keys])
            try:
                assert ask_once(run.cotrain.critique) == ["wrong"]
                break
            except ModelDown as error:
                keys.append(re.search(r"set '(\S+)'\.$", str(error))[1])
    assert keys[0] == "cotrain.critique.teacher_limit_field=max_completion_tokens"
    assert keys[-1] == "cotrain.critique.teacher_drop=[n,seed,temperature]" and len(keys) == 4
    assert [body["max_completion_tokens"] for body in bodies] == [64] and bodies[0].keys() == taken


@pytest.mark.parametrize("reply", [{"choices": []}, {"text": "fine"}, [1], {"choices": [{"message": None}]}])
def test_a_teacher_with_another_api_is_named_in_one_sentence(reply):
    with teacher(reply=reply) as (url, _), pytest.raises(ModelDown, match="as OpenAI's API does: no '") as said:
        ask_once(CritiqueConfig(teacher_url=url))
    assert "\n" not in str(said.value)


# ------------------------------------------------------------------------------------------------ warm start
@pytest.mark.parametrize("source", ["induction", "countdown", "algebra"])
def test_critique_demonstrations_of_worlds(source):
    import random

    only = {"plain": 0.0, "propose": 0.0, "guided": 0.0, "critique": 1.0, "refine": 1.0}
    run = load_config(
        None,
        [f"problems.source={source}", "problems.train=15", *(f"warmstart.mixture.{k}={v}" for k, v in only.items())],
    )
    world, problems = make_world(run.problems), load_problems(run.problems, "train")
    prompts = make_prompts(load_tokenizer(run.base, run.problems, format_tokens(run)), run)
    data, rng, seen = Demonstrations(problems, world, prompts, MixtureConfig(**only)), random.Random(2), set()
    by_question = {p.question.replace(" ", ""): p for p in problems}
    judge = Judge(VerifierConfig(), world)
    for _ in range(60):
        task, row = data.draw(rng)
        prompt, text = prompts.decode(list(row.prompt)), prompts.decode(list(row.completion)).strip()
        assert "<unk>" not in prompt + text
        assert prompt.split()[0] == f"<{task}>"
        parts = [part.strip() for part in prompt.split("<sep>")]
        problem = by_question[parts[0].removeprefix(f"<{task}>").replace(" ", "")]
        if task == "critique":
            attempt = parts[-2]
            assert text.startswith("<right>") == judge([(problem, attempt)])[0].correct
            seen.add(text.split()[0])
        else:
            assert judge([(problem, text)])[0].correct
    assert seen == {"<right>", "<wrong>"}


def test_critique_demonstrations_of_a_file():
    import random

    from rlad.players.prompts import Prompts
    from rlad.problems.base import ProblemError

    run = load_config(None, [])
    prompts = Prompts(load_tokenizer(run.base, run.problems, format_tokens(run)))
    rows = [Problem("a", "1 , 2 > 3", "3", solution="s", attempt="1 + 1", critique="a + b"), Problem("b", "x", "1")]
    only = {"plain": 0.0, "propose": 0.0, "guided": 0.0}
    data = Demonstrations(rows, None, prompts, MixtureConfig(**only, critique=1.0))
    task, row = data.draw(random.Random(0))
    assert task == "critique"
    assert prompts.decode(list(row.completion)).strip() == "a + b"
    with pytest.raises(ProblemError, match="no demonstrations for refine"):
        Demonstrations(rows[1:], None, prompts, MixtureConfig(**only, refine=1.0))
