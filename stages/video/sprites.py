"""Pictures of plates and of cars seen from behind, drawn by us: for tests, benchmarks and demonstrations."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

#: A European plate in metres.
PLATE_WIDTH, PLATE_HEIGHT = 0.52, 0.11
#: A car from behind in metres, and the middle of its plate above the road.
CAR_WIDTH, CAR_HEIGHT, PLATE_ABOVE_ROAD = 1.8, 1.45, 0.75

# Letters that the countries use, less those which nobody tells apart from a digit.
_LETTERS = "ABCDEFGHJKLMNPRSTVWXYZ"
_CONSONANTS = "BCDFGHJKLMNPRSTVWXYZ"
#: Per country: what a plate shows (L letter, C consonant, 9 digit, 1 digit but not zero), and its ground.
_FORMATS: dict[str, tuple[str, Colour]] = {
    "ES": ("9999 CCC", (250, 250, 250)),
    "DE": ("LL LL 1999", (250, 250, 250)),
    "UK": ("LL99 LLL", (245, 205, 60)),
    "FR": ("LL-999-LL", (250, 250, 250)),
    "IT": ("LL 999LL", (250, 250, 250)),
    "RO": ("LL 99 LLL", (250, 250, 250)),
}
_BANDS = {"ES": "E", "DE": "D", "FR": "F", "IT": "I", "RO": "RO"}
_PAINTS: tuple[Colour, ...] = (
    (178, 34, 40), (36, 60, 120), (70, 74, 80), (200, 202, 206), (28, 30, 34), (32, 92, 60), (150, 120, 70),
)  # fmt: skip


class PlateText(NamedTuple):
    """A plate as it is written (`shown`) and as it is searched for (`text`: letters and digits only)."""

    country: str
    shown: str

    @property
    def text(self) -> str:
        """The plate without gaps and hyphens."""
        return self.shown.replace(" ", "").replace("-", "")


def countries() -> tuple[str, ...]:
    """The countries whose plates can be drawn."""
    return tuple(_FORMATS)


def plate_text(country: str, random: Random) -> PlateText:
    """A plate of a country that keeps to its format."""
    sources = {"L": _LETTERS, "C": _CONSONANTS, "9": "0123456789", "1": "123456789"}
    shown = (random.choice(sources[c]) if c in sources else c for c in _FORMATS[country][0])
    return PlateText(country, "".join(shown))


def draw_plate(plate: PlateText, height: int = 110, *, band: bool = True) -> Picture:
    """A plate `height` pixels high: H×W×3 RGB, dark border, the country's band at the left if wanted."""
    scale = 2 if height < 200 else 1  # drawn larger and averaged, so that small plates are smooth
    high = height * scale
    wide = round(high * PLATE_WIDTH / PLATE_HEIGHT)
    image = Image.new("RGB", (wide, high), (20, 20, 24))
    draw = ImageDraw.Draw(image)
    edge = max(1, high // 28)
    draw.rounded_rectangle(
        (edge, edge, wide - 1 - edge, high - 1 - edge), high // 12, _FORMATS[plate.country][1]
    )
    left = edge
    if band and plate.country in _BANDS:
        left = edge + round(high * 0.36)
        draw.rectangle((edge, edge, left, high - 1 - edge), fill=(18, 60, 160))
        _write(draw, _BANDS[plate.country], (edge, high * 0.52, left, high * 0.92), (245, 245, 245), 0.8)
    _write(draw, plate.shown, (left, high * 0.10, wide - edge, high * 0.90), (16, 16, 18), 0.94)
    pixels = np.asarray(image)
    if scale > 1:
        pixels = cv2.resize(pixels, (wide // scale, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(pixels, np.uint8)


def _write(
    draw: ImageDraw.ImageDraw, text: str, box: tuple[float, float, float, float], ink: Colour, fill: float
) -> None:
    """Write a text as large as fits into a box, in its middle, with strokes as thick as a plate's."""
    x1, y1, x2, y2 = box
    size = (y2 - y1) * 1.25
    for _ in range(2):  # the second pass knows how wide the first came out
        font = ImageFont.load_default(size)
        stroke = max(0, round(size / 36))
        a, b, c, d = draw.textbbox((0, 0), text, font=font, stroke_width=stroke)
        size *= min(1.0, fill * (x2 - x1) / (c - a), (y2 - y1) * fill / (d - b))
    at = ((x1 + x2) / 2 - (a + c) / 2, (y1 + y2) / 2 - (b + d) / 2)
    draw.text(at, text, font=font, fill=ink, stroke_width=stroke, stroke_fill=ink)


class Car(NamedTuple):
    """A car from behind. `picture` is H×W×3 RGB, `mask` H×W (255 = car), `scale` pixels per metre.

    `plate_box` is x1 y1 x2 y2 in metres from the middle of the rear at the road, y downwards.
    """

    picture: Picture
    mask: Picture
    scale: float
    plate: PlateText
    plate_box: tuple[float, float, float, float]


def draw_car(plate: PlateText, random: Random, scale: float, *, junk: bool = True) -> Car:
    """A car with a plate; `scale` in pixels per metre; `junk` adds badge rings that OCR reads."""
    wide, high = round(CAR_WIDTH * scale), round(CAR_HEIGHT * scale)
    picture = np.zeros((high, wide, 3), np.uint8)
    mask = np.zeros((high, wide), np.uint8)
    paint = random.choice(_PAINTS)
    dark: Colour = tuple(c // 2 for c in paint)  # type: ignore[assignment]

    def shape(points: list[tuple[float, float]], colour: Colour) -> None:
        corners = np.array([[x * wide, y * high] for x, y in points], np.int32)
        cv2.fillPoly(picture, [corners], colour, cv2.LINE_AA)
        cv2.fillPoly(mask, [corners], 255)

    for left in (0.07, 0.77):
        shape([(left, 0.80), (left + 0.16, 0.80), (left + 0.16, 1.0), (left, 1.0)], (18, 18, 20))
    shape([(0.18, 0.04), (0.82, 0.04), (0.93, 0.42), (0.07, 0.42)], dark)
    shape([(0.07, 0.38), (0.93, 0.38), (1.0, 0.52), (1.0, 0.80), (0.0, 0.80), (0.0, 0.52)], paint)
    shape([(0.22, 0.09), (0.78, 0.09), (0.87, 0.36), (0.13, 0.36)], (46, 58, 70))
    shape([(0.30, 0.11), (0.42, 0.11), (0.36, 0.34), (0.20, 0.34)], (88, 104, 118))
    shape([(0.0, 0.74), (1.0, 0.74), (0.97, 0.90), (0.03, 0.90)], dark)
    for left in (0.02, 0.80):
        shape([(left, 0.44), (left + 0.18, 0.44), (left + 0.18, 0.56), (left, 0.54)], (196, 22, 26))
        shape(
            [(left + 0.05, 0.47), (left + 0.12, 0.47), (left + 0.12, 0.52), (left + 0.05, 0.52)],
            (238, 150, 60),
        )
    if junk:
        radius = max(2, round(0.045 * scale))
        for i in range(4):
            centre = (wide // 2 + round((i - 1.5) * radius * 1.4), round(0.40 * high))
            cv2.circle(picture, centre, radius, (225, 228, 232), max(1, radius // 5), cv2.LINE_AA)
    tall = round(PLATE_HEIGHT * scale)
    label = draw_plate(plate, tall, band=junk)
    x = (wide - label.shape[1]) // 2
    y = high - round((PLATE_ABOVE_ROAD + PLATE_HEIGHT / 2) * scale)
    picture[y : y + tall, x : x + label.shape[1]] = label
    box = (-PLATE_WIDTH / 2, (y - high) / scale, PLATE_WIDTH / 2, (y + tall - high) / scale)
    return Car(picture, mask, scale, plate, box)
