#!/usr/bin/env bash
# Any verb that trains, on the nodes of a Slurm job; given again, it goes on from the newest complete checkpoint.
#   sbatch deploy/slurm.sh train configs/recipes/4-nodes.yaml name=mine
#   sbatch --nodes=1 deploy/slurm.sh warmstart configs/recipes/8x80gb.yaml
# From the project's folder, which all nodes must see, with .venv made (./launch.sh setup --with vllm).
#SBATCH --job-name=rlad
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=64
#SBATCH --time=24:00:00
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=logs/slurm-%j.log
set -euo pipefail
mkdir -p logs

# What is left of the time runs out for all ranks together; the requeued job resumes.
trap 'kill -TERM "$step" 2>/dev/null; wait "$step" || true; scontrol requeue "$SLURM_JOB_ID"; exit 0' TERM
srun --kill-on-bad-exit=1 ./launch.sh "$@" &
step=$!
wait "$step"
