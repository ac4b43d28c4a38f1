"""Formats, clusters and repetition: labelled texts, checks 3.7 to 3.9, and brute force."""

import math
import random
from collections import Counter

import numpy as np
import pytest

from rlad.entropy.diversity import (
    chrf,
    cluster_counts,
    rarefied,
    repetition,
    text_clusters,
)
from rlad.entropy.formats import (
    ABSTRACTION_FORMATS,
    SOLUTION_FORMATS,
    abstraction_format,
    counted_profile,
    solution_format,
    takeover_step,
    world_format,
)
from rlad.entropy.shares import shares_entropy

SOLUTIONS = {
    "code": [
        "Let us compute.\n```python\nprint(sum(range(5)))\n```\nThe output is 10.",
        "def f(n: int) -> int:\n    return n + 1",
        "import math\nx = math.sqrt(2)",
    ],
    "prose": [
        "We define x as the number of apples. Definitely there are more than three of them, so the import is high.",
        "Because the sum of two odd numbers is even, the parity of the total cannot change. Therefore it stays even.",
        "We import the result from above and define the class of all such numbers.",
    ],
    "steps": [
        "Step 1: Let n be the number.\nStep 2: Double it to get 2n.\nStep 3: So 8.",
        "1. Factor the polynomial into two factors\n2. Set each factor to zero\n3. Read off the roots",
        "## Setting up\nWe name the unknown x.\n## Solving\nHence x = 3.",
    ],
    "equations": [
        "$2x+3=7$, $2x=4$, $x=2$. \\boxed{2}",
        "\\[ \\frac{3}{4} \\cdot 8 = 6 \\] \\[ 6 - 1 = 5 \\] \\boxed{5}",
    ],
    "answer": ["\\boxed{7}", "42", "The answer: 5"],
    "empty": ["", "  \n"],
}
ABSTRACTIONS = {
    "solution": ["The answer is 12.", "3+4 = 7, then 7*2 = 14, and 14-1 = 13", "So we get \\boxed{4}."],
    "example": ["For example, with n = 2 the sum is 3.", "Suppose n = 4; then all squares fit."],
    "lemmas": [
        "Lemma: a divides b. Lemma: b divides c.",
        "Fermat's little theorem and the identity for sums of squares are what is needed.",
    ],
    "procedure": [
        "First isolate the variable, then square both sides.",
        "1. Find the symmetry\n2. Divide by it",
        "- Draw the figure\n- Count the regions\n- Use induction",
    ],
    "pitfall": ["Be careful with the sign when squaring.", "Do not forget the case of zero."],
    "insight": ["Parity decides it.", "Compare the last digits of both sides."],
    "empty": [""],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in SOLUTIONS.items() for text in texts])
def test_solution_formats(name, text):
    assert solution_format(text) == name
    assert set(SOLUTIONS) == set(SOLUTION_FORMATS)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in ABSTRACTIONS.items() for text in texts])
def test_abstraction_formats(name, text):
    assert abstraction_format(text) == name
    assert set(ABSTRACTIONS) == set(ABSTRACTION_FORMATS)


def test_world_formats_know_a_sign_from_a_minus():
    positive = world_format("3 * 4 = 12 ; 15 - 12 = 3 ; 6 + 3 = 9 \\boxed{ 9 }")
    negative = world_format("3 * 4 = 12 ; 9 - 12 = - 3 ; 6 + - 3 = 3 \\boxed{ 3 }")
    assert positive == negative == "* - +"
    assert world_format("12 mod 7 = 5") == "mod"
    assert world_format("") == "number"


def test_a_stated_confidence_changes_no_format():
    said = " <confidence> 0.7 </confidence>"
    for text in [text for texts in SOLUTIONS.values() for text in texts if text.strip()]:
        assert solution_format(text + said) == solution_format(text)
    for text in ("3 + 4 = 7 \\boxed{ 7 }", "3 - 4 = - 1", "7"):
        assert world_format(text + said) == world_format(text)


