"""lm-evaluation-harness asks the gateway through its own client, as anybody with a benchmark would."""

import json

import pytest
from fake_gateway import KEY, Gateway, listening

pytestmark = [pytest.mark.slow, pytest.mark.process]

TASK = """
task: additions
dataset_path: json
dataset_kwargs:
  data_files: {{test: {path}}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs: {{until: ["Question:", "</s>"], do_sample: false, max_gen_toks: 24}}
filter_list:
  - name: boxed
    filter:
      - {{function: regex, regex_pattern: '.boxed\\{{ *(-?[0-9]+) *\\}}'}}
      - {{function: take_first}}
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
"""


@pytest.fixture
def served():
    """A gateway at a port of this machine; every solution of it says 9."""
    gateway = Gateway()
    with listening(gateway) as url:
        yield gateway, url


def test_a_benchmark_runs_through_its_own_chat_client(served, tmp_path, monkeypatch):
    lm_eval = pytest.importorskip("lm_eval", reason="no lm-evaluation-harness; ./launch.sh setup --with harness")
    from lm_eval.tasks import TaskManager

    gateway, url = served
    rows = [{"question": f"{n} , 1 > {n + 1} ; 4 , 5 > ?", "answer": "9" if n < 3 else "8"} for n in range(4)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "additions.yaml").write_text(TASK.format(path=tmp_path / "rows.jsonl"))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    found = lm_eval.simple_evaluate(
        model="local-chat-completions",
        model_args={"base_url": f"{url}/v1/chat/completions", "model": "rlad", "num_concurrent": 2, "max_retries": 1},
        tasks=["additions"],
        task_manager=TaskManager(include_path=str(tmp_path / "tasks"), include_defaults=False),
        apply_chat_template=True,
        bootstrap_iters=0,
    )
    assert found["results"]["additions"]["exact_match,boxed"] == 0.75
    assert len(gateway.solution.calls) >= 4
