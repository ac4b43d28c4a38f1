"""Keys of `serving`: the server of a trained pair."""

from __future__ import annotations

from dataclasses import dataclass

from rlad.config.registry import key
from rlad.config.sections import MethodSection


@dataclass
class ServingConfig(MethodSection):
    engine: str = key("vllm", one_of=("vllm", "transformers"))
    """vllm (a server per model, started and supervised, or running elsewhere) or transformers (in this process)."""
    abstraction_url: str | None = None
    """Running vLLM server of the abstraction player, such as http://gpu1:8000; None = start and supervise it here."""
    solution_url: str | None = None
    """Running vLLM server of the solution player; both are named or none."""
    selector_url: str | None = None
    """Running vLLM server of the selector that budget=auto may ask, beside those two; None = it goes without one there,
    and where the players' servers are started here, so is the selector's."""
    adapters: bool = False
    """One vLLM server for both players of a pair that was trained with lora.rank: its base once and the two adapters,
    instead of a server with a merged model for each. Half the memory; on CPUs slower."""
    vllm_arguments: str = ""
    """More arguments for the `vllm serve` processes that are started here, as on a command line."""
    start_timeout: float = key(600.0, above=0)
    """Seconds until a started engine must answer."""
    retry_wait: float = key(60.0, least=0)
    """Seconds that a request, whose engine was lost under it, waits for the engine to be sent once more."""
    host: str = "127.0.0.1"
    """Address to listen on; anything but this machine's own wants API keys."""
    port: int = key(8080, least=0, most=65535)
    """Port to listen on; 0 = a free one."""
    api_keys_file: str | None = None
    """File with one API key a line; keys may also stand in $RLAD_API_KEYS, separated by commas."""
    open_probes: bool = False
    """Answer /healthz and /readyz without a key, for orchestrators whose probes cannot hold one."""
    abstractions: int = key(8, least=0)
    """n: distinct abstractions of a tree where a request says nothing."""
    solutions: int = key(4, least=1)
    """m: solutions with each abstraction where a request says nothing."""
    draw_factor: float = key(2.0, least=1, most=100)
    """Proposals drawn at most per distinct abstraction wanted."""
    select: str = key("auto", one_of=("auto",), kind="rule")
    """Selection rule where a request names none; auto = the one that the run's own sweep found best on validation
    problems, with its fitted keys, and majority where there is no such sweep."""
    max_abstractions: int = key(64, least=0)
    """Most abstractions of one tree."""
    max_solutions: int = key(64, least=1)
    """Most solutions with each abstraction of one tree."""
    max_samples: int = key(256, least=1)
    """Most abstractions x solutions of one tree, or samples of one request to a single player."""
    max_choices: int = key(8, least=1, most=128)
    """Most choices (`n`, or prompts x n) of one request to the pair: each is a tree of its own."""
    max_total_tokens: int = key(200_000, least=1)
    """Most tokens that one tree, or all choices of a player alone, may generate, and a tree's budget where a request
    names none. What asks for more is refused, never cut."""
    max_problem_chars: int = key(20_000, least=1)
    """Longest problem, in characters."""
    max_body_bytes: int = key(262_144, least=1024)
    """Largest body of a request, in bytes."""
    max_concurrent: int = key(32, least=1)
    """Requests that run at a time."""
    max_queue: int = key(64, least=0)
    """Requests that wait beyond them; more are refused with 429."""
    request_timeout: float = key(300.0, above=0)
    """Seconds for one request, from the first byte to the last; a client that reads too slowly is cut off."""
    body_timeout: float = key(10.0, above=0)
    """Seconds for a request's body to arrive."""
    drain_timeout: float = key(30.0, least=0)
    """Seconds that running requests are given to finish after SIGTERM."""
