"""The range of every number and the known names of every choice; a test finds a key without one."""

from __future__ import annotations

import difflib
import math

from rlad.config import ROLES, SOURCES, ConfigError
from rlad.config.methods import ADVANTAGES, AGGREGATIONS
from rlad.config.methods import LOSSES as AGGREGATION_OF

LOSSES = tuple(AGGREGATION_OF)
"""Names in the registry trainers/losses (not imported: rlad knows nothing of training; a test keeps the two equal)."""
REWARDS = {"solution": ("verdict", "rlcr"), "abstraction": ("verdict", "hill", "r3")}
"""Names in the registry trainers/rewards, by player."""
INDUCTION_FAMILIES = ("linear", "product", "minmax", "difference")

NAMES: dict[str, tuple[str, ...]] = {
    "problems.source": SOURCES,
    "cotrain.proposals": ("distinct", "iid"),
    "cotrain.solution_group": ("abstraction", "problem"),
    "cotrain.schedule.kind": ("simultaneous", "alternating", "rates", "frozen"),
    "cotrain.r3.weights": ("spread", "top"),
    "cotrain.diversity.measure": ("form", "wording"),
    "cotrain.effective_rank.tokens": ("last", "all"),
    "cotrain.critique.source": ("none", "verifier", "self", "teacher"),
    "cotrain.critique.groups": ("all_wrong", "any"),
    "cotrain.schedule.train": ROLES,
    "solution.reward": REWARDS["solution"],
    "abstraction.reward": REWARDS["abstraction"],
    "engine.kind": ("transformers", "vllm"),
    "engine.placement": ("auto", "colocated", "shared", "lora", "server"),
    "launch.device": ("auto", "cpu", "cuda"),
    "serving.engine": ("vllm", "transformers"),
}
PLAYER_NAMES: dict[str, tuple[str, ...]] = {
    "loss": LOSSES,
    "shaping": ("none", "effective_rank"),
    "advantage": ADVANTAGES,
    "aggregation": ("auto", *AGGREGATIONS),
    "kl_estimator": ("k1", "k2", "k3"),
    "old_logprobs": ("trainer", "sampler"),
    "reinforce_pp.over": ("tokens", "sequences"),
    "forking.denominator": ("all", "kept"),
    "mismatch.kind": ("none", "truncated", "masked"),
    "mismatch.level": ("token", "sequence", "geometric"),
}
MODEL_NAMES: dict[str, tuple[str, ...]] = {"dtype": ("float32", "bfloat16", "float16")}


_INF = math.inf
_TINY = 5e-324  # the smallest float above 0: "(0, ...]" written as a closed range
_UNDER_ONE = 1 - 2**-53  # the largest below 1: "[..., 1)" written as one

