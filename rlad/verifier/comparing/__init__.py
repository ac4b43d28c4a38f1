"""Whether two trees are the same answer: canonical keys, one comparison per kind of answer, numbers, and sympy last."""
