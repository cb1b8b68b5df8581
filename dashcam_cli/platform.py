"""What differs between systems: stop signals, killing children, locks, what the host has.

The only module that may use `fcntl`, `resource`, process groups and signals.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import IO, Any

from stages.vision.sticks import plugged

WINDOWS = sys.platform == "win32"


def on_stop(act: Callable[[], None]) -> None:
    """Call `act` when the process is asked to end (SIGTERM, SIGINT, Ctrl-Break)."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        act()

    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, handle)


def end_on_stop() -> None:
    """Until something else is said: a stop signal ends the process in order, nothing being under way yet."""

    def end() -> None:
        raise SystemExit(0)

    on_stop(end)


def start_child(command: list[str], **more: Any) -> subprocess.Popen[bytes]:
    """Start a process in a group of its own, so that Ctrl-C reaches only us and a kill reaches all of it."""
    if WINDOWS:
        more["creationflags"] = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    else:
        more["start_new_session"] = True
    return subprocess.Popen(command, **more)


def kill_child(process: subprocess.Popen[bytes]) -> None:
    """End a child and everything it started, at once."""
    if WINDOWS:
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def describe_death(code: int) -> str:
    """How a child ended, in words."""
    if code < 0:
        try:
            return f"was killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"was killed by signal {-code}"
    return f"ended with code {code}"


class Locked:
    """A file lock that falls with its process."""

    def __init__(self, file: IO[str]) -> None:
        self.file = file

    def release(self) -> None:
        """Let go."""
        self.file.close()


def try_lock(path: Path) -> Locked | None:
    """Lock a file for this process; None when another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+", encoding="utf-8")
    try:
        if WINDOWS:
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return Locked(file)


_NETWORK = {
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "fuse.sshfs", "fuse.rclone",
    "fuse.glusterfs", "davfs", "fuse.s3fs", "ncpfs", "virtiofs", "vboxsf", "fuse.vmhgfs-fuse", "drvfs",
}  # fmt: skip


def on_network(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> bool:
    """Whether other hosts can write below a folder unseen by this one, as far as the system says."""
    if WINDOWS:
        return _remote_drive(path)
    best: tuple[int, str] = (0, "")
    try:
        text = mounts.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False  # not Linux
    for line in text.splitlines():
        fields, _, rest = line.partition(" - ")
        try:
            root = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), fields.split()[4])
            kind = rest.split()[0]
        except IndexError:
            continue
        if path.absolute().is_relative_to(root) and len(root) >= best[0]:
            best = (len(root), kind)
    return best[1] in _NETWORK


def _remote_drive(path: Path) -> bool:
    drive = path.absolute().drive
    if drive.startswith("\\\\"):
        return True
    import ctypes

    library = getattr(ctypes, "windll", None)
    return library is not None and library.kernel32.GetDriveTypeW(f"{drive}\\") == 4


def host_name() -> str:
    """This host's short name."""
    return socket.gethostname().split(".")[0] or "host"


def capabilities(disk: Path) -> dict[str, Any]:
    """What this host has: cores, room, an NVIDIA card, a Coral stick. Only what was found is stated."""
    found: dict[str, Any] = {"cpu_cores": cpu_cores()}
    with contextlib.suppress(OSError):
        found["storage_gb"] = shutil.disk_usage(disk).free // 10**9
    memory = gpu_memory_gb()
    if memory is not None:
        found["gpu_vram_gb"] = memory
    if plugged():
        found["has_coral_tpu"] = True
    return found


def cpu_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def gpu_memory_gb() -> int | None:
    """Memory of the largest NVIDIA card in GB, rounded; None without one."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    try:
        answer = subprocess.run(
            [tool, "--query-gpu=memory.total", "--format=csv,noheader,nounits"],
            capture_output=True,
            timeout=20,
            check=True,
        )
        return round(max(int(line) for line in answer.stdout.split()) / 1024)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
