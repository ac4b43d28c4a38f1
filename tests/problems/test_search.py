"""The search world: its store, its questions and plans, what its tool says to bad calls, stores that cannot be used."""

import random
import re
import sqlite3
from collections import Counter

import pytest

from evals.concepts.__main__ import main as concepts
from evals.features.__main__ import main as features
from evals.pruning.measuring import measured as pruning
from evals.pruning.students import students
from evals.routing.players import Players
from rlad.config import ConfigError, ProblemsConfig, RunConfig, load_config, save_config
from rlad.environment import tasks_of
from rlad.problems import ProblemError, load_problems, make_world
from rlad.problems.search.facts import Fact, generated, most
from rlad.problems.search.plans import Plan, first_queries, follow, strategy
from rlad.problems.search.store import Store
from rlad.problems.search.tool import SearchTool, queries
from rlad.problems.search.world import SearchKeys
from trainers.distill.__main__ import main as distill


def world_with(useless_share=0.3, **keys):
    own = SearchKeys(**{"people": 30, "works": 20, "cities": 12, "countries": 4} | keys)
    return make_world(ProblemsConfig(source="search", useless_share=useless_share, methods={"search": own}))


@pytest.fixture(scope="module")
def world():
    return world_with()


RIVER = [
    Fact("writer", "red river", "balen vaba", inverse=True),
    Fact("year", "red river", "7"),
    Fact("teacher", "balen vaba", "domor rodo"),
    Fact("born", "balen vaba", "37", inverse=True),
]


def test_a_store_is_the_same_for_the_same_seed_and_tells_every_fact_once():
    facts = generated(30, 20, 12, 4, 0.35, 5)
    assert facts == generated(30, 20, 12, 4, 0.35, 5) != generated(30, 20, 12, 4, 0.35, 6)
    assert max(Counter((fact.relation, fact.subject) for fact in facts).values()) == 1
    kinds = Counter(fact.relation for fact in facts)
    assert kinds["writer"] == kinds["year"] == 20 and kinds["home"] == kinds["born"] == 30 and kinds["size"] == 4
    assert not any(fact.inverse for fact in generated(30, 20, 12, 4, 0.0, 5))
    assert all(fact.inverse for fact in generated(30, 20, 12, 4, 1.0, 5))


def test_a_nation_that_is_told_is_the_country_of_the_home(world):
    told = [fact for fact in world.store.facts if fact.relation == "nation"]
    for fact in told:
        home = world.store.told("home", fact.subject).object
        assert world.store.told("country", home).object == fact.object
    assert 5 < len(told) < 25


def test_most_names_are_what_the_keys_allow():
    limits = {"people": "person", "works": "work", "cities": "city", "countries": "country"}
    for name, kind in limits.items():
        assert SearchKeys.__dataclass_fields__[name].metadata["range"].most == most(kind)


def test_a_plan_goes_on_in_other_ways_while_calls_are_left():
    store, plan = Store.of(RIVER), Plan.parse("writer then born")
    found = follow(store, "red river", plan, calls=4, documents=2)
    assert found.queries == (("writer red river", "wrote red river"), ("born balen vaba", "bore balen vaba"))
    assert found.answer == "37"
    assert follow(store, "red river", plan, calls=3, documents=2).answer is None
    assert follow(store, "red river", Plan.parse("wrote then bore"), calls=2, documents=2).answer == "37"
    assert follow(store, "red river", Plan.parse("writer"), calls=4, documents=2).answer is None  # no number
    lost = follow(store, "red river", Plan.parse("home then founded"), calls=4, documents=2)
    assert lost.queries == (("home red river", "houses red river", "red river"),) and lost.answer is None


@pytest.mark.parametrize("text", ["", "writer then", "then", "writer born", "about wrote", "about", "red river"])
def test_what_is_no_plan(text):
    assert Plan.parse(text) is None


