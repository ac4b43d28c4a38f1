#!/usr/bin/env bash
# scipy 1.17.1 (numpy 2.3.5): ttest_rel subtracts in the dtype of its arguments, so with verdicts or lengths that are
# unsigned integers every pair with a - b < 0 counts as 255 or 4,294,967,295, and two equal models differ with p = 0.
#
# Expected: a test of means converts integers to floats first; the other tests of scipy.stats do.
# Seen: two models with the same rate of .6 on 200 problems, right or wrong as 0 and 1, and their answers' lengths:
#                                   t        p
#       verdicts, float64 or int8   -0.50    0.62
#       verdicts, uint8              8.40    8e-15
#       lengths, int64               0.82    0.41
#       lengths, uint32             13.55    5e-30
#       ttest_rel(b, a) of the uint8 verdicts is positive and as certain: alternative="greater" holds in both orders.
#       The other nine two-sample tests of the script, wilcoxon and ttest_ind among them, give one p-value for every
#       dtype. numpy's bool is refused with an error.
# Why it matters: the paired test is the one for two checkpoints on the same problems. uint8 is what bool.view(),
# torch.uint8 and compact parquet columns hold, and uint32 is what polars gives for lengths and counts. The more the two
# models disagree, the surer the test is that the first one is better. Convert with astype(float).
# Said where: nowhere; the page of ttest_rel says array_like. It returns ttest_1samp(a - b), the difference taken in the
# dtype of the two (scipy/stats/_stats_py.py).
set -euo pipefail
export OMP_NUM_THREADS=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile scipy==1.17.1 numpy==2.3.5
nice "$work/venv/bin/python" - <<'PY'
import numpy as np
import scipy
from scipy import stats

print("scipy", scipy.__version__, "numpy", np.__version__)
rng = np.random.default_rng(0)
verdicts = rng.random((2, 200)) < 0.6
lengths = rng.integers(100, 900, (2, 200))
found = {}
cases = ("verdicts", verdicts, ("float64", "int8", "uint8")), ("lengths", lengths, ("int64", "uint32"))
for name, pair, kinds in cases:
    for kind in kinds:
        first, second = pair.astype(kind)
        found[name, kind] = stats.ttest_rel(first, second)
        print(f"{name:9} {kind:8} t {found[name, kind].statistic:6.2f}  p {found[name, kind].pvalue:.2g}")
first, second = verdicts.astype("uint8")
ways = {"a, b": (first, second), "b, a": (second, first)}
sided = {way: stats.ttest_rel(*pair, alternative="greater").pvalue for way, pair in ways.items()}
print("uint8, alternative='greater', expected one of two near 1, got", {way: f"{p:.1g}" for way, p in sided.items()})
others = "wilcoxon ttest_ind mannwhitneyu brunnermunzel pearsonr spearmanr kendalltau f_oneway ks_2samp".split()
worst = 0.0
for name in others:
    values = [getattr(stats, name)(*verdicts.astype(kind)).pvalue for kind in ("float64", "int8", "uint8")]
    worst = max(worst, max(values) - min(values))
print("largest difference between dtypes in", *others, f"{worst:.1g}")
kept = worst < 1e-9 and max(sided.values()) < 1e-6
kept &= found["verdicts", "float64"].pvalue == found["verdicts", "int8"].pvalue > 0.3 < found["lengths", "int64"].pvalue
raise SystemExit(0 if kept and max(found["verdicts", "uint8"].pvalue, found["lengths", "uint32"].pvalue) < 1e-6 else 1)
PY
