"""Judged trees to rows with their final advantages, once a step: "what is A of this token?" is answered here alone."""
