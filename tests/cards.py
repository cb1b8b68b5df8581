"""Small cards of every layout that is known: valid clips, their companions, and the junk that lies beside them.

`make_card("viofo", root)` writes a card and returns its clips. The last moment of each card is a locked or an
event one. `python -m tests.cards KIND ROOT [MOMENTS]` makes one by hand.
"""

from __future__ import annotations

import io
import json
import os
import struct
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.stages.clips import EPOCH, make_clip

#: Start of the first moment on the camera's clock, two hours ahead of UTC (Madrid in summer).
START = datetime(2024, 6, 1, 16, 27, 34)  # noqa: DTZ001
OFFSET = timedelta(hours=2)
ZONE = "Europe/Madrid"
#: Seconds that a clip lasts, and from one moment to the next.
STEP = 60
#: Where each drive begins, in degrees; it goes north-east.
PLACE = (40.4168, -3.7038)


class Shot(NamedTuple):
    """One moment of a drive: its number from 1, the camera's clock, whether it is the locked or event one."""

    number: int
    at: datetime
    kept: bool


class Card(NamedTuple):
    """A layout: `clips(shot)` gives the paths of a moment; `beside(root, shots)` writes what lies beside them.

    `channels` are those that the names or folders of one moment tell; `family` is what names tell.
    """

    clips: Callable[[Shot], list[str]]
    channels: tuple[str, ...]
    family: str | None
    beside: Callable[[Path, list[Shot]], None] = lambda root, shots: None
    dated: bool = True  # by their names
    utc_header: bool = False  # the movie header tells UTC, as the standard has it; else the camera's clock


def make_card(
    kind: str, root: Path, moments: int = 3, *, start: datetime = START, junk: bool = True
) -> list[Path]:
    """Write a card of a layout below `root`; its clips, moment by moment. `CARDS` names the layouts."""
    card = CARDS[kind]
    shots = [
        Shot(number, start + timedelta(seconds=STEP * (number - 1)), kept=number == moments)
        for number in range(1, moments + 1)
    ]
    made = []
    for shot in shots:
        for below in card.clips(shot):
            at = shot.at - OFFSET if card.utc_header else shot.at
            made.append(_write(root / below, clip_bytes(Path(below).suffix, at, f"{kind} {below}")))
            _age(made[-1], shot.at + timedelta(seconds=STEP))
    card.beside(root, shots)
    if junk:
        _junk(root, made)
    return made


def clip_bytes(suffix: str, at: datetime, seed: str) -> bytes:
    """A playable clip of 60 s in 12 kB; each `seed` gives another content. `at` goes into its movie header."""
    data = bytearray(_film(suffix.lower() == ".ts"))
    text = seed.encode()[:180]
    if suffix.lower() == ".ts":  # a packet of padding
        return bytes(data) + b"\x47\x1f\xff\x10" + text.ljust(184, b"\xff")
    stamp = int((at - EPOCH) / timedelta(seconds=1))
    header = data.index(b"mvhd") + 8
    struct.pack_into(">II", data, header, stamp, stamp)
    return bytes(data) + struct.pack(">I4s", 8 + len(text), b"free") + text


@cache
def _film(stream: bool) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("film.ts" if stream else "film.mp4")
        return make_clip(path, frames=6, fps=Fraction(1, 10)).read_bytes()  # type: ignore[arg-type]


def nmea(shot: Shot, *, milliseconds: bool = False) -> str:
    """A minute of `$GPRMC` lines in UTC, one each second, as BlackVue and MiVue log them."""
    return "".join(_nmea_lines(shot, milliseconds))


def _nmea_lines(shot: Shot, milliseconds: bool) -> Iterator[str]:
    for second in range(STEP):
        at = shot.at - OFFSET + timedelta(seconds=second)
        lat, lon = where(shot, second)
        body = (
            f"GPRMC,{at:%H%M%S}.00,A,{_ddmm(lat, 2)},{'N' if lat >= 0 else 'S'},"
            f"{_ddmm(lon, 3)},{'E' if lon >= 0 else 'W'},21.6,045.0,{at:%d%m%y},,,A"
        )
        check = 0
        for letter in body.encode():
            check ^= letter
        stamp = f"[{int(at.replace(tzinfo=UTC).timestamp() * 1000)}]" if milliseconds else ""
        yield f"{stamp}${body}*{check:02X}\r\n"


