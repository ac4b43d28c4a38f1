"""A sweep of pairs behind servers with OpenAI's chat API: what is asked, counted, kept, gone on with and refused."""

import json

import pytest
from chat_server import chat_server, in_openais_form
from served_pair import ServedPair
from simulated_jobs import InThisProcess

from evals import sweep
from evals.samples import workers
from evals.samples.trees import NAME, Grown, Sampled
from evals.transfer.study import transfer
from rlad.cli import PlainError, main_guard
from rlad.config import ConfigError, load_config, save_config
from rlad.config.running import RULES
from rlad.generation import Sampling
from rlad.players.policy import load_tokenizer, make_policy
from rlad.problems import load_problems
from rlad.reasoning.endpoint import open_endpoint, open_served, server_of
from rlad.reasoning.pair import newest_pair
from rlad.reasoning.tree import Plan

SMALL = [
    *("problems.train=50", "problems.validation=3", "problems.test=5", "sweep.problems=5", "sweep.shard=2"),
    *("abstraction.max_new_tokens=12", "solution.max_new_tokens=40", "launch.ranks=2", "sweep.plain_samples=2"),
    *("sweep.grid=[[2,1],[1,2]]", "sweep.plain_temperatures=[1.0]", "sweep.iid_abstractions=2"),
    *("sweep.iid_solutions=1", "sweep.bootstrap=50", "sweep.select=[majority,proposer,weighted_majority]"),
]


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """Jobs are done in this process, which has opened nothing yet, and no request is asked twice."""
    monkeypatch.setattr(workers, "_OPEN", {})
    monkeypatch.setattr("evals.sweep.plot_sweep", lambda result, path: None)
    monkeypatch.setattr("evals.sweep.plot_splits", lambda result, path: None)
    monkeypatch.setattr(workers, "ProcessPoolExecutor", InThisProcess)
    monkeypatch.setattr("rlad.chat_model.HttpModel.__init__.__defaults__", (1, 0.0, None, ""))


def configured(tmp_path, url, *words, name="served"):
    """The path of a configuration whose base is behind a server."""
    run = load_config(None, [f"runs_dir={tmp_path}", f"name={name}", f"base.path={url}", *SMALL, *words])
    save_config(run, tmp_path / f"{name}.yaml")
    return str(tmp_path / f"{name}.yaml")


def swept(*arguments):
    """What a sweep found, without what differs between two of the same."""
    found = sweep.sweep_run(*arguments)
    return {name: value for name, value in found.items() if name != "meta"}


def tokens_of(sampled):
    """All that was generated for a sweep's trees."""
    trees = [one for records in sampled.conditions.values() for one in records]
    rows = [row for one in trees for row in ([b.solutions for b in one.branches] if isinstance(one, Grown) else [one])]
    draws = [one.draws for one in trees if isinstance(one, Grown)]
    return sum(sum(one.tokens) for one in [*rows, *draws])


def test_a_pair_behind_a_server_is_swept_and_every_token_counts(tmp_path):
    server = ServedPair(load_config(None, SMALL))
    with chat_server(server) as url:
        found = swept(configured(tmp_path, url))
    sampled = Sampled.read(tmp_path / "served" / NAME)
    assert [len(problems) for problems in sampled.problems.values()] == [5, 3]
    right = 0
    for condition, records in sampled.conditions.items():
        assert len(records) == len(sampled.problems[condition.split])
        for one in records:
            rows = [branch.solutions for branch in one.branches] if isinstance(one, Grown) else [one]
            right += sum(sum(row.correct) for row in rows)
            for row in rows:
                assert row.model_logprob == [-0.25 * count for count in row.tokens]
    assert tokens_of(sampled) == server.tokens and right > 0
    assert {row["select"] for row in found["rules"]} == {"majority", "proposer", "weighted_majority"}
    assert {body["max_tokens"] for body in server.asked} == {12, 40}
    assert len({body["seed"] for body in server.asked}) > 20
    assert not any("chat_template_kwargs" in body for body in server.asked)