def test_questions_are_answered_by_the_store_and_begin_apart_from_those_of_the_other_splits():
    config = ProblemsConfig(source="search", train=200, validation=30, test=30)
    splits = {split: load_problems(config, split) for split in ("train", "validation", "test")}
    begun = {split: {problem.meta["entity"] for problem in problems} for split, problems in splits.items()}
    assert not begun["train"] & begun["test"] and not begun["train"] & begun["validation"]
    assert {len(problem.meta["chain"]) for problem in splits["train"]} == {1, 2, 3}
    store = make_world(config).store
    for problem in splits["test"]:
        entity = problem.meta["entity"]
        for relation in problem.meta["chain"]:
            fact = store.told(relation, entity)
            if fact is None:
                assert relation == "nation"
                fact = store.told("country", store.told("home", entity).object)
            entity = fact.object
        assert entity == problem.answer
    assert {len(p.meta["chain"]) for p in generate(world_with(hops=1), 30)} == {1}


def generate(world, count):
    rng = random.Random(2)
    return [world.sample(rng) for _ in range(count)]


def test_demonstrations_of_one_question_differ_and_some_recover_from_a_fruitless_search(world):
    rng, strategies, recovered = random.Random(4), [], 0
    for problem in generate(world, 20):
        texts = [world.solve(problem, None, rng) for _ in range(12)]
        strategies.append(len({strategy(text) for text in texts}))
        recovered += any("nothing" in text for text in texts)
    assert sum(strategies) / 20 > 3 and recovered > 10
    narrow = world_with(diversity=0.0, inverse=0.0)
    for problem in generate(narrow, 20):
        assert len({strategy(narrow.solve(problem, None, rng)) for _ in range(12)}) <= 2  # a nation has two ways
        assert len({narrow._useful(problem, rng).text for _ in range(12)}) <= 2


def test_what_the_tool_says_to_a_call_is_what_demonstrations_say(world):
    rng, tool = random.Random(9), world.tool()
    for problem in generate(world, 20):
        text = world.solve(problem, world.propose(problem, rng), rng)
        calls = re.findall(r"(\\search .*? \\endsearch) (\\result .*? \\endresult)", text)
        assert len(calls) == len(queries(text)) <= tool.calls
        for call, reply in calls:
            assert tool.reply(call) == reply and len(reply.split()) <= tool.room


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("\\endsearch", "no query"),
        ("\\search \\endsearch", "no query"),
        ("\\search ; ; \\endsearch", "no query"),
        ("red river \\endsearch", "no query"),
        ("\\search <unk> \\endsearch", "nothing"),
        ('\\search " OR * NEAR ( \\endsearch', "nothing"),
        ("\\search red \\search year red river \\endsearch", "red river year 7"),
    ],
)
def test_a_bad_call_is_told_so(call, said):
    assert SearchTool(Store.of(RIVER), 4, 2).reply(call) == f"\\result {said} \\endresult"


def test_an_index_that_breaks_while_it_is_searched_is_a_bad_call():
    store = Store.of(RIVER)
    store.connection.execute("DROP TABLE documents")
    assert SearchTool(store, 4, 2).reply("\\search red river \\endsearch") == "\\result no index \\endresult"


def test_a_long_document_is_cut_to_the_room_that_a_reply_has():
    tool = SearchTool(Store.of([Fact("writer", "a " * 20 + "a", "b"), *RIVER]), 4, 1)
    assert len(tool.reply("\\search writer b \\endsearch").split()) == tool.room == 10


def test_only_the_plan_that_was_followed_is_adhered_to(world):
    problem = next(p for p in generate(world, 200) if p.meta["chain"] == ("writer", "born"))
    rng = random.Random(0)
    solution = world.solve(problem, "wrote then bore", rng)
    assert world.adheres(problem, " wrote  then bore", solution)
    assert not world.adheres(problem, "writer then bore", solution) and not world.adheres(problem, "x", solution)
    assert not world.adheres(problem, "wrote then bore", "\\boxed{ 3 }")
    assert first_queries(solution)[0] == f"wrote {problem.meta['entity']}"


