"""What the launcher's tests run as a training process; RANK_PROGRAM says how it behaves."""

import os
import signal
import sys
import time
from pathlib import Path

from rlad.cli import main_guard
from rlad.config import ConfigError

rank = int(os.environ["RANK"])


def main() -> None:
    behaviour = os.environ["RANK_PROGRAM"]
    folder = Path(sys.argv[sys.argv.index("--run") + 1])
    print(f"rank {rank} of {os.environ['WORLD_SIZE']} speaks", flush=True)
    if behaviour == "reduce":
        port = os.environ["MASTER_PORT"]
        import torch
        import torch.distributed as dist

        from rlad.config import LaunchConfig
        from trainers.runtime import zero3

        zero3.start(LaunchConfig())
        value = torch.tensor([float(rank + 1)])
        dist.all_reduce(value)
        print(f"sum {value.item():.0f}", flush=True)
        dist.barrier()
        print(f"buffers left {len(list(Path('/dev/shm').glob(f'deepspeed_*_{port}_*')))}")
        dist.destroy_process_group()
        return
    if behaviour == "meet":
        import torch
        import torch.distributed as dist

        dist.init_process_group("gloo")
        value = torch.tensor([float(rank + 1)])
        dist.all_reduce(value)
        print(f"sum {value.item():.0f}", flush=True)
        return
    (folder / f"pid_{rank}").write_text(str(os.getpid()))
    if rank == 1 and behaviour == "fail":
        raise RuntimeError("the second rank\nfell over")
    if rank == 1 and behaviour == "refuse":
        raise ConfigError("This cannot be run.")
    if rank == 1 and behaviour == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(3600)  # as a rank that waits for its partners


if __name__ == "__main__":
    main_guard(main)