def test_a_broken_off_sweep_goes_on_where_it_was_however_fast_it_is_asked(tmp_path):
    run = load_config(None, SMALL)
    whole, broken = ServedPair(run), ServedPair(run)
    with chat_server(whole) as url:
        found = swept(configured(tmp_path, url, name="whole"))
    with chat_server(broken) as url:
        config = configured(tmp_path, url, name="broken")
        broken.breaks_after = len(whole.asked) // 2
        with pytest.raises(PlainError, match="did not answer: 400, worn out"):
            swept(config)
        assert not (tmp_path / "broken" / "sweep.json").exists()
        broken.breaks_after = None
        workers._OPEN.clear()
        assert swept(config, "base.server.requests=2", "base.server.timeout=60") == found
        assert len(broken.asked) < 1.5 * len(whole.asked)


def test_a_broken_off_sweep_is_no_other_models(tmp_path):
    """Which model an empty name means is asked once and kept: the server may list another when the sweep goes on."""
    run, listed = load_config(None, SMALL), ["early"]
    served = {"early": ServedPair(run), "late": ServedPair(run)}
    served["early"].breaks_after = 60
    with chat_server(lambda body, request: served[body["model"]](body, request), listed) as url:
        config = configured(tmp_path, url)
        with pytest.raises(PlainError, match="worn out"):
            swept(config)
        listed[:] = ["late"]
        workers._OPEN.clear()
        sampled = sweep.sweep_run(config)["meta"]["sampled"]
    assert sampled["models"] == dict.fromkeys(("warmstart abstraction", "warmstart solution"), f"{url} late")
    assert tokens_of(Sampled.read(tmp_path / "served" / NAME)) == served["late"].tokens


@pytest.mark.parametrize("name", ["stub", ""])
def test_an_empty_name_and_the_one_that_it_means_are_the_same_model(tmp_path, name):
    server = ServedPair(load_config(None, SMALL))
    with chat_server(server) as url:
        config = configured(tmp_path, url, f"base.server.name={name}")
        server.breaks_after = 60
        with pytest.raises(PlainError, match="worn out"):
            swept(config)
        server.breaks_after = None
        workers._OPEN.clear()
        swept(config, "base.server.name=" + ("" if name else "stub"))
    bodies = [json.dumps(body, sort_keys=True) for body in server.asked]
    assert set(bodies[:60]) - set(bodies[60:])  # what was kept was not asked again


def test_two_names_behind_one_address_are_two_players_with_their_own_keys(monkeypatch):
    monkeypatch.setenv("A_KEY", "secret")
    server, asked = ServedPair(load_config(None, SMALL)), {}

    def answer(body, request):
        asked[body["model"]] = body | {"key": request.headers["Authorization"]}
        return server(body, request)

    with chat_server(answer) as url:
        words = [
            *(f"abstraction.model.path={url}", "abstraction.model.server.name=one", "abstraction.thinking=false"),
            *(f"solution.model.path={url}", "solution.model.server.name=two", "solution.thinking=true"),
            *("solution.model.server.drop=[chat_template_kwargs, seed]", "solution.model.server.api_key=A_KEY"),
            "solution.model.server.limit_field=max_completion_tokens",
        ]
        run, sampling = load_config(None, [*SMALL, *words]), Sampling(1.0, 30)
        tree = open_served(run, url, url).run(load_problems(run.problems, "test")[:1], Plan(1, 1, sampling, sampling))
    one, two = asked["one"], asked["two"]
    assert one["chat_template_kwargs"] == {"enable_thinking": False} and one["key"] is None and one["max_tokens"] == 30
    assert not {"chat_template_kwargs", "seed", "max_tokens"} & set(two)
    assert (two["key"], two["max_completion_tokens"]) == ("Bearer secret", 30)
    assert tree[0].solutions[0].completion.model_logprob < 0 and tree[0].branches[0].text == tree[0].draws[0].text


