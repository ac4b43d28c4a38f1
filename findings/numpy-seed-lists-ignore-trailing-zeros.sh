#!/usr/bin/env bash
# numpy 2.3.5: default_rng([seed, 0]) is default_rng(seed), and so is [seed, 0, 0]: zeros at the end of a list of seeds
# do not count while it is no longer than four words.
#
# Expected: a list of integers is the way to make a seed out of several numbers (seed, epoch, rank), so different lists
# are different streams, whatever their length.
# Seen: equal first draws: 7 and [7, 0] and [7, 0, 0] and [7, 0, 0, 0]; [7, 3] and [7, 3, 0]; [1, 2] and the single
#       number 1 + 2 * 2**32. From the fifth word on zeros count: [7, 0, 0, 0] and [7, 0, 0, 0, 0] differ. Of the keys
#       [seed], [seed, epoch], [seed, epoch, rank] with each part in 0..3 there are 84, and 64 streams.
# Why it matters: rank 0, epoch 0 or fold 0 is the one that always exists. The data order drawn from [seed], the
# bootstrap drawn from [seed, fold] and the noise drawn from [seed, epoch, rank] are then the same numbers just there: a
# train/test split and the sampling that should be independent of it share their randomness. Put a constant that
# is not 0 behind the numbers (the length, or 1), or use SeedSequence(seed, spawn_key=(epoch, rank)): spawn keys are
# padded before they are appended, so (0,) is not ().
# Said where: the page of SeedSequence says that entropy may be a sequence; the one on parallel generators shows
# [worker_id, root_seed], which is safe only because the root seed is last and is not 0. In
# numpy/random/bit_generator.pyx the pool of four words is filled up with zeros.
set -euo pipefail
export OMP_NUM_THREADS=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile numpy==2.3.5
nice "$work/venv/bin/python" - <<'PY'
from itertools import product
import numpy as np


def draw(seed):
    return tuple(np.random.default_rng(seed).integers(2**62, size=2).tolist())


print("numpy", np.__version__)
twins = [(7, [7, 0]), (7, [7, 0, 0]), (7, [7, 0, 0, 0]), ([7, 3], [7, 3, 0]), ([1, 2], 1 + 2 * 2**32)]
same = [draw(one) == draw(other) for one, other in twins]
for (one, other), equal in zip(twins, same):
    print(f"{one} and {other}: expected another stream, got the same one: {equal}")
fifth = draw([7, 0, 0, 0]) == draw([7, 0, 0, 0, 0])
print("[7, 0, 0, 0] and [7, 0, 0, 0, 0]: the same one:", fifth)
keys = [key for length in (1, 2, 3) for key in product(range(4), repeat=length)]
plain = len({draw(list(key)) for key in keys})
spawned = len({draw(np.random.SeedSequence(key[0], spawn_key=key[1:])) for key in keys})
print(f"{len(keys)} keys: {plain} streams as lists, {spawned} with spawn_key")
raise SystemExit(0 if all(same) and not fifth and (len(keys), plain, spawned) == (84, 64, 84) else 1)
PY
