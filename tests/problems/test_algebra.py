"""The algebra world: every family's answers computed again with sympy, from the question's text alone."""

import random
import re

import pytest
import sympy
from sympy.parsing.sympy_parser import implicit_multiplication_application, parse_expr, standard_transformations

from rlad.config import VerifierConfig
from rlad.problems import Problem, ProblemError
from rlad.problems.algebra import FAMILIES, LIMIT, Algebra
from rlad.problems.algebra.world import WORDS, AlgebraKeys, small_exercise
from rlad.reasoning.judge import Judge
from rlad.verifier import verify

WORLD = Algebra()
SAMPLES = 8
x, y, k = sympy.symbols("x y k")


# ------------------------------------------------------------------------------------------------ reading LaTeX
def read(text: str) -> sympy.Expr:
    """The expression that a text of the world writes."""
    for _ in range(3):  # innermost braces first
        text = re.sub(r"\\log _ (\d+) (\d+|\( [^()]* \))", r"(log(\2)/log(\1))", text)
        text = re.sub(r"\\frac \{ ([^{}]*) \} \{ ([^{}]*) \}", r"((\1)/(\2))", text)
        text = re.sub(r"\\sqrt \{ ([^{}]*) \}", r"sqrt(\1)", text)
        text = re.sub(r"\^ \{ ([^{}]*) \}", r"^ (\1)", text)
    text = text.replace(r"\times", "*").replace("^", "**")
    return parse_expr(text, transformations=(*standard_transformations, implicit_multiplication_application))


def read_set(text: str) -> set:
    return {read(part) for part in text.removeprefix("\\lbrace").removesuffix("\\rbrace").split(" , ")}


def integers(text: str) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", text)]


def inside(text: str, start: str, end: str = "") -> str:
    """What stands between two pieces of a text."""
    rest = text.split(start, 1)[1]
    return rest.split(end, 1)[0] if end else rest


def same(one, two) -> bool:
    return sympy.simplify(sympy.sympify(one) - sympy.sympify(two)) == 0


# ------------------------------------------------------------------------------------------------ answers again
def evaluated(question: str, answer: str) -> bool:
    return same(read(question.split(" ", 1)[1]), read(answer))


def equation(question: str, answer: str) -> bool:
    left, right = question.removeprefix("solve ").split(" = ")
    left = re.sub(r"\| (.*) \|", r"Abs(\1)", left)
    unknown = sympy.Symbol("x", real=True)
    found = sympy.solveset(read(left).subs(x, unknown) - read(right), unknown, sympy.S.Reals)
    return set(found) == read_set(answer)


def system(question: str, answer: str) -> bool:
    rows = [side.split(" = ") for side in question.split(" : ")[0].split(" , ")]
    found = sympy.solve([read(left) - read(right) for left, right in rows], [x, y])
    return tuple(read(part) for part in answer.strip("( )").split(" , ")) == (found[x], found[y])


def symmetric(question: str, answer: str) -> bool:
    quadratic = read(inside(question, "of ", " = 0"))
    roots = sympy.roots(quadratic, x, multiple=True)
    return same(read(inside(question, "find ")).subs(dict(zip(sympy.symbols("r s"), roots, strict=True))), read(answer))


def least(question: str, answer: str) -> bool:
    return sympy.minimum(read(inside(question, "minimum of ")), x) == read(answer)


def remainder(question: str, answer: str) -> bool:
    dividend, divisor = inside(question, "remainder of ").split(" divided by ")
    return sympy.rem(read(dividend), read(divisor), x) == read(answer)


def power_remainder(question: str, answer: str) -> bool:
    base, exponent, modulus = integers(question)
    return base**exponent % modulus == int(answer)


def derivative(question: str, answer: str) -> bool:
    return same(sympy.diff(read(question.removeprefix("differentiate ")), x), read(answer))


def composition(question: str, answer: str) -> bool:
    f, g = read(inside(question, "f ( x ) = ", " , ")), read(inside(question, "g ( x ) = ", " :"))
    return same(f.subs(x, g), read(answer))


def arithmetic_sum(question: str, answer: str) -> bool:
    first, second, _, last = integers(question)
    return sum(range(first, last + 1, second - first)) == int(answer)


def geometric_sum(question: str, answer: str) -> bool:
    count = integers(question)[0]
    first, second, third = (read(term) for term in inside(question, "terms of ", " , \\ldots").split(" , "))
    assert second * second == first * third
    return sum(first * (second / first) ** i for i in range(count)) == read(answer)