def test_one_player_may_be_here_and_the_other_behind_a_server(tmp_path):
    run = load_config(None, [*SMALL, "base.hidden_size=16", "base.layers=1", "base.heads=2", "base.kv_heads=1"])
    make_policy("base", run.base, run, tmp_path / "model").export()
    server, sampling = ServedPair(run), Sampling(1.0, 30)
    problems = load_problems(run.problems, "test")[:2]
    with chat_server(server) as url:
        for places in ((url, str(tmp_path / "model")), (str(tmp_path / "model"), url)):
            server.asked.clear()
            trees = open_served(run, *places).run(problems, Plan(1, 1, sampling, sampling, draws=2))
            proposed = any("Do not solve" in body["messages"][0]["content"] for body in server.asked)
            assert proposed == (places[0] == url) and len(trees) == 2 and all(tree.draws for tree in trees)


def test_log_probs_that_a_server_does_not_give_are_refused_where_a_rule_was_named(tmp_path):
    server = ServedPair(load_config(None, SMALL), logprobs=False)
    with chat_server(server) as url:
        with pytest.raises(
            PlainError, match="rule 'proposer' reads how likely texts are, and .* gives no log-probs; leave"
        ):
            swept(configured(tmp_path, url))
        assert len(server.asked) < 20  # at its first answers, not after all of them
        workers._OPEN.clear()
        rules = ", ".join(RULES)
        found = swept(configured(tmp_path, url, f"sweep.select=[{rules}]", name="all"))
    assert {row["select"] for row in found["rules"]} == {"majority", "draws"}
    assert any("'proposer' reads the proposal" in warning for warning in found["warnings"])


def test_log_probs_of_a_part_of_a_text_say_nothing_of_it(tmp_path):
    """A server that keeps a thought to itself counts its tokens and shows the others' log-probs."""

    def answer(body, request):
        told = in_openais_form(["so \\boxed{ 1 }"], usage={"completion_tokens": 50})
        told["choices"][0]["logprobs"] = {"content": [{"logprob": -1.0}] * 5}
        return 200, told

    with chat_server(answer) as url:
        run = load_config(configured(tmp_path, url))
        with pytest.raises(PlainError, match="log-probs of 5 of 50 tokens"):
            open_endpoint(run, "solution", url).generate([[97]], Sampling(1.0, 9))


@pytest.mark.parametrize(
    "words, told",
    [
        (["sweep.select=[unguided]"], "reads the unguided of solutions, which a server"),
        (["sweep.select=[best_judged]"], "reads the judgement of solutions"),
        (["sweep.select=[trace_confidence]"], "reads the certainty of solutions"),
        (["base.server.drop=[logprobs]"], "'proposer' reads how likely texts are, and drop=.logprobs. does not ask"),
        (["sweep.joint=true"], "sweep.joint looks into texts token by token"),
        (["sweep.decoding=[plain]"], "sweep.decoding looks into texts token by token"),
        (["lora.rank=4"], "lora.rank learns beside a model's weights"),
    ],
)
def test_what_no_server_tells_is_refused_before_it_is_asked(tmp_path, words, told):
    with pytest.raises(ConfigError, match=told):
        configured(tmp_path, "http://127.0.0.1:9/v1", *words)


def test_nothing_that_wants_weights_takes_a_servers_address(tmp_path, capsys):
    from trainers.launching.command import main as launch

    config = configured(tmp_path, "http://127.0.0.1:9/v1")
    run = load_config(config)
    with pytest.raises(SystemExit) as ended:
        main_guard(lambda: launch(["train", config]))
    assert ended.value.code == 2 and "is a server: its model can be swept" in capsys.readouterr().err
    for refused in (lambda: newest_pair(run, tmp_path), lambda: load_tokenizer(run.base, run.problems)):
        with pytest.raises(ConfigError, match="server"):
            refused()


