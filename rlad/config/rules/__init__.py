"""Which configurations make sense: the rules behind `load_config`.

Every rule ends in one plain sentence (ConfigError). The rules are split by what they look at: numbers out of range,
names nobody knows, numbers that do not fit together, model folders that are not complete. Data files are read by
rlad/problems, which says what is wrong with them. Nothing here imports torch.

What must divide, and what need not:

- `cotrain.problems` and `warmstart.batch` by the ranks, because a problem with its n abstractions and n*m solutions
  stays on one rank (no group is ever split).
- Micro-batches need not divide anything: every rank's plan is padded with zero-weight rows to the longest one.
"""

from rlad.config.rules.checks import validate
from rlad.config.rules.groups import bare_problems, check_ranks, trains
from rlad.config.rules.models import check_model_folder, models
from rlad.config.rules.tables import LOSSES, require_name

__all__ = [
    "LOSSES",
    "bare_problems",
    "check_model_folder",
    "check_ranks",
    "models",
    "require_name",
    "trains",
    "validate",
]
