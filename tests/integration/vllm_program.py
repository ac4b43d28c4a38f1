"""Run on two ranks: co-training over real vLLM; three steps before the end a publish sends old weights."""

import sys
from pathlib import Path

from stale import train_with_stale_weights
from two_ranks import leave

from rlad.config import load_config
from trainers.runtime import zero3


def main(folder: Path) -> None:
    run = load_config(folder / "config.yaml")
    original, first, honest = zero3.publish, {}, run.cotrain.steps - 3

    def publish(model_engine, sampler, version, bucket):
        """The planted fault: after the honest ones, the weights of the first publish are sent again as new ones."""
        if version == 1:
            weights = zero3.gathered(model_engine, bucket, learnt=sampler.adapters)
            first[id(sampler)] = [(name, tensor.cpu()) for name, tensor in weights]
        if version <= honest:
            original(model_engine, sampler, version, bucket)
        else:
            sampler.load_weights(iter(first[id(sampler)]), version)

    train_with_stale_weights(run, folder, publish)


if __name__ == "__main__":
    target = Path(sys.argv[-1])
    zero3.start(load_config(target / "config.yaml").launch)
    main(target)
    leave()
