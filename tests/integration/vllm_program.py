"""Run on two ranks: co-training over real vLLM engines, five honest steps, then one whose publish sends old weights."""

import sys
from pathlib import Path

from two_ranks import leave

from rlad.config import load_config
from trainers import cotrain as loop
from trainers import zero3
from trainers.parity import StaleWeights

HONEST = 5


def main(folder: Path) -> None:
    run = load_config(folder / "config.yaml")
    original, first = zero3.publish, {}

    def publish(engine, sampler, version, bucket):
        """The planted fault: from the sixth publish on, the weights of the first are sent again as new ones."""
        if version == 1:
            first[id(sampler)] = [(name, tensor.cpu()) for name, tensor in zero3.gathered(engine, bucket)]
        if version <= HONEST:
            original(engine, sampler, version, bucket)
        else:
            sampler.load_weights(iter(first[id(sampler)]), version)

    zero3.publish = publish
    try:
        loop.cotrain(run, folder)
    except StaleWeights as error:
        print(f"STALE {error}", flush=True)
    else:
        raise AssertionError("stale weights were not noticed")


if __name__ == "__main__":
    target = Path(sys.argv[-1])
    zero3.start(load_config(target / "config.yaml").launch)
    main(target)
    leave()
