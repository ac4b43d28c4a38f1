"""Which configurations make sense: the rules behind `load_config`.

Every rule ends in one plain sentence (ConfigError). The rules are split by what they look at: numbers out of range
and names nobody knows (both stand at the key), what a method does not go with (its own file says it), numbers that do
not fit together, model folders that are not complete. Data files are read by
rlad/problems, which says what is wrong with them. Nothing here imports torch.

What must divide, and what need not:

- `cotrain.problems` and `warmstart.batch` by the ranks, because a problem with its n abstractions and n*m solutions
  stays on one rank (no group is ever split).
- Micro-batches need not divide anything: every rank's plan is padded with zero-weight rows to the longest one.
"""

from rlad.config.rules.checks import validate
from rlad.config.rules.fields import require_name
from rlad.config.rules.groups import bare_problems, check_ranks, learning_roles, trains, wants_reference
from rlad.config.rules.models import (
    check_model_folder,
    dropouts,
    max_positions,
    model_config,
    models,
    packs_by_positions,
    reads_no_mask,
    require_weights,
)

__all__ = [
    "bare_problems",
    "check_model_folder",
    "check_ranks",
    "dropouts",
    "learning_roles",
    "max_positions",
    "model_config",
    "models",
    "packs_by_positions",
    "reads_no_mask",
    "require_name",
    "require_weights",
    "trains",
    "validate",
    "wants_reference",
]
