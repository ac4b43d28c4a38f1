"""A package as somebody else might write it: a loss, a reward, a world and a selection rule, each declared in its file.

tests/integration/test_outside_package.py installs a copy of it and trains with it.
"""
