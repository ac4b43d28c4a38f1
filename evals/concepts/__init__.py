"""A small concept model (2412.08821): the next sentence as a vector, and sets of abstractions that repel each other."""