def where(shot: Shot, second: int) -> tuple[float, float]:
    """Latitude and longitude at a second of a moment."""
    gone = (shot.number - 1) * STEP + second
    return PLACE[0] + gone * 7e-5, PLACE[1] + gone * 9e-5


def _ddmm(value: float, width: int) -> str:
    whole = int(abs(value))
    return f"{whole:0{width}d}{(abs(value) - whole) * 60:07.4f}"


def _write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _age(path: Path, local: datetime) -> None:
    seconds = (local - OFFSET).replace(tzinfo=UTC).timestamp()
    os.utime(path, (seconds, seconds))


def _junk(root: Path, clips: list[Path]) -> None:
    """What every card collects and nobody wants to see as a clip."""
    twin = clips[0]
    _write(twin.with_name(f"._{twin.name}"), b"\0\5\x16\7" + bytes(60))
    _write(root / ".Trashes" / twin.name, twin.read_bytes())
    _write(root / "System Volume Information" / "IndexerVolumeGuid", b"x")
    _write(root / "FW200.bin", bytes(100))
    _write(root / "THUMBNAIL" / f"{twin.stem}.MP4", b"a thumbnail")
    _write(root / "SETTING" / "demo.mp4", b"a setting")
    _write(twin.with_suffix(".THM"), b"\xff\xd8\xff\xd9")
    _write(twin.with_suffix(".LRV"), twin.read_bytes())


# -- names, one function per layout ---------------------------------------------------------------


def _blackvue(shot: Shot) -> list[str]:
    return [f"BlackVue/Record/{shot.at:%Y%m%d_%H%M%S}_{'E' if shot.kept else 'N'}{c}.mp4" for c in "FR"]


def _viofo(shot: Shot) -> list[str]:
    folder = "DCIM/Movie/RO" if shot.kept else "DCIM/Movie"
    first = 113670 + 3 * shot.number  # each channel counts on its own
    return [f"{folder}/{shot.at:%Y_%m%d_%H%M%S}_{first + i}{c}.MP4" for i, c in enumerate("FIR")]


def _viofo_parking(shot: Shot) -> list[str]:
    folder = (
        "DCIM/Movie/Parking/RO" if shot.kept else "DCIM/Movie" if shot.number == 1 else "DCIM/Movie/Parking"
    )
    letter = "P" if "Parking" in folder else ""
    first = 113670 + 2 * shot.number
    return [f"{folder}/{shot.at:%Y_%m%d_%H%M%S}_{first + i}{letter}{c}.MP4" for i, c in enumerate("FR")]


def _novatek14(shot: Shot) -> list[str]:
    folder = "DCIM/Parking/RO" if shot.kept else "DCIM/Movie"
    return [f"{folder}/{shot.at:%Y%m%d%H%M%S}_{shot.number:06d}.MP4"]


def _novatek(shot: Shot) -> list[str]:
    folder = "DCIM/EMR" if shot.kept else "DCIM/MOVIE"
    return [f"{folder}/{shot.at:%Y_%m%d_%H%M%S}_{100 + shot.number}{c}.MP4" for c in "AB"]


def _thinkware(shot: Shot) -> list[str]:
    folder, word = ("evt_rec", "EVT") if shot.kept else ("cont_rec", "REC")
    return [f"{folder}/{word}_{shot.at:%Y_%m_%d_%H_%M_%S}_{c}.MP4" for c in "FR"]


def _70mai(shot: Shot) -> list[str]:
    folder, word = ("Event", "EV") if shot.kept else ("Normal", "NO")
    stem = f"{word}{shot.at:%Y%m%d-%H%M%S}-{shot.number:06d}"
    return [f"{folder}/Front/{stem}F.MP4", f"{folder}/Back/{stem}B.MP4"]