RANGES: dict[str, tuple[float, float]] = {
    "problems.train": (0, _INF),
    "problems.validation": (0, _INF),
    "problems.test": (0, _INF),
    "problems.useless_share": (0, 1),
    "problems.induction.examples": (1, 16),
    "problems.induction.depth": (1, 2),
    "problems.induction.max_input": (1, 999),
    "problems.countdown.numbers": (3, 6),
    "problems.countdown.max_number": (2, 999),
    "problems.countdown.max_target": (1, 9999),
    "lora.rank": (0, 512),
    "lora.alpha": (_TINY, _INF),
    "warmstart.steps": (1, _INF),
    "warmstart.batch": (1, _INF),
    "warmstart.micro_batch": (1, _INF),
    "warmstart.lr": (_TINY, 1),
    "warmstart.warmup": (0, _INF),
    "warmstart.min_lr_ratio": (0, 1),
    "warmstart.weight_decay": (0, 1),
    "warmstart.max_grad_norm": (_TINY, _INF),
    "warmstart.mixture.plain": (0, _INF),
    "warmstart.mixture.propose": (0, _INF),
    "warmstart.mixture.guided": (0, _INF),
    "warmstart.mixture.one_pass": (0, _INF),
    "warmstart.mixture.critique": (0, _INF),
    "warmstart.mixture.refine": (0, _INF),
    "warmstart.role_steps": (0, _INF),
    "warmstart.log_every": (1, _INF),
    "cotrain.steps": (1, _INF),
    "cotrain.max_tokens": (0, _INF),
    "cotrain.problems": (1, _INF),
    "cotrain.abstractions": (0, _INF),
    "cotrain.solutions": (1, _INF),
    "cotrain.draws": (1, _INF),
    "cotrain.bare.share": (0, 1),
    "cotrain.bare.solutions": (1, _INF),
    "cotrain.bare.baseline_samples": (0, _INF),
    "cotrain.gate.penalty": (-1, 0),
    "cotrain.set_credit": (0, 1),
    "cotrain.rlcr.malformed": (-10, 0),
    "cotrain.hill.temperature": (_TINY, _INF),
    "cotrain.r3.top": (_TINY, 1),
    "cotrain.r3.propagation": (0, _INF),
    "cotrain.r3.worst": (_TINY, 1),
    "cotrain.r3.rank": (1, _INF),
    "cotrain.r3.keep": (_TINY, 1),
    "cotrain.r3.carry_over": (0, 1),
    "cotrain.diversity.weight": (0, _INF),
    "cotrain.effective_rank.stride": (1, _INF),
    "cotrain.effective_rank.ema": (_TINY, 1),
    "cotrain.critique.keep": (1, _INF),
    "cotrain.critique.gamma": (_TINY, _INF),
    "cotrain.critique.max_new_tokens": (1, _INF),
    "cotrain.critique.teacher_requests": (1, 256),
    "cotrain.critique.teacher_timeout": (_TINY, _INF),
    "cotrain.refills": (0, 100),
    "cotrain.retire_above": (_TINY, 1),
    "cotrain.updates_per_rollout": (1, _INF),
    "cotrain.micro_batch": (1, _INF),
    "cotrain.schedule.abstraction_steps": (1, _INF),
    "cotrain.schedule.solution_steps": (1, _INF),
    "cotrain.schedule.low_rate": (0, 1),
    "cotrain.schedule.lag": (0, _INF),
    "cotrain.rft.every": (0, _INF),
    "cotrain.rft.problems": (1, _INF),
    "cotrain.rft.abstractions": (1, _INF),
    "cotrain.rft.solutions": (1, _INF),
    "cotrain.rft.margin": (0, _UNDER_ONE),  # nothing beats a bare success by 1
    "cotrain.rft.epochs": (1, _INF),
    "cotrain.rft.batch": (1, _INF),
    "cotrain.rft.lr": (_TINY, 1),
    "cotrain.broaden.every": (0, _INF),
    "cotrain.broaden.problems": (1, _INF),
    "cotrain.broaden.draws": (1, _INF),
    "cotrain.broaden.epochs": (1, _INF),
    "cotrain.broaden.batch": (1, _INF),
    "cotrain.broaden.lr": (_TINY, 1),
    "cotrain.checkpoint_every": (1, _INF),
    "cotrain.keep_checkpoints": (1, _INF),
    "cotrain.validate_every": (0, _INF),
    "cotrain.parity_threshold": (_TINY, _INF),
    "cotrain.samples_every": (1, _INF),
    "instruments.every": (0, _INF),
    "instruments.tokens": (1, _INF),
    "instruments.texts": (1, _INF),
    "instruments.forking_entropy": (0, _INF),
    "instruments.cluster_problems": (0, _INF),
    "instruments.rank_every": (0, _INF),
    "instruments.rank_rows": (1, _INF),
    "instruments.rank_stride": (1, 256),
    "instruments.gram_problems": (1, _INF),
    "instruments.gram_samples": (1, _INF),
    "instruments.gram_clusters": (1, _INF),
    "engine.max_batch": (1, _INF),
    "engine.replicas": (1, 1024),
    "engine.tensor_parallel": (1, 1024),
    "engine.memory_share": (_TINY, 1),
    "engine.kv_cache_gb": (_TINY, _INF),
    "engine.threads": (0, 1024),
    "engine.start_timeout": (1, _INF),
    "engine.timeout": (1, _INF),
    "verifier.workers": (0, 256),
    "verifier.time_limit": (_TINY, _INF),
    "sweep.problems": (1, _INF),
    "sweep.plain_samples": (1, _INF),
    "sweep.propose_temperature": (_TINY, 10),
    "sweep.solve_temperature": (0, 10),
    "sweep.draw_factor": (1, 100),
    "sweep.iid_abstractions": (1, _INF),
    "sweep.iid_solutions": (1, _INF),
    "sweep.bootstrap": (1, _INF),
    "sweep.shard": (1, _INF),
    "serving.start_timeout": (_TINY, _INF),
    "serving.retry_wait": (0, _INF),
    "serving.port": (0, 65535),
    "serving.abstractions": (0, _INF),
    "serving.solutions": (1, _INF),
    "serving.draw_factor": (1, 100),
    "serving.max_abstractions": (0, _INF),
    "serving.max_solutions": (1, _INF),
    "serving.max_samples": (1, _INF),
    "serving.max_choices": (1, 128),
    "serving.max_total_tokens": (1, _INF),
    "serving.max_problem_chars": (1, _INF),
    "serving.max_body_bytes": (1024, _INF),
    "serving.max_concurrent": (1, _INF),
    "serving.max_queue": (0, _INF),
    "serving.request_timeout": (_TINY, _INF),
    "serving.body_timeout": (_TINY, _INF),
    "serving.drain_timeout": (0, _INF),
    "launch.ranks": (1, 1024),
    "launch.threads_per_rank": (1, 1024),
    "launch.port": (0, 65535),
    "launch.timeout": (1, _INF),
    "zero.persistence_threshold": (0, _INF),
    "zero.bucket_size": (1, _INF),
}
PLAYER_RANGES: dict[str, tuple[float, float]] = {
    "temperature": (_TINY, 10),
    "max_new_tokens": (1, _INF),
    "lr": (0, 1),
    "weight_decay": (0, 1),
    "beta1": (0, _UNDER_ONE),
    "beta2": (0, _UNDER_ONE),
    "max_grad_norm": (_TINY, _INF),
    "min_lr_ratio": (0, 1),
    "clip_low": (_TINY, 1),
    "clip_high": (_TINY, _INF),
    "dual_clip": (1, _INF),
    "hicra": (0, _UNDER_ONE),
    "overlong": (0, _INF),
    "gspo.clip_low": (_TINY, 0.1),  # 0.2, a token's bound, would clip no sequence
    "gspo.clip_high": (_TINY, 0.1),
    "cispo.floor": (0, 1),
    "cispo.cap": (1, _INF),
    "sapo.tau_positive": (_TINY, _INF),
    "sapo.tau_negative": (_TINY, _INF),
    "dppo.delta": (_TINY, 1),
    "dppo.ratio_cap": (1, _INF),
    "ce_gppo.beta_low": (0, _INF),
    "ce_gppo.beta_high": (0, _INF),
    "clip_cov.share": (_TINY, 1),
    "clip_cov.low": (-_INF, _INF),
    "clip_cov.high": (-_INF, _INF),
    "clip_cov.clip_low": (_TINY, 1),
    "clip_cov.clip_high": (_TINY, _INF),
    "kl_cov.share": (_TINY, 1),
    "kl_cov.beta": (0, _INF),
    "reinforce_pp.kl": (0, _INF),
    "forking.share": (_TINY, 1),
    "mismatch.low": (0, 1),
    "mismatch.high": (1, _INF),
    "mismatch.opsm": (0, _INF),
    "kl": (0, _INF),
    "entropy": (-_INF, _INF),
    "entropy_target": (0, _INF),
    "entropy_step": (_TINY, _INF),
    "entropy_max": (_TINY, _INF),
}
MODEL_RANGES: dict[str, tuple[float, float]] = {
    "hidden_size": (8, _INF),
    "layers": (1, _INF),
    "heads": (1, _INF),
    "kv_heads": (1, _INF),
    "intermediate_size": (1, _INF),
    "max_positions": (8, _INF),
}


