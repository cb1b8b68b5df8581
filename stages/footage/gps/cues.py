"""GPS fixes written as subtitles: one cue after another in a text track. Add a row to `LAYOUTS`.

The layouts are facts gathered from ExifTool's QuickTimeStream (`Process_text`) and nb-dashcam-tools.
"""

from __future__ import annotations

import re
import struct

from stages.footage.fix import Fix, degrees, moment
from stages.footage.gps import nmea
from stages.footage.gps.layout import Layout
from stages.footage.gps.samples import Track

_MPH = 1.609344
_MOST = 16 << 10  # bytes of a cue; text of one moment is short
_SUBTITLES = frozenset({b"text", b"sbtl", b"subt", b"subp", b"clcp"})
#: Formats of data tracks that have layouts of their own, or surely hold no cues.
_OTHER = frozenset({b"gpmd", b"camm", b"ssmd", b"RVMI", b"fdsc", b"mebx", b"rtmd", b"tmcd", b"mp4s"})
_RMC = re.compile(rb"(?<![A-Z])[A-Z]{2}(?:RMC|GGA),")
_CAMERA = re.compile(
    rb"\$G:(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)"
    rb"-([NS])(\d{1,2}\.\d+)-([EW])(\d{1,3}\.\d+)-S(\d{1,3})"
)
_ROADHAWK = b"-I8XQWRVNZOYPUTA0B1C2SJ9K.L,M$D3E4F5G6H7"


def _fits(track: Track) -> bool:
    if track.handler in _SUBTITLES or track.format in (b"tx3g", b"text"):
        return True
    return track.handler in (b"meta", b"data") and track.format not in _OTHER


def _fits_binary(track: Track) -> bool:
    return _fits(track) or track.format == b"gpmd"


def _text(cue: bytes) -> bytes:
    """The text of a cue, without the length before it and the style boxes behind it."""
    size = int.from_bytes(cue[:2])
    if len(cue) >= 2 and (size == len(cue) - 2 or (size and cue[size + 6 : size + 10].isalpha())):
        cue = cue[2 : 2 + size]
    return cue[:_MOST]


def _sentences(text: bytes) -> list[Fix] | None:
    """NMEA anywhere in the text, also where fields are padded with zero bytes."""
    if not _RMC.search(text):
        return None
    return nmea.fixes(text.replace(b"\0", b"\n").decode("latin-1"))


def garmin(cue: bytes) -> list[Fix] | None:
    """`PNDM`, after a length or not: speed in mph at 8, latitude at 12 and longitude at 16 (180/2^31)."""
    at = next((at for at in (0, 2, 4) if cue[at : at + 4] == b"PNDM"), None)
    if at is None:
        return None
    if len(cue) < at + 20:
        return []
    (speed,) = struct.unpack_from(">H", cue, at + 8)
    lat, lon = (value * 180 / 0x80000000 for value in struct.unpack_from(">ii", cue, at + 12))
    fix = Fix(lat=lat, lon=lon, speed_kmh=speed * _MPH)
    return [fix if fix.valid else Fix()]


def thinkware(cue: bytes) -> list[Fix] | None:
    """`gsensori,...;GNRMC,...;CAR,...`: ten a second, one in ten with a sentence."""
    text = _text(cue)
    if not re.match(rb"\s*gsensori,", text):
        return None
    return _sentences(text) or []


def nextbase(cue: bytes) -> list[Fix] | None:
    """322GW to 522GW (288 bytes) and 622GW (1046): binary readings with RMC and GGA in fixed fields."""
    text = _text(cue)
    if len(text) not in (288, 1046) or len(cue) == len(text) or text[:4] != bytes(4):
        return None
    return _sentences(text) or []


def mini(cue: bytes) -> list[Fix] | None:
    """Mini 0806: `A,DDMMYY,hhmmss.sss,ddmm.mmmm,N,dddmm.mmmm,W,km/h,altitude M,x,y,z;`."""
    found = re.match(rb"\s*([AV]),(\d{6})?,(\d{6})?(?:\.\d*)?,([^;\r\n]{0,120})", _text(cue))
    if found is None or not (found[2] or found[3]):
        return None
    day, clock = (found[2] or b"").decode(), (found[3] or b"").decode()
    when = None
    if day and clock:
        when = moment(*(int(part) for part in (day[4:], day[2:4], day[:2], clock[:2], clock[2:4], clock[4:])))
    fields = [field.strip() for field in found[4].decode("latin-1").split(",")] + [""] * 6
    lat, lon = _side(fields[0], fields[1], "NS"), _side(fields[2], fields[3], "EW")
    if found[1] == b"V" or lat is None or lon is None:
        return [Fix(time=when)]
    return [
        Fix(
            time=when,
            lat=lat,
            lon=lon,
            speed_kmh=_number(fields[4]),
            altitude=_number(fields[5].rstrip("Mm")),
        )
    ]