def test_a_store_in_a_file_is_the_store(tmp_path):
    path = tmp_path / "store.sqlite"
    facts = generated(30, 20, 12, 4, 0.35, 0)
    Store.of(facts, path)
    from_file, made = world_with(store=str(path)), world_with()
    assert from_file.store.facts == made.store.facts == facts
    assert [p.question for p in generate(from_file, 10)] == [p.question for p in generate(made, 10)]
    assert from_file.vocabulary() == made.vocabulary()


def broken_stores(folder):
    """(file, what is said of it)."""
    text, empty, unindexed, unknown = (folder / name for name in ("text", "empty", "unindexed", "unknown"))
    text.write_text("no database, but a text that is long enough to be told from one")
    for path, command in ((empty, "DELETE FROM facts"), (unindexed, "DELETE FROM documents WHERE rowid = 1")):
        Store.of(RIVER, path)
        with sqlite3.connect(path) as connection:
            connection.execute(command)
    Store.of(RIVER, unknown)
    with sqlite3.connect(unknown) as connection:
        connection.execute("UPDATE facts SET relation = 'likes' WHERE id = 1")
    return [
        (folder / "none", "There is no document store"),
        (text, "cannot be read: file is not a database"),
        (empty, "is empty"),
        (unindexed, "The index of .* is broken: it has 3 documents for 4 facts"),
        (unknown, "has the unknown relation 'likes'"),
    ]


def test_a_store_that_cannot_be_used_is_one_sentence(tmp_path):
    for path, said in broken_stores(tmp_path):
        with pytest.raises(ProblemError, match=said):
            Store.open(path)
        run = RunConfig(problems=ProblemsConfig(source="search", methods={"search": SearchKeys(store=str(path))}))
        with pytest.raises(ConfigError, match=f"problems.search.store: .*{said}"):
            run.problems.chosen("source").check(run, "problems")


def test_a_store_that_answers_nothing_says_so(tmp_path):
    Store.of(RIVER[:1], tmp_path / "one")
    with pytest.raises(ProblemError, match="answers no question"):
        world_with(store=str(tmp_path / "one")).sample(random.Random(0))


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        (Fact("year", "red river", "700"), "'700' where year is a number up to 99"),
        (Fact("writer", "red-river", "b"), "the name 'red-river', which is not words of letters"),
    ],
)
def test_facts_that_a_player_could_not_write(fact, said):
    with pytest.raises(ProblemError, match=said):
        Store.of([fact])


def test_what_takes_a_solution_for_its_players_own_text_is_refused(tmp_path):
    for words, named in (
        (["abstraction.reward=hill"], "abstraction.reward=hill"),
        (["sweep.decoding=[revision]"], "sweep.decoding"),
        (["cotrain.critique.source=verifier"], "cotrain.critique"),
    ):
        with pytest.raises(ConfigError, match=f"problems.source=search does not go with {named}"):
            load_config(None, ["problems.source=search", *words])
    small = [f"problems.search.{name}={n}" for name, n in (("people", 30), ("works", 20), ("cities", 12))]
    config, run = tmp_path / "config.yaml", str(tmp_path)
    save_config(load_config(None, ["problems.source=search", *small]), config)
    for call, named in (
        (lambda: features([run]), "steering by features"),
        (lambda: Players(load_config(config), tmp_path), "routing"),
        (lambda: concepts([run]), "a codec of their sentences"),
        (lambda: pruning(run, 2, 2), "pruning"),
        (lambda: students(run, [], 2, 0.7, ["full"]), "pruning"),
        (lambda: distill([str(config)]), "a solver behind a chat API"),
        (lambda: next(tasks_of(str(config), (), "test")), "a task set of `verifiers`"),
    ):
        with pytest.raises(ProblemError, match=f"call a tool while they are written; {named} does not let them"):
            call()
