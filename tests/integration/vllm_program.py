"""Run on two ranks: co-training over real vLLM; three steps before the end a publish sends one tensor of old.

A run that has begun is resumed first and ends well at that step; then it goes on, in the same engines, which are forks.
The arguments behind the run's folder, NAME=VALUE, go into their environment.
"""

import os
import sys
from collections import Counter
from pathlib import Path

from forked_engines import forked_engines
from kept_engines import kept_engines
from stale import train_with_stale_weights

from rlad.config import RunConfig, load_config
from trainers.cotrain import cotrain
from trainers.runtime import zero3

OLD = "model.layers.1.self_attn.v_proj."


def main(folder: Path) -> None:
    run = load_config(folder / "config.yaml")
    honest = run.cotrain.steps - 3
    with forked_engines(), kept_engines():
        if (folder / "checkpoints").exists():
            cotrain(load_config(folder / "config.yaml", [f"cotrain.steps={honest}"]), folder)
            print("ENDED", flush=True)
            honest = 1  # of this process's publishes: the one with which it resumes
        lie(run, folder, honest)


def lie(run: RunConfig, folder: Path, honest: int) -> None:
    original, first, sent = zero3.send_weights, {}, Counter()

    def publish(model_engine, sampler, version, bucket):
        """The planted fault: after the honest ones, one tensor of the first publish is sent again as a new one."""
        sent[id(sampler)] += 1  # a resumed run's versions go on
        if sent[id(sampler)] == 1:
            weights = zero3.gathered(model_engine, bucket, learnt=sampler.adapters)
            name, tensor = next(pair for pair in weights if pair[0].startswith(OLD))
            first[id(sampler)] = (name, tensor.cpu())
        if sent[id(sampler)] <= honest:
            original(model_engine, sampler, version, bucket)
        else:
            old, kept = first[id(sampler)]
            weights = zero3.gathered(model_engine, bucket, learnt=sampler.adapters)
            sampler.load_weights(((name, kept if name == old else tensor) for name, tensor in weights), version)

    train_with_stale_weights(run, folder, publish)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    os.environ.update(word.split("=") for word in sys.argv[2:])
    zero3.start(load_config(target / "config.yaml").launch)
    main(target)
