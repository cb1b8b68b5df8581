"""A short drive, rendered by us from a seed: a clip with known plates for tests and demonstrations."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import NamedTuple

import av
import cv2
import numpy as np

from stages.video.sprites import CAR_HEIGHT, CAR_WIDTH, Car, Picture, countries, draw_car, plate_text

#: Plates lower than this are planted and not promised to be legible.
LEGIBLE_PX = 12
_CAMERA_HEIGHT = 1.3  # metres above the road
_LANE = 2.8  # metres between the middles of two lanes
_SLOT = 6.0  # seconds from one car ahead of us to the next
_SPEED = 22.0  # our own, in metres per second
_FAR, _NEAR = 48.0, 2.9  # metres


class Planted(NamedTuple):
    """A plate in the clip: from when to when it is legible (seconds; a nearer car may hide it between).

    `best_box` is x1 y1 x2 y2 in pixels, in the frame where it is largest.
    """

    plate: str
    country: str
    first_seconds: float
    last_seconds: float
    max_height_px: float
    best_frame: int
    best_box: tuple[float, float, float, float]


class Drive(NamedTuple):
    """What was rendered. `start` is the camera's local clock."""

    clip: Path
    route: Path
    start: datetime
    seconds: float
    planted: list[Planted]


class _Moving(NamedTuple):
    """A car and how it moves: metres to the right of us; distance in metres, None where it is not there."""

    car: Car
    side: float
    begin: float
    end: float
    ahead: bool

    def distance(self, seconds: float) -> float | None:
        if not self.begin <= seconds < self.end:
            return None
        if self.ahead:  # comes near and drives away again
            nearness = 0.5 - 0.5 * math.cos(2 * math.pi * (seconds - self.begin) / (self.end - self.begin))
            return _FAR * math.exp(math.log(_NEAR / _FAR) * nearness)
        rate = 4.0  # seconds in which the distance changes by e: a plate stays legible for two of them or so
        passed = seconds - self.begin if self.side < 0 else self.end - seconds
        return 4.2 * math.exp(passed / rate)


class _View(NamedTuple):
    """The camera: picture size, focal length in pixels, row of the horizon."""

    width: int
    height: int
    focal: float
    horizon: float

    def point(self, x: float, above: float, z: float) -> tuple[float, float]:
        """Where a point `x` metres to the right, `above` the road and `z` ahead appears."""
        return self.width / 2 + self.focal * x / z, self.horizon + self.focal * (_CAMERA_HEIGHT - above) / z


def render_drive(
    folder: Path,
    *,
    seed: int,
    seconds: float = 12,
    width: int = 1280,
    height: int = 720,
    fps: int = 25,
    start: datetime = datetime(2026, 6, 1, 16, 27, 34),  # noqa: DTZ001 - a camera's clock has no zone
    utc_offset: timedelta = timedelta(hours=2),
    channel: str = "F",
    junk: bool = True,
    night: bool = False,
    hevc_megabits: float = 0.0,
) -> Drive:
    """Write a clip with a Viofo name and a `.gpx` of the same stem into `folder`; returns what was planted.

    Same arguments, same plates. `start` is the camera's local clock, `utc_offset` its zone. `junk` adds
    what real cameras have beside plates: a burned-in date, badges, country bands. The clip is H.264 of even
    quality, or, with `hevc_megabits`, HEVC of that many Mbit/s, as 2160p cameras write it.
    """
    view = _View(width, height, 1.3 * width, 0.45 * height)
    traffic = _traffic(Random(seed), view, seconds, junk=junk)
    clip = folder / f"{start:%Y_%m%d_%H%M%S}_{seed % 1_000_000:06d}{channel}.MP4"
    seen: dict[int, list[tuple[int, tuple[float, float, float, float]]]] = {}
    frames = _frames(Random(seed + 1), view, traffic, seen, round(seconds * fps), fps, start, junk, night)
    # Novatek cameras write their local clock as if it were UTC, and the end of the clip instead of its start.
    _encode(clip, frames, view, fps, start + timedelta(seconds=seconds), hevc_megabits)
    route = clip.with_suffix(".gpx")
    route.write_text(_gpx(Random(seed + 2), start, utc_offset, seconds), encoding="utf-8")
    planted = [_planted(traffic[i].car, looks, fps) for i, looks in sorted(seen.items())]
    return Drive(clip, route, start, seconds, sorted(planted, key=lambda p: p.first_seconds))


def render_still(
    *, seed: int, width: int = 1280, height: int = 720, distance: float = 5.0, junk: bool = True
) -> tuple[Picture, Planted]:
    """One picture (H×W×3 RGB) of a car `distance` metres ahead, and the plate it carries."""
    view = _View(width, height, 1.3 * width, 0.45 * height)
    random = Random(seed)
    car = draw_car(plate_text(random.choice(countries()), random), random, view.focal / distance, junk=junk)
    picture = _background(view, night=False)
    _road(picture, view, 0.0)
    box = _paste(picture, view, car, 0.0, distance, 0.0)
    return picture, Planted(car.plate.text, car.plate.country, 0.0, 0.0, box[3] - box[1], 0, box)


