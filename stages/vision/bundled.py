"""The models that lie in the wheel of `rapidocr`: a text detector and a recogniser that are always there.

The files are used directly, through our own sessions. RapidOCR's front end keeps only the mean confidence
of a line, would fetch a model that it misses from the network, and configures a logger when imported.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from stages.errors import StageFailed

Package = Literal["rapidocr", "rapidocr_onnxruntime"]

# The frozen predecessor (extra `ocr-classic`) is laid out alike.
_PACKAGES: tuple[Package, ...] = ("rapidocr", "rapidocr_onnxruntime")
_EXTRAS = {"rapidocr": "cpu or gpu", "rapidocr_onnxruntime": "ocr-classic"}


def bundled(part: Literal["det", "rec"], package: Package | None = None) -> Path:
    """The model file of the text detector or the recogniser, of one package or of whichever is there.

    Raises `StageFailed` where there is none.
    """
    for name in (package,) if package else _PACKAGES:
        spec = find_spec(name)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            for path in sorted(Path(folder, "models").glob(f"*_{part}_*.onnx")):
                return path
    if package:
        raise StageFailed(
            f"no text models: the package {package.replace('_', '-')} is not installed; "
            f"install dashcam-processor with the extra {_EXTRAS[package]}, or choose another text_reader"
        )
    raise StageFailed(
        "no text models: the package rapidocr with its bundled models is not installed; "
        "install dashcam-processor with the extra cpu or gpu"
    )
