"""Which TFLite model is used, and on what: an Edge TPU for models compiled for it, else the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.errors import StageFailed
from stages.vision.sticks import plugged
from stages.vision.tflite_detector import TfliteDetector, Way
from stages.vision.tflite_model import compiled_for_edge_tpu

if TYPE_CHECKING:
    from stages.vision.models import ModelFile

_MAX_MODEL_BYTES = 1 << 30


def load(path: Path, *, tpu: str = "auto", spare: Path | None = None, **more: Any) -> TfliteDetector:
    """Load a detector: on an Edge TPU if it is compiled for one, else on the CPU.

    `tpu`: which Edge TPU may be used, as `PreprocessSettings.tpu`. `spare`: the model that the CPU runs where
    the Edge TPU cannot or no longer. `more`: as `TfliteDetector` takes it. Raises `StageFailed`: the file is
    no such model, no runtime is installed, or nothing here can run it.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise StageFailed(f"the model {path} cannot be read: {error.strerror}") from error
    if not 0 < size <= _MAX_MODEL_BYTES:
        raise StageFailed(f"the model {path.name} is empty or far too large; fetch it again")
    if not compiled_for_edge_tpu(path):
        notice = f"{path.name} is not compiled for the Edge TPU, so it runs on the CPU"
        wished = tpu not in ("auto", "off") or (tpu == "auto" and plugged())
        return TfliteDetector(Way(path, "cpu"), notice=notice if wished else None, **more)
    if tpu == "off":
        raise StageFailed(Way(path, tpu).sentence("the settings switch it off"))
    return TfliteDetector(Way(path, tpu), Way(spare, "cpu") if spare else None, **more)


def choose(folder: Path, named: str = "", *, tpu: str = "auto", **more: Any) -> TfliteDetector | None:
    """The detector to use: the file `named` in the models folder, else a known model, else None.

    Where a named model cannot run, a known one does on the CPU, and the notice says why.
    """
    # Here, so that a host with a TPU loads the model list only when it looks for one.
    from stages.vision.models import find

    if named and Path(named).name != named:
        raise StageFailed(f"the model {named!r} must be the name of a file in the models folder {folder}")
    known = find("vehicle", folder, "tflite")
    if not named:
        return _as_hashed(known, load(known.path, tpu=tpu, **more)) if known else None
    spare = known.path if known and known.path != folder / named else None
    try:
        return load(folder / named, tpu=tpu, spare=spare, **more)
    except StageFailed as error:
        if spare is None:
            raise
        notice = f"{error}; {spare.name} runs instead"
        return TfliteDetector(Way(spare, "cpu"), notice=notice, **more)


def _as_hashed(known: ModelFile, detector: TfliteDetector) -> TfliteDetector:
    """A detector whose file was not replaced between its hash and its loading. Raises `StageFailed`."""
    known.read()
    return detector
