"""ONNX Runtime sessions: on TensorRT, CUDA or the CPU, by what this host has."""

from __future__ import annotations

import os
from ctypes.util import find_library
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from stages.errors import StageFailed
from stages.vision import subnormals

Array = NDArray[Any]
#: An execution provider and its options.
Provider = tuple[str, dict[str, str]]

_CUDA = "CUDAExecutionProvider"
_TENSORRT = "TensorrtExecutionProvider"
_CPU = "CPUExecutionProvider"
_QUIET = 4  # fatal errors only: the runtime writes warnings straight to standard error
_ENGINES = "engines"
_STATE = onnxruntime.capi.onnxruntime_pybind11_state
_ERRORS: tuple[type[Exception], ...] = tuple(
    getattr(_STATE, name)
    for name in (
        "InvalidProtobuf",
        "InvalidGraph",
        "Fail",
        "NoSuchFile",
        "InvalidArgument",
        "NotImplemented",
        "RuntimeException",
        "EPFail",
        "NoModel",
    )
    if hasattr(_STATE, name)
)
# A provider that cannot start raises plain errors of Python, a model that cannot be run some of each.
_RUN_ERRORS: tuple[type[Exception], ...] = (ValueError, RuntimeError, *_ERRORS)
_TYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
}


class Source(Protocol):
    """A model file whose bytes are checked when they are read, as `ModelFile` does."""

    @property
    def path(self) -> Path:
        """Where it lies."""

    def read(self) -> bytes:
        """The model's bytes. Raises `StageFailed`."""


class Identity(Protocol):
    """Which model it is."""

    @property
    def name(self) -> str:
        """A known model's name, or a file's."""

    @property
    def sha256(self) -> str:
        """Of its bytes."""


class Tensor(NamedTuple):
    """An input or output of a model; an axis of `shape` that the model leaves open is None."""

    name: str
    shape: tuple[int | None, ...]
    type: Any

    def __str__(self) -> str:
        return f"{self.name} {'×'.join('?' if n is None else str(n) for n in self.shape)}"


def providers(
    *, fixed_shape: bool = True, engines: Path | None = None, half: bool = False
) -> list[str | Provider]:
    """Execution providers to ask for, best first.

    TensorRT builds an engine per input shape, so models with changing shapes do without it; `engines` is the
    folder that keeps what it built, `half` lets it compute in 16 bits. The GPU package lists TensorRT even
    where its libraries are not installed: those are looked for.
    """
    there = onnxruntime.get_available_providers()
    chosen: list[str | Provider] = []
    if fixed_shape and _TENSORRT in there and find_library("nvinfer"):
        chosen.append((_TENSORRT, _tensorrt(engines, half=half)))
    if _CUDA in there:
        # Without this the convolutions of each new input shape are tried out one by one, which takes seconds.
        chosen.append((_CUDA, {"cudnn_conv_algo_search": "HEURISTIC"}))
    return [*chosen, _CPU]


def _tensorrt(engines: Path | None, *, half: bool) -> dict[str, str]:
    options = {"trt_fp16_enable": "True"} if half else {}
    if engines is not None:
        cache = {"trt_engine_cache_enable": "True", "trt_engine_cache_path": str(engines)}
        options |= cache | {"trt_timing_cache_enable": "True", "trt_timing_cache_path": str(engines)}
    return options


def engine_folder(models: Path) -> Path | None:
    """Where TensorRT's engines are kept: `engines` in the models folder; None where nothing can be."""
    folder = models / _ENGINES
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


