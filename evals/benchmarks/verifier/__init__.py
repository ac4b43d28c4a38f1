"""The verifier beside math-verify, and under hostile and random answers."""
