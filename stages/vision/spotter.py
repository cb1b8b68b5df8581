"""Everything that looks at one picture: vehicles, plates on them, and what the plates say."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from stages.settings import HeavySettings
from stages.vision import looks
from stages.vision.apart import apart, whole
from stages.vision.boxes import Box, Image, area, as_box, centre
from stages.vision.coco import VEHICLES
from stages.vision.detector import Detector
from stages.vision.finders import ModelFinder, TextPlates, cut_out, plate_height, sharpness
from stages.vision.grammar import best, like_a_plate, looks_like_junk, plausible
from stages.vision.junk import Junk
from stages.vision.loading import plate_detectors, plate_reader, vehicle_detector
from stages.vision.looks import Glimpse, Look, Read
from stages.vision.plates import PlateBox, PlateFinder, PlateReader, PlateText
from stages.vision.selftest import self_test, self_test_reader
from stages.vision.stacked import side_by_side, with_stacked
from stages.vision.textfinder import TextFinder
from stages.vision.together import unsealed

_BLURRED = 30.0  # sharpness below which nothing is legible
_WEAK = 0.05  # weakest character below which a read says nothing
#: Whether a plate need not be read: by its box, its height in pixels and its sharpness.
Spare = Callable[[Box, float, float], bool]
#: Shares of a plate's width and of its height.
Margins = tuple[tuple[float, float], ...]

# Shares of a plate's width and height that are kept around it for the reader; several are read together.
_MARGINS: Margins = ((0.1, 0.1),)
_MANY_MARGINS: Margins = ((0.07, 0.1), (0.1, 0.15), (0.15, 0.15))
_LINE_MARGINS: Margins = ((0.0, 0.0),)
_MANY_LINE_MARGINS: Margins = ((0.0, 0.0), (-0.01, -0.05), (0.02, 0.05), (0.0, -0.1))
_EDGE = 1.0  # pixels from the picture's edge
_SMALL_VEHICLE = 48.0  # pixels of width below which no plate on a vehicle can be read
_FINE = 1000  # pixels of the shorter side up to which parts of a whole picture are as fine as a vehicle's
_SHORTEST = 480  # pixels: smaller pictures are enlarged for the text detector
_CLEAR_LINE, _CLEAR = 0.8, 0.8  # finder's score and weakest character of letters that may be a plate
_MIN_TEXT, _MAX_TEXT = 4, 12
_DIGITS = str.maketrans("OIL", "011")
# Burned-in stamps: dates, clock times, speeds, coordinates.
_STAMP = re.compile(
    r"(?<![A-Z0-9])(?:19|20)\d{2}[-./]\d{2}|\d:\d{2}:|(?<!\d)\d{1,2}:\d{2}(?!\d)|\d/\d|\d{2}-\d{2}-\d{2}"
    r"|KM/?H|MPH|(?<![A-Z0-9])\d{1,3}\.\d{3}",
    re.IGNORECASE,
)


class Seen(NamedTuple):
    """What one picture showed; `dropped` counts texts that are no plates, by reason; `junk` has them."""

    looks: list[Look]
    dropped: Counter[str]
    junk: tuple[Junk, ...] = ()


class Car(NamedTuple):
    """A vehicle in a picture."""

    box: Box
    label: str


class Spots(NamedTuple):
    """Where something is in a picture: vehicles, and plates that are still to be read."""

    cars: list[Car]
    plates: list[PlateBox]


class Spotter:
    """Holds the loaded models. One spotter serves any number of pictures, one at a time."""

    def __init__(
        self,
        settings: HeavySettings,
        finder: PlateFinder,
        reader: PlateReader,
        vehicles: Detector | None,
        *,
        costly: bool = False,
        thorough: bool = False,
    ) -> None:
        #: Whether searching a whole picture is so slow that not every picture should be.
        self.costly = costly
        self._settings = settings
        self._finder = finder
        self._reader = reader
        self._vehicles = vehicles
        self._thorough = thorough
        # A plate in the dark is as flat as a blurred one. On a photo lines are read in many crops: these tell
        # one from the other.
        self._blurred = 0.0 if thorough and self.by_text else _BLURRED

    @property
    def by_text(self) -> bool:
        """Whether plates are sought as text for want of a plate model: slow, and all text may be one."""
        return isinstance(self._finder, TextPlates)

    def describe(self) -> list[dict[str, Any]]:
        """Plain JSON of every model in use, for result keys and metadata."""
        vehicles = [self._vehicles.describe()] if self._vehicles else []
        return [*vehicles, *self._finder.describe(), *self._reader.describe()]

    def self_test(self) -> None:
        """Try every model on empty and noisy pictures; all are warm afterwards. Raises `StageFailed`."""
        for detector in self._detectors():
            self_test(detector)
        self_test_reader(self._reader)

    def notices(self) -> list[str]:
        """What a person should know about how the models run: one that no GPU could load, say."""
        told = [getattr(model, "notice", "") for model in (*self._detectors(), self._reader)]
        return [notice for notice in told if notice]

    def _detectors(self) -> list[Detector]:
        return [*([self._vehicles] if self._vehicles else []), *self._finder.detectors]

    def look(self, image: Image, frame: int = 0, seconds: float = 0.0, near: list[Box] | None = None) -> Seen:
        """Vehicles and plates of an H×W×3 RGB picture; with `near` only plates around those boxes."""
        return self.read(image, self.find(image, near), frame, seconds)

    def find(self, image: Image, near: list[Box] | None = None) -> Spots:
        """The first half of a look: where something is. Other threads may read other pictures meanwhile."""
        cars = self._cars(image) if near is None else []
        return Spots(cars, self._finder.find(image, [car.box for car in cars] if near is None else near))

    def read(
        self,
        image: Image,
        spots: Spots,
        frame: int = 0,
        seconds: float = 0.0,
        spare: Spare | None = None,
    ) -> Seen:
        """The second half: what stands on the plates that `find` found in this picture.

        Those that `spare` tells of are known, and not read.
        """
        found, junk = self._read(image, spots.plates, frame, seconds, spare)
        dropped = Counter(each.reason for each in junk)
        return Seen(_attach(spots.cars, found, frame, seconds), dropped, tuple(junk))

    def locate(self, image: Image) -> list[PlateBox]:
        """Where plates may be on an H×W×3 RGB picture, legible or not."""
        return self._finder.find(image, [car.box for car in self._cars(image)])

    def everywhere(self, image: Image) -> list[PlateBox]:
        """As `locate`, and away from vehicles as closely as on them: finds most, and much that is none."""
        found = self._finder.find(image, [])
        cars = self._cars(image) if min(image.shape[:2]) > _FINE and not self.by_text else []
        return found + (self._finder.find(image, [car.box for car in cars]) if cars else [])

    def texts(self, image: Image, plates: list[PlateBox]) -> list[PlateText]:
        """What stands on plates that `locate` or `everywhere` found."""
        return self._reader.read_views([self._views(image, plate) for plate in plates])

    def _cars(self, image: Image) -> list[Car]:
        if self._vehicles is None:
            return []
        found = self._vehicles.detect(image[None])[0]
        pairs = zip(found.boxes, found.labels, strict=True)
        return [Car(as_box(box), label) for box, label in pairs if label in VEHICLES]

    def _read(
        self, image: Image, plates: list[PlateBox], frame: int, seconds: float, spare: Spare | None
    ) -> tuple[list[Look], list[Junk]]:
        junk: list[Junk] = []
        spots: list[Look] = []
        legible: list[tuple[PlateBox, float, float]] = []
        views: list[list[Image]] = []
        for plate in plates:
            height = plate_height(plate)
            if height < self._settings.min_plate_height:
                small = Glimpse(plate.box, height)
                spots.append(Look(frame, seconds, plate.box, "plate", looks.TOO_SMALL, glimpse=small))
                continue
            crops = self._views(image, plate)
            sharp = sharpness(crops[0])
            if sharp < self._blurred or (spare and spare(plate.box, height, sharp)):
                reason = looks.BLURRED if sharp < self._blurred else looks.SETTLED
                dim = Glimpse(plate.box, height, sharp)
                spots.append(Look(frame, seconds, plate.box, "plate", reason, glimpse=dim))
                continue
            legible.append((plate, height, sharp))
            views.append(crops)
        for (plate, height, sharp), said in zip(legible, self._reader.read_views(views), strict=True):
            text = unsealed(said, self._settings.regions) if self._thorough and not plate.vouched else said
            if why := _junk(text, plate) or self._word(text, plate):
                junk.append(Junk(why, text.raw, frame, seconds, plate.box))
                continue
            reason = looks.READ if text.weakest >= _WEAK and len(text.text) >= _MIN_TEXT else looks.UNREADABLE
            read = None
            if reason == looks.READ:
                reading = best(text, self._settings.regions)
                about = plate.box, plate.score, height, sharp, plate.vouched, cut_off(plate.box, image)
                read = Read(frame, seconds, text, reading, *about)
            seen = None if read else Glimpse(plate.box, height, sharp, text.raw)
            spots.append(Look(frame, seconds, plate.box, "plate", reason, read, seen))
        if not any(plate.vouched for plate in plates):
            # Without a plate model a line that could not be read is just a line.
            lines = [s for s in spots if not s.read and s.reason != looks.SETTLED]
            spots = [s for s in spots if s.read or s.reason == looks.SETTLED]
            junk += [
                Junk(
                    f"text {line.reason}", line.glimpse.text if line.glimpse else "", frame, seconds, line.box
                )
                for line in lines
            ]
        at = frame, seconds
        spots = with_stacked(spots, image, plates, self._reader, self._settings, at)
        return apart(whole(spots, self._settings.regions) if self._thorough else spots), junk

    def _word(self, text: PlateText, plate: PlateBox) -> str:
        """Why letters alone are no plate; "" when they may be one.

        On a photo those may be that are clear, or in which digits may have been taken for letters.
        """
        if plate.vouched or any(c.isdigit() for c in text.text):
            return ""
        clear = plate.score >= _CLEAR_LINE and text.weakest >= _CLEAR and 5 <= len(text.text) <= 8
        may = self._thorough and (clear or like_a_plate(text, self._settings.regions))
        return "" if may else "no digit"

    def _views(self, image: Image, plate: PlateBox) -> list[Image]:
        """The plate cut out in each of the ways in which it is read."""
        seen = [plate, *(plate._replace(corners=corners) for corners in plate.others)]
        if self._thorough:
            margins = _MANY_MARGINS if plate.vouched else _MANY_LINE_MARGINS
        else:
            margins = _MARGINS if plate.vouched else _LINE_MARGINS
        crops = [cut_out(image, each, across, down) for each in seen for across, down in margins]
        if plate.two_lines and self._reader.one_line:
            # The model that says so also says it of one line below a small one, so both ways are read.
            crops += [line for crop in crops if (line := side_by_side(crop)) is not None]
        return crops


def _junk(text: PlateText, plate: PlateBox) -> str:
    """Why a text is no plate at all; "" when it may be one."""
    if _STAMP.search(text.raw.translate(_DIGITS)):
        return "date, time or speed"
    if plate.vouched:
        return ""
    if not _MIN_TEXT <= len(text.text) <= _MAX_TEXT:
        return "too short or too long"
    return "one character over and over" if looks_like_junk(text.text) else ""


def cut_off(box: Box, image: Image) -> bool:
    """Whether a plate touches the edge of the picture (H×W×3), so that some of it may lie outside."""
    height, width = image.shape[:2]
    return min(box[0], box[1]) <= _EDGE or box[2] >= width - _EDGE or box[3] >= height - _EDGE


def _attach(cars: list[Car], spots: list[Look], frame: int, seconds: float) -> list[Look]:
    """One look per vehicle with the plate it carries, and one for each plate that lies on none."""
    carried: dict[int, list[Look]] = {}
    alone: list[Look] = []
    for spot in spots:
        x, y = centre(spot.box)
        around = [
            (area(car.box), i)
            for i, car in enumerate(cars)
            if car.box[0] <= x <= car.box[2] and car.box[1] <= y <= car.box[3]
        ]
        carried.setdefault(min(around)[1], []).append(spot) if around else alone.append(spot)
    result = []
    for number, car in enumerate(cars):
        mine = sorted(carried.get(number, ()), key=_rank)
        if mine:
            result.append(mine[0]._replace(box=car.box, label=car.label))
            alone += [spot for spot in mine[1:] if spot.read]
        else:
            small = car.box[2] - car.box[0] < _SMALL_VEHICLE
            reason = looks.TOO_SMALL if small else looks.NO_PLATE
            result.append(Look(frame, seconds, car.box, car.label, reason))
    return result + alone


def _rank(spot: Look) -> tuple[bool, bool, float]:
    """Of several texts on one vehicle the plate comes first: known, of a known shape, then the surer read."""
    if spot.reason == looks.SETTLED:
        return False, False, -math.inf
    if spot.read is None:
        return True, True, 0.0
    return False, not plausible(spot.read.plate), -spot.read.weight


def load_spotter(
    settings: HeavySettings, models: Path, *, shortest: int = _SHORTEST, thorough: bool = False
) -> Spotter:
    """Load what lies in the models folder, else what comes with RapidOCR.

    The text detector gets pictures whose shorter side is below `shortest` enlarged. `thorough` is for single
    photos: every plate model is asked, and each plate is read in many crops. Raises `StageFailed` when a
    model cannot be loaded or there is no text model at all.
    """
    vehicles = vehicle_detector(settings, models)
    plates = plate_detectors(settings, models)
    reader = plate_reader(settings, models, crops=bool(plates))
    if not plates:
        lines = TextPlates(TextFinder(threads=settings.threads, shortest=shortest), thorough=thorough)
        return Spotter(settings, lines, reader, vehicles, costly=vehicles is None, thorough=thorough)
    return Spotter(settings, ModelFinder(*plates, thorough=thorough), reader, vehicles, thorough=thorough)
