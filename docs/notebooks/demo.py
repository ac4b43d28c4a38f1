"""The demo's results as a marimo notebook: `marimo edit docs/notebooks/demo.py`, or `marimo run` for the page alone.

Reads docs/results/demo, and a run's folder where one is given: `marimo run docs/notebooks/demo.py -- --run runs/demo`.
Every cell shows what a function of evals makes; tests/test_notebooks.py runs them without marimo.
"""

import marimo

app = marimo.App(width="medium", app_title="rlad: the demo")


@app.cell(hide_code=True)
def _():
    import pathlib

    import marimo as mo

    from evals import runs as kept
    from evals.charts import curves, entropy, plots, series
    from evals.tables import rules

    return curves, entropy, kept, mo, pathlib, plots, rules, series


@app.cell(hide_code=True)
def _(curves, kept, mo, pathlib):
    results = pathlib.Path(__file__).parents[1] / "results" / "demo"
    learnt = kept.read_json(results / "learning.json")
    examples = kept.read_jsonl(results / "trees.jsonl")
    runs = {
        f"seed {seed}": kept.Run(
            results,
            metrics=curves.as_metrics(learnt[str(seed)]),
            samples=[one for one in examples if one["seed"] == seed],
            sweep=kept.read_json(results / f"{name}.json"),
        )
        for seed, name in enumerate(("sweep", "seed1", "seed2"))
    }
    if folder := mo.cli_args().get("run"):
        runs[str(folder)] = kept.read_run(str(folder))
    chosen = mo.ui.dropdown(list(runs), value=list(runs)[-1], label="Run")
    mo.md(f"""
    # What the demo shows

    Two language models of a million parameters learn together: one writes *abstractions* (short strategies), the other
    solves problems with them. The three committed runs differ in their problems, base and sampling; your own run joins
    them with `-- --run runs/demo`. What the numbers mean: docs/evaluation.md.

    {chosen}
    """)
    return chosen, runs


@app.cell(hide_code=True)
def _(chosen, mo, plots, runs):
    run = runs[chosen.value]
    mo.md(f"""
    ## Coverage and accuracy against tokens

    Every point is a budget: n different abstractions with m solutions each, or plain samples without any. Abstractions'
    tokens count. Coverage says whether any solution is right, accuracy whether the selected answer is.

    {mo.as_html(plots.sweep_figure(run.sweep)) if run.sweep else "*This run has no sweep yet.*"}
    """)
    return (run,)


@app.cell(hide_code=True)
def _(mo, plots, run):
    splits = plots.splits_figure(run.sweep or {})
    mo.md(f"""
    ## How to split the tokens: n abstractions or m solutions

    Each field is a split n × m, measured on the same samples; white frames are the best ones at their cost. Below, the
    ways of the picture above against the tokens of their longest branch, which is how long they take where all branches
    run at once.

    {mo.as_html(splits) if splits else "*This sweep keeps no map of splits.*"}
    """)
    return (splits,)


@app.cell(hide_code=True)
def _(mo, rules, run):
    headings = {"who": "pair", "way": "way", "rule": "rule", "temperature": "T", "right": "right, % (95 %)",
                "difference": "− majority, points (95 %)"}  # fmt: skip
    sweep, nothing = run.sweep or {}, "*This run has no sweep yet.*"
    lines = [{title: line[key] for key, title in headings.items()} for line in rules.rule_lines(sweep, "cotrained")]
    told = "\n\n".join(rules.selection_sentences(sweep))  # marimo takes the indent from a cell before it runs
    mo.md(f"""
    ## Which answer is selected

    {told}

    {mo.ui.table(lines, selection=None, page_size=20, wrapped_columns=["rule"]) if lines else nothing}
    """)
    return (lines,)


@app.cell(hide_code=True)
def _(entropy, mo, plots, run, series):
    titles = ("Entropy", "Token entropy, quantiles", "Reward")
    charts = [
        one for one in series.learning_charts(run.metrics) + entropy.entropy_charts(run.metrics) if one.title in titles
    ]
    drawn, axes = plots.figure(max(1, len(charts)), 1)
    for place, chart in zip(axes, charts, strict=False):
        plots.draw_chart(place, chart)
    mo.md(f"""
    ## Where entropy goes

    The aim is to spend the solver's entropy, in execution, and to keep the proposer's, which is what breadth draws on.

    {mo.as_html(drawn) if charts else "*This run has no metrics yet.*"}
    """)
    return (charts,)


@app.cell(hide_code=True)
def _(mo, run):
    trees = {f"step {one['step']}: {one['problem']}": one for one in run.samples}
    shown = mo.ui.dropdown(list(trees), value=list(trees)[-1] if trees else None, label="Problem")
    mo.md(f"""
    ## One tree

    What both players wrote about a training problem: abstractions, and the solutions with each.

    {shown}
    """)
    return shown, trees


@app.cell(hide_code=True)
def _(mo, shown, trees):
    def written(solutions):
        """A line per solution, marked right or wrong; whatever was written is code to Markdown."""
        return "\n".join(f"  - {'✓' if one['correct'] else '✗'} `{one['text']}`" for one in solutions)

    tree = trees.get(shown.value, {})
    parts = [
        f"- **`{one['text']}`**{' (leaks the answer)' if one['leak'] else ''}\n{written(one['solutions'])}"
        for one in tree.get("abstractions", [])
    ]
    if tree.get("bare"):
        parts.append(f"- *without an abstraction*\n{written(tree['bare'])}")
    none = "*This run kept no tree; seed 2 has some.*"
    mo.md(f"Right answer: **{tree['gold']}**\n\n" + "\n".join(parts) if tree else none)
    return (parts,)


if __name__ == "__main__":
    app.run()
