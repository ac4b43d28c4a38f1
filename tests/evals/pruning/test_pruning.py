"""Greedy pruning: its order against hand-worked weights, what may go, and what the command says of a run."""

import json
import random
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console

from evals.pruning import measuring, notes, students
from evals.pruning.__main__ import main
from evals.pruning.categories import token_names
from evals.pruning.chains import Likelihood, chain_of, chains_of
from evals.pruning.deletion import MOST, frozen, greedy, left, remaining, scorings, shuffled
from evals.pruning.retention import retention
from evals.pruning.showing import print_pruning
from evals.samples.trees import Condition, Draws, Grown, Guided, Sampled, Samples
from rlad.cli import PlainError
from rlad.config import ConfigError, load_config, save_config
from rlad.generation.base import Completion
from rlad.generation.transformers import TransformersSampler
from rlad.players.policy import build_model, load_tokenizer
from rlad.players.prompts import Prompts
from rlad.problems import load_problems, world_of
from rlad.reasoning.judge import Judge

SMALL = ["base.hidden_size=16", "base.layers=1", "base.heads=2", "base.kv_heads=1", "base.intermediate_size=16"]
RUN = load_config(None, [*SMALL, "problems.train=40", "problems.test=14", "launch.device=cpu"])
WORLD = world_of(RUN.problems)
TOKENIZER = load_tokenizer(RUN.base, RUN.problems)
PROMPTS = Prompts(TOKENIZER)
TEST = load_problems(RUN.problems, "test")


@pytest.fixture(scope="module")
def sampler():
    torch.manual_seed(0)
    return TransformersSampler(build_model(RUN.base, TOKENIZER), [TOKENIZER.eos_token_id], TOKENIZER.pad_token_id)


def solutions(problems=TEST):
    """The worlds' own right solutions."""
    return [WORLD.solve(problem, problem.meta["form"], random.Random(0)) for problem in problems]


@pytest.fixture(scope="module")
def chains():
    return chains_of(TEST, solutions(), PROMPTS, True, 12)[0]


# ------------------------------------------------------------------------------------------------ orders
def test_a_sum_of_weights_goes_in_ascending_order_after_the_stated_number_of_scorings():
    weights, asked = random.Random(0).sample(range(1000), 100), []

    def score(pairs):
        asked.extend(pairs)
        return [float(sum(weights[place] for place in kept)) for _, kept in pairs]

    (order,) = greedy([100], 0.7, score)
    assert order == sorted(range(100), key=weights.__getitem__)[:30]
    assert len(asked) == scorings(100, 70) == 2565
    assert scorings(500, 350) == 63_825


def test_scores_are_renewed_where_frozen_ones_delete_both_of_two_copies():
    """One of places 0 and 1 is enough; alone, each of them can go before place 2."""

    def score(pairs):
        return [10.0 * (0 in kept or 1 in kept) + 1.0 * (2 in kept) for _, kept in pairs]

    assert [remaining(order, 3, 0.3) for order in greedy([3], 0.3, score)] == [(1,)]
    assert [remaining(order, 3, 0.3) for order in frozen([3], score)] == [(2,)]


def test_chains_side_by_side_go_as_they_would_alone(sampler, chains):
    some = chains[:2]
    lengths = [len(chain.reasoning) for chain in some]
    together = greedy(lengths, 0.8, Likelihood(sampler, some).joint)
    alone = [greedy([n], 0.8, Likelihood(sampler, [c]).joint)[0] for n, c in zip(lengths, some, strict=True)]
    assert together == alone
    assert [len(order) for order in together] == [n - left(n, 0.8) for n in lengths]


def test_of_equal_neighbours_the_earlier_goes_however_a_batch_rounds(chains):
    """What is left is the same text; beside others a score differs in its last digits."""
    chain = replace(chains[0], reasoning=[7, 5, 5, 5, 9], answer=[3])

    def score(prompts, completions):
        assert len(set(map(tuple, completions))) == len(completions)
        return [float(5 not in text) - 9 * (7 not in text) - 9 * (9 not in text) - text.count(5) + 1e-6 * place
                for place, text in enumerate(completions)]  # fmt: skip

    likelihood = Likelihood(SimpleNamespace(score=score), [chain])
    assert greedy([5], 0.4, likelihood.joint) == [[1, 2, 3]] and likelihood.scorings == scorings(5, 2)


