#!/usr/bin/env bash
# zstandard 0.25.0: decompress() of a file made of several frames returns the first one's content and drops the rest
# without a word; zstandard.open() of the same file and gzip, bz2 and lzma of the standard library return everything.
#
# Expected: frames put one after another are the frames' contents one after another (so says the format, and the zstd
#           command does it), or an error about what is left over.
# Seen: 1000 JSON lines, appended in 10 steps of 100; lines that come back
#       zstandard.decompress(data)                      100
#       ZstdDecompressor().decompress(data)             100
#       ZstdDecompressor().read_to_iter(file)           100
#       ZstdDecompressor().decompressobj()              100 (the rest stands in unused_data, as with zlib's)
#       ZstdDecompressor().stream_reader(file)         1000 | copy_stream 1000 | zstandard.open 1000
#       gzip.decompress, bz2.decompress, lzma.decompress of the same ten pieces: 1000
# Why it matters: rollout logs and data shards (.jsonl.zst) are written by appending one frame per step or per worker,
# or by tools that cut a file into frames to compress in parallel. read_bytes() and decompress() is the shortest way to
# read them; it gives the first step's samples, as valid JSON lines, and every count and mean is that of step one.
# Said where: not in the docstring of zstandard.decompress; that of the method says that extra data is silently ignored.
set -euo pipefail
export PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --no-compile zstandard==0.25.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
import bz2
import gzip
import io
import json
import lzma
from pathlib import Path
import zstandard

steps = [b"".join(json.dumps({"step": s, "row": r}).encode() + b"\n" for r in range(100)) for s in range(10)]
data = b"".join(map(zstandard.compress, steps))
Path("rollouts.jsonl.zst").write_bytes(data)


def copied():
    zstandard.ZstdDecompressor().copy_stream(io.BytesIO(data), target := io.BytesIO())
    return target.getvalue()


reader = zstandard.ZstdDecompressor()
ways = {
    "zstandard.decompress": (lambda: zstandard.decompress(data), 100),
    "ZstdDecompressor.decompress": (lambda: reader.decompress(data), 100),
    "ZstdDecompressor.read_to_iter": (lambda: b"".join(reader.read_to_iter(io.BytesIO(data))), 100),
    "ZstdDecompressor.decompressobj": (lambda: reader.decompressobj().decompress(data), 100),
    "ZstdDecompressor.stream_reader": (lambda: reader.stream_reader(io.BytesIO(data)).read(), 1000),
    "ZstdDecompressor.copy_stream": (copied, 1000),
    "zstandard.open": (lambda: zstandard.open("rollouts.jsonl.zst", "rb").read(), 1000),
}
for module in (gzip, bz2, lzma):
    pieces = b"".join(map(module.compress, steps))
    ways[f"{module.__name__}.decompress"] = (lambda module=module, pieces=pieces: module.decompress(pieces), 1000)
print("zstandard", zstandard.__version__)
changed = 0
for name, (read, seen) in ways.items():
    lines = len(read().splitlines())
    print(f"{name:32} expected 1000 lines, got {lines}")
    changed += lines != seen
raise SystemExit(1 if changed else 0)
PY
