"""Which selection rule a server has where a request names none: the one that the run's own sweep found best."""

from __future__ import annotations

import json
from pathlib import Path

from rlad.config import ConfigError, ServingConfig
from rlad.config.registry import rule

AUTO = "auto"
FALLBACK = "majority"


def settle_rule(config: ServingConfig, folder: Path) -> str:
    """Puts the rule in place of `auto`, and its keys as they were fitted; returns a sentence that says why this one.

    A sweep counts when it measured the co-trained pair, which is what is served, and chose on validation problems.
    Raises ConfigError for a sweep.json that cannot be read.
    """
    if config.select != AUTO:
        return f"Answers are selected by {config.select}, as the configuration says."
    path = folder / "sweep.json"
    config.select = FALLBACK
    if not path.is_file():
        return f"Answers are selected by {FALLBACK}: the run has no sweep that could say which rule is best."
    try:
        found = json.loads(path.read_text()).get("selection") or {}
    except json.JSONDecodeError as error:
        raise ConfigError(f"'{path}' is no JSON ({error}); sweep the run again, or name serving.select.") from error
    if (found.get("checkpoint"), found.get("chosen_on")) != ("cotrained", "validation"):
        return (
            f"Answers are selected by {FALLBACK}: the run's sweep chose no rule for this pair on validation problems."
        )
    config.select = found["rule"]
    method = rule[config.select]
    if method.keys:
        config.methods[method.name] = method.keys(**found["keys"])
    return (
        f"Answers are selected by {config.select}: the run's sweep found it best, {100 * found['breadth']:.1f} % right "
        f"on {found['problems']} test problems."
    )
