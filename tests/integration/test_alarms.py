"""Every alarm is raised by a real run: in the terminal, in metrics.jsonl, in the report; some end the run."""

import json
import re

import pytest
from alarm_runs import RUNS, STOPPED
from transformers import AutoTokenizer

from evals.report.views import alarm_sentences
from evals.runs import read_run
from rlad.config.alarms import ALARMS

pytestmark = pytest.mark.ranks
RAISED = [(name, alarm) for name, (alarms, _) in RUNS.items() for alarm in alarms]


@pytest.fixture(scope="module")
def runs(tiny_chat_model, ranks, tmp_path_factory):
    """The folder of the runs, and what each of them said in the terminal."""
    folder = tmp_path_factory.mktemp("alarms") / "runs"
    output = ranks.run("alarms_program.py", str(tiny_chat_model), str(folder))
    told = dict(part.partition("\n")[::2] for part in output.split("RUN ")[1:])
    return folder, told


def test_every_alarm_has_a_run():
    assert {alarm for _, alarm in RAISED} == set(ALARMS)


def check_told(run, full):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert any(re.fullmatch(full, one) for row in rows for one in row.get("alarms", []))
    assert any(re.match(f"Alarm {full}: ", sentence) for sentence in alarm_sentences(read_run(run)))


def test_a_proposer_of_which_every_text_is_cut_is_refused_before_step_1(runs, tiny_chat_model):
    """On both ranks, or the runs behind it would hang; what the model says has a fixed length."""
    folder, told = runs
    length = len(AutoTokenizer.from_pretrained(tiny_chat_model)("1729", add_special_tokens=False).input_ids) + 1
    assert 2 < length <= 8
    assert told["cut"] == (
        "REFUSED All 3 proposals drawn before step 1 are cut at abstraction.max_new_tokens=2, so no solution would be "
        f"guided: {length} would hold 95 % of them (cotrain.check_proposals=0 trains all the same).\n"
    )
    assert not (folder / "cut" / "metrics.jsonl").exists()


def test_looking_at_proposals_first_leaves_the_first_step_as_it_is(runs):
    folder, told = runs
    said, looked = r"^Warning: (\d+) of 40 proposals drawn before step 1 are cut at abstraction.max_new_tokens=8: ", []
    assert 2 < int(re.search(said, told["looked-first"], re.MULTILINE)[1]) < 40
    assert "drawn before step 1" not in told["speechless"]
    for name in ("looked-first", "speechless"):
        (row,) = map(json.loads, (folder / name / "metrics.jsonl").read_text().splitlines())
        looked.append({key: value for key, value in row.items() if key not in ("seconds", "overlapped")})
    assert looked[0] == looked[1] and looked[0]["tokens_generated"] > 0


@pytest.mark.parametrize(("name", "alarm"), RAISED)
def test_a_run_raises_its_alarm_and_ends_well(runs, name, alarm):
    folder, told = runs
    full = rf"(\w+\.)?{alarm}"
    assert re.search(rf"^alarm: {full}: for ", told[name], re.MULTILINE) and "STOPPED" not in told[name]
    check_told(folder / name, full)
    assert (folder / name / "export" / "solution").is_dir()


@pytest.mark.parametrize(("name", "alarm"), [(name, alarm) for name, alarm in RAISED if alarm in STOPPED])
def test_a_run_ends_by_its_alarm(runs, name, alarm):
    folder, told = runs
    full, run = rf"(\w+\.)?{alarm}", f"{name}-{alarm}"
    assert re.search(rf"^STOPPED The run was stopped by the alarm {full}: for ", told[run], re.MULTILINE)
    check_told(folder / run, full)
    assert not (folder / run / "export").exists()
