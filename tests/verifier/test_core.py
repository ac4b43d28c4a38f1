"""What the comparison must say, row by row: known faults of other verifiers, every kind of answer, and the policies."""

import subprocess
import sys
import threading

import pytest

from rlad.verifier import Outcome, VerifyOptions, core, deep_compare, verify

SAME = [
    ("1/2", r"\frac12"),
    ("0.5", "1/2"),
    ("1 1/4", "5/4"),
    (r"1\frac14", "1.25"),
    (r"33\frac13\%", "1/3"),
    ("1000", "1,000"),
    ("1000", r"1,\!000"),
    ("10{,}000", "10000"),
    ("1000", "1 000"),
    (".185", "0.185"),
    ("1000.99", "1000,99"),
    ("(6,3),(9,3)", "(9, 3), (6, 3)"),
    (r"1 \pm \sqrt{19}", r"1+\sqrt{19}, 1-\sqrt{19}"),
    (r"\{1,2\}", "2, 1"),
    (r"(\pm 1, 0)", "(1,0), (-1,0)"),
    ("x=1, y=2", "y=2, x=1"),
    ("2,-1,-18", "a=2, h=-1, k=-18"),
    ("p=5,q=2;p=7,q=2", "(5,2),(7,2)"),
    ("(p,q)=(3,2)", "(3,2)"),
    (r"f(n)=n, g(n)=1", "(f(n), g(n)) = (n, 1)"),
    ("f(x)=x+1", "f(t) = t+1"),
    (r"(-\infty,-5)", "k < -5"),
    (r"x \in [-2,7]", r"-2 \le x \le 7"),
    (r"4 < m \leq 8 \text{ or } 10 \leq m < 12", r"(4,8]\cup[10,12)"),
    (r"\{x \mid 2 < x < 3\}", "(2,3)"),
    ("x < 1", "-x > -1"),
    (r"x \neq 3", r"(-\infty,3)\cup(3,\infty)"),
    (r"1\le|z|\le\frac32", r"[-\frac32,-1]\cup[1,\frac32]"),
    (r"[1,2)\cup[2,3)", "[1,3)"),
    (r"\mathbb{R}\setminus\{0\}", r"(-\infty,0)\cup(0,\infty)"),
    ("2x+4y-3=0", r"y=-\frac12x+\frac34"),
    ("x^2/4+y^2/3=1", "x^2/16+y^2/12=1/4"),
    ("y+1=-(2x-1)^2", "-4x^2+4x-2"),
    ("k=3", "3"),
    ("3", "x=3"),
    (r"\begin{pmatrix}1/5\\-18/5\end{pmatrix}", r"\begin{bmatrix}0.2\\-3.6\end{bmatrix}"),
    (r"\begin{vmatrix}1&2\\3&4\end{vmatrix}", "-2"),
    (r"\begin{pmatrix}6&8\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}+\begin{pmatrix}5&6\end{pmatrix}"),
    (r"\tan^2 y+1", r"\sec^2 y"),
    (r"2\arcsin\sqrt a", r"\arccos(1-2a)"),
    (r"\frac{1}{3\sqrt[3]{x}^2}", r"\frac{1}{3x^{2/3}}"),
    (r"\frac{\log 2}{\log 2-\log 3}", r"-\frac{\ln 2}{\ln 3-\ln 2}"),
    ("2", r"\log 100"),
    (r"\log_2 8", "3"),
    (r"\sqrt[3]{-8}", "-2"),
    (r"\binom{10}{3}", "120"),
    ("5!", "120"),
    (r"\lfloor 3.7\rfloor", "3"),
    (r"\lceil n/2\rceil+1", r"1+\left\lceil\frac n2\right\rceil"),
    (r"1.5+5.5(-1)^n", r"\frac{3+11(-1)^n}{2}"),
    (r"\sum_{k=1}^n k", r"\frac{n(n+1)}{2}"),
    (r"10x\sqrt{21x}", r"10\sqrt{21x^3}"),
    ("(2+i)^2", "3+4i"),
    (r"\frac{2\pi}{3}", r"120^\circ"),
    (r"45^\circ", "45"),
    (r"60^\circ 30'", r"60.5^\circ"),
    ("5 km", "5000 m"),
    (r"15\mbox{ cm}^2", r"15\text{ square cm}"),
    (r"\$0.50", "50 cents"),
    ("60 mph", "60 miles per hour"),
    ("12", r"12^{\mathrm{th}}"),
    ("2.5 million", "2500000"),
    ("28 percent", r"28\%"),
    ("62.5%", r"\frac58"),
    ("4:30 p.m.", "16:30"),
    ("June 20", "20th of June"),
    ("7:32", r"S_1:S=7:32"),
    ("2:4:6", "1:2:3"),
    ("204_5", "204_{5}"),
    (r"x\equiv3\pmod7", r"10\pmod7"),
    (r"\text{(C)}", "C"),
    ("(D) Alina", "D"),
    ("D", "The answer is for sure D, it can't be A or B"),
    (r"\text{Evelyn}", "evelyn"),
    (r"\mbox{four}", "4"),
    (r"f(x)=1", r"f(x) = 1 \text{ for all } x \in \mathbb{Q}"),
    (r"x = k\pi", r"n\pi"),
    ("85.71", "600/7"),
    ("3.14", r"\pi"),
    ("0.33", "1/3"),
    (r"\frac{31031}{7776} \approx 3.99", "31031/7776"),
    ("②③", "2, 3"),
    ("2 × 10^(-10)", r"2\times10^{-10}"),
    ("[\x0crac{1}{2}, 1)", r"[\frac12,1)"),
    (r"\\frac{1}{2}", "0.5"),
    ("-5", r"\boxed{-5}"),
    ("1,2", r"\boxed{1} and \boxed{2}"),
    ("3", r"<think>\boxed{2}</think> so \boxed{3}"),
    ("42", "so\n#### 42"),
    ("7", "La respuesta es 7."),
    ("3", "答案是 3。"),
    ("9", r"Answer \( 9 \)"),
]

