"""Sampling by vLLM: engine processes, servers, and the ways that new weights take to them."""
