"""Abstraction data: a teacher writes candidates, gates choose among them; out come rows that the warm start reads."""
