"""Who a worker is: a name that no other worker of this home has now, and a session of its own."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

from dashcam_cli import platform
from stages.errors import SettingsError

_MOST = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")


class Identity:
    """A held name. `ended` is the session that had it before: its process is gone, what it held is free."""

    def __init__(self, name: str, lock: platform.Locked, path: Path) -> None:
        self.name = name
        self.session = uuid.uuid4().hex
        self._lock = lock
        self._sessions = path.with_name(f"{name}.session")
        self.ended = self._sessions.read_text(encoding="utf-8").split() if self._sessions.exists() else []
        self._sessions.write_text("\n".join([*self.ended[-9:], self.session]), encoding="utf-8")

    def announced(self) -> None:
        """The server has been told which sessions ended: only ours need be remembered."""
        self._sessions.write_text(self.session, encoding="utf-8")

    def release(self) -> None:
        """Let the name go."""
        self._lock.release()


def take_name(home: Path, wanted: str) -> Identity:
    """Take a name: the wanted one, or this host's, then host-2 and so on for more workers on one host.

    Raises `SettingsError` when the wanted name is held by a running worker.
    """
    folder = home / "workers"
    if wanted and not _NAME.match(wanted):
        raise SettingsError(f"{wanted!r} is no name for a worker: A-Z a-z 0-9 . _ - only, 100 at most")
    base = wanted or re.sub(r"[^A-Za-z0-9_-]", "-", platform.host_name()).strip("-") or "host"
    for number in range(1, _MOST):
        name = base if number == 1 else f"{base}-{number}"
        path = folder / f"{name}.lock"
        lock = platform.try_lock(path)
        if lock is not None:
            return Identity(name, lock, path)
        if wanted:
            break
    raise SettingsError(
        f"a worker named {base!r} runs on this home already; stop it, or give --name another name"
    )