def _nextbase(shot: Shot) -> list[str]:
    stem = f"{'Protected' if shot.kept else 'Video'}/{shot.at:%y%m%d_%H%M%S}_{shot.number:03d}"
    return [f"{stem}_{c}H.MP4" for c in "FR"]


def _garmin(shot: Shot) -> list[str]:
    return [f"DCIM/{'102SAVED' if shot.kept else '105UNSVD'}/GRMN{shot.number:04d}.MP4"]


def _tesla(shot: Shot) -> list[str]:
    folder = f"SavedClips/{shot.at + timedelta(seconds=40):%Y-%m-%d_%H-%M-%S}" if shot.kept else "RecentClips"
    words = ("front", "back", "left_repeater", "right_repeater")
    return [f"TeslaCam/{folder}/{shot.at:%Y-%m-%d_%H-%M-%S}-{word}.mp4" for word in words]


def _vantrue(shot: Shot) -> list[str]:
    folder, letter = ("Event", "E") if shot.kept else ("Normal", "N")
    return [f"{folder}/{shot.at:%Y%m%d_%H%M%S}_{shot.number:04d}_{letter}_{c}.mp4" for c in "ABC"]


def _ddpai(shot: Shot) -> list[str]:
    first, tail = ("G_", "_L") if shot.kept else ("", "")
    stem = f"{first}{shot.at:%Y%m%d%H%M%S}_0060"
    if shot.kept:
        return [f"DCIM/200video/front/{stem}{tail}.mp4"]
    rear = shot.at + timedelta(seconds=1)  # the rear camera is up to 2 s off
    return [f"DCIM/200video/front/{stem}.mp4", f"DCIM/200video/rear/{rear:%Y%m%d%H%M%S}_0060_A.mp4"]


def _gopro(shot: Shot) -> list[str]:
    return [f"DCIM/100GOPRO/GH{shot.number:02d}0128.MP4"]


def _wolfbox(shot: Shot) -> list[str]:
    code, folder = ("02", "emer") if shot.kept else ("00", "norm")
    sides = (("front", "F"), ("rear", "R"))
    return [f"{side}_{folder}/{shot.at:%Y_%m_%d_%H%M%S}_{code}_{letter}.MP4" for side, letter in sides]


def _mivue(shot: Shot) -> list[str]:
    return [f"{'Event' if shot.kept else 'Normal'}/FILE{shot.at:%y%m%d-%H%M%S}{c}.MP4" for c in "FR"]


def _ford(shot: Shot) -> list[str]:
    return [f"FordFootage/{shot.at:%Y-%m-%d_%H_%M_%S}_f.ts"]


def _generic(shot: Shot) -> list[str]:
    return [f"DCIM/100MEDIA/{shot.at:%Y%m%d_%H%M%S}.MP4"]


# -- what lies beside the clips -------------------------------------------------------------------


def _beside_blackvue(root: Path, shots: list[Shot]) -> None:
    _write(root / "BlackVue/Config/version.bin", b"[firmware]\r\nmodel = DR900X-2CH\r\nversion = 1.012\r\n")
    for shot in shots:
        stem = f"BlackVue/Record/{shot.at:%Y%m%d_%H%M%S}_{'E' if shot.kept else 'N'}"
        _write(root / f"{stem}.gps", nmea(shot, milliseconds=True).encode())
        _write(root / f"{stem}.3gf", struct.pack(">Ihhh", 0, 1, 2, 128) + b"\xff" * 10)
        _write(root / f"{stem}F.thm", b"\xff\xd8\xff\xd9")


def _beside_thinkware(root: Path, shots: list[Shot]) -> None:
    del shots
    _write(root / "SETTING/lang/ver.dat", b"Device Name:U3000\r\n")
    (root / "parking_rec").mkdir()
    (root / "manual_rec").mkdir()


