"""TRL's side of the step benchmark: its GRPOTrainer on the benchmark's model and prompts, a line after every step."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from evals.benchmarks.steps.model import pay


def main(folder: str, prompts: list[list[int]], group: int, longest: int, trl: str) -> None:
    """Trains until it is ended."""
    sys.path[:0] = [trl] if trl else []
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    model = AutoModelForCausalLM.from_pretrained(Path(folder, "model"))
    tokenizer = AutoTokenizer.from_pretrained(Path(folder, "model"), padding_side="left")
    texts = [tokenizer.decode(ids) for ids in prompts]
    if [tokenizer(text)["input_ids"] for text in texts] != prompts:
        raise RuntimeError("The prompts do not survive being written as text.")
    steps = Path(folder, "trl.steps")

    class Lines(TrainerCallback):
        """What the benchmark counts."""

        def on_step_end(self, *_: object, **__: object) -> None:
            with steps.open("a") as file:
                file.write("step\n")

    def reward(completion_ids: list[list[int]], **_: object) -> list[float]:
        return [pay(ids) for ids in completion_ids]

    settings = GRPOConfig(
        output_dir=str(Path(folder, "trl")),
        per_device_train_batch_size=len(prompts) * group,
        gradient_accumulation_steps=1,
        num_generations=group,
        max_completion_length=longest,
        beta=0.0,
        learning_rate=1e-7,
        gradient_checkpointing=False,
        bf16=False,
        use_cpu=True,
        max_steps=1000,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        logging_steps=1,
        temperature=1.0,
    )
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=reward,
        args=settings,
        train_dataset=Dataset.from_list([{"prompt": text} for text in texts]),
        processing_class=tokenizer,
        callbacks=[Lines()],
    )
    trainer.train()


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
