"""Judged trees to rows with one advantage per token; "what is A of this token?" is answered here alone."""
