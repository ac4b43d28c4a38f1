"""Reasoning with abstractions: configuration, problems, players, samplers, trees, the verifier and the server."""
