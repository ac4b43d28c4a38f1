"""API keys: who may come in."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from rlad.config import ConfigError

VARIABLE = "RLAD_API_KEYS"
SHORTEST = 16


class Keys:
    """A set of API keys. Holds digests only, so that no dump of the process's objects shows a key.

    >>> keys = Keys(["a-key-of-some-length"])
    >>> keys.admits("Bearer a-key-of-some-length"), keys.admits("Bearer another"), keys.admits(None)
    (True, False, False)
    """

    def __init__(self, keys: Iterable[str]):
        self._digests = [_digest(key.encode()) for key in keys]

    def __len__(self) -> int:
        return len(self._digests)

    def admits(self, authorization: str | None) -> bool:
        """Whether the header carries one of the keys. Takes the same time whichever key comes close, and how close."""
        given = _digest(_credential(authorization or ""))
        found = False
        for digest in self._digests:
            found |= hmac.compare_digest(digest, given)
        return found


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def _credential(authorization: str) -> bytes:
    """The key in `Bearer KEY`, or the password of `Basic`: browsers ask for that one themselves."""
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip().encode("latin-1", "replace")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return b""
    return b""


def load_keys(file: str | None, environment: Mapping[str, str] = os.environ) -> Keys:
    """Keys of a file (one a line, # comments) and of $RLAD_API_KEYS.

    Raises ConfigError for a file that cannot be read, or that everybody on the machine can read, and for a key that
    could be guessed.
    """
    found = [key.strip() for key in environment.get(VARIABLE, "").split(",") if key.strip()]
    if file is not None:
        try:
            if os.stat(file).st_mode & stat.S_IROTH:
                raise ConfigError(f"The file of API keys '{file}' can be read by everybody; chmod o-rwx it.")
            lines = Path(file).read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"The file of API keys '{file}' cannot be read.") from error
        found += [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
        if not found:
            raise ConfigError(f"The file of API keys '{file}' holds no key.")
    for key in found:
        if len(key) < SHORTEST or not key.isascii() or not key.isprintable() or " " in key:
            raise ConfigError(
                f"API keys have at least {SHORTEST} printable ASCII characters without blanks, and one has not; "
                "make one with: openssl rand -hex 24."
            )
    return Keys(found)
