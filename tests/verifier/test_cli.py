"""``python -m rlad.verifier FILE.jsonl``: what goes in comes out judged, and bad input costs one sentence."""

import json
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from rlad.verifier import VerifierPool, cli
from rlad.verifier.cli import MalformedRow, main, read_row, summed_up
from rlad.verifier.types import Outcome

FIELDS = ["n", "accuracy", "false_positives", "false_negatives", "unparseable", "undecided"]
FIELDS += ["per_second", "p50_ms", "p99_ms", "max_ms"]
ROWS = [
    {"gold": "12", "pred": r"so \boxed{12}", "expected": True, "id": "first"},
    {"gold": "12", "pred": r"so \boxed{13}", "expected": False, "note": "\ud800 é"},
    {"gold": "12", "pred": r"so \boxed{14}", "expected": True},
    {"gold": "7", "pred": r"\boxed{7}", "expected": False},
    {"gold": r"\boxed{}", "pred": "7", "expected": False},
]


@pytest.fixture(scope="module")
def started():
    with VerifierPool(workers=1) as pool:
        yield pool


@pytest.fixture
def one_worker(started, monkeypatch):
    """The worker that a command in this process would start is there already."""
    monkeypatch.setattr(cli, "VerifierPool", lambda workers: nullcontext(started))


def write(path: Path, rows) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_rows_come_back_judged_and_the_last_line_sums_up(tmp_path, capsys, one_worker):
    source, out = write(tmp_path / "in.jsonl", ROWS), tmp_path / "out.jsonl"
    assert main([str(source), "--out", str(out), "--workers", "1"]) == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["verdict"] for row in rows] == ["correct", "incorrect", "incorrect", "correct", "unparseable_gold"]
    for before, after in zip(ROWS, rows, strict=True):
        assert before == {key: after[key] for key in before}
        assert isinstance(after["reason"], str) and after["ms"] >= 0
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 1
    last = json.loads(printed.out)
    assert list(last) == FIELDS
    assert [last[key] for key in FIELDS[:6]] == [5, 0.6, 1, 1, 1, 0]
    assert last["per_second"] > 0 and last["p50_ms"] <= last["p99_ms"] <= last["max_ms"]
    assert "5 rows judged, 0 malformed" in printed.err


def test_without_out_the_rows_go_to_stdout_before_the_summary(tmp_path, capsys, one_worker):
    assert main([str(write(tmp_path / "in.jsonl", ROWS)), "--workers", "1"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 6
    assert "verdict" in lines[4] and list(lines[5]) == FIELDS


def test_without_expected_there_is_no_summary(tmp_path, capsys, one_worker):
    assert main([str(write(tmp_path / "in.jsonl", [{"gold": 5, "pred": "5"}])), "--workers", "1"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["verdict"] == "correct"


def test_malformed_rows_are_named_with_their_line_and_the_rest_is_judged(tmp_path, capsys, one_worker):
    source = tmp_path / "in.jsonl"
    good = json.dumps(ROWS[0]).encode()
    bad = [b"{", b"[1, 2]", b'{"gold": "1"}', b'{"gold": "1", "pred": null}', b"\xff\xfe", b"[" * 100_000]
    bad.append(b'{"gold": "1", "pred": "1", "expected": "yes"}')
    source.write_bytes(b"\xef\xbb\xbf" + b"\n".join([good, b"", *bad, good]) + b"\n")
    assert main([str(source), "--workers", "1"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out.splitlines()[-1])["n"] == 2
    complaints = printed.err.splitlines()
    assert [line.split(":")[1] for line in complaints[:-1]] == [str(i) for i in range(3, 3 + len(bad))]
    assert complaints[3 - 1].endswith('"pred" is missing') and '"expected"' in complaints[-2]
    assert complaints[-1] == "2 rows judged, 7 malformed rows not judged"


def test_exit_code_when_no_row_could_be_judged(tmp_path, capsys, one_worker):
    source = tmp_path / "in.jsonl"
    source.write_text("nothing\n")
    assert main([str(source), "--workers", "1"]) == 1
    source.write_text("")
    assert main([str(source), "--workers", "1"]) == 0
    assert capsys.readouterr().out == ""


def test_bad_arguments_cost_one_plain_sentence(tmp_path, capsys):
    source = write(tmp_path / "in.jsonl", ROWS)
    for arguments, sentence in (
        ([str(tmp_path / "missing")], f"verify: cannot open {tmp_path / 'missing'}: No such file or directory"),
        ([str(tmp_path)], f"verify: cannot open {tmp_path}: Is a directory"),
        ([str(source), "--out", str(tmp_path / "no" / "folder")], "verify: cannot open"),
        ([str(source), "--out", str(source)], "verify: --out would overwrite the file that is being read"),
        ([str(source), "--workers", "0"], "verify: --workers must be at least 1"),
    ):
        assert main(arguments) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        assert len(printed.err.splitlines()) == 1 and printed.err.startswith(sentence)
    assert len(source.read_text().splitlines()) == len(ROWS)


@pytest.mark.process
def test_as_a_command(tmp_path):
    source = write(tmp_path / "in.jsonl", ROWS * 500)
    command = [sys.executable, "-m", "rlad.verifier"]
    missing = subprocess.run([*command, "missing"], capture_output=True, text=True, check=False)
    assert (missing.returncode, missing.stdout, len(missing.stderr.splitlines())) == (2, "", 1)
    usage = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True).stdout
    assert "--workers" in usage and "--out" in usage
    full = subprocess.run([*command, str(source), "--workers", "2"], capture_output=True, text=True, check=True)
    assert json.loads(full.stdout.splitlines()[-1])["n"] == 2500
    with subprocess.Popen([*command, str(source)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()  # as `| head -1` does
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.parametrize("line", [b'{"gold": true, "pred": "1"}', b'{"gold": "1", "pred": ["1"]}', b"1", b'"text"'])
def test_only_text_and_numbers_are_answers(line):
    with pytest.raises(MalformedRow):
        read_row(line)


def test_summary_percentiles_are_values_that_occurred():
    rows = [(True, Outcome.correct, float(i)) for i in range(1, 201)]
    result = summed_up(rows, 2.0)
    assert (result["p50_ms"], result["p99_ms"], result["max_ms"], result["per_second"]) == (100.0, 198.0, 200.0, 100.0)
