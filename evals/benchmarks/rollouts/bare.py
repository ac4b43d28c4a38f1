"""Bare vLLM beside our rollouts: reads lists of prompts, one a line, says how many tokens it generated."""

from __future__ import annotations

import json
import sys

from rlad.generation.vllm.core import request_seed


def main() -> None:
    from vllm import LLM, SamplingParams

    words = json.loads(sys.argv[1])
    sampling = words["sampling"]
    llm = LLM(**words["settings"])
    for line in sys.stdin:
        prompts = [{"prompt_token_ids": prompt} for prompt in json.loads(line)]
        params = [
            SamplingParams(
                temperature=sampling["temperature"],
                max_tokens=sampling["max_new_tokens"],
                seed=request_seed(sampling["seed"], index),
                stop_token_ids=words["stops"],
                logprobs=0,
                detokenize=False,
            )
            for index in range(len(prompts))
        ]
        outputs = llm.generate(prompts, params, use_tqdm=False)
        print("tokens", sum(len(output.outputs[0].token_ids) for output in outputs), flush=True)


if __name__ == "__main__":
    main()