def check_tables(node: object, prefix: str, ranges: dict[str, tuple[float, float]], names: dict) -> None:
    for key, (low, high) in ranges.items():
        value = _lookup(node, key)
        if value is not None and not (low <= value <= high and math.isfinite(value)):
            finite = "finite and " if math.isinf(value) else ""
            raise ConfigError(f"{prefix}{key}={value} is out of range; it must be {finite}{_describe(low, high)}.")
    for key, known in names.items():
        require_name(f"{prefix}{key}", _lookup(node, key), known)


def require_name(key: str, value: str, known: tuple[str, ...]) -> None:
    """Raises ConfigError, naming the nearest known name, unless `value` is one of `known`."""
    if value not in known:
        near = difflib.get_close_matches(value, known, n=1, cutoff=0.0)[0]
        raise ConfigError(f"{key}='{value}' is unknown; the nearest is '{near}' (known: {', '.join(known)}).")


def _lookup(node: object, dotted: str) -> object:
    for part in dotted.split("."):
        node = getattr(node, part)
    return node


def _describe(low: float, high: float) -> str:
    if low == -_INF:
        return "a number"
    floor = "above 0" if low == _TINY else f"at least {low:g}"
    if high == _INF:
        return floor
    return f"{floor} and below 1" if high == _UNDER_ONE else f"{floor} and at most {high:g}"
