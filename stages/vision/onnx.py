"""ONNX Runtime sessions: on TensorRT, CUDA or the CPU, by what this host has."""

from __future__ import annotations

from ctypes.util import find_library
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from stages.errors import StageFailed
from stages.vision.models import Model

Array = NDArray[Any]

_CUDA = "CUDAExecutionProvider"
_TENSORRT = "TensorrtExecutionProvider"
_CPU = "CPUExecutionProvider"
_QUIET = 4  # fatal errors only: the runtime writes warnings straight to standard error
_LOAD_ERRORS = tuple(
    getattr(onnxruntime.capi.onnxruntime_pybind11_state, name)
    for name in ("InvalidProtobuf", "InvalidGraph", "Fail", "NoSuchFile", "InvalidArgument", "NotImplemented")
)


def providers(*, fixed_shape: bool = True) -> list[str]:
    """Execution providers to ask for, best first.

    TensorRT builds an engine per input shape, so models with changing shapes do without it. The GPU
    package lists TensorRT even where its libraries are not installed: those are looked for.
    """
    there = onnxruntime.get_available_providers()
    chosen = []
    if fixed_shape and _TENSORRT in there and find_library("nvinfer"):
        chosen.append(_TENSORRT)
    if _CUDA in there:
        chosen.append(_CUDA)
    return [*chosen, _CPU]


class Session:
    """One loaded model with one input. `run` takes a batch and returns the outputs in the model's order."""

    def __init__(self, path: Path, *, threads: int = 0, fixed_shape: bool = True) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = _QUIET
        # Idle threads must not spin: decoding runs beside inference on the same cores.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        wanted = providers(fixed_shape=fixed_shape)
        if _CUDA in wanted:
            onnxruntime.preload_dlls()
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=wanted)
        except _LOAD_ERRORS as error:
            raise StageFailed(
                f"the model {path.name} cannot be loaded ({str(error)[:200]}); fetch it again"
            ) from error
        self._input = self._session.get_inputs()[0].name

    @property
    def provider(self) -> str:
        """What the model really runs on: "tensorrt", "cuda" or "cpu"."""
        first = str(self._session.get_providers()[0])
        return first.removesuffix("ExecutionProvider").lower()

    def describe(self, model: Model) -> dict[str, Any]:
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

    def run(self, batch: Array) -> list[Array]:
        """Infer one batch; the array's type and shape are the model's."""
        outputs: list[Array] = self._session.run(None, {self._input: np.ascontiguousarray(batch)})
        return outputs