def _beside_70mai(root: Path, shots: list[Shot]) -> None:
    rows = ["$V02"]
    for shot in shots:
        name = Path(_70mai(shot)[0]).name
        for second in range(STEP):
            at = int((shot.at - OFFSET).replace(tzinfo=UTC).timestamp()) + second - 28800
            lat, lon = where(shot, second)
            rows.append(f"{at},A,{lat:.6f},{lon:.6f},4500,1111,0,0,100,{name},0,0,0")
    _write(root / "GPSData000001.txt", "\n".join(rows).encode() + b"\n")
    _write(root / ".formated", b"")
    (root / "Parking").mkdir()


def _beside_nextbase(root: Path, shots: list[Shot]) -> None:
    for shot in shots:  # the same seconds in low quality
        for clip in _nextbase(shot):
            low = clip.replace("H.MP4", "L.MP4")
            _age(_write(root / low, clip_bytes(".MP4", shot.at, low)), shot.at + timedelta(seconds=STEP))
    (root / "Photo").mkdir()


def _beside_tesla(root: Path, shots: list[Shot]) -> None:
    last = shots[-1]
    about = {
        "timestamp": f"{last.at + timedelta(seconds=40):%Y-%m-%dT%H:%M:%S}", "city": "Madrid",
        "est_lat": str(PLACE[0]), "est_lon": str(PLACE[1]),
        "reason": "user_interaction_dashcam_icon_tapped", "camera": "0",
    }  # fmt: skip
    folder = (root / _tesla(last)[0]).parent
    _write(folder / "event.json", json.dumps(about).encode())
    _write(folder / "thumb.png", b"\x89PNG\r\n\x1a\n")
    _write(root / "TeslaCam/EncryptedClips/2026-07-01_10-00-00-front.mp4", b"\x13" * 4000)
    _write(root / "TeslaTrackMode/lap.mp4", clip_bytes(".mp4", last.at, "track mode"))


def _beside_ddpai(root: Path, shots: list[Shot]) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for shot in shots:
            data = nmea(shot).encode()
            member = tarfile.TarInfo(f"{shot.at:%Y%m%d%H%M%S}_0060.gpx")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    _write(root / f"DCIM/203gps/tar/{shots[0].at:%Y%m%d%H%M%S}_{STEP * len(shots):04d}.git", out.getvalue())


def _beside_mivue(root: Path, shots: list[Shot]) -> None:
    for shot in shots:
        for clip in _mivue(shot)[:1]:
            _write((root / clip).with_suffix(".NMEA"), nmea(shot).encode())


CARDS: dict[str, Card] = {
    "blackvue": Card(_blackvue, ("front", "rear"), "blackvue", _beside_blackvue),
    "viofo": Card(_viofo, ("front", "interior", "rear"), "viofo"),
    "viofo_parking": Card(_viofo_parking, ("front", "rear"), "viofo"),
    "novatek14": Card(_novatek14, (), "novatek"),
    "novatek": Card(_novatek, ("front", "rear"), "novatek"),
    "thinkware": Card(_thinkware, ("front", "rear"), "thinkware", _beside_thinkware),
    "70mai": Card(_70mai, ("front", "rear"), "70mai", _beside_70mai),
    "nextbase": Card(_nextbase, ("front", "rear"), "nextbase", _beside_nextbase),
    "garmin": Card(_garmin, (), "garmin", dated=False, utc_header=True),
    "tesla": Card(_tesla, ("front", "rear", "left_repeater", "right_repeater"), "tesla", _beside_tesla),
    "vantrue": Card(_vantrue, ("front", "interior", "rear"), "vantrue"),
    "ddpai": Card(_ddpai, ("front", "rear"), "ddpai", _beside_ddpai),
    "gopro": Card(_gopro, (), "gopro", dated=False),
    "wolfbox": Card(_wolfbox, ("front", "rear"), "wolfbox"),
    "mivue": Card(_mivue, ("front", "rear"), "mivue", _beside_mivue),
    "ford": Card(_ford, ("front",), "ford"),
    "generic": Card(_generic, (), None),
}


if __name__ == "__main__":
    for path in make_card(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 3):
        print(path)
