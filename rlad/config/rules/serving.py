"""Rules about `serving`."""

from __future__ import annotations

from urllib.parse import urlsplit

from rlad.config import ConfigError, RunConfig, ServingConfig
from rlad.config.rules.selecting import require_scores


def check_serving(config: RunConfig) -> None:
    serving = config.serving
    require_scores(config, "serving.select", [name for _, name, _ in serving.named()])
    _check_sizes(serving)
    urls = {"serving.abstraction_url": serving.abstraction_url, "serving.solution_url": serving.solution_url}
    given = [key for key, url in urls.items() if url is not None]
    if serving.selector_url is not None:
        if not given:
            raise ConfigError("serving.selector_url is set alone; give the URLs of both players, too, or none.")
        urls |= {"serving.selector_url": serving.selector_url}
    if len(given) == 1:
        raise ConfigError(f"{given[0]} is set and its partner is not; give the URLs of both players or of none.")
    if given and serving.engine != "vllm":
        raise ConfigError(f"URLs are those of vLLM servers, but serving.engine={serving.engine}; use vllm.")
    if serving.adapters and (given or serving.engine != "vllm"):
        raise ConfigError("serving.adapters is about a vLLM server that is started here; use vllm, and no URLs.")
    for key in [key for key, url in urls.items() if url is not None]:
        parts = urlsplit(urls[key])
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"{key}='{urls[key]}' is not a URL such as http://gpu1:8000.")


def _check_sizes(serving: ServingConfig) -> None:
    for key in ("abstractions", "solutions"):
        default, most = getattr(serving, key), getattr(serving, f"max_{key}")
        if default > most:
            raise ConfigError(f"serving.{key}={default} is more than serving.max_{key}={most}.")
    if max(1, serving.abstractions) * serving.solutions > serving.max_samples:
        raise ConfigError(
            f"serving.abstractions x serving.solutions is {max(1, serving.abstractions) * serving.solutions}, more "
            f"than serving.max_samples={serving.max_samples}."
        )