class Session:
    """One loaded model. `run` takes a batch for its picture input (the first with four axes, else the first).

    A `Source` is loaded from the bytes that it vouches for, a plain path from the disk. A provider on which
    the model cannot be loaded gives way to the next one, and `notice` says so. `models` is the folder below
    which TensorRT's engines are kept. Raises `StageFailed` when not even the CPU can.
    """

    def __init__(
        self,
        file: Source | Path,
        *,
        threads: int = 0,
        fixed_shape: bool = True,
        models: Path | None = None,
        half: bool = False,
    ) -> None:
        path, model = (file, str(file)) if isinstance(file, Path) else (file.path, file.read())
        self._name = path.name
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = _QUIET
        # Idle threads must not spin: decoding runs beside inference on the same cores.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if subnormals.SUPPORTED:
            # Of its own threads; the one that calls it is seen to in `run`.
            options.add_session_config_entry("session.set_denormal_as_zero", "1")
        tensorrt = fixed_shape and models is not None and _TENSORRT in onnxruntime.get_available_providers()
        engines = engine_folder(models) if tensorrt and models is not None else None
        wanted = providers(fixed_shape=fixed_shape, engines=engines, half=half)
        if wanted[0] != _CPU:
            onnxruntime.preload_dlls()
        self._session, why = _load(path.name, model, options, wanted)
        self.inputs = [_tensor(given) for given in self._session.get_inputs()]
        self.outputs = [_tensor(given) for given in self._session.get_outputs()]
        #: Which input takes the pictures.
        self.picture = next((given for given in self.inputs if len(given.shape) == 4), self.inputs[0])
        #: What a person should know about where it runs; "" = as wished.
        self.notice = _notice(path.name, wanted[0], self.provider, why)

    @property
    def provider(self) -> str:
        """What the model really runs on: "tensorrt", "cuda" or "cpu"."""
        return _plain(str(self._session.get_providers()[0]))

    def describe(self, model: Identity) -> dict[str, Any]:
        """Name, hash, runtime and provider, for result keys and metadata."""
        return {
            "model": model.name,
            "sha256": model.sha256,
            "runtime": "onnx",
            "provider": self.provider,
        }

    @property
    def metadata(self) -> dict[str, str]:
        """The key and value pairs that the model's maker put into the file."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def run(self, batch: Array, **others: Array) -> list[Array]:
        """Infer one batch; `others` are further inputs by name. Floats come out in 32 bits.

        Numbers are given in the type that the model takes. Raises `StageFailed` when it cannot be run.
        """
        given = {self.picture.name: batch, **others}
        types = {each.name: each.type for each in self.inputs}
        try:
            values = {name: np.ascontiguousarray(value, types.get(name)) for name, value in given.items()}
            with subnormals.as_zero():
                outputs = self._session.run(None, values)
        except _RUN_ERRORS as error:
            raise StageFailed(f"the model {self._name} cannot be run: {str(error)[:200]}") from error
        return [_single(value) for value in outputs]


def _load(name: str, model: str | bytes, options: Any, wanted: list[str | Provider]) -> tuple[Any, str]:
    """A session on the best of these providers that can hold the model, and why a better one could not."""
    why = ""
    for start in range(len(wanted)):
        try:
            # Its own way of falling back prints, and says nothing to its caller.
            # The first session of a process also changes the thread that makes it: that is put back.
            with subnormals.as_zero():
                session = onnxruntime.InferenceSession(
                    model, options, providers=wanted[start:], enable_fallback=0
                )
        except _RUN_ERRORS as error:
            why = why or str(error)[:200]
            continue
        return session, why
    raise StageFailed(f"the model {name} cannot be loaded ({why}); fetch it again")


def _notice(name: str, wanted: str | Provider, got: str, why: str) -> str:
    asked = _plain(wanted if isinstance(wanted, str) else wanted[0])
    if got == asked:
        return ""
    because = why or "its libraries cannot be used on this host"
    return f"{name} runs on {got} and not on {asked}: {because}"


def _plain(provider: str) -> str:
    return provider.removesuffix("ExecutionProvider").lower()


def _tensor(given: Any) -> Tensor:
    shape = tuple(n if isinstance(n, int) and n > 0 else None for n in given.shape)
    return Tensor(given.name, shape, _TYPES.get(given.type))


def _single(value: Any) -> Array:
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype in (np.float16, np.float64) else array