def _traffic(random: Random, view: _View, seconds: float, *, junk: bool) -> list[_Moving]:
    """Cars ahead of us one after the other; between two of them one overtakes and one is overtaken."""
    slots = max(1, round(seconds / _SLOT))
    slot = seconds / slots
    order = random.sample(countries(), len(countries()))
    moves: list[tuple[float, float, float, bool]] = [
        (0.0, i * slot, (i + 1) * slot, True) for i in range(slots)
    ]
    for i in range(1, slots):
        moves.append((-_LANE, i * slot - 2.2 + random.uniform(-0.2, 0.2), i * slot + 5.0, False))
        moves.append((_LANE, i * slot - 5.0, i * slot + 2.2 + random.uniform(-0.2, 0.2), False))
    scale = view.focal / _NEAR
    cars = (
        draw_car(plate_text(order[i % len(order)], random), random, scale, junk=junk)
        for i in range(len(moves))
    )
    return [_Moving(car, *move) for car, move in zip(cars, moves, strict=True)]


def _frames(
    random: Random,
    view: _View,
    traffic: list[_Moving],
    seen: dict[int, list[tuple[int, tuple[float, float, float, float]]]],
    count: int,
    fps: int,
    start: datetime,
    junk: bool,
    night: bool,
) -> Iterator[Picture]:
    """Each frame from back to front; writes into `seen` where which car's plate is in full view."""
    background = _background(view, night=night)
    # Sensor noise, so that a standing picture is not the same twice: a few tiles taken in turn.
    source = np.random.default_rng(random.randrange(1 << 30))
    grain = [source.integers(0, 7, background.shape, np.uint8) for _ in range(3)]
    for number in range(count):
        seconds = number / fps
        picture = background.copy()
        bounce = 1.2 * math.sin(seconds * 7.3) + 0.6 * math.sin(seconds * 17.1)
        _road(picture, view, seconds * _SPEED)
        there = [(z, i) for i, m in enumerate(traffic) if (z := m.distance(seconds)) is not None]
        covered: list[tuple[int, tuple[float, float, float, float]]] = []
        for z, i in sorted(there, reverse=True):
            body = _body_box(view, traffic[i].side, z)
            covered = [(j, box) for j, box in covered if not _overlap(box, body)]
            box = _paste(picture, view, traffic[i].car, traffic[i].side, z, bounce)
            if box[0] >= 2 and box[2] <= view.width - 2 and box[3] <= view.height - 2:
                covered.append((i, box))
        for i, box in covered:
            if box[3] - box[1] >= LEGIBLE_PX:
                seen.setdefault(i, []).append((number, box))
        if night:
            picture = cv2.convertScaleAbs(picture, alpha=0.45)
        if junk:
            _burn_in(picture, start + timedelta(seconds=int(seconds)))
        yield cv2.add(picture, grain[number % len(grain)])


def _planted(car: Car, looks: list[tuple[int, tuple[float, float, float, float]]], fps: int) -> Planted:
    number, box = max(looks, key=lambda look: look[1][3] - look[1][1])
    first, last = looks[0][0] / fps, looks[-1][0] / fps
    return Planted(car.plate.text, car.plate.country, first, last, box[3] - box[1], number, box)


def _background(view: _View, *, night: bool) -> Picture:
    """Sky, hills and verge; what does not move."""
    picture = np.zeros((view.height, view.width, 3), np.uint8)
    horizon = round(view.horizon)
    low, high = ((206, 222, 238), (96, 146, 206)) if not night else ((40, 46, 70), (10, 12, 26))
    steps = np.linspace(0, 1, horizon)[:, None]
    picture[:horizon] = (np.array(high) * (1 - steps) + np.array(low) * steps)[:, None, :].astype(np.uint8)
    picture[horizon:] = (84, 108, 62) if not night else (30, 40, 26)
    xs = np.arange(0, view.width + 8, 8)
    hills = horizon - view.height * (
        0.03 + 0.025 * np.sin(xs / view.width * 9) + 0.01 * np.sin(xs / view.width * 31)
    )
    outline = np.concatenate([np.stack([xs, hills], 1), [[view.width, horizon], [0, horizon]]]).astype(
        np.int32
    )
    cv2.fillPoly(picture, [outline], (110, 130, 120) if not night else (24, 30, 34))
    return picture


def _road(picture: Picture, view: _View, travelled: float) -> None:
    """Asphalt, lane marks and roadside posts after so many metres."""

    def patch(x1: float, x2: float, z1: float, z2: float, colour: tuple[int, int, int]) -> None:
        corners = [view.point(x, 0, z) for x, z in ((x1, z1), (x2, z1), (x2, z2), (x1, z2))]
        cv2.fillPoly(picture, [np.array(corners).round().astype(np.int32)], colour, cv2.LINE_AA)

    edge = 1.5 * _LANE
    patch(-edge - 1.2, edge + 1.2, 2.0, 400.0, (92, 94, 98))
    for line in (-edge, edge):
        patch(line - 0.08, line + 0.08, 2.0, 200.0, (226, 226, 222))
    for i in range(12):
        z = i * 12.0 - travelled % 12.0
        if z + 4.0 > 2.0:
            for line in (-_LANE / 2, _LANE / 2):
                patch(line - 0.07, line + 0.07, max(z, 2.0), z + 4.0, (232, 232, 228))
    for i in reversed(range(1, 8)):
        z = i * 25.0 - travelled % 25.0
        if z > 3.0:
            for x in (-edge - 2.4, edge + 2.4):
                (x1, y1), (x2, y2) = view.point(x, 1.1, z), view.point(x + 0.2, 0.0, z)
                cv2.rectangle(picture, (round(x1), round(y1)), (round(x2), round(y2)), (214, 210, 204), -1)


