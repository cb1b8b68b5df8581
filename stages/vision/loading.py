"""Which detectors and which reader the settings and the models folder ask for, loaded."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Any

from stages.errors import StageFailed
from stages.settings import HeavySettings
from stages.vision.cct import CctReader
from stages.vision.detector import Detector
from stages.vision.exported import ExportedDetector
from stages.vision.finders import PlateModel
from stages.vision.hyperlpr import HyperLpr
from stages.vision.models import ModelFile, Use, available
from stages.vision.named import NamedModel, named
from stages.vision.nanodet import Nanodet
from stages.vision.onnx import Session
from stages.vision.plates import PlateReader
from stages.vision.textreader import TextReader
from stages.vision.yolox import Yolox

_FAMILIES: dict[Use, tuple[str, ...]] = {
    "vehicle": ("yolox", "nanodet", "fastestdet"),
    "plate": ("hyperlpr3",),
    "plate_text": ("cct",),
}


def vehicle_detector(settings: HeavySettings, models: Path) -> Detector | None:
    """The vehicle model that is set, else the preferred known one, else None. Raises `StageFailed`."""
    files = _set_or_known(settings.vehicle_model, "vehicle_model", "vehicle", models)
    if not files:
        return None
    family = _family(files[0], "vehicle", "vehicle_model")
    how = _how(settings, models, settings.vehicle_score)
    if isinstance(files[0], ModelFile) and family in ("yolox", "nanodet"):
        return (Yolox if family == "yolox" else Nanodet)(files[0], **how)
    size, names = settings.vehicle_size, settings.vehicle_labels
    return ExportedDetector(files[0], "vehicle", size=size, names=names, **how)


def plate_detectors(settings: HeavySettings, models: Path) -> list[PlateModel]:
    """The plate model that is set, else every known one, preferred ones first. Raises `StageFailed`."""
    how = _how(settings, models, settings.plate_score)
    detectors: list[PlateModel] = []
    for file in _set_or_known(settings.plate_model, "plate_model", "plate", models):
        _family(file, "plate", "plate_model")
        if isinstance(file, ModelFile):
            detectors.append(HyperLpr(file, **how))
            continue
        size, names = settings.plate_size, settings.plate_labels
        detectors.append(ExportedDetector(file, "plate", size=size, names=names, **how))
    return detectors


def _how(settings: HeavySettings, models: Path, score: float) -> dict[str, Any]:
    """What every detector is told; a score that is not set stays its own."""
    how = {"threads": settings.threads, "models": models, "half": settings.half_precision}
    return how | ({"score": score} if score else {})


def plate_reader(settings: HeavySettings, models: Path, *, crops: bool) -> PlateReader:
    """The reader that is set. "auto": for `crops` that a plate model found fast-plate-ocr's, else RapidOCR's.

    Raises `StageFailed` where what is set is not there.
    """
    threads, wanted = settings.threads, settings.text_reader
    files = _set_or_known(settings.reader_model, "reader_model", "plate_text", models)
    if settings.reader_model and wanted == "auto":
        # PP-OCR's recognisers carry their characters, fast-plate-ocr's have a configuration beside them.
        lines = isinstance(files[0], NamedModel) and "character" in Session(files[0]).metadata
        wanted = "rapidocr" if lines else "fast-plate-ocr"
    if wanted == "fast-plate-ocr" or (wanted == "auto" and crops and files):
        if not files:
            raise StageFailed(
                'text_reader = "fast-plate-ocr" needs one of its models in the models folder '
                "(dashcam models pull cct_xs_v1_global), or its file's name as reader_model"
            )
        _family(files[0], "plate_text", "reader_model")
        return CctReader(files[0], threads=threads)
    if settings.reader_model:
        if isinstance(files[0], ModelFile):
            raise StageFailed(
                f"reader_model names {files[0].path.name}, a model of fast-plate-ocr, and text_reader is "
                f'"{wanted}"; change one of the two'
            )
        return TextReader(files[0], threads=threads)
    if wanted == "rapidocr-onnxruntime":
        return TextReader(package="rapidocr_onnxruntime", threads=threads)
    return TextReader(package="rapidocr" if wanted == "rapidocr" else None, threads=threads)


def model_files(settings: HeavySettings, models: Path) -> tuple[tuple[str, int, int], ...]:
    """Path, size and time of every file that may be loaded: when this changes, models are loaded again."""
    paths = [file.path for file in available(models)]
    for name in (settings.vehicle_model, settings.plate_model, settings.reader_model):
        # A reader's configuration lies beside it.
        paths += sorted(models.glob(f"{glob.escape(Path(name).stem)}*")) if name else []
    return tuple(_version(path) for path in paths)


def _version(path: Path) -> tuple[str, int, int]:
    try:
        about = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), about.st_size, about.st_mtime_ns


def _set_or_known(name: str, setting: str, use: Use, models: Path) -> list[ModelFile | NamedModel]:
    if name:
        return [named(models, name, setting)]
    return [
        file
        for file in available(models)
        if file.model.use == use and file.model.runtime == "onnx" and file.model.family in _FAMILIES[use]
    ]


def _family(file: ModelFile | NamedModel, use: Use, setting: str) -> str:
    """The family of a known model, "" for a user's own. Raises `StageFailed` for one of another use."""
    if isinstance(file, NamedModel):
        return ""
    if file.model.use != use:
        meant = {"vehicle": "finds vehicles", "plate": "finds plates", "plate_text": "reads plates"}
        raise StageFailed(f"{setting} names {file.path.name}, and that {meant[file.model.use]}")
    return file.model.family
