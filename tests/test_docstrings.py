"""Every worked example in a docstring is a test."""

import doctest
import importlib
import pkgutil

import pytest

import evals
import rlad
import trainers

# Entry points that run when imported have no examples to test.
MODULES = sorted(
    info.name
    for package in (rlad, trainers, evals)
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not info.name.endswith("__main__") and ".benchmarks" not in info.name
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0