def camera_text(cue: bytes) -> list[Fix] | None:
    """`$G:2019-08-20 07:51:57-N48.264-E2.329-S31$GS:...`: degrees and km/h."""
    found = _CAMERA.search(_text(cue))
    if found is None:
        return None
    fix = Fix(
        time=moment(*map(int, found.groups()[:6])),
        lat=float(found[8]) * (-1 if found[7] == b"S" else 1),
        lon=float(found[10]) * (-1 if found[9] == b"W" else 1),
        speed_kmh=float(found[11]),
    )
    return [fix if fix.valid else Fix(time=fix.time)]


def plain(cue: bytes) -> list[Fix] | None:
    """NMEA as it is, also between `$BEGIN` and `$END`."""
    return _sentences(_text(cue))


def roadhawk(cue: bytes) -> list[Fix] | None:
    """Roadhawk: NMEA in a simple cipher of letters."""
    text = _text(cue)
    if not re.search(rb"\*[0-9A-F]{2}~$", text):
        return None
    read = bytes(_ROADHAWK[b - 43] if 43 <= b < 43 + len(_ROADHAWK) else b for b in text[:-4])
    return _sentences(read) if b"$" in read else None


def shifted(cue: bytes) -> list[Fix] | None:
    """E-PRANCE: a shift of all letters, told by the star before the checksum."""
    if not (5 < len(cue) <= _MOST and cue.startswith(b"\0") and cue.endswith(b"\n")):
        return None
    shift = ord("*") - cue[-4]
    return _sentences(bytes((byte + shift) & 0xFF for byte in cue[1:-1])) if shift else None


def masked(cue: bytes) -> list[Fix] | None:
    """BlueSkySea, Ambarella A12, Rove Stealth: text under XOR 0xAA at fixed places."""
    if len(cue) < 282 or not (cue[4:8] == b"\xaa\xaaTT" or cue[2:8] == b"\xf2\xe1\xf0\xeeTT"):
        return None
    text = bytes(byte ^ 0xAA for byte in cue[:65]).decode("latin-1")
    stamp = re.fullmatch(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)", text[8:22], re.ASCII)
    when = moment(*map(int, stamp.groups())) if stamp else None
    lat = re.fullmatch(r"([NS])(\d{4})(\d{4})", text[38:47], re.ASCII)
    lon = re.fullmatch(r"([EW])(\d{5})(\d{4})", text[47:57], re.ASCII)
    if cue[:2] != b"\0\0" or stamp is None or lat is None or lon is None:
        return [Fix(time=when)]
    fix = Fix(
        time=when,
        lat=_side(f"{lat[2]}.{lat[3]}", lat[1], "NS"),
        lon=_side(f"{lon[2]}.{lon[3]}", lon[1], "EW"),
        altitude=_number(text[57:62].lstrip("+")),
        speed_kmh=_number(text[62:65]),
    )
    return [fix if fix.valid else Fix(time=when)]


def _side(text: str, side: str, sides: str) -> float | None:
    """A coordinate in degrees and minutes with its hemisphere."""
    value = _number(text)
    if value is None or value < 0 or len(side) != 1 or side not in sides:
        return None
    found = degrees(value)
    if not found <= (90 if sides == "NS" else 180):
        return None
    return -found if side == sides[1] else found


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[-+]?[0-9]{1,9}(\.[0-9]{0,12})?", text) else None


LAYOUTS = (
    Layout("Garmin", _fits, garmin),
    Layout("Thinkware", _fits, thinkware),
    Layout("Nextbase subtitles", _fits, nextbase),
    Layout("Mini 0806", _fits, mini),
    Layout("NMEA subtitles", _fits, plain),
    Layout("$G subtitles", _fits, camera_text),
    Layout("Roadhawk", _fits, roadhawk),
    Layout("E-PRANCE", _fits, shifted),
    Layout("masked text", _fits_binary, masked),
)
