"""The roles: what a player reads, how what it wrote is compared and paid, what warms it up. One file each."""

from rlad.players.roles.base import (
    Demonstration,
    Group,
    Pay,
    Role,
    Sample,
    Task,
    TreeReader,
    choosers,
    playing,
    role_of,
)

__all__ = ["Demonstration", "Group", "Pay", "Role", "Sample", "Task", "TreeReader", "choosers", "playing", "role_of"]
