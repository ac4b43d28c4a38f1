"""The leak gate on the cases that fool simple ones, on cases made by rule, and on rows written by hand."""

import json
import time
from pathlib import Path

import pytest
from planted_leaks import planted

from rlad.config import ProblemsConfig
from rlad.problems import Problem, load_problems, make_world
from rlad.reasoning.leaks import examine, gives_away, leaks
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.tree import Branch, Tree

DATA = Path(__file__).parents[1] / "data"
CARDS = "Tom has 5 cards and gets 3 more cards. How many cards does Tom have now?"
EGGS = "There are 30 eggs. Half of them are sold. How many eggs are left?"
CIRCLE = "What is the area of a circle of radius 3?"


@pytest.mark.parametrize(
    "abstraction, gold, leak",
    [
        ("consider 2 variables", "2", False),
        ("the answer is 2", "2", True),
        ("the answer is 23", "2", False),
        ("x = 10", "1", False),
        ("so x = 1", "1", True),
        ("equals 0.5", "1/2", True),
        (r"it is \frac{1}{2}", "1/2", True),
        ("halve it twice", "1/2", False),
        ("think of 1729", "1729", True),
        ("think of 1,729", "1729", True),
        (r"note \sqrt{2} first", r"\sqrt{2}", True),
        ("compare with <= 3", "3", False),
        ("use 2 a + 1 b", "2", False),
        ("", "5", False),
        ("it has to do with 1/2 somehow", "1/2", True),
        ("start from 2/3 of the whole", "2/3", True),
        (r"think of \frac{2}{3} of it", r"\frac{2}{3}", True),
        ("think of 1/2 of it", "0.5", True),
        ("compare 2 with 3", "2/3", False),
        ("take 1 of 2 parts", "1/2", False),
        ("think of 11/2 of it", "1/2", False),
        ("think of 1/20 of it", "1/2", False),
        ("consider 2 variables", "4/2", False),
        ("consider 3 cases", "3.0", False),
        ("consider 100 of them", "100", False),
        ("consider -1 too", "-1", False),
        ("consider 1000 of them", "1000", True),
    ],
)
def test_without_a_question(abstraction, gold, leak):
    assert leaks(abstraction, gold) is leak


@pytest.mark.parametrize(
    "question, abstraction, gold, leak",
    [
        (CARDS, "he will have 8 cards", "8", True),
        (CARDS, "a total of eight", "8", True),
        (CARDS, "The answer\nis\n\n8", "8", True),
        (CARDS, "the answer is 2^3", "8", True),
        (CARDS, "It is the same as 6 + 2.", "8", True),
        (CARDS, "Add 5 and 3, that is, compute 5 + 3.", "8", False),
        (CARDS, "the answer is 5 + 3", "8", True),
        (CARDS, "The answer is not 8 of anything.", "8", False),
        (CARDS, "Step 8: divide by 8, in groups of 8, modulo 8.", "8", False),
        (CARDS, "There are 8 cases with at most 8 steps.", "8", False),
        (CARDS, "Tom has 5 cards at first, which is in the question.", "5", False),
        (CARDS, "In the end he will have 5.", "5", True),
        (CARDS, "After the first 8 seconds you see an 8-sided die and the 8th card.", "8", False),
        (CARDS, "Roman: VIII is the answer", "8", True),
        (EGGS, "fif\u200bteen eggs", "15", True),
        (EGGS, "**15** are left", "15", True),
        ("How long is it in minutes?", "An hour has 60 minutes.", "60", False),
        (EGGS, "Half of 30 are sold.", "15", False),
        (EGGS, "1 5 is the answer", "15", True),
        (EGGS, "Split them in half and look at each half.", "1/2", False),
        ("How much is it?", "eight dollars and fifty cents", "8.50", True),
        ("How much is it?", "it costs 12.5k", "12,500", True),
        ("How much is it?", "the cube of 3", "27", True),
        (CIRCLE, "the area is nine pi", r"9\pi", True),
        (CIRCLE, "multiply pi by the square of the radius", r"9\pi", False),
        ("Expand (x+1)^2.", "You get x^2 + 2x + 1.", "(x+1)^2", True),
        ("Solve x+y=10, x-y=4 for (x, y).", "x = 7 and y = 3", "(7, 3)", True),
        ("Which day is it?", "It is Friday.", "Friday", True),
        ("Is 91 prime?", "There is no need to go beyond 9.", "no", False),
        ("Is 91 prime?", "No, it is 7 times 13.", "no", True),
        ("Pick (A), (B) or (C).", "Option B is right, the answer is (B).", "B", True),
        ("Pick (A), (B) or (C).", "Compare option B with the others.", "B", False),
        ("Simplify 18/24.", "18/24 = 3/4", "3/4", True),
        ("Simplify 18/24.", "Cancel in 18/24.", "3/4", False),
        ("What is the remainder?", "it comes to 80 mm", "8 cm", True),
        ("What percentage is blue?", "25 percent of it", "25", True),
        ("How many are blue?", "Take 25% off first.", "25", False),
    ],
)
def test_what_states_the_answer_and_what_only_names_its_number(question, abstraction, gold, leak):
    assert examine(abstraction, gold, question).leak is leak