def geometric_limit(question: str, answer: str) -> bool:
    first, second, third = (read(term) for term in inside(question, "sum of ", " , \\ldots").split(" , "))
    assert second * second == first * third
    n = sympy.Symbol("n", integer=True)
    return same(sympy.summation(first * (second / first) ** n, (n, 0, sympy.oo)), read(answer))


def telescoping(question: str, answer: str) -> bool:
    start, end = integers(question)[-2:]
    term = read(inside(question, "sum of ", " for"))
    return sum(term.subs(k, i) for i in range(start, end + 1)) == read(answer)


def inclusion(question: str, answer: str) -> bool:
    _, top, a, b = integers(question)
    return sum(n % a == 0 or n % b == 0 for n in range(1, top + 1)) == int(answer)


def choices(question: str, answer: str) -> bool:
    i, n, j, m = integers(question)
    return sympy.binomial(n, i) * sympy.binomial(m, j) == int(answer)


def divisors(question: str, answer: str) -> bool:
    return sympy.divisor_count(integers(question)[0]) == int(answer)


AGAIN = {
    "products": evaluated, "squares_difference": evaluated, "exponent_laws": evaluated, "logarithm_laws": evaluated,
    "change_of_base": evaluated, "rational_exponents": evaluated, "rationalise": evaluated, "surd_sums": evaluated,
    "quadratic_roots": equation, "absolute_value": equation, "linear_system": system, "vieta": symmetric,
    "completing_square": least, "remainder": remainder, "derivative": derivative, "composition": composition,
    "arithmetic_sum": arithmetic_sum, "geometric_sum": geometric_sum, "geometric_limit": geometric_limit,
    "telescoping": telescoping, "power_remainder": power_remainder, "inclusion_exclusion": inclusion,
    "choices": choices, "divisors": divisors,
}  # fmt: skip


def exercises(name: str, count: int, seed: int = 0) -> list:
    rng = random.Random(seed)
    return [small_exercise(name, rng) for _ in range(count)]


def test_every_family_is_checked():
    assert set(AGAIN) == set(FAMILIES) and len(FAMILIES) >= 12


@pytest.mark.parametrize("name", list(FAMILIES))
def test_sympy_agrees_with_the_answer(name):
    for made in exercises(name, SAMPLES):
        assert AGAIN[name](made.question, made.answer), made


