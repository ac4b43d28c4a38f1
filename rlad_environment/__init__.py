"""The id by which `verifiers` finds the problems of rlad as a task set: `rlad-environment` (rlad/environment.py)."""

from rlad.environment import taskset_type

RladTaskset = taskset_type()

__all__ = ["RladTaskset"]