def _body_box(view: _View, side: float, z: float) -> tuple[float, float, float, float]:
    left, top = view.point(side - CAR_WIDTH / 2, CAR_HEIGHT, z)
    right, bottom = view.point(side + CAR_WIDTH / 2, 0.0, z)
    return left, top, right, bottom


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _paste(
    picture: Picture, view: _View, car: Car, side: float, z: float, bounce: float
) -> tuple[float, float, float, float]:
    """Put a car into the picture; returns its plate's box, which may lie outside."""
    left, top, right, bottom = (round(v) for v in _body_box(view, side, z))
    shift = round(bounce * 6.0 / max(z, 6.0))
    top, bottom = top + shift, bottom + shift
    wide, high = max(2, right - left), max(2, bottom - top)
    shadow = (left + wide // 2, bottom), (round(wide * 0.54), max(1, round(high * 0.06)))
    cv2.ellipse(picture, *shadow, 0, 0, 360, (48, 48, 52), -1)
    x1, y1, x2, y2 = max(left, 0), max(top, 0), min(right, view.width), min(bottom, view.height)
    if x1 < x2 and y1 < y2:
        size = (wide, high)
        small = cv2.resize(car.picture, size, interpolation=cv2.INTER_AREA)
        mask = cv2.resize(car.mask, size, interpolation=cv2.INTER_NEAREST)
        part = (slice(y1 - top, y2 - top), slice(x1 - left, x2 - left))
        cv2.copyTo(small[part], mask[part], picture[y1:y2, x1:x2])
    per_metre = wide / CAR_WIDTH
    a, b, c, d = (v * per_metre for v in car.plate_box)
    middle = left + wide / 2
    return middle + a, bottom + b, middle + c, bottom + d


def _burn_in(picture: Picture, now: datetime) -> None:
    """The date that cameras write into the picture, bottom left."""
    size = picture.shape[0] / 900
    at = (round(14 * size), round(picture.shape[0] - 14 * size))
    for colour, thick in (((20, 20, 20), 4), ((240, 240, 240), 2)):
        text = f"{now:%Y-%m-%d %H:%M:%S}"
        cv2.putText(
            picture,
            text,
            at,
            cv2.FONT_HERSHEY_SIMPLEX,
            size,
            colour,
            max(1, round(thick * size)),
            cv2.LINE_AA,
        )


def _encode(
    path: Path, frames: Iterator[Picture], view: _View, fps: int, created: datetime, hevc_megabits: float
) -> None:
    """MP4, a keyframe each second, the index at the end as cameras leave it."""
    with av.open(str(path), "w", format="mp4") as container:
        container.metadata["creation_time"] = f"{created:%Y-%m-%dT%H:%M:%S}.000000Z"
        if hevc_megabits:
            options = {"preset": "ultrafast", "x265-params": "log-level=none"}
            stream = container.add_stream("libx265", rate=fps, options=options)
            stream.bit_rate = round(hevc_megabits * 1e6)
        else:
            stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "crf": "21"})
        stream.width, stream.height, stream.pix_fmt = view.width, view.height, "yuv420p"
        stream.codec_context.gop_size = fps
        stream.codec_context.time_base = Fraction(1, fps)
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _gpx(random: Random, start: datetime, utc_offset: timedelta, seconds: float) -> str:
    """A track of one fix a second, in UTC, along a gentle curve."""
    lat, lon = 40.4470 + random.uniform(-0.02, 0.02), -3.6500 + random.uniform(-0.02, 0.02)
    course = random.uniform(0, 2 * math.pi)
    first = start.replace(tzinfo=timezone(utc_offset)).astimezone(UTC)
    fixes = []
    for second in range(math.ceil(seconds) + 1):
        time = f"{first + timedelta(seconds=second):%Y-%m-%dT%H:%M:%SZ}"
        fixes.append(
            f'   <trkpt lat="{lat:.7f}" lon="{lon:.7f}">'
            f"<ele>{660 + second * 0.1:.1f}</ele><time>{time}</time></trkpt>"
        )
        lat += _SPEED * math.cos(course) / 111_320
        lon += _SPEED * math.sin(course) / (111_320 * math.cos(math.radians(lat)))
        course += random.uniform(0, 0.02)
    body = "\n".join(fixes)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<gpx version="1.1" creator="dashcam-processor" xmlns="http://www.topografix.com/GPX/1/1">\n'
        f" <trk><trkseg>\n{body}\n </trkseg></trk>\n</gpx>\n"
    )