DIFFERENT = [
    (r"\frac{1}{2004!}", r"\frac{1}{2006!}"),
    ("2^{-99}", "2^{-98}"),
    ("1e-7", "2e-7"),
    ("4", r"4\sqrt2"),
    ("5 km", "5 cm"),
    ("1101_2", "1101"),
    ("3", r"\boxed{4=3}"),
    ("120000", "120006"),
    ("25", "2500"),
    ("0.5", "50"),
    ("0.5", "0.5%"),
    ("5", "5.001"),
    ("1/3", "0.333"),
    (r"\pi", "3.14"),
    ("3.5", r"2\sqrt3"),
    ("0.5", "0.54"),
    ("(1,2)", "(2,1)"),
    ("[1,2]", "(1,2)"),
    (r"\{1,2\}", "(1,2)"),
    ("1,2", "1,2,3"),
    (r"\pm 2021", "2021"),
    ("x=3", "y=3"),
    ("x>5", "x<5"),
    ("12:00", "1:00"),
    (r"\sqrt{x^2}", "x"),
    ("x^2+2x+1", "x^3+2x+1"),
    ("32349", r"\boxed{32, 349}"),
    ("a^2+b=0", "0"),
    ("7=11a+c", "11a+c"),
    ("CBAD", "ABCD"),
    ("f(x)", "f(y)"),
    ("E", "F"),
    (r"1 + 10^{-60}", "1"),
    (r"\sqrt2", "1.41421356237309504880168872420969807856967187537694"),
    ("0", "e^{-200}"),
    ("3", "3s^2"),
    (r"\frac{1}{10}", "0,1"),
    ("2", r"\boxed{2} or \boxed{3}"),
    ("3", r"\boxed{2}. On second thought \boxed{3}"),
    ("5", r"\boxed{5} \boxed{}"),
    ("5", r"\boxed{5} \boxed{6"),
    ("42", r"<think>\boxed{42}</think>"),
    ("42", r"<think> it is \boxed{42}"),
    ("42", "The answer is not 42."),
    ("5", "The answer is between 3 and 5."),
    ("4:30 p.m.", "4:30"),
]


@pytest.mark.parametrize(("gold", "pred"), SAME)
def test_equal(gold, pred):
    assert verify(gold, pred).outcome is Outcome.correct


@pytest.mark.parametrize(("gold", "pred"), DIFFERENT)
def test_different(gold, pred):
    assert not verify(gold, pred).correct


POLICIES = [
    ({"reject_hedging": False}, "3", r"\boxed{2}, no: wait. Then \boxed{3}"),
    ({"accept_correction": True}, "3", r"\boxed{2}. Wait, I forgot a case, so \boxed{3}"),
    ({"reject_broken_last_box": False}, "5", r"\boxed{5} \boxed{}"),
    ({"ignore_thinking": False}, "42", r"<think>\boxed{42}"),
    ({"pred_subset": True}, "1, 2", "1"),
    ({"pred_superset": True}, "1", "1, 2"),
]


