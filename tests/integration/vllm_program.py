"""Run on two ranks: co-training over real vLLM; three steps before the end a publish sends one tensor of old."""

import sys
from pathlib import Path

from stale import train_with_stale_weights
from two_ranks import leave

from rlad.config import load_config
from trainers.runtime import zero3

OLD = "model.layers.1.self_attn.v_proj."


def main(folder: Path) -> None:
    run = load_config(folder / "config.yaml")
    original, first, honest = zero3.send_weights, {}, run.cotrain.steps - 3

    def publish(model_engine, sampler, version, bucket):
        """The planted fault: after the honest ones, one tensor of the first publish is sent again as a new one."""
        if version == 1:
            weights = zero3.gathered(model_engine, bucket, learnt=sampler.adapters)
            name, tensor = next(pair for pair in weights if pair[0].startswith(OLD))
            first[id(sampler)] = (name, tensor.cpu())
        if version <= honest:
            original(model_engine, sampler, version, bucket)
        else:
            old, kept = first[id(sampler)]
            weights = zero3.gathered(model_engine, bucket, learnt=sampler.adapters)
            sampler.load_weights(((name, kept if name == old else tensor) for name, tensor in weights), version)

    train_with_stale_weights(run, folder, publish)


if __name__ == "__main__":
    target = Path(sys.argv[-1])
    zero3.start(load_config(target / "config.yaml").launch)
    main(target)
    leave()
