"""Disks of other hosts, on which no database may lie."""

from __future__ import annotations

import re
from pathlib import Path

from stages.errors import SettingsError

_ESCAPED = re.compile(r"\\([0-7]{3})")
#: As /proc/mounts names them; those of FUSE there begin with "fuse.".
_NETWORK = {
    "9p", "afs", "beegfs", "ceph", "ceph-fuse", "cephfs", "cifs", "coda", "curlftpfs", "davfs", "davfs2",
    "glusterfs", "goofys", "gpfs", "gvfsd-fuse", "juicefs", "lustre", "mfs", "moosefs", "ncpfs", "nfs",
    "nfs4", "rclone", "s3fs", "smb", "smb2", "smb3", "smbfs", "smbnetfs", "sshfs", "vboxsf", "vmhgfs",
    "vmhgfs-fuse",
}  # fmt: skip


def refuse_network_disk(path: Path, mounts: Path = Path("/proc/mounts")) -> None:
    """SQLite's locks do not hold over NFS, SMB or a FUSE mount of another host, and databases there do break.

    Links are followed; a folder that is mounted once more (bind) counts as what it is of.
    """
    real = path.resolve()
    if real.drive.startswith("\\\\"):
        _refuse(real.drive, "a share")
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return  # no such list on this system
    best = ("", "")
    for line in lines:
        point, kind = [*line.split(" "), "", "", ""][1:3]
        point = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), point)
        if real.is_relative_to(point) and len(point) >= len(
            best[0]
        ):  # of two in one place the later is on top
            best = (point, kind)
    if best[1].removeprefix("fuse.") in _NETWORK:
        _refuse(best[0], best[1])


def _refuse(where: str, kind: str) -> None:
    raise SettingsError(
        f"the database cannot lie on a network disk ({where} is {kind}); "
        "give a folder on a local disk with --home, files may stay on the network"
    )
