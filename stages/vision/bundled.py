"""The models that lie in the wheel of `rapidocr`: a text detector and a recogniser that are always there.

The files are used directly, through our own sessions. RapidOCR's front end keeps only the mean confidence
of a line, would fetch a model that it misses from the network, and configures a logger when imported.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from stages.errors import StageFailed

# The frozen predecessor (extra `ocr-classic`) is laid out alike.
_PACKAGES = ("rapidocr", "rapidocr_onnxruntime")


def bundled(part: Literal["det", "rec"]) -> Path:
    """The model file of the text detector or the recogniser. Raises `StageFailed` where there is none."""
    for package in _PACKAGES:
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            for path in sorted(Path(folder, "models").glob(f"*_{part}_*.onnx")):
                return path
    raise StageFailed(
        "no text models: the package rapidocr with its bundled models is not installed; "
        "install dashcam-processor with the extra cpu or gpu"
    )
