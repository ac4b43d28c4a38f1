"""All charts of a run, made once, thinned where the run is long: the page and the PNG plots draw the same ones."""

from __future__ import annotations

from dataclasses import dataclass

from evals.charts.entropy import entropy_charts, law_charts, law_results
from evals.charts.series import MOST, Chart, learning_charts, sweep_chart, thinned, warmstart_chart
from evals.law.study import LawResult
from evals.runs import Run, uncollected


@dataclass(frozen=True)
class Pictures:
    """A run's charts by what they are about; lists are empty where the run recorded nothing of the kind."""

    learning: list[Chart]
    warm: list[Chart]
    """The warm start: one chart, or none."""
    sweep: list[Chart]
    """Coverage and accuracy, against tokens and against latency."""
    laws: list[LawResult]
    """What the law's charts were made from."""
    law: list[Chart]
    entropy: list[Chart]
    """Of the instruments."""
    thinning: str
    """A sentence about what is left out; empty where nothing is."""


@uncollected()
def pictures(run: Run) -> Pictures:
    """Makes them all; fitting the law takes longer than the rest."""
    laws, warm = law_results(run.metrics), warmstart_chart(run.warmstart)
    cells = run.sweep if run.sweep and run.sweep.get("cells") else None
    ways = [(measure, latency) for latency in (False, True) for measure in ("pass_at_k", "accuracy")]
    sweep = [sweep_chart(cells, *way) for way in ways] if cells else []
    law = [chart for result in laws for chart in law_charts(result)]
    kinds = (
        learning_charts(run.metrics),
        [warm] if warm else [],
        [chart for chart in sweep if chart.series],
        law,
        entropy_charts(run.metrics),
    )
    learning, warm_start, sweeps, law, entropy = ([thinned(chart) for chart in charts] for charts in kinds)
    return Pictures(learning, warm_start, sweeps, laws, law, entropy, _thinning(len(run.metrics)))


def _thinning(steps: int) -> str:
    if steps <= MOST:
        return ""
    return (
        f"Of {steps:,} steps a chart shows those at which one of its lines is highest or lowest in one of {MOST // 4} "
        f"equal stretches, and the first and the last; of dots every k-th, at most {MOST}."
    )
