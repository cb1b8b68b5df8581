"""Scenes in which a filter may lose a plate, rendered: a red light, a night with glare, a tunnel.

Each is an endless-looking street of our own drawing with cars whose plates are legible; written as H.264 with
a keyframe a second. Size and rate are small, so that tests are quick.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import cv2
import numpy as np

from stages.video.sprites import CAR_WIDTH, Car, Picture, draw_car, plate_text
from tests.stages.films import write_film

_FOCAL = 1.3  # of the picture's width
_CAMERA, _HORIZON = 1.3, 0.42  # metres above the road; share of the height


class _Scene(NamedTuple):
    """What the scenes share: size, rate, length, and two cars."""

    width: int
    height: int
    fps: int
    seconds: float
    near: Car
    other: Car


def _cars(random: Random, width: int) -> tuple[Car, Car]:
    scale = _FOCAL * width / 3.0
    first, second = (draw_car(plate_text(country, random), random, scale) for country in ("ES", "FR"))
    return first, second


def _street(scene: _Scene, travelled: float) -> Picture:
    """Sky, verge, asphalt and lane marks after so many metres."""
    width, height = scene.width, scene.height
    horizon = round(_HORIZON * height)
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:horizon] = np.linspace(190, 225, horizon)[:, None, None]
    picture[horizon:] = (88, 104, 70)
    middle, focal = width / 2, _FOCAL * width

    def patch(left: float, right: float, near: float, far: float, colour: int) -> None:
        corners = [
            (middle + focal * x / z, horizon + focal * _CAMERA / z)
            for x, z in ((left, near), (right, near), (right, far), (left, far))
        ]
        cv2.fillPoly(picture, [np.round(corners).astype(np.int32)], (colour,) * 3, cv2.LINE_AA)

    patch(-5.0, 5.0, 1.5, 300.0, 92)
    for number in range(12):
        begin = number * 10.0 - travelled % 10.0
        if begin > -2.0:
            for side in (-1.5, 1.5):
                patch(side - 0.07, side + 0.07, max(1.5, begin), begin + 4.0, 225)
    return picture


def _put(scene: _Scene, picture: Picture, car: Car, side: float, distance: float) -> None:
    """A car so many metres to the right and ahead, as far as it is in the picture."""
    scale = _FOCAL * scene.width / distance
    wide = max(4, round(CAR_WIDTH * scale))
    high = max(4, round(wide * car.picture.shape[0] / car.picture.shape[1]))
    left = round(scene.width / 2 + scale * side - wide / 2)
    top = round(_HORIZON * scene.height + scale * _CAMERA) - high
    x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + wide, scene.width), min(top + high, scene.height)
    if x1 >= x2 or y1 >= y2:
        return
    part = slice(y1 - top, y2 - top), slice(x1 - left, x2 - left)
    small = cv2.resize(car.picture, (wide, high), interpolation=cv2.INTER_AREA)[part]
    mask = cv2.resize(car.mask, (wide, high), interpolation=cv2.INTER_NEAREST)[part]
    cv2.copyTo(np.ascontiguousarray(small), np.ascontiguousarray(mask), picture[y1:y2, x1:x2])


def _red_light(scene: _Scene) -> Iterator[Picture]:
    """We stand behind a car; once, another one goes by on the left, legible for less than a second."""
    street = _street(scene, 0.0)
    _put(scene, street, scene.near, 0.0, 5.0)
    passing = scene.seconds * 0.63
    for number in range(round(scene.seconds * scene.fps)):
        picture = street.copy()
        since = number / scene.fps - passing
        if 0 <= since < 3.0:
            _put(scene, picture, scene.other, -2.2, 5.0 * math.exp(since / 2))
        yield picture


def _night(scene: _Scene) -> Iterator[Picture]:
    """A car ahead whose plate our lights reach, and the lights of those who come towards us."""
    rows, columns = np.mgrid[: scene.height, : scene.width].astype(np.float32)
    for number in range(round(scene.seconds * scene.fps)):
        seconds = number / scene.fps
        picture = _street(scene, 12.0 * seconds)
        _put(scene, picture, scene.near, 0.0, _swing(seconds, scene.seconds))
        light = 0.12 + 0.5 * np.exp(-(((columns / scene.width - 0.5) / 0.25) ** 2))
        dim = picture * light[..., None]
        distance = 40.0 * (1 - seconds % 4 / 4) + 3.0
        x = scene.width / 2 - _FOCAL * scene.width * 3.2 / distance
        y = _HORIZON * scene.height + _FOCAL * scene.width * 0.6 / distance
        away = np.hypot(columns - x, rows - y)
        glare = 900.0 / distance * np.exp(-away / (0.05 * scene.width)) + 4000.0 / (distance * (away + 4))
        yield np.clip(dim + glare[..., None], 0, 255).astype(np.uint8)


def _tunnel(scene: _Scene) -> Iterator[Picture]:
    """By day into a tunnel with few lamps, and out into a light that blinds the camera for a moment."""
    for number in range(round(scene.seconds * scene.fps)):
        seconds = number / scene.fps
        picture = _street(scene, 15.0 * seconds)
        _put(scene, picture, scene.near, 0.0, _swing(seconds, scene.seconds))
        _put(scene, picture, scene.other, 2.2, 7.5 + 0.8 * math.sin(seconds))
        share = seconds / scene.seconds
        inside = 0.2 <= share < 0.8
        after = seconds - 0.8 * scene.seconds
        gain = (
            0.16 + 0.06 * (math.sin(6 * seconds) > 0)
            if inside
            else 1 + 3 * math.exp(-4 * after) * (after >= 0)
        )
        yield cv2.convertScaleAbs(picture, alpha=gain)


def _swing(seconds: float, length: float) -> float:
    """Metres to the car ahead: it comes near and goes away again."""
    return 4.5 + 8.0 * (0.5 + 0.5 * math.cos(2 * math.pi * seconds / length))


SCENES: dict[str, Callable[[_Scene], Iterator[Picture]]] = {
    "red-light": _red_light,
    "night": _night,
    "tunnel": _tunnel,
}


def render_scene(
    path: Path, name: str, *, seconds: float, size: tuple[int, int] = (640, 360), fps: int = 8, seed: int = 2
) -> set[str]:
    """Write the scene `name` of `SCENES`; the plates in it, legible or not."""
    random = Random(seed)
    near, other = _cars(random, size[0])
    scene = _Scene(*size, fps, seconds, near, other)
    noise = np.random.default_rng(seed)
    grain = [noise.integers(0, 6, (size[1], size[0], 3), np.uint8) for _ in range(4)]
    pictures = (cv2.add(p, grain[i % 4]) for i, p in enumerate(SCENES[name](scene)))
    write_film(path, pictures, fps=fps, keyframe_every=fps)
    return {near.plate.text, other.plate.text}
