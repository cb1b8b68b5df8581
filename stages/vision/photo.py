"""The plates on one photo."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

import numpy as np
from PIL import Image as Pictures
from PIL import ImageOps, UnidentifiedImageError

from stages.errors import BadInput, NotFound
from stages.settings import HeavySettings
from stages.vision.boxes import Image
from stages.vision.contrast import evened
from stages.vision.grammar import countries, plausible, readings
from stages.vision.looks import Read
from stages.vision.plates import PlateBox
from stages.vision.spotter import load_spotter

#: A photo with more pixels is refused before it is decoded.
MAX_PIXELS = 100_000_000
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
_SHORTEST = 736  # pixels of a photo's shorter side up to which it is enlarged for the text detector
_CANDIDATES = 5
# Weakest character from which a text is told: on a model's plate, there in a known format, and on a line of
# text. On what is no plate the readers guess, and their guesses differ from crop to crop.
_CERTAIN, _CERTAIN_SHAPED, _CERTAIN_LINE = 0.45, 0.3, 0.45
_CERTAIN_ALONE = 0.3  # the same for a line with a plate's shape on a photo that shows nothing better
_CONFIDENT = 0.45  # confidence from which a line is told beside a better one
_CERTAIN_FOREIGN = 0.9  # the same for a line with the shape of another country than the best plate's


class PlateCandidate(TypedDict):
    """Another way to read a plate."""

    plate: str
    confidence: float


class PlateRead(TypedDict):
    """One plate on a photo; `box` is x, y, width, height in pixels of the upright photo."""

    plate: str
    confidence: float
    box: list[int]
    candidates: list[PlateCandidate]


class PhotoReader:
    """Reads any number of photos with models that are loaded once."""

    def __init__(self, settings: HeavySettings, models: Path) -> None:
        self._regions = settings.regions
        self._spotter = load_spotter(settings, models, shortest=_SHORTEST, thorough=True)

    def read(self, photo: Path | str | Image) -> list[PlateRead]:
        """The plates on a photo (a file, or H×W×3 RGB), the likeliest first.

        Raises `NotFound` (no such file), `BadInput` (no picture, or one that is too large).
        """
        image = photo if isinstance(photo, np.ndarray) else open_photo(Path(photo))
        reads = self._reads(image)
        if not reads and self._spotter.by_text:
            reads = self._reads(evened(image))
        return [_told(read, self._regions) for read in reads]

    def locate(self, image: Image) -> list[PlateBox]:
        """Where plates may be on H×W×3 RGB, legible or not."""
        return self._spotter.locate(image)

    def _reads(self, image: Image) -> list[Read]:
        return chosen([look.read for look in self._spotter.look(image).looks if look.read], self._regions)


def read_photo(photo: Path | str | Image, settings: HeavySettings, models: Path) -> list[PlateRead]:
    """The plates on one photo; for many photos keep a `PhotoReader`."""
    return PhotoReader(settings, models).read(photo)


def open_photo(path: Path) -> Image:
    """A photo as H×W×3 RGB, turned as its EXIF orientation says.

    Raises `NotFound` and `BadInput` with a sentence.
    """
    try:
        with Pictures.open(path, formats=_FORMATS) as picture:
            width, height = picture.size
            if width * height > MAX_PIXELS:
                raise BadInput(
                    f"{path.name} has {width}x{height} pixels, more than {MAX_PIXELS // 1_000_000} million; "
                    "make it smaller"
                )
            upright = ImageOps.exif_transpose(picture).convert("RGB")
            return np.asarray(upright, np.uint8)
    except FileNotFoundError as error:
        raise NotFound(f"{path} is not there") from error
    except (UnidentifiedImageError, Pictures.DecompressionBombError) as error:
        raise BadInput(
            f"{path.name} is no picture that can be read (JPEG, PNG, WebP, BMP and TIFF can)"
        ) from error
    except (OSError, ValueError, SyntaxError) as error:  # Pillow's names for a broken file
        raise BadInput(f"{path.name} cannot be read as a picture: {error}") from error


def chosen(reads: list[Read], regions: tuple[str, ...] = ()) -> list[Read]:
    """What is told of a photo's reads, the likeliest first; of lines that are all doubtful, the best one."""
    ranked = sorted(reads, key=lambda read: (not plausible(read.plate, regions), -read.weight))
    if likely := [read for read in ranked if _likely(read, regions)]:
        return beside(likely, regions)
    return [read for read in ranked if _possible(read, regions)][:1]


def _likely(read: Read, regions: tuple[str, ...]) -> bool:
    """Whether a read is sure enough to be told."""
    if not read.vouched:
        return read.text.weakest >= _CERTAIN_LINE
    return read.text.weakest >= (_CERTAIN_SHAPED if plausible(read.plate, regions) else _CERTAIN)


def _possible(read: Read, regions: tuple[str, ...]) -> bool:
    """Whether a line is worth telling for want of a better one: a plate, or letters drawn like one's."""
    shaped = plausible(read.plate, regions) or not _has_digit(read)
    return not read.vouched and shaped and read.text.weakest >= _CERTAIN_ALONE


def beside(reads: list[Read], regions: tuple[str, ...] = ()) -> list[Read]:
    """Of a photo's reads, the best first, those that hold their own beside the best one.

    Where a plate was read, what has no digit is a name or a slogan, and of lines that only the text
    detector found, what has no plate's shape is a number on a sign. Most photos are of one car, so a
    line in doubt is not told beside a better one; and most cars of a photo are of one country: a text that is
    no plate there must be beyond doubt.
    """
    if any(_has_digit(read) for read in reads):
        reads = [read for read in reads if _has_digit(read)]
    shaped = [read for read in reads if read.vouched or plausible(read.plate, regions)]
    return [read for read in shaped if _at_home(read, shaped[0], regions)] or reads[:1]


def _at_home(read: Read, best: Read, regions: tuple[str, ...]) -> bool:
    """Whether a read is sure, or has the shape of a country that the photo's best read may be of."""
    if read is best or read.vouched:
        return True
    if _confidence(read) < _CONFIDENT:
        return False
    if read.text.weakest >= _CERTAIN_FOREIGN:
        return True
    return bool(countries(read.plate, regions) & countries(best.plate, regions))


def _confidence(read: Read) -> float:
    return read.text.weakest * read.score


def _has_digit(read: Read) -> bool:
    return any(c.isdigit() for c in read.plate)


def _told(read: Read, regions: tuple[str, ...]) -> PlateRead:
    others = [r for r in readings(read.text, regions) if r.plate != read.plate]
    best = read.reading.score
    x1, y1, x2, y2 = read.box
    return {
        "plate": read.plate,
        "confidence": round(_confidence(read), 4),
        "box": [round(x1), round(y1), round(x2 - x1), round(y2 - y1)],
        "candidates": [
            {"plate": r.plate, "confidence": round(_confidence(read) * 2 ** (r.score - best), 4)}
            for r in others[:_CANDIDATES]
            if r.plate and 2 ** (r.score - best) > 1e-3
        ],
    }
