#!/usr/bin/env bash
# scikit-learn 1.9.1: IsotonicRegression takes inputs that lie within 1e-15 of each other (float32: 1e-6) for one, so
# answers calibrated by their probability get another curve than by its logarithm, and all unlikely ones share a value.
#
# Expected: isotonic regression depends on the order of its inputs alone, so p, log p and the mean per token give the
# same calibration of the same answers.
# Seen: 2,000 answers with log-probabilities from -120 to -1, 16.3 % of those below -70 right:
#       input                 levels of the curve   predicted below -70   squared error   AUROC after
#       log p                 24                    .161                  .100            .935
#       p ** (1/60)           24                    .161                  .100            .935
#       p in float64          581                   .409                  .173            .908
#       log p in float32      24                    .161                  .100            .935
#       p in float32          239                   .521                  .221            .714
#       The AUROC before is .932. The levels of p are not steps but points on the straight line between its few knots:
#       48 knots for log p, 11 for p in float64, 5 in float32.
# Why it matters: a whole answer of a language model has a probability of e^-50 or e^-100, and models give float32.
# Calibrated so, the confidence of nearly all answers is one number, and a threshold on it selects all or none. In
# float32 a verifier's scores near 1 are merged as well. Fit on log-probabilities or on ranks.
# Said where: nowhere on the page; sklearn/_isotonic.pyx merges what differs by less than np.finfo(dtype).resolution.
set -euo pipefail
export OMP_NUM_THREADS=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile scikit-learn==1.9.1 numpy==2.3.5 scipy==1.17.1
nice "$work/venv/bin/python" - <<'PY'
import numpy as np
import sklearn
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import roc_auc_score

print("scikit-learn", sklearn.__version__, "numpy", np.__version__)
rng = np.random.default_rng(0)
logp = rng.uniform(-120, -1, 2000)
right = (rng.random(2000) < 1 / (1 + np.exp(-(logp + 70) / 12))).astype(float)
unlikely = logp < -70
print(f"expected one curve; AUROC before {roc_auc_score(right, logp):.3f}, right below -70 {right[unlikely].mean():.3f}")
inputs = {
    "log p": logp,
    "p ** (1/60)": np.exp(logp / 60),
    "p in float64": np.exp(logp),
    "log p in float32": logp.astype("float32"),
    "p in float32": np.exp(logp).astype("float32"),
}
found = {}
for name, x in inputs.items():
    curve = IsotonicRegression(out_of_bounds="clip").fit(x, right)
    chance = curve.predict(x)
    levels, knots, low = len(np.unique(chance)), len(curve.X_thresholds_), chance[unlikely].mean()
    error, auroc = ((chance - right) ** 2).mean(), roc_auc_score(right, chance)
    found[name] = error
    print(f"{name:17} levels {levels:3} knots {knots:2} below -70 {low:.3f} error {error:.3f} AUROC {auroc:.3f}")
alike = max(found[name] for name in ("log p", "p ** (1/60)", "log p in float32"))
raise SystemExit(0 if alike < 0.11 and found["p in float64"] > 0.16 and found["p in float32"] > 0.2 else 1)
PY