@pytest.mark.parametrize(("options", "gold", "pred"), POLICIES)
def test_lenient_options(options, gold, pred):
    """Off by default, and each does what it says."""
    assert not verify(gold, pred).correct
    assert verify(gold, pred, VerifyOptions(**options)).correct


def test_only_what_a_text_corrects_is_withdrawn():
    options = VerifyOptions(accept_correction=True)
    assert not verify("3", r"\boxed{2} in the first case and \boxed{3} in the second", options).correct
    assert not verify("2", r"\boxed{2}. Wait, it is \boxed{3}", options).correct
    assert not verify("3", r"\boxed{1}. Wait, it is \boxed{2}. For the rest \boxed{3}", options).correct


STRICT = [
    ({"require_boxed": True}, "3", "3"),
    ({"boxed": False, "last_math": False}, "3", r"so \boxed{3}"),
    ({"ordered_lists": True}, "1,2", "2,1"),
    ({"unit_may_be_omitted": False}, r"5\text{ cm}", "5"),
    ({"percent_may_be_omitted": False}, "10%", "10"),
    ({"restated_relation": False}, "3", "x=3"),
    ({"rounded_decimals": False}, "3.14", r"\pi"),
    ({"answer_phrases": False, "last_math": False}, "5", "The answer is 5."),
    ({"choice_text": False}, "(D) Alina", "D"),
    ({"numeric_identity": False}, r"\sqrt2\sqrt3", r"\sqrt6"),
]


@pytest.mark.parametrize(("options", "gold", "pred"), STRICT)
def test_strict_options(options, gold, pred):
    assert verify(gold, pred).correct
    assert not verify(gold, pred, VerifyOptions(**options)).correct


@pytest.mark.parametrize("gold", ["", "  ", r"\boxed{", r"\frac{1}{0}", "((", "\0", "1" * 5000, None, 3])
def test_unparseable_gold_earns_nothing(gold):
    assert verify(gold, gold).outcome is Outcome.unparseable_gold


def test_unparseable_prediction_is_told_apart():
    assert verify("3", "").outcome is Outcome.unparseable_pred
    assert verify("3", r"\boxed{}").outcome is Outcome.unparseable_pred


def test_only_the_deep_rung_decides_integrals():
    assert verify(r"\int_0^1 x^2\,dx", r"\frac13").outcome is Outcome.undecided
    assert deep_compare(r"\int_0^1 x^2\,dx", r"\frac13").outcome is Outcome.correct
    assert deep_compare(r"\int_0^1 x^2\,dx", r"\frac14").outcome is Outcome.incorrect


def test_same_verdicts_in_threads():
    pairs = SAME[:40]
    wrong: list[tuple[str, str]] = []

    def work():
        wrong.extend(pair for pair in pairs if not verify(*pair).correct)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []


@pytest.mark.process
def test_import_is_light():
    """Neither torch nor transformers, and sympy only when the deep rung runs."""
    code = "import sys, rlad.verifier as v; v.verify('\\\\sqrt2', '1.5'); "
    code += "print([m for m in ('torch', 'transformers', 'sympy') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_a_gold_answer_is_read_once_for_all_solutions_of_its_problem(monkeypatch):
    read, reading = [], verify.__globals__["extract"]
    monkeypatch.setitem(
        verify.__globals__, "extract", lambda text, *more, **how: read.append(text) or reading(text, *more, **how)
    )
    found = [verify(r"\frac{31}{77}", rf"\boxed{{{answer}}}").correct for answer in ("31/77", "62/154", "1")]
    assert found == [True, True, False]
    assert read.count(r"\frac{31}{77}") == 1


def test_an_answer_that_is_compared_with_many_is_read_once(monkeypatch):
    read = []
    whole = core.parse_answer
    monkeypatch.setattr(core, "parse_answer", lambda text, *given: read.append(text) or whole(text, *given))
    others = [rf"\frac{{{n}}}{{77}}" for n in range(1, 9)]
    assert [verify(other, r"\frac{24}{231}").correct for other in others] == [n == 8 for n in range(1, 9)]
    assert read.count(r"\frac{24}{231}") == 1