def shares(rows):
    """(precision, recall) of rows (question, abstraction, gold, leak)."""
    verdicts = [(leaks(abstraction, gold, question), leak) for question, abstraction, gold, leak in rows]
    hits = verdicts.count((True, True))
    return hits / sum(judged for judged, _ in verdicts), hits / sum(leak for _, leak in verdicts)


@pytest.mark.parametrize("seed", [0, 11, 12])
def test_cases_made_by_rule(seed):
    cases = planted(seed)
    assert len(cases) >= 200
    precision, recall = shares(case[:4] for case in cases)
    assert precision >= 0.95 and recall >= 0.95
    wrong = {c.form for c in cases if leaks(c.abstraction, c.gold, c.question) != c.leak}
    assert len(wrong) <= 2, wrong  # no form escapes as a whole


@pytest.mark.parametrize(
    "name, precision, recall",
    [("leak_rows", 0.94, 0.92), ("leak_rows_held_out", 0.95, 0.95), ("leak_rows_users", 0.98, 0.96)],
)
def test_rows_written_by_hand(name, precision, recall):
    rows = [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text().splitlines()]
    found = shares((row["question"], row["abstraction"], row["gold"], row["leak"]) for row in rows)
    assert found[0] >= precision and found[1] >= recall


def test_a_finding_says_which_words_and_why():
    found = examine("Add them up. In the end he will have twenty-seven cards.", "27", "How many cards?")
    assert found == (True, "In the end he will have twenty-seven cards", "it is a conclusion")
    assert examine("Divide by 8.", "8").reason == "the method works with it"


@pytest.mark.parametrize(
    "text",
    [
        "1 " * 9000,
        "(" * 9000 + "8",
        "one hundred and " * 900,
        "8 = " * 3000,
        "9" * 9000,
        r"\frac{" * 2000,
        "8, " * 3000,
    ],
)
def test_no_text_takes_long(text):
    begin = time.process_time()
    examine(text, "8", text), examine(text, "x^2+1", text)
    assert time.process_time() - begin < 5


@pytest.mark.parametrize("source", ["induction", "countdown", "algebra"])
def test_worlds_in_formal_language_keep_their_own_rule(source):
    import random

    config = ProblemsConfig(source=source, train=150)
    world, rng = make_world(config), random.Random(0)
    problems = load_problems(config, "train")
    assert sum(gives_away(problem, world.propose(problem, rng), world) for problem in problems) == 0
    problem = Problem("p", "3 , 5 > 14 ; 4 , 1 > ?", "7")
    assert gives_away(problem, "= 7", world) and not gives_away(problem, "7 a + 1 b", world)
    assert gives_away(problem, "there are seven", None) and not gives_away(problem, "there are seven", world)


def test_a_world_without_a_rule_is_read_as_english():
    class Silent:
        """Has no method `leaks` at all."""

    problem = Problem("p", CARDS, "8")
    assert gives_away(problem, "he will have eight", Silent())


CHANGE = "Pens cost $2. Maria buys 12 pens and pays with a $50 note. How much change does she get?"


@pytest.mark.parametrize(
    "question, abstraction, gold, leak",
    [
        (CHANGE, "Her change = 50 - 2*12", "26", True),
        (CHANGE, "Change is the note minus the cost: 50 - cost", "26", False),
        (CHANGE, "Compute 50 - 2*12", "26", False),
        ("What is the chance of an even roll?", "0.5 is the value.", "1/2", True),
        ("What are the roots of x^2-4x? Give the larger one.", "The larger root is four.", "4", True),
        ("What are the roots of x^2-4x? Give the larger one.", "Factor the 4 out of 4x.", "4", False),
        ("Solve for x: 3x + 7 = 22.", "Check 5: 3*5+7=22.", "5", True),
        ("Solve for x: 3x + 7 = 22.", "Check all 5 cases.", "5", False),
        ("She reads 12 pages a day. How many pages in 2 weeks?", "A week has 168 hours.", "168", False),
        ("She reads 12 pages a day. How many pages in 2 weeks?", "A week has 168 pages.", "168", True),
        ("How many two-digit numbers are divisible by 11?", "Count: 9 numbers.", "9", True),
    ],
)
def test_what_a_quantity_is_said_to_be_is_told_from_what_is_to_be_done(question, abstraction, gold, leak):
    assert examine(abstraction, gold, question).leak is leak


