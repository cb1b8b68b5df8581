# pathlib would take steps of its own:
# ruff: noqa: PTH100, PTH104, PTH108, PTH115, PTH117, PTH118, PTH120, PTH123
"""A process that loses its power between two of its own steps; Python imports this first (PYTHONPATH).

CUT_BELOW    the folders that count, with `os.pathsep` between
CUT_LOG      each step that changes a file or folder there is written to this file before it is taken
CUT_AT       before this step (from 1) the process is gone: SIGKILL to itself
CUT_POWER    a seed: it takes along what no fsync had made last (files are cut short, names are undone)
CUT_NO_LINKS the file system has no hard links
"""

import errno
import os
import random
import shutil
import signal
import stat
import sys

_BELOW = [os.path.realpath(each) for each in os.environ.get("CUT_BELOW", "").split(os.pathsep) if each]
_AT = int(os.environ.get("CUT_AT", "0"))
_POWER = os.environ.get("CUT_POWER", "")
_NO_LINKS = bool(os.environ.get("CUT_NO_LINKS"))
_WRITING = os.O_WRONLY | os.O_RDWR


class _Cut:
    """Counts steps, and remembers what is not on the disk yet."""

    def __init__(self):
        self.steps = 0
        self.quiet = False
        self.old = set(self.inodes())
        self.flushed = {}
        self.names = []  # names that were given and whose folder was not flushed since
        self.log = open(os.environ["CUT_LOG"], "a", buffering=1)  # noqa: SIM115

    def inodes(self):
        for root in _BELOW:
            for here, _, files in os.walk(root):
                for name in files:
                    found = os.lstat(os.path.join(here, name))
                    yield found.st_dev, found.st_ino

    def step(self, what, path, other=""):
        if self.quiet or not any(
            p == root or p.startswith(root + os.sep) for p in (path, other) for root in _BELOW
        ):
            return False
        self.quiet = True
        self.steps += 1
        self.log.write(f"{what} {path} {other}\n")
        if self.steps == _AT:
            if _POWER:
                self.lose(random.Random(_POWER))
            self.log.write("cut\n")
            os.kill(os.getpid(), signal.SIGKILL)
        self.quiet = False
        return True

    def lose(self, dice):
        for what, old, new in reversed(self.names):
            if not os.path.lexists(new):
                continue
            self.log.write(f"lost {what} {new}\n")
            if what == "os.rename" and not os.path.lexists(old):
                os.rename(new, old)
            elif what == "os.link":
                os.unlink(new)
            elif what == "os.mkdir":
                shutil.rmtree(new)
        for root in _BELOW:
            for here, _, files in os.walk(root):
                for name in files:
                    path = os.path.join(here, name)
                    found = os.lstat(path)
                    key = (found.st_dev, found.st_ino)
                    flushed = self.flushed.get(key, 0)
                    if stat.S_ISREG(found.st_mode) and key not in self.old and flushed < found.st_size:
                        self.log.write(f"lost bytes of {path}\n")
                        os.truncate(path, dice.randrange(flushed, found.st_size))

    def named(self, what, old, new):
        if not os.path.lexists(new):
            self.names.append((what, old, new))

    def synced(self, handle):
        found = os.fstat(handle)
        if stat.S_ISDIR(found.st_mode):
            folder = os.readlink(f"/proc/self/fd/{handle}")
            self.names = [each for each in self.names if os.path.dirname(each[2]) != folder]
        else:
            self.flushed[found.st_dev, found.st_ino] = found.st_size


def _full(path, handle=-1):
    if isinstance(path, int):
        return os.readlink(f"/proc/self/fd/{path}")
    path = os.fsdecode(path)
    if not os.path.isabs(path) and handle is not None and handle >= 0:
        path = os.path.join(os.readlink(f"/proc/self/fd/{handle}"), path)
    here, name = os.path.split(os.path.abspath(path))
    return os.path.join(os.path.realpath(here), name)


def _watch(cut):
    def hook(event, arguments):
        if cut.quiet:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITING and not isinstance(path, int):
                cut.step(event, _full(path))
        elif event in ("os.rename", "os.link"):
            old, new, old_handle, new_handle = arguments
            if event == "os.link" and _NO_LINKS:
                raise PermissionError(errno.EPERM, "no hard links here")
            old, new = _full(old, old_handle), _full(new, new_handle)
            if cut.step(event, old, new):
                cut.named(event, old, new)
        elif event == "os.mkdir":
            path = _full(arguments[0], arguments[2])
            if cut.step(event, path):
                cut.named(event, "", path)
        elif event in ("os.remove", "os.rmdir"):
            cut.step(event, _full(*arguments))
        elif event == "os.utime":
            cut.step(event, _full(arguments[0], arguments[3]))

    sys.addaudithook(hook)
    flush = os.fsync

    def fsync(file):
        handle = file if isinstance(file, int) else file.fileno()
        if cut.step("fsync", os.readlink(f"/proc/self/fd/{handle}")) or not cut.quiet:
            flush(handle)
            cut.synced(handle)

    os.fsync = fsync


if _BELOW:
    _watch(_Cut())
