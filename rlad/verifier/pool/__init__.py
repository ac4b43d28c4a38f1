"""Judging in killable worker processes: the pool, the thread that feeds it, one process, and what runs inside it."""
