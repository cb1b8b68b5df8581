"""What a fast-plate-ocr model takes and gives: its configuration file, or what its shapes say."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from stages.errors import StageFailed
from stages.vision.onnx import Session, Tensor

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
_MAX_BYTES = 1 << 16
#: What follows the model's name in the names of its configuration file.
_ENDINGS = ("_plate_config.yaml", "_config.yaml", ".yaml", "_plate_config.yml", "_config.yml", ".yml")

_Pixels = Annotated[int, Meta(ge=8, le=2048)]


class PlateConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The part of fast-plate-ocr's configuration that reading needs, under its own names."""

    max_plate_slots: Annotated[int, Meta(ge=1, le=64)]
    alphabet: Annotated[str, Meta(min_length=2, max_length=1000)]
    pad_char: Annotated[str, Meta(min_length=1, max_length=1)]
    img_height: _Pixels
    img_width: _Pixels
    keep_aspect_ratio: bool = False
    interpolation: Literal["nearest", "linear", "cubic", "area", "lanczos4"] = "linear"
    image_color_mode: Literal["grayscale", "rgb"] = "grayscale"
    # No bounds here: msgspec 0.22 crashes on a union of a bounded integer and a tuple.
    padding_color: int | tuple[int, int, int] = (114, 114, 114)


def plate_config(model: Path, session: Session) -> PlateConfig:
    """The configuration that lies beside a model, `NAME_plate_config.yaml` or so; else what its shapes tell.

    Raises `StageFailed`: the file is broken or another model's, or there is none and shapes do not suffice.
    """
    for ending in _ENDINGS:
        path = model.with_name(model.stem + ending)
        if path.is_file():
            found = _read(path)
            break
    else:
        found = _by_shape(model, session)
    _check(model, session, found)
    return found


def _read(path: Path) -> PlateConfig:
    try:
        yaml = import_module("yaml")
    except ImportError as error:
        raise StageFailed(f"{path.name} cannot be read without PyYAML; install it") from error
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise ValueError("it is too large")
        return msgspec.convert(yaml.safe_load(data), PlateConfig)
    except (OSError, ValueError, RecursionError, yaml.YAMLError, msgspec.ValidationError) as error:
        reason = " ".join(str(error).split())[:200]
        raise StageFailed(f"{path.name} is no configuration of a fast-plate-ocr model: {reason}") from error


def _by_shape(model: Path, session: Session) -> PlateConfig:
    """Letters, digits and `_`, as the global models have them, in as many places as the output has."""
    shape = session.picture.shape
    places = plate_output(session).shape
    flat = len(places) == 2
    count = (places[1] or 0) // len(_ALPHABET) if flat else places[1] if len(places) == 3 else None
    if len(shape) != 4 or not shape[1] or not shape[2] or not count:
        raise StageFailed(
            f"{model.name} does not say what it takes; put its configuration beside it, as "
            f"{model.stem}{_ENDINGS[0]}"
        )
    return PlateConfig(
        max_plate_slots=count,
        alphabet=_ALPHABET,
        pad_char="_",
        img_height=shape[1],
        img_width=shape[2],
        image_color_mode="grayscale" if shape[3] == 1 else "rgb",
    )


def _check(model: Path, session: Session, config: PlateConfig) -> None:
    """Raise `StageFailed` where configuration and model speak of different shapes."""
    channels = 1 if config.image_color_mode == "grayscale" else 3
    asked: tuple[Any, ...] = (None, config.img_height, config.img_width, channels)
    if not _fits(session.picture, asked):
        raise StageFailed(f"{model.name} takes {session.picture}, its configuration says {asked[1:]}")
    places, letters = config.max_plate_slots, len(config.alphabet)
    given = plate_output(session)
    if not (_fits(given, (None, places, letters)) or _fits(given, (None, places * letters))):
        raise StageFailed(f"{model.name} gives {given}, its configuration says {places} places of {letters}")
    colour = config.padding_color
    if not all(0 <= level <= 255 for level in (colour if isinstance(colour, tuple) else (colour,))):
        raise StageFailed(f"the configuration of {model.name} has a padding_color that is not in 0..255")
    if config.pad_char not in config.alphabet:
        raise StageFailed(f"the configuration of {model.name} has no {config.pad_char!r} in its alphabet")


def _fits(tensor: Tensor, shape: tuple[int | None, ...]) -> bool:
    return len(tensor.shape) == len(shape) and all(
        a is None or b is None or a == b for a, b in zip(tensor.shape, shape, strict=True)
    )


def plate_output(session: Session) -> Tensor:
    """The output that has the text; newer models tell the region in another one."""
    return next((output for output in session.outputs if output.name == "plate"), session.outputs[0])