def test_a_server_that_is_not_there_ends_the_sweep_in_one_sentence(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main_guard(lambda: sweep.main([configured(tmp_path, "http://127.0.0.1:9/v1")]))
    told = capsys.readouterr().err
    assert (
        ended.value.code == 2 and told.count("\n") == 1 and "The model at http://127.0.0.1:9/v1 did not answer" in told
    )


USAGE = {"completion_tokens": 2}


@pytest.mark.parametrize(
    "answer, told",
    [
        (in_openais_form(["1"]), "does not say how many tokens"),
        (in_openais_form(["1"], usage={"completion_tokens": "2"}), "strange 'usage.completion_tokens'"),
        (in_openais_form(["1"], usage={"completion_tokens": -2}), "strange 'usage.completion_tokens'"),
        (in_openais_form([{"type": "text"}], usage=USAGE), "strange 'message.content'"),
        ({"choices": [{"message": {"content": "1"}, "logprobs": [1]}], "usage": USAGE}, "strange 'logprobs'"),
        ({"choices": [{"message": {"content": "1"}, "logprobs": {"content": [{"logprob": None}]}}], "usage": USAGE},
         "strange 'logprobs.content.logprob'"),
        ({"choices": []}, "no 'choices.0.message'"),
        ([], "no 'choices.0.message'"),
        ({"error": "come back later"}, "no 'choices.0.message'"),
    ],
)  # fmt: skip
def test_a_server_that_babbles_ends_the_sweep_in_one_sentence(tmp_path, capsys, answer, told):
    with chat_server(lambda body, request: (200, answer)) as url, pytest.raises(SystemExit) as ended:
        main_guard(lambda: sweep.main([configured(tmp_path, url)]))
    said = capsys.readouterr().err.splitlines()[-1]
    assert ended.value.code == 2 and said.startswith("error: The model at") and told in said


def test_empty_answers_are_wrong_answers_of_a_token(tmp_path):
    with chat_server(lambda *_: (200, in_openais_form([None], usage={"completion_tokens": 0}))) as url:
        found = swept(configured(tmp_path, url, "sweep.select=[majority]"))
    assert found["cells"] and all(row["accuracy"] == 0 for row in found["cells"])
    kept = [json.loads(line) for line in (tmp_path / "served" / NAME).read_text().splitlines()]
    plain = [tree for line in kept for tree in line["trees"] if tree["mode"] == "plain"]
    assert len(plain) == 5 and all(set(tree["tokens"]) == {1} for tree in plain)


def test_abstractions_from_behind_a_server_are_given_to_another_solver(tmp_path):
    server = ServedPair(load_config(None, SMALL))
    with chat_server(server) as url:
        run = load_config(configured(tmp_path, url, "sweep.guided_temperatures=[0.3]", "solution.thinking=false"))
        found = transfer(run, tmp_path / "served", url)
    assert [row["source"] for row in found["sources"]] == ["own", "irrelevant", "shuffled"]
    assert any("so there is no oracle" in note for note in found["meta"]["notes"])
    assert {found["meta"]["models"][whose] for whose in ("own abstraction", "solver solution")} == {f"{url} stub"}
    told = [(body["max_tokens"], "chat_template_kwargs" in body) for body in server.asked]
    assert set(told) == {(12, False), (1024, True)}  # the run's proposer, and the solver as transfer.endpoint says


def test_only_a_solver_is_asked_as_transfers_endpoint_says():
    """A run's own proposer may be behind the very address that a transfer gives its abstractions to."""
    url = "http://127.0.0.1:9/v1"
    words = [f"base.path={url}", "base.server.name=writer", f"transfer.endpoint.url={url}"]
    run = load_config(None, [*words, "transfer.endpoint.name=stranger"])
    assert [server_of(run, role, url)[0].name for role in ("abstraction", "solution")] == ["writer", "stranger"]