def test_format_entropy_check_3_7():
    assert shares_entropy((0.5, 0.3, 0.2)) == pytest.approx(1.0297, abs=1e-4)
    assert shares_entropy((0.98, 0.01, 0.01)) == pytest.approx(0.1119, abs=1e-4)
    assert solution_format("We define x") != "code"


def test_profile_counts_and_takeover():
    rng = random.Random(0)
    names = [rng.choice("aab") for _ in range(200)]
    right = [rng.random() < 0.5 for _ in names]
    counts = Counter(names)
    found = counted_profile(counts, Counter(n for n, r in zip(names, right, strict=True) if r), True)
    assert found["dominant_share"] == max(counts.values()) / 200
    assert found["accuracy"]["b"] == sum(r for n, r in zip(names, right, strict=True) if n == "b") / counts["b"]
    assert found["entropy"] == pytest.approx(-sum(c / 200 * math.log(c / 200) for c in counts.values()))
    assert counted_profile(Counter(), Counter(), True) == {}
    many = counted_profile(Counter({f"f{i:02d}": 1 for i in range(20)}), Counter(), False)
    assert (many["number"], len(many["shares"])) == (20, 6)
    assert takeover_step([1, 2, 3], [0.95, None, 0.99]) == 1
    assert takeover_step([1, 2, 3], [0.5, 0.95, 0.9]) is None


def brute_chrf(hypothesis, reference):
    """The definition, one direction, letter by letter."""
    hypothesis, reference = hypothesis.replace(" ", ""), reference.replace(" ", "")
    precisions, recalls = [], []
    for n in range(1, 7):
        mine = [hypothesis[i : i + n] for i in range(len(hypothesis) - n + 1)]
        theirs = [reference[i : i + n] for i in range(len(reference) - n + 1)]
        if mine and theirs:
            left, shared = list(theirs), 0
            for gram in mine:
                if gram in left:
                    left.remove(gram)
                    shared += 1
            precisions.append(shared / len(mine))
            recalls.append(shared / len(theirs))
    if not precisions or not sum(precisions):
        return 0.0
    p, r = np.mean(precisions), np.mean(recalls)
    return 100 * 5 * p * r / (4 * p + r)


def test_chrf_by_brute_force():
    rng = random.Random(1)
    texts = ["".join(rng.choice("ab c1+") for _ in range(rng.randint(0, 25))) for _ in range(12)]
    matrix = chrf(texts)
    for i, a in enumerate(texts):
        for j, b in enumerate(texts):
            assert matrix[i, j] == pytest.approx((brute_chrf(a, b) + brute_chrf(b, a)) / 2)


def test_clusters_check_3_8():
    assert text_clusters(["same text"] * 5) == [0] * 5
    assert text_clusters(["abcdef", "uvwxyz", "123456"]) == [0, 1, 2]
    assert text_clusters([]) == []
    near = ["first add 3 and 4 to get 7", "first add 3 and 4 to get 8", "use the symmetry of the square"]
    assert text_clusters(near) == [0, 0, 1]
    assert cluster_counts(near, [True, False, False]) == {"all": 2, "correct": 1, "incorrect": 2}


def test_rarefied_numbers_are_the_mean_over_all_subsets():
    from itertools import combinations

    things = [0, 0, 0, 1, 1, 2]
    expected = np.mean([len(set(chosen)) for chosen in combinations(things, 3)])
    assert rarefied([3, 2, 1], 3) == pytest.approx(expected)
    assert rarefied([3, 2, 1], 6) == 3
    with pytest.raises(ValueError, match="cannot be drawn"):
        rarefied([1, 1], 3)


def test_repetition_by_looking_back():
    rng = random.Random(4)
    tokens = [rng.randint(0, 3) for _ in range(60)]
    seen, again = [], 0
    for i in range(57):
        again += tokens[i : i + 4] in seen
        seen.append(tokens[i : i + 4])
    assert repetition(tokens) == pytest.approx(again / 57)
    assert repetition([1, 2, 3]) == 0.0
    assert repetition([7] * 10) == pytest.approx(6 / 7)
