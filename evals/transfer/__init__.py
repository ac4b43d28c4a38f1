"""A run's abstractions in the hands of another solver, beside irrelevant, shuffled and right ones (2510.02263)."""
