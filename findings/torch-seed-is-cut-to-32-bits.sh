#!/usr/bin/env bash
# torch 2.13.0 (CPU): manual_seed() takes a seed of 64 bits, initial_seed() gives all of them back, and the stream
# depends on the lower 32 alone.
#
# Expected: the documented range is -2**63 to 2**64 - 1, so different seeds in it are different streams, as they are
# for numpy's and Python's generators.
# Seen: seeds 7, 7 + 2**32 and (5 << 32) | 7 draw the same numbers; -1 is 2**32 - 1. Seeds (step << 32) | rank for 100
#       steps and 8 ranks: 8 streams instead of 800. 200,000 seeds from an eight byte hash: 199,994 streams;
#       numpy.random.default_rng on the same seeds: 800 and 200,000. Nothing is raised, and initial_seed() differs.
# Why it matters: packing step, rank or request into the high bits of a seed is the natural use of 64 of them. Every
# step then samples with the same noise (the same rollouts wherever the prompts repeat), and checking initial_seed() in
# a log or a checkpoint shows that all is well. Hash what makes a seed (then the low half alone is good), and do not
# count on more than 2**32 of them.
# Said where: the pages of torch.manual_seed and Generator.manual_seed give the range and remap negative seeds; that the
# CPU generator masks the seed is in aten/src/ATen/core/MT19937RNGEngine.h.
set -euo pipefail
export OMP_NUM_THREADS=1 PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
nice "$work/venv/bin/pip" install -qq --no-compile torch==2.13.0 numpy==2.3.5
nice "$work/venv/bin/python" - <<'PY'
import hashlib
import numpy as np
import torch

generator = torch.Generator()


def by_torch(seed):
    return tuple(torch.randint(2**62, (2,), generator=generator.manual_seed(seed)).tolist())


def by_numpy(seed):
    return tuple(np.random.default_rng(seed).integers(2**62, size=2).tolist())


packed = [(step << 32) | rank for step in range(100) for rank in range(8)]
hashed = [int.from_bytes(hashlib.blake2b(str(i).encode(), digest_size=8).digest()) for i in range(200_000)]
print("torch", torch.__version__, "numpy", np.__version__)
twins = [(7, 7 + 2**32), (7, (5 << 32) | 7), (-1, 2**32 - 1)]
for one, other in twins:
    kept = torch.manual_seed(one).initial_seed() != torch.manual_seed(other).initial_seed()
    print(f"seeds {one} and {other}: initial_seed() differs: {kept}, same stream: {by_torch(one) == by_torch(other)}")
streams = {name: [len(set(map(draw, seeds))) for seeds in (packed, hashed)] for name, draw in
           (("torch", by_torch), ("numpy", by_numpy))}
print("streams of 800 packed and 200,000 hashed seeds:", streams)
same = all(by_torch(one) == by_torch(other) for one, other in twins)
raise SystemExit(0 if same and streams == {"torch": [8, 199_994], "numpy": [800, 200_000]} else 1)
PY