def test_objectives_score_what_they_say(sampler, chains):
    """log P(R', A | Q) = log P(R' | Q) + log P(A | Q, R')."""
    likelihood, chain = Likelihood(sampler, chains), chains[0]
    kept = tuple(range(0, len(chain.reasoning), 2))
    prefix = sampler.score([chain.prompt], [chain.shortened(kept)])[0]
    joint, answer = likelihood.joint([(0, kept)])[0], likelihood.answer([(0, kept)])[0]
    assert joint == pytest.approx(prefix + answer, abs=1e-4)
    assert likelihood.scorings == 2


# ------------------------------------------------------------------------------------------------ chains and names
def test_the_answer_is_no_part_of_what_may_go():
    text = solutions()[0]
    chain = chain_of(TEST[0], text, PROMPTS, True)
    assert PROMPTS.decode(chain.answer).startswith("\\boxed{") and "boxed" not in PROMPTS.decode(chain.reasoning)
    assert chain.reasoning + chain.answer == PROMPTS.completion_ids(text)
    assert len(chain.names) == len(chain.steps) == len(chain.reasoning)
    assert set(chain.steps) == {f"step {i}" for i in range(1, 5)}
    assert chain_of(TEST[0], "3 + 4 = 7", PROMPTS, True) is None
    assert chain_of(TEST[0], "\\boxed{ 7 }", PROMPTS, True) is None


