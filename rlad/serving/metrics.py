"""What Prometheus is told. Label values come from short fixed lists, never from a request."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Metrics:
    """The server's counters, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own = {"registry": self.registry}
        self.requests = Counter("rlad_requests_total", "Requests by route and status.", ["route", "status"], **own)
        self.seconds = Histogram(
            "rlad_request_seconds", "Time from a request's first byte to its last.", ["route"], buckets=SECONDS, **own
        )
        self.tokens = Counter("rlad_tokens_total", "Tokens by player and kind.", ["player", "kind"], **own)
        self.trees = Counter("rlad_trees_total", "Reasoning trees by why they ended.", ["stopped"], **own)
        self.running = Gauge("rlad_requests_running", "Requests that run now.", **own)
        self.waiting = Gauge("rlad_requests_waiting", "Requests that wait for their turn.", **own)
        self.up = Gauge("rlad_engine_up", "Whether a player's engine answers.", ["player"], **own)
        self.restarts = Counter("rlad_engine_restarts_total", "Engines started again.", ["player"], **own)
        self.retries = Counter("rlad_engine_retries_total", "Requests sent a second time.", ["player"], **own)

    def count_tokens(self, player: str, prompt: int, completion: int) -> None:
        self.tokens.labels(player, "prompt").inc(prompt)
        self.tokens.labels(player, "completion").inc(completion)
