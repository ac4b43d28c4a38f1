"""The tables of `./launch.sh features`: the autoencoder, the ranked features, and steering beside its controls."""

from __future__ import annotations

from statistics import mean
from typing import Any

from rich.console import Console
from rich.table import Table

from evals.tables.looks import LOOK, percentage_points, share

WORDS = {"plain": "plain, not steered", "guided": "under an abstraction", "ranked": "ranked feature",
         "random": "random feature, as long"}  # fmt: skip


def print_features(found: dict[str, Any], console: Console | None = None) -> None:
    """Prints what `Study.measure` found."""
    out = console or Console()
    facts = found["autoencoder"]
    out.print(
        f"Layer {facts['layer']}: {facts['latents']} features, {facts['active']} active at once, {facts['dead']} dead; "
        f"{100 * facts['explained_variance']:.1f} % of the variance of {facts['held_out_tokens']:,} held-out tokens."
    )
    out.print(_feature_table(found))
    out.print(_test_table(found))


def _feature_table(found: dict[str, Any]) -> Table:
    """Ranked features, with their accuracy on the validation problems; the random ones' mean in the last line."""
    rows = found["validation"]["rows"]
    strengths = list(dict.fromkeys(row["strength"] for row in rows))
    plain = share(found["validation"]["plain"])
    table = Table(
        title="Features that solutions under an abstraction have more of",
        caption=f"percent right of {found['validation']['problems']} validation problems, steered at the first token "
        f"by so many norms of the stream; {plain} without. AUROC: does it tell right plain solutions from wrong ones?",
        **LOOK,
    )
    for name in ("feature", "effect", "AUROC", *(f"x{strength:g}" for strength in strengths)):
        table.add_column(name, justify="right", no_wrap=True)
    for one in found["features"]:
        own = {row["strength"]: row["accuracy"] for row in rows
               if row["set"] == "ranked" and row["feature"] == one["feature"]}  # fmt: skip
        auroc = "–" if one["auroc_right"] is None else f"{one['auroc_right']:.2f}"
        table.add_row(str(one["feature"]), f"{one['effect']:+.2f}", auroc, *(share(own[s]) for s in strengths))
    random = [row for row in rows if row["set"] != "ranked"]
    means = [mean(row["accuracy"] for row in random if row["strength"] == strength) for strength in strengths]
    table.add_row("random", "", "", *map(share, means))
    return table


def _test_table(found: dict[str, Any]) -> Table:
    test = found["test"]
    first = found["chosen"][0]
    table = Table(
        title="Steered at the first token, greedy",
        caption=f"percent right of {test['problems']} test problems (95 % interval); feature {first['feature']} at "
        f"x{first['strength']:g} and one of every random set were chosen alike, on the validation problems",
        **LOOK,
    )
    for name in ("solutions", "right", "against plain", "changed"):
        table.add_column(name, justify="left" if name == "solutions" else "right", no_wrap=True)
    for name, words in WORDS.items():
        row = test[name]
        changed = share(row["changed"]) if "changed" in row else ""
        gap = percentage_points(row.get("difference"), row.get("difference_ci95")) if name != "plain" else ""
        table.add_row(words, share(row["accuracy"], row["ci95"]), gap, changed)
    excess = test["ranked_minus_random"]
    table.add_row("ranked against random", "", percentage_points(excess["difference"], excess["difference_ci95"]), "")
    return table
