"""What a film holds, packet by packet."""

import hashlib
from pathlib import Path

import av


def packets(path: Path, kind: str, number: int = 0) -> list[tuple[float, str]]:
    """Seconds and hash of each packet of a stream, in the file's order."""
    with av.open(str(path)) as film:
        stream = getattr(film.streams, kind)[number]
        return [
            (float(packet.pts * packet.time_base), hashlib.sha256(bytes(packet)).hexdigest())
            for packet in film.demux(stream)
            if packet.size
        ]


def hashes(path: Path, kind: str) -> list[str]:
    """The hashes alone."""
    return [digest for _, digest in packets(path, kind)]
