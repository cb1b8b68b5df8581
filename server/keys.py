"""The home's key: it signs every token of this server, and the calls of commands on its own host."""

from __future__ import annotations

import logging
import os
import secrets
import stat
from pathlib import Path

from stages.errors import SettingsError

log = logging.getLogger("dashcam.server")

KEY_FILE = "auth.key"
KEY_BYTES = 32


def home_key(home: Path) -> bytes:
    """The home's key, made on first need (32 random bytes that only the owner can read).

    Raises `SettingsError` when it cannot be read or is no key.
    """
    path = home / KEY_FILE
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    except FileExistsError:
        return _read_key(path)
    except OSError as error:
        raise SettingsError(f"the key {path} cannot be made: {error.strerror}") from error
    key = secrets.token_bytes(KEY_BYTES)
    with os.fdopen(handle, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    return key


def _read_key(path: Path) -> bytes:
    try:
        key, mode = path.read_bytes(), path.stat().st_mode
    except OSError as error:
        raise SettingsError(f"the key {path} cannot be read: {error.strerror}") from error
    if len(key) != KEY_BYTES:
        raise SettingsError(
            f"{path} is no key (it has {len(key)} bytes, not {KEY_BYTES}); delete it: a new one is made, "
            "and every token must be made anew"
        )
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        log.warning("other users can read the key %s; mend it with: chmod 600 %s", path, path)
    return key