@pytest.mark.parametrize("name", list(FAMILIES))
def test_sympy_agrees_with_every_step(name):
    """Wherever a plan writes `a = b` between two things without unknowns, both are equal."""
    checked = 0
    for made in exercises(name, SAMPLES // 3, seed=1):
        for plan in made.plans:
            for piece in re.split(r" [,:] ", plan.steps):
                sides = piece.split(" = ")
                known = re.sub(r"\\(frac|sqrt|times|log) ", "", piece)
                if len(sides) > 1 and not re.search(r"[a-z|\\]", known):
                    checked += 1
                    assert all(same(read(sides[0]), read(side)) for side in sides[1:]), (plan, piece)
    assert checked or name in (
        "completing_square",
        "derivative",
        "quadratic_roots",
    )  # they write unknowns in every step


@pytest.mark.parametrize("name", list(FAMILIES))
def test_every_plan_solves_adheres_to_itself_and_to_no_other(name):
    world, rng = Algebra(keys=AlgebraKeys(families=[name])), random.Random(5)
    for _ in range(30):
        problem = world.sample(rng)
        plans = problem.meta["plans"]
        assert len({plan.abstraction for plan in plans}) == len(plans)
        for plan in plans:
            solution = world.solve(problem, plan.abstraction, rng)
            assert verify(problem.answer, solution).correct and world.valid(problem, solution)
            assert [world.adheres(problem, other.abstraction, solution) for other in plans] == [
                o is plan for o in plans
            ]


def test_many_families_have_several_valid_techniques():
    several = [name for name in FAMILIES if any(len(made.plans) > 1 for made in exercises(name, 60))]
    assert len(several) >= 18


def test_answers_are_of_every_kind():
    answers = [made.answer for name in FAMILIES for made in exercises(name, 10)]
    for mark in (r"\frac", r"\sqrt", r"\lbrace", "( ", "x"):
        assert any(mark in answer for answer in answers)


def test_integers_stay_below_the_limit_and_every_word_is_used():
    words = {"this", "does", "not", "help", ",", "guess", "\\boxed{"}
    for name in FAMILIES:
        for made in exercises(name, 150):
            for text in (made.question, made.answer, *(t for p in made.plans for t in (p.abstraction, p.steps))):
                assert max(integers(text), default=0) <= LIMIT
                words.update(text.split())
    assert {word for word in words if not word.isdecimal()} == set(WORDS.split())
    assert len(WORLD.vocabulary()) <= 600


@pytest.mark.parametrize(
    "question, answer, box, valid",
    [
        (r"compute 23 \times 17", "391", "391", True),
        (r"compute 23 \times 17", "391", r"23 \times 17", False),  # equal, but only restates the question
        (r"compute 23 \times 17", "391", "400 - 9", False),
        ("compute 3 ^ 2 - 5 ^ 2", "- 16", "- 16", True),
        ("sum", r"\frac { 3 } { 4 }", r"\frac { 3 } { 4 }", True),
        ("sum", r"\frac { 3 } { 4 }", r"\frac { 1 } { 4 } + \frac { 1 } { 2 }", False),
        ("differentiate", "6 x + 1", "1 + 6 x", True),
        ("differentiate", "6 x + 1", "3 ( 2 x ) + 1", False),
        ("solve", r"\lbrace 2 , 3 \rbrace", r"\lbrace 3 , 2 \rbrace", True),
        ("simplify", r"7 \sqrt { 3 }", r"4 \sqrt { 3 } + 3 \sqrt { 3 }", False),
        ("sum", "5", "", False),
        ("solve", r"\lbrace 2 , 3 \rbrace", r"\{2, 3\}", True),  # as a language model writes it
        ("solve", "( 2 , 3 )", r"\left(2, 3\right)", True),
        ("sum", r"\frac { 3 } { 4 }", r"\dfrac{3}{4}", True),
        ("sum", r"\frac { 3 } { 4 }", "3/4", True),
        ("sum", "5", "10 / 2", False),
        ("simplify", r"9 - 3 \sqrt { 5 }", r"-3\sqrt{5}+9", True),
        ("sum", "- 5", "5 - 10", False),
    ],
)
def test_the_box_must_be_worked_out(question, answer, box, valid):
    assert WORLD.valid(Problem("test", question, answer), f"so \\boxed{{ {box} }}") == valid


def test_the_judge_refuses_a_box_that_restates_the_question():
    """The verifier alone would be content: the two are equal."""
    judge, rng, equal = Judge(VerifierConfig(), WORLD), random.Random(0), 0
    for _ in range(300):
        problem = WORLD.sample(rng)
        solution = f"\\boxed{{ {problem.question.split(' ', 1)[1]} }}"
        equal += verify(problem.answer, solution).correct
        assert not judge([(problem, solution)])[0].correct
    assert equal > 50


PARTS = {
    "products": r"compute | \\times ",
    "derivative": r"differentiate \( | \) \( | \)",
    "change_of_base": r"compute | \+ ",
    "rational_exponents": r"compute | \+ ",
    "choices": r"ways to choose | and ",
    "inclusion_exclusion": r" are divisible by | or ",
    "linear_system": r" , | :",
    "exponent_laws": r"\\frac \{ | \\times | (?=\} \{)",
    "surd_sums": r"simplify (?=\\)| (?=[-+])|(?<=simplify )",
}


@pytest.mark.parametrize("name", list(PARTS))
def test_the_canonical_form_sees_the_parts_but_not_their_order(name):
    """Exercises with the same parts in another order share their canonical form; with other parts they do not."""
    rng, groups = random.Random(0), {}
    families = AlgebraKeys(families=[name])
    world = Algebra(keys=families)
    for _ in range(5000 if name == "linear_system" else 3000):
        problem = world.sample(rng)
        parts = re.split(PARTS[name], problem.question.replace("simplify ", "simplify + "))
        groups.setdefault(tuple(sorted(parts)), set()).add((problem.question, problem.meta["canonical"]))
    assert any(len({question for question, _ in group}) > 1 for group in groups.values())
    forms = [{canonical for _, canonical in group} for group in groups.values()]
    assert all(len(found) == 1 for found in forms)
    assert len(set.union(*forms)) == len(groups)


def test_a_useless_abstraction_is_another_familys_and_its_solution_guesses_wrong():
    world, rng = Algebra(1.0), random.Random(0)
    for _ in range(200):
        problem = world.sample(rng)
        proposal = world.propose(problem, rng)
        assert proposal not in {plan.abstraction for plan in problem.meta["plans"]}
        solution = world.solve(problem, proposal, rng)
        assert not verify(problem.answer, solution).correct and not world.adheres(problem, proposal, solution)


def test_families_can_be_chosen_and_unknown_ones_are_named():
    world = Algebra(keys=AlgebraKeys(families=["vieta", "products"]))
    rng = random.Random(0)
    assert {world.sample(rng).meta["family"] for _ in range(50)} == {"vieta", "products"}
    with pytest.raises(ProblemError, match="'viete' is no algebra family; the families are products"):
        Algebra(keys=AlgebraKeys(families=["viete"]))
