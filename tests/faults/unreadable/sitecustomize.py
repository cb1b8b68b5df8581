"""A process for which one file has bad sectors or is slow; Python imports this first (PYTHONPATH).

BAD_FILE names it; it can be read up to byte BAD_AFTER, and each read takes BAD_SECONDS.
"""

import builtins
import errno
import io
import os
import time

_BAD = os.environ.get("BAD_FILE", "")
_GOOD_BYTES = int(os.environ.get("BAD_AFTER", "0"))
_SECONDS = float(os.environ.get("BAD_SECONDS", "0"))


class _Scratched(io.FileIO):
    """Reads up to some byte, and then fails as a scratched card does."""

    def readinto(self, buffer):
        time.sleep(_SECONDS)
        if self.tell() + len(buffer) > _GOOD_BYTES:
            raise OSError(errno.EIO, os.strerror(errno.EIO), self.name)
        return super().readinto(buffer)

    def read(self, _size=-1):
        raise OSError(errno.EIO, os.strerror(errno.EIO), self.name)


if _BAD:
    _open = io.open

    def _scratched(file, mode="r", *more, **options):
        if isinstance(file, (str, os.PathLike)) and os.fspath(file) == _BAD and "b" in mode:
            return io.BufferedReader(_Scratched(os.fspath(file)), 4096)
        return _open(file, mode, *more, **options)

    io.open = builtins.open = _scratched
