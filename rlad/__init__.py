"""Reasoning with abstractions: configuration, problems, players, samplers, trees, the verifier and the server.

    from rlad import load_pair, solve, verify

Names are loaded when they are first used, so that the verifier works where torch is not installed.
"""

from importlib import import_module

_HOMES = {"load_pair": "rlad.reasoning.solve", "solve": "rlad.reasoning.solve", "verify": "rlad.verifier"}

__all__ = ["load_pair", "solve", "verify"]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'rlad' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
