"""A lossless cut: packets are copied, from a keyframe on, and clips with equal streams are joined."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av

from stages.errors import BadInput, ClipDamaged, StageFailed
from stages.export.sources import Keyframe, Source, find_keyframe, fits, open_source, packets, signature

Progress = Callable[[float, str], None]

#: Containers by the ending of the file's name.
CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".ts": "mpegts"}
_LEAD = 5  # seconds of sound before the first picture that are taken for sound of this clip
_TRAIL = 2.0  # seconds by which sound may lie behind its pictures in a file
_TELL_EVERY = 200  # packets


class Stretch(NamedTuple):
    """Part of a clip, in seconds from its first picture; `end` None = to its end."""

    path: Path
    begin: float = 0.0
    end: float | None = None


class Cut(NamedTuple):
    """What was written.

    `early`: seconds by which it begins before what was asked, at the keyframe there. `seconds` is its length.
    `pictures` counts video packets. `left_out` and `troubles` are sentences.
    """

    early: float
    seconds: float
    pictures: int
    left_out: list[str]
    troubles: list[str]


def alike(stretches: Sequence[Stretch]) -> list[list[int]]:
    """Indices of neighbouring stretches that can be joined into one file. Raises `ClipDamaged`."""
    groups: list[list[int]] = []
    last: tuple[Any, ...] | None = None
    for number, stretch in enumerate(stretches):
        mark = signature(stretch.path)
        if groups and mark == last:
            groups[-1].append(number)
        else:
            groups.append([number])
        last = mark
    return groups


def container_for(target: Path) -> str:
    """The container that a file name asks for. Raises BadInput."""
    found = CONTAINERS.get(target.suffix.lower())
    if found is None:
        raise BadInput(
            f"{target.name}: a cut is written as {', '.join(CONTAINERS)}; choose one of these endings"
        )
    return found


def suffix_for(path: Path) -> str:
    """The ending for a cut of a clip: `.mp4`, unless its sound fits only into QuickTime's container."""
    with open_source(path) as source:
        sounds = source.clip.streams.audio
        if any(not fits(sound, "mp4") and fits(sound, "mov") for sound in sounds):
            return ".mov"
    return ".mp4"


def cut(
    stretches: Sequence[Stretch],
    target: Path,
    *,
    container: str = "mp4",
    start_utc: datetime | None = None,
    progress: Progress = lambda _fraction, _note: None,
) -> Cut:
    """Copy the packets of stretches with equal streams into `target`, the index first.

    Each stretch begins at the keyframe at or before its `begin`. Pictures, sound and whatever data tracks the
    container takes are copied unchanged; times go on from stretch to stretch. `start_utc` (aware) is when the
    first `begin` was. Raises `ClipDamaged`, `StageFailed` (it cannot be written, or reads back otherwise),
    OSError (disk).
    """
    try:
        copy = _Copy(target, container, start_utc, progress)
        copy.run(stretches)
    except av.error.FFmpegError as error:
        if isinstance(error, OSError) and error.errno:
            raise OSError(error.errno, error.strerror, str(target)) from error
        raise StageFailed(f"the cut cannot be written: {error}") from error
    return copy.checked()