def test_chains_beyond_the_limit_are_left_out_and_counted():
    long = "1 + 1 = 2 ; " * (MOST // 6 + 1) + "\\boxed{ 2 }"
    kept, too_long = chains_of(TEST, [long, *solutions()[1:]], PROMPTS, True, 100)
    assert (len(kept), too_long) == (len(TEST) - 1, 1)
    with pytest.raises(PlainError, match="There are 0 right solutions .* 14 are longer than 500 tokens"):
        chains_of(TEST, [long] * len(TEST), PROMPTS, True, 100)


def test_parts_of_a_word_have_its_category():
    pieces = [b"So", b" Jan", b"et", b" has", b" twice", b" 1", b"2", b" of", b" them"]
    assert token_names(pieces, False)[0] == [
        "META_DISCOURSE", "ENTITY_NAME", "ENTITY_NAME", "FUNCTION", "VERBAL_MATH", "SYMBOLIC_MATH", "SYMBOLIC_MATH",
        "FUNCTION", "COREFERENCE",
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------ retention
def test_nothing_deleted_and_deleted_by_chance_are_uniform():
    names = [["a"] * 10 + ["b"] * 10 for _ in range(200)]
    whole = retention(names, [tuple(range(20))] * 200, 200)
    assert [(row["name"], row["share"], row["relative"], row["ci95"]) for row in whole] == [
        ("a", 0.5, 1.0, [1.0, 1.0]),
        ("b", 0.5, 1.0, [1.0, 1.0]),
    ]
    kept = [remaining(order, 20, 0.7) for order in shuffled([20] * 200, 0)]
    for row in retention(names, kept, 200):
        assert row["ci95"][0] <= 1 <= row["ci95"][1]
    only_a = [tuple(range(10))] * 200
    assert {row["name"]: row["relative"] for row in retention(names, only_a, 200)} == {"a": 2.0, "b": 0.0}
    assert retention([["a", "rare"]] + [["a"]] * 20, [(0,)] * 21, 200)[0]["name"] == "a"  # too few hold the other


# ------------------------------------------------------------------------------------------------ abstractions
class Reader:
    """Needs the head `max` and the first number; finds everything else equally likely."""

    def score(self, prompts, completions):
        texts = [PROMPTS.decode(prompt) for prompt in prompts]
        return [-5.0 * ("max" not in text) - 2.0 * (" 3 max" not in text) for text in texts]


def test_what_deletion_costs_beyond_doubling_is_what_a_token_says():
    problem = SimpleNamespace(question="1 , 2 > 6 ; 4 , 1 > ?")
    samples = Samples(["3 * 2 = 6 \\boxed{ 6 }"], [9], [-1.0], ["correct"], [0])
    tree = Grown(Draws(["3 max"], [3], [0]), [Guided("9 max", True, samples), Guided("3 max", False, samples)])
    kept = notes.notes_of([problem] * 10, [tree] * 10, PROMPTS, True, 99)
    assert {PROMPTS.decode(note.ids).strip() for note in kept} == {"3 max"}  # the leak is passed over
    every = notes.scored(Reader(), PROMPTS, kept)
    assert every[0] == {"": (7.0, 0.0), "#": (2.0, 0.0), "max": (7.0, 0.0)}
    rows = notes.table({"base": [dict.fromkeys(every[0], (1.0, 1.0))] * 10, "cotrained": every}, 100)
    row = next(row for row in rows if (row["solver"], row["token"]) == ("cotrained", "#"))
    assert (row["deleted"], row["excess"], row["more than base"]) == (2.0, 2.0, 1.0)


# ------------------------------------------------------------------------------------------------ the command
@pytest.fixture
def run(tmp_path, monkeypatch, sampler):
    """A run whose base is a small random model, with right solutions in its sweep."""
    monkeypatch.setattr(measuring, "SHARES", (0.9,))
    monkeypatch.setattr(measuring, "RESAMPLES", 100)
    save_config(RUN, tmp_path / "config.yaml")
    sampler.model.save_pretrained(tmp_path / "base")
    TOKENIZER.save_pretrained(tmp_path / "base")
    right = [Samples([text], [29], [-1.0], ["correct"], [0]) for text in solutions()]
    sampled = Sampled({"test": TEST}, {Condition("warmstart", "base", "plain", 1.0): right})
    forms = [problem.meta["form"] for problem in TEST]
    grown = [Grown(Draws([z], [3], [0]), [Guided(z, False, y)]) for z, y in zip(forms, right, strict=True)]
    sampled.conditions[Condition("warmstart", "base", "distinct", 0.3, "test", (1,))] = grown
    sampled.write(tmp_path / "sweep_trees.jsonl")
    return tmp_path


def test_the_command_tells_everything_of_a_run(run, capsys):
    main([str(run), "--problems", "12", "--abstractions", "11", "--out", str(run / "found.json")])
    found = json.loads((run / "found.json").read_text())
    assert (found["checkpoint"], found["chains"], found["abstractions"]["number"]) == ("warmstart", 12, 11)
    assert {row["order"] for row in found["likelihood"]} == {"joint", "answer-only", "frozen", "random", "truncated"}
    gains = {row["order"]: row["joint_gains_joint"] for row in found["likelihood"] if row["order"] != "joint"}
    assert gains["random"] > 0 and gains["truncated"] > 0  # it is what greedy deletion keeps
    assert {"operand", "equals", "step 1"} <= {row["name"] for row in found["retention"]}
    assert "Retention relative to uniform" in capsys.readouterr().out


def test_the_tables_are_whole_on_eighty_columns(capsys):
    found = json.loads((Path(__file__).parents[3] / "docs/results/pruning/demo0.json").read_text())
    print_pruning(found, Console(width=80))
    lines = capsys.readouterr().out.splitlines()
    worst = min(found["likelihood"], key=lambda row: row["answer"])
    assert max(map(len, lines)) <= 80 and not any("…" in line for line in lines)
    assert any(f"{worst['answer']:.2f}" in line and worst["order"] in line for line in lines)


def test_a_table_that_is_left_out_says_why(capsys):
    """Eight chains: every category stands in fewer than are told."""
    found = json.loads((Path(__file__).parents[3] / "docs/results/pruning/smollm2-1.json").read_text())
    print_pruning(found, Console(width=200))
    said = capsys.readouterr().out
    assert "Retention relative" not in said and "Retention: no category stands in 10 of the chains" in said


def test_bad_input_is_one_sentence(run):
    with pytest.raises(ConfigError, match="There is no run folder"):
        main(["nowhere"])
    with pytest.raises(PlainError, match="--problems=1 is too small"):
        main([str(run), "--problems", "1"])
    with pytest.raises(PlainError, match="--abstractions=0 is too small"):
        main([str(run), "--abstractions", "0"])
    (run / "sweep_trees.jsonl").unlink()
    with pytest.raises(PlainError, match="run the sweep first"):
        main([str(run)])


# ------------------------------------------------------------------------------------------------ students
@pytest.fixture
def writer(sampler):
    """A solver that writes the world's right solutions and scores as the small model does."""
    known = {tuple(PROMPTS.ids("plain", p.question)): text for p, text in zip(TEST, solutions(), strict=True)}

    def generate(prompts, sampling):
        ids = [PROMPTS.completion_ids(known[tuple(prompt)]) for prompt in prompts]
        return [Completion(tuple(one), (), "stop", 0) for one in ids]

    solver = SimpleNamespace(generate=generate, score=sampler.score)
    return SimpleNamespace(solver=solver, solve_prompts=PROMPTS, judge_of=Judge(RUN.verifier, WORLD))


def test_students_learn_from_the_same_problems_at_equal_tokens(writer, tmp_path):
    rows = students.demonstrations(writer, TEST, 0.7, seed=0)
    assert len({tuple(row["question"] for row in own) for own in rows.values()}) == 1
    for full, *others in zip(*(rows[arm] for arm in students.ARMS), strict=True):
        assert len({row["tokens"] for row in others}) == 1 and others[0]["tokens"] < full["tokens"]
        box = full["solution"][full["solution"].index("\\boxed") :]
        assert all(row["solution"].endswith(box) for row in others)
    for arm, own in rows.items():
        (tmp_path / f"{arm}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in own))
    learnt = {}
    for arm, own in rows.items():
        run = load_config(None, ["warmstart.steps=200", "warmstart.batch=8"])
        command, steps = students.command_of(str(tmp_path), tmp_path, arm, own, run, [])
        learnt[arm] = steps * sum(row["tokens"] for row in own) / len(own)
        made = load_config(None, command[5:])
        assert (made.warmstart.steps, made.warmstart.path) == (steps, str(tmp_path / f"{arm}.jsonl"))
    assert max(learnt.values()) / min(learnt.values()) < 1.01


def test_arms_are_compared_pair_by_pair():
    def arm(right):
        return {"steps": 1, "length": 20.0, "test": {"right": right, "covered": right, "tokens": [20.0] * len(right)}}

    rows = students.compared({"full": arm([0.0, 0.5, 1.0]), "pruned": arm([0.25, 0.75, 1.0])}, 200)
    assert rows[0]["pruned_more_right"] == pytest.approx(1 / 6, abs=1e-3)
    assert "pruned_more_right" not in rows[1]


def test_demonstrations_made_otherwise_are_refused(run):
    (run / "pruning").mkdir()
    (run / "pruning" / "made_with.json").write_text("{}")
    with pytest.raises(PlainError, match="was made with other settings"):
        students.students(str(run), [], 10, 0.7, ["full"])


def test_an_arm_is_a_warm_start_whose_player_is_tested(run, writer, sampler, monkeypatch):
    """The launcher is a stand-in that leaves the small model where a warm start would."""
    commands = []

    def launched(command, **_):
        commands.append(command)
        made = load_config(command[4], command[5:])
        sampler.model.save_pretrained(run / "pruning" / made.name / "base")
        TOKENIZER.save_pretrained(run / "pruning" / made.name / "base")
        return SimpleNamespace(returncode=0)

    rows = students.demonstrations(writer, TEST, 0.7, seed=0)
    monkeypatch.setattr(students, "demonstrations", lambda *_: rows)
    monkeypatch.setattr(students.subprocess, "run", launched)
    for arm in ("pruned", "full", "full"):  # what is finished is not made again
        found = students.students(str(run), ["problems.test=4"], 10, 0.7, [arm])
    assert [command[3] for command in commands] == ["warmstart", "warmstart"]
    assert [(row["arm"], row["right"]) for row in found["arms"]] == [("full", 0.0), ("pruned", 0.0)]
    assert found["arms"][1]["tokens_per_demonstration"] < found["arms"][0]["tokens_per_demonstration"]
    (run / "pruning" / "pruned.json").unlink()
    monkeypatch.setattr(students.subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=2))
    with pytest.raises(PlainError, match="The warm start of 'pruned' failed; see"):
        students.students(str(run), ["problems.test=4"], 10, 0.7, ["pruned"])
