"""A package as somebody else might write it: loss, reward, world, selection rule and role, each declared in its file.

tests/integration/test_outside_package.py installs a copy of it and trains with it.
"""