class _Copy:
    """One run of `cut`: what has to be remembered between packets and between clips."""

    def __init__(self, target: Path, container: str, start_utc: datetime | None, progress: Progress) -> None:
        self._target, self._container = target, container
        self._start_utc, self._progress = start_utc, progress
        self._out: Any = None
        self._to: dict[tuple[str, int], Any] = {}  # our stream for (kind, number of that kind)
        self._last: dict[int, Fraction] = {}  # per stream of ours when its last packet is decoded
        self._at = Fraction(0)  # where the next clip begins
        self._early = 0.0
        self._pictures = 0
        self._exact = True  # whether the bytes of a picture stay as they are
        self._digest = hashlib.blake2b(digest_size=16)
        self._left_out: list[str] = []
        self._troubles: list[str] = []

    def run(self, stretches: Sequence[Stretch]) -> None:
        with ExitStack() as stack:
            for number, stretch in enumerate(stretches):
                start = find_keyframe(stretch.path, stretch.begin)
                with open_source(stretch.path) as source:
                    if self._out is None:
                        self._open(source, stack)
                    self._take(source, stretch, start, number, len(stretches))

    def _open(self, source: Source, stack: ExitStack) -> None:
        self._exact = "mpegts" not in (self._container, source.clip.format.name)
        options = {"movflags": "+faststart"} if self._container in ("mp4", "mov") else {}
        self._out = stack.enter_context(
            av.open(str(self._target), "w", format=self._container, options=options)
        )
        streams = source.clip.streams
        for kind, found in (("video", streams.video[:1]), ("audio", streams.audio), ("data", streams.data)):
            for number, stream in enumerate(found):
                if fits(stream, self._container):
                    self._to[kind, number] = self._add(stream)
                elif kind != "data":
                    name = stream.codec_context.name if stream.codec_context else "unknown"
                    self._left_out.append(
                        f"{kind} ({name}) does not fit into {self._container} and is left out"
                    )
        if ("video", 0) not in self._to:
            raise StageFailed(
                f"the pictures of {source.name} do not fit into {self._container}; "
                "give -o a name ending in .mkv"
            )

    def _add(self, stream: Any) -> Any:
        made = self._out.add_stream_from_template(stream, opaque=True)
        if (
            stream.type == "video"
            and stream.codec_context.name == "hevc"
            and self._container in ("mp4", "mov")
        ):
            made.codec_context.codec_tag = "hvc1"  # by the other name, hev1, Apple's players refuse it
        return made

    def _take(self, source: Source, stretch: Stretch, start: Keyframe, number: int, count: int) -> None:
        key, seek = start
        if seek is not None:
            source.clip.seek(seek, stream=source.video, backward=True)
        if number == 0:
            self._early = max(0.0, stretch.begin - float(key))
            self._say_when(self._early)
        wanted = self._wanted(source)
        length = (stretch.end or float(source.clip.duration or 0) / av.time_base) - float(key)
        low = key if stretch.begin > 0 else min(key, _earliest(source, wanted))
        # What stands before a film's first moment gets sound decoders going; in its middle it is in the way.
        floor = low if number or stretch.begin > 0 else low - _LEAD
        stop = float("inf") if stretch.end is None else stretch.end
        over: set[Any] = set()
        shift, ends, begun = self._at - low - source.origin, self._at, False
        for seen, packet in enumerate(packets(source, list(wanted), self._troubles)):
            shown = source.seconds(packet)
            if shown is None:
                continue
            picture, late = packet.stream is source.video, _decoded(packet, source) - stop
            if late >= 0:
                if late > _TRAIL and source.video in over:
                    break
                over.add(packet.stream)  # the sound of the last pictures may lie behind them in the file
                continue
            begun = begun or (picture and bool(packet.is_keyframe) and shown == key)
            # Pictures shown before the keyframe that follow it in the file lean on what is cut away.
            if shown < floor or (picture and not begun):
                continue
            ends = max(ends, self._mux(packet, wanted[packet.stream], shift, picture))
            if seen % _TELL_EVERY == 0:
                share = min(1.0, max(0.0, float(shown - key) / length)) if length > 0 else 0.5
                self._progress((number + share) / count, source.name)
        if not begun:
            raise ClipDamaged(f"no picture of {source.name} can be read from second {float(key):.1f} on")
        self._at = ends
        self._progress((number + 1) / count, source.name)

    def _say_when(self, early: float) -> None:
        """The film's own date is that of its first picture, in UTC as the format has it."""
        if self._start_utc is not None:
            when = self._start_utc.astimezone(UTC) - timedelta(seconds=early)
            self._out.metadata["creation_time"] = f"{when:%Y-%m-%dT%H:%M:%S.%fZ}"

    def _wanted(self, source: Source) -> dict[Any, Any]:
        """Each stream of a clip that is copied, and ours that it goes to."""
        streams = source.clip.streams
        kinds = {"video": streams.video, "audio": streams.audio, "data": streams.data}
        return {
            kinds[kind][number]: made
            for (kind, number), made in self._to.items()
            if number < len(kinds[kind])
        }

    def _mux(self, packet: Any, made: Any, shift: Fraction, picture: bool) -> Fraction:
        """Write one packet at its new time; returns when what it shows ends."""
        base = packet.time_base
        ticks = round(shift / base)
        decoded = (packet.dts if packet.dts is not None else packet.pts) + ticks
        last = self._last.get(made.index)
        if last is not None and decoded * base <= last:
            decoded = int(last / base) + 1  # a clock that stands still or goes back
        shown = max(decoded, (packet.pts if packet.pts is not None else packet.dts) + ticks)
        ends = Fraction((shown + (packet.duration or 0)) * base)
        self._last[made.index] = Fraction(decoded * base)
        if picture:
            self._pictures += 1
            self._digest.update(bytes(packet))
        packet.dts, packet.pts, packet.stream = decoded, shown, made
        self._out.mux(packet)
        return ends

    def checked(self) -> Cut:
        """Read the file back: the same pictures, byte for byte where both containers keep them alike."""
        pictures, digest = _pictures_of(self._target, self._container)
        if pictures != self._pictures or (self._exact and digest != self._digest.hexdigest()):
            raise StageFailed(
                f"{self._target.name} reads back with other pictures than were written; try again", retry=True
            )
        return Cut(self._early, float(self._at), self._pictures, self._left_out, self._troubles)


def _earliest(source: Source, streams: Iterable[Any]) -> Fraction:
    """When the first of some streams begins, seen from the first picture; sound may come before it."""
    starts = [Fraction(s.start_time * s.time_base) for s in streams if s.start_time is not None]
    return max(Fraction(-_LEAD), min(starts, default=source.origin) - source.origin)


def _decoded(packet: Any, source: Source) -> Fraction:
    """When a packet is due for decoding, from the clip's first picture."""
    stamp = packet.dts if packet.dts is not None else packet.pts
    return Fraction(stamp * packet.time_base) - source.origin


def _pictures_of(path: Path, container: str) -> tuple[int, str]:
    """How many video packets a file of ours holds, and the hash of their bytes."""
    digest, count = hashlib.blake2b(digest_size=16), 0
    demuxer = {"mp4": "mov"}.get(container, container)
    with av.open(str(path), format=demuxer, options={"protocol_whitelist": "file"}) as film:
        for packet in film.demux(film.streams.video[0]):
            if packet.size:
                count += 1
                digest.update(bytes(packet))
    return count, digest.hexdigest()
