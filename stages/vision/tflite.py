"""SSD detectors with post-processed outputs as TFLite models, on an Edge TPU where there is one."""

from __future__ import annotations

import ctypes
import mmap
import sys
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.errors import StageFailed
from stages.files import hash_file
from stages.vision.coco import COCO80
from stages.vision.detector import Detections, Images

Device = Literal["auto", "cpu", "tpu"]

_EDGE_TPU_OP = b"edgetpu-custom-op"
_EDGE_TPU_LIBRARY = {"win32": "edgetpu.dll", "darwin": "libedgetpu.1.dylib"}.get(
    sys.platform, "libedgetpu.so.1"
)
_MAX_LABEL_BYTES = 1 << 20
_MAX_MODEL_BYTES = 1 << 30
#: Numbers that COCO counts and never gave to anything: its 91 classes are 80 in truth.
_COCO_GAPS = frozenset({11, 25, 28, 29, 44, 65, 67, 68, 70, 82})


class Loaded(NamedTuple):
    """A detector, and what a person should know about how it runs (None: as wished)."""

    detector: TfliteDetector
    notice: str | None


class _Runtime(NamedTuple):
    name: str
    module: Any


class TfliteDetector:
    """A `stages.vision.detector.Detector`; pictures are stretched to the model's input."""

    def __init__(self, path: Path, interpreter: Any, runtime: str, device: str, score: float) -> None:
        self._interpreter = interpreter
        self._score = score
        self._about = {"model": path.name, "blake2": hash_file(path), "runtime": runtime, "device": device}
        given = interpreter.get_input_details()
        shape = [int(n) for n in given[0]["shape"]]
        if len(given) != 1 or len(shape) != 4 or shape[0] != 1 or shape[3] != 3:
            raise StageFailed(
                f"the model {path.name} does not take one RGB picture, so it is no detector of ours"
            )
        self._input = given[0]
        self._size = shape[2], shape[1]
        self._outputs = _outputs(interpreter.get_output_details(), path)
        self._labels = labels(path)

    def describe(self) -> dict[str, Any]:
        """Model file, its hash, runtime with version, and "edge-tpu" or "cpu"."""
        return dict(self._about)

    def detect(self, images: Images) -> list[Detections]:
        """One `Detections` per image of an N×H×W×3 RGB batch; the model takes them one by one."""
        return [self._one(image) for image in images]

    def _one(self, image: NDArray[np.uint8]) -> Detections:
        height, width = image.shape[:2]
        small = cv2.resize(image, self._size, interpolation=cv2.INTER_LINEAR)
        self._interpreter.set_tensor(self._input["index"], self._as_input(small)[None])
        self._interpreter.invoke()
        boxes, classes, scores, count = (self._interpreter.get_tensor(i)[0] for i in self._outputs)
        known = min(int(count), len(scores))
        good = [i for i in range(known) if np.isfinite(scores[i]) and scores[i] >= self._score]
        good.sort(key=lambda i: -float(scores[i]))
        if not good:
            return Detections.none()
        corners = np.clip(boxes[good][:, [1, 0, 3, 2]], 0, 1) * np.array([width, height, width, height])
        names = [self._name(int(classes[i])) for i in good]
        return Detections(corners.astype(np.float32), names, np.clip(scores[good], 0, 1).astype(np.float32))

    def _as_input(self, picture: NDArray[Any]) -> NDArray[Any]:
        kind = self._input["dtype"]
        if kind == np.uint8:
            return picture
        if kind == np.int8:
            return (picture.astype(np.int16) - 128).astype(np.int8)
        return (picture.astype(np.float32) - 127.5) / 127.5

    def _name(self, number: int) -> str:
        return self._labels[number] if 0 <= number < len(self._labels) else f"class {number}"