FLOOR = "On which floor is Ann if she starts on floor 3 and goes up 6?"
PARTY = "When is the party if it is 3 weeks after March 5?"
MOVIE = "A movie starts at 7:45 pm and lasts 105 minutes. When does it end?"
ROPE = "A rope of 7 m is cut in 2 equal pieces. How long is each, in metres?"
PRIME = "Which is prime? (A) 21 (B) 29 (C) 33"


@pytest.mark.parametrize(
    "question, abstraction, gold, leak",
    [
        (FLOOR, "She ends on the 9th floor.", "9", True),
        (FLOOR, "Ninth floor.", "9", True),
        (FLOOR, "Floor nine is where she stops.", "9", True),
        (FLOOR, "In the ninth step, count the floors.", "9", False),
        (PARTY, "It is on the twenty-sixth of March.", "March 26", True),
        (PARTY, "Add 21 days to March 5.", "March 26", False),
        (MOVIE, "It ends at half past nine.", "9:30 pm", True),
        (MOVIE, "Add 15 minutes to reach 8:00.", "9:30 pm", False),
        ("Simplify the ratio 12 to 8.", "It becomes 3 to 2.", "3:2", True),
        ("Solve 2x - 3 < 5.", "x must be less than four.", "x < 4", True),
        ("Factor x^2 - 9.", "It is the product of x - 3 and x + 3.", "(x-3)(x+3)", True),
        ("Solve 2x + 7 = 1.", "The solution is minus 3.", "-3", True),
        ("Solve 2x + 7 = 1.", r"$x=-\frac{6}{2}$", "-3", True),
        ("Solve 2x + 7 = 1.", "2x -3 is not what stands there.", "-3", False),
        ("It was 4 degrees and fell by 10. What is it now?", "It falls to six below zero.", "-6", True),
        (ROPE, "350 cm", "3.5", True),
        (ROPE, "Cut it: 7 / 2 m", "3.5", False),
        ("How much is a 20% tip on $45?", "900 cents", "$9", True),
        ("Simplify sqrt(50).", "Five root two.", r"5\sqrt{2}", True),
        ("Simplify sqrt(50).", "Write it as sqrt(25 * 2).", r"5\sqrt{2}", False),
        ("What is the remainder of 100 divided by 7?", "100 = 14*7 + 2", "2", True),
        ("What is the remainder of 100 divided by 7?", "98 = 14*7 and 105 = 15*7", "2", False),
        (PRIME, "The answer is 29.", "B", True),
        (PRIME, "Divide 29 by small primes.", "B", False),
        ("What is the limit of (1+1/n)^n?", "It converges to e.", "e", True),
        ("What is the limit of (1+1/n)^n?", "Write it as e to a logarithm.", "e", False),
        ("Is 91 prime?", "91 = 7 * 13, so no.", "no", True),
        ("How many cows are there?", "Cows: 8", "8", True),
        ("How many cows are there?", "Put them together (you'll find there are eight).", "8", True),
        ("How many weeks and days are 365 days?", "One week has 7 days.", "1", False),
        ("What is 2^4 * 2?", "It's 2 to the fifth power.", "32", True),
    ],
)
def test_answers_in_other_words_and_places_in_an_order(question, abstraction, gold, leak):
    assert examine(abstraction, gold, question).leak is leak


def test_training_and_sweeps_ask_this_gate_with_question_and_world():
    tree = Tree(Problem("p", CARDS, "5"))
    tree.branches = [Branch("Tom has 5 cards at first", "a"), Branch("he will have five", "b"), Branch("= 5", "c")]
    Reasoner(None, None, None, None, None).gate([tree])
    assert [branch.leak for branch in tree.branches] == [False, True, True]
    Reasoner(None, None, None, None, None, make_world(ProblemsConfig())).gate([tree])
    assert [branch.leak for branch in tree.branches] == [False, False, True]
