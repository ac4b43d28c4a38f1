"""Serves a trained pair: `python -m rlad.serving RUN_DIR [--engine vllm|transformers] [key=value ...]`."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
from pathlib import Path

import uvloop

from rlad.cli import Parser, main_guard, note_further_players, open_run
from rlad.config import ROLES, ConfigError, RunConfig, ServingConfig
from rlad.generation.base import SamplerFailed
from rlad.serving.keys import VARIABLE, Keys, load_keys
from rlad.serving.logs import log, set_up_logs
from rlad.serving.priced import chooser_of, going_without, spending_of
from rlad.serving.ruling import settle_rule


def read_arguments(words: list[str] | None) -> tuple[RunConfig, Path]:
    parser = Parser(prog="serve", description=__doc__.splitlines()[0])
    parser.add_argument("run", help="a run's folder, or a configuration that begins with a pretrained model")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes to its configuration")
    parser.add_argument("--engine", help="vllm or transformers")
    parser.add_argument("--abstraction", metavar="URL", help="a running vLLM server of the abstraction player")
    parser.add_argument("--solution", metavar="URL", help="a running vLLM server of the solution player")
    parser.add_argument("--host")
    parser.add_argument("--port")
    arguments = parser.parse_intermixed_args(words)
    options = {
        "engine": arguments.engine,
        "abstraction_url": arguments.abstraction,
        "solution_url": arguments.solution,
        "host": arguments.host,
        "port": arguments.port,
    }
    given = [f"serving.{key}={value}" for key, value in options.items() if value is not None]
    return open_run(arguments.run, [*arguments.overrides, *given])


def require_keys(config: ServingConfig, keys: Keys) -> None:
    """Raises ConfigError when anybody who reaches this machine could use the server."""
    try:
        loopback = ipaddress.ip_address(config.host).is_loopback
    except ValueError:
        loopback = config.host == "localhost"
    if not loopback and not len(keys):
        raise ConfigError(
            f"Serving on {config.host} needs API keys; put them into {VARIABLE} or a file named by "
            "serving.api_keys_file, or serve on 127.0.0.1."
        )


def require_tokens(run: RunConfig) -> None:
    """Raises ConfigError where not even one text of a player would be let through."""
    most = run.serving.max_total_tokens
    for role in ROLES:
        if (longest := run.players[role].max_new_tokens) > most:
            raise ConfigError(
                f"serving.max_total_tokens={most} is less than one text may take, {role}.max_new_tokens={longest}: no "
                "request that leaves the length open could be answered."
            )


async def run_server(run: RunConfig, folder: Path, keys: Keys) -> None:
    """Opens the samplers, serves until a signal, ends the samplers."""
    # Torch and its like are imported here: whatever can be refused was refused before.
    from rlad.serving.app import create_app
    from rlad.serving.listen import BACKLOG, bound_socket, serve_until_signal
    from rlad.serving.metrics import Metrics
    from rlad.serving.start import opened

    starting = asyncio.current_task()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, starting.cancel)  # while samplers start; replaced when serving begins
    config = run.serving
    reason = settle_rule(config, folder)
    log("selection rule", rule=config.select, reason=reason)
    with bound_socket(config) as listening:
        config.port = listening.getsockname()[1]
        metrics = Metrics()
        async with opened(run, folder, metrics) as pair:
            app = create_app(pair, config, keys, metrics)
            listening.listen(BACKLOG)  # who reads the next line may connect at once
            host = f"[{config.host}]" if ":" in config.host else config.host
            print(
                f"The pair of {folder} is served at http://{host}:{config.port} (playground /, API /docs).", flush=True
            )
            await serve_until_signal(app, config, listening)


def main(words: list[str] | None = None) -> int:
    run, folder = read_arguments(words)
    keys = load_keys(run.serving.api_keys_file)
    require_keys(run.serving, keys)
    require_tokens(run)
    set_up_logs()
    spending = spending_of(folder)
    note_further_players(run, taking=chooser_of(run, folder, spending))
    if why := going_without(run, folder, spending):
        log(why)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run_server(run, folder, keys))
    except asyncio.CancelledError:
        return 130  # asked to end before it had begun
    return 0


if __name__ == "__main__":
    main_guard(main, (SamplerFailed,))
