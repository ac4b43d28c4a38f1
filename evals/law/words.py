"""What the study of a run's entropy law found, in plain words."""

from __future__ import annotations

from evals.law.study import KNOWN, LawResult


def law_in_words(result: LawResult) -> str:
    """The result in plain words."""
    p = result.points
    lines = [
        f"{p.role} player, {p.condition}: reward is {p.reward_key}, entropy {p.role}.{p.entropy_key}; fitted on the "
        f"first {result.fitted} of {len(p.steps)} steps."
    ]
    lines.append(result.forecasts["law"].missing or _law_words(result))
    lines.append(result.forecasts["sigmoid"].missing or _sigmoid_words(result))
    lines += _later_words(result)
    if not result.phases:
        lines.append("Two phases: this run records no planning tokens.")
    for name, phases in result.phases.items():
        where = f"from step {phases.step:.0f}, " if phases.step is not None else "no, "
        lines.append(f"Two phases ({name}): {where}{phases.reason}.")
    return "\n".join(lines)


def _law_words(result: LawResult) -> str:
    law, p = result.law, result.points
    pairs = {name: f"{low:+.3f} to {high:+.3f}" for name, (low, high) in law.intervals().items()}
    start, end = p.entropy[: result.fitted].max(), p.entropy[: result.fitted].min()
    ceiling = "" if result.ceiling_known else " (not determined by these steps)"
    low, high = law.intervals()["a"]
    bought = " The interval of a includes zero: these steps do not show that entropy buys reward." * (low <= 0 <= high)
    return (
        f"Entropy law R = -a e^H + b: a = {law.a:.3f} ({pairs['a']}), b = {law.b:.3f} ({pairs['b']}), ceiling b - a = "
        f"{law.ceiling:.3f} ({pairs['ceiling']}){ceiling}; H ran from {start:.3f} to {end:.3f} nats.{bought}"
    )


def _sigmoid_words(result: LawResult) -> str:
    curve = result.sigmoid
    known = 1.96 * curve.error <= KNOWN
    error = f"± {1.96 * curve.error:.3f}" if known else "not determined by these steps"
    return (
        f"Sigmoid over generated tokens: start {curve.start:.3f}, asymptote {curve.asymptote:.3f} ({error}), middle "
        f"{curve.middle:,.0f} tokens, steepness {curve.steepness:.2f}."
    )


LATER = {
    "law": "the law, given their entropies",
    "law_forecast": "the law with entropies foretold by a line in log tokens",
    "trend": "a line of reward in log tokens, without entropy",
    "sigmoid": "the sigmoid",
}


def _later_words(result: LawResult) -> list[str]:
    """How every model did on the steps it did not see, one line each, below what they are measured against."""
    told = {name: one.foretold for name, one in result.forecasts.items() if one.foretold}
    if not told:
        return []
    first = next(iter(told.values()))
    found = [f"foretelling no change {first.rmse_no_change:.4f}"]
    for name, one in told.items():
        inside = "" if one.inside is None else f", {100 * one.inside:.0f} % inside their 95 % intervals"
        found.append(f"{LATER[name]} {one.rmse:.4f}, last tenth off by {one.last_error:+.4f}{inside}")
    return [f"On the {first.steps} later steps, root mean square errors:", "  " + ";\n  ".join(found) + "."]
