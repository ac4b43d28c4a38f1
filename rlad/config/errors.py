"""The error of a configuration that cannot be run."""


class ConfigError(ValueError):
    """The configuration cannot be run; the message is one plain sentence."""
