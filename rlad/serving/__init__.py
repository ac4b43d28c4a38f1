"""The server of a trained pair: an OpenAI-compatible API over two samplers, one per player.

docs/serving.md holds the contract; rlad/serving/schema.py is the same in types. From Python:

    from rlad.serving import serve
"""


def serve(run: str, *words: str) -> int:
    """Serves the pair in a run's folder until it is told to stop; returns the exit code.

    `words` are those of `./launch.sh serve`: options and `key=value` changes. Raises ConfigError for what cannot be
    served.
    """
    from rlad.serving.__main__ import main  # whoever imports one room of the server needs not all of it

    return main([str(run), *words])
