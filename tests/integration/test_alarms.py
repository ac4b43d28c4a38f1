"""Every alarm is raised by a real run: in the terminal, in metrics.jsonl, in the report; as a warning and as an end."""

import json
import re

import pytest
from alarm_runs import RUNS

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


@pytest.mark.parametrize(("name", "alarm"), RAISED)
def test_a_run_raises_its_alarm_and_ends_well_or_by_it(runs, name, alarm):
    folder, told = runs
    warned, ended, full = told[name], told[f"{name}-{alarm}"], rf"(\w+\.)?{alarm}"
    assert re.search(rf"^alarm: {full}: for ", warned, re.MULTILINE)
    assert "STOPPED" not in warned
    assert re.search(rf"^STOPPED The run was stopped by the alarm {full}: for ", ended, re.MULTILINE)
    for run in (name, f"{name}-{alarm}"):
        rows = [json.loads(line) for line in (folder / run / "metrics.jsonl").read_text().splitlines()]
        assert any(re.fullmatch(full, one) for row in rows for one in row.get("alarms", []))
        assert any(re.match(f"Alarm {full}: ", sentence) for sentence in alarm_sentences(read_run(folder / run)))
    assert (folder / name / "export" / "solution").is_dir()
    assert not (folder / f"{name}-{alarm}" / "export").exists()