def load(path: Path, *, device: Device = "auto", score: float = 0.4, threads: int = 2) -> Loaded:
    """Load a detector: on the Edge TPU if it is compiled for one and `device` allows it, else on the CPU.

    Raises `StageFailed`: the file is no such model, no runtime is installed, or the model is compiled for
    an Edge TPU and there is none.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise StageFailed(f"the model {path} cannot be read: {error.strerror}") from error
    if not 0 < size <= _MAX_MODEL_BYTES:
        raise StageFailed(f"the model {path.name} is empty or far too large; fetch it again")
    runtime = _runtime()
    notice = None
    if compiled_for_edge_tpu(path):
        interpreter, why = (
            _on_edge_tpu(path, runtime) if device != "cpu" else (None, "the settings ask for the CPU")
        )
        if interpreter is None:
            raise StageFailed(
                f"the model {path.name} is compiled for the Edge TPU (it needs edgetpu-custom-op), which "
                f"cannot be used here: {why}; plug one in and install libedgetpu, or use a CPU model"
            )
        place = "edge-tpu"
    else:
        if device == "tpu" or (device == "auto" and not edge_tpu_library_missing()):
            notice = f"{path.name} is not compiled for the Edge TPU, so it runs on the CPU"
        interpreter, place = _on_cpu(path, runtime, threads), "cpu"
    return Loaded(TfliteDetector(path, interpreter, runtime.name, place, score), notice)


def choose(folder: Path, named: str = "", *, score: float = 0.4, threads: int = 2) -> Loaded | None:
    """The detector to use: the file `named` in the models folder, else a known model, else None.

    Where a named Edge TPU model cannot run, a known model does on the CPU, and the notice says why.
    """
    # Here, so that a host with a TPU loads the model list only when it looks for one.
    from stages.vision.models import find

    notice = None
    if named:
        if Path(named).name != named:
            raise StageFailed(f"the model {named!r} must be the name of a file in the models folder {folder}")
        try:
            return load(folder / named, score=score, threads=threads)
        except StageFailed as error:
            notice = str(error)
    known = find("vehicle", folder, "tflite")
    if known is None:
        if notice:
            raise StageFailed(notice)
        return None
    loaded = load(known.path, score=score, threads=threads)
    return Loaded(loaded.detector, f"{notice}; {known.path.name} runs instead" if notice else loaded.notice)


def compiled_for_edge_tpu(path: Path) -> bool:
    """Whether a model holds the operation that only an Edge TPU can perform."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(_EDGE_TPU_OP) >= 0


def labels(path: Path) -> list[str]:
    """The names in the label file inside the model, by class number; without one, those of COCO."""
    try:
        with zipfile.ZipFile(path) as inside:
            for item in inside.infolist():
                if item.filename.endswith(".txt") and item.file_size <= _MAX_LABEL_BYTES:
                    lines = inside.read(item).decode("utf-8", errors="replace").splitlines()
                    return [line.strip()[:100] for line in lines]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError):
        pass  # most models carry none
    names = iter(COCO80)
    return ["???" if number in _COCO_GAPS else next(names) for number in range(90)]


def _runtime() -> _Runtime:
    """The installed TFLite runtime; the newer one is some twenty times faster on a CPU."""
    for package, module in (
        ("ai_edge_litert", "ai_edge_litert.interpreter"),
        ("tflite_runtime", "tflite_runtime.interpreter"),
    ):
        try:
            found = import_module(module)
        except ImportError:
            continue
        version = getattr(import_module(package), "__version__", "")
        return _Runtime(f"{package.replace('_', '-')} {version}".strip(), found)
    raise StageFailed("no TFLite runtime is installed; install the extra `cpu` (ai-edge-litert) or `coral`")


def _on_cpu(path: Path, runtime: _Runtime, threads: int) -> Any:
    try:
        interpreter = runtime.module.Interpreter(model_path=str(path), num_threads=threads)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise StageFailed(
            f"the model {path.name} cannot be loaded ({str(error)[:200]}); fetch it again"
        ) from error
    return interpreter


def _on_edge_tpu(path: Path, runtime: _Runtime) -> tuple[Any, str]:
    """An interpreter on the Edge TPU, or None and the reason."""
    try:
        # Google's library; the `pycoral` on the public index is another project and has no such module.
        interpreter = import_module("pycoral.utils.edgetpu").make_interpreter(str(path))
        interpreter.allocate_tensors()
    except ImportError:
        pass
    except (ValueError, RuntimeError, OSError) as error:
        return None, str(error)[:200]
    else:
        return interpreter, ""
    if why := edge_tpu_library_missing():
        return None, why
    try:
        delegate = runtime.module.load_delegate(_EDGE_TPU_LIBRARY)
        interpreter = runtime.module.Interpreter(model_path=str(path), experimental_delegates=[delegate])
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError, OSError) as error:
        return None, str(error)[:200] or "no Edge TPU was found; is it plugged in?"
    return interpreter, ""


def edge_tpu_library_missing() -> str:
    """Why the Edge TPU's library cannot be used; "" when it is there (the device may still be unplugged)."""
    try:
        # Asked of the loader itself, since the runtime's own attempt leaves a half-made object behind.
        ctypes.CDLL(_EDGE_TPU_LIBRARY)
    except OSError as error:
        return str(error)[:200]
    return ""


def _outputs(details: list[dict[str, Any]], path: Path) -> tuple[int, int, int, int]:
    """Indices of boxes, classes, scores and count. Converters name and order them in two ways."""
    shapes = [tuple(int(n) for n in d["shape"]) for d in details]
    if len(details) != 4 or sum(len(s) == 3 and s[2] == 4 for s in shapes) != 1:
        raise StageFailed(f"the model {path.name} has no SSD outputs (boxes, classes, scores, count)")
    ordered = sorted(details, key=lambda d: str(d["name"]))
    if len(ordered[0]["shape"]) != 3:  # newer converters count them from the last to the first
        ordered.reverse()
    boxes, classes, scores, count = (int(d["index"]) for d in ordered)
    return boxes, classes, scores, count
