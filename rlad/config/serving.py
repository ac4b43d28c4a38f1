"""Keys of `serving`: the server of a trained pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass
class ServingConfig:
    engine: str = "vllm"
    """vllm (one server per player, started and supervised, or running elsewhere) or transformers (in this process)."""
    abstraction_url: Optional[str] = None
    solution_url: Optional[str] = None
    """Running vLLM servers of the two players, such as http://gpu1:8000; None = start and supervise them here."""
    vllm_arguments: str = ""
    """More arguments for the `vllm serve` processes that are started here, as on a command line."""
    start_timeout: float = 600.0
    """Seconds until a started engine must answer."""
    retry_wait: float = 60.0
    """Seconds that a request, whose engine was lost under it, waits for the engine to be sent once more."""
    host: str = "127.0.0.1"
    port: int = 8080
    """0 = a free one."""
    api_keys_file: Optional[str] = None
    """File with one API key a line; keys may also stand in $RLAD_API_KEYS, separated by commas."""
    open_probes: bool = False
    """Answer /healthz and /readyz without a key, for orchestrators whose probes cannot hold one."""
    abstractions: int = 8
    solutions: int = 4
    """The tree where a request says nothing: n distinct abstractions, m solutions each."""
    draw_factor: float = 2.0
    """Proposals drawn at most per distinct abstraction wanted."""
    select: str = "weighted_majority"
    """Selection rule where a request names none."""
    max_abstractions: int = 64
    max_solutions: int = 64
    max_samples: int = 256
    """Most abstractions x solutions of one tree, or samples of one request to a single player."""
    max_choices: int = 8
    """Most choices (`n`, or prompts x n) of one request to the pair: each is a tree of its own."""
    max_total_tokens: int = 200_000
    """Most tokens that one tree may generate, and the budget where a request names none."""
    max_problem_chars: int = 20_000
    max_body_bytes: int = 262_144
    max_concurrent: int = 32
    """Requests that run at a time."""
    max_queue: int = 64
    """Requests that wait beyond them; more are refused with 429."""
    request_timeout: float = 300.0
    """Seconds for one request, from the first byte to the last; a client that reads too slowly is cut off."""
    body_timeout: float = 10.0
    """Seconds for a request's body to arrive."""
    drain_timeout: float = 30.0
    """Seconds that running requests are given to finish after SIGTERM."""
