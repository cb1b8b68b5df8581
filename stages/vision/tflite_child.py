"""The process that a TFLite model runs in: `python -m stages.vision.tflite_child`, started by its parent.

A delegate of an Edge TPU aborts or hangs when its stick is pulled out, and a model may be made to crash
the interpreter: here that costs one process. It ends when its parent does: at the end of stdin, and while
native code holds it, by its own guard.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from stages.vision.sticks import plugged
from stages.vision.tflite_words import (
    NO_RUNTIME,
    Found,
    FromProcess,
    Look,
    Open,
    Opened,
    Refusal,
    Seen,
    Sticks,
    Tensor,
    ToProcess,
    receive,
    send,
    to_process,
)

#: The guard waits longer than the parent does, which knows better what to say.
_GUARD = 1.5
_EDGE_TPU_LIBRARY = {"win32": "edgetpu.dll", "darwin": "libedgetpu.1.dylib"}.get(
    sys.platform, "libedgetpu.so.1"
)


class Declined(Exception):
    """The model cannot be loaded or run; the message says why."""


class _Runtime(NamedTuple):
    name: str
    module: Any


class Session:
    """At most one loaded model."""

    def __init__(self) -> None:
        self._interpreter: Any = None
        self._input: dict[str, Any] = {}
        self._outputs: list[int] = []

    def answer(self, message: ToProcess) -> FromProcess:
        """Do what the parent asks."""
        try:
            if isinstance(message, Sticks):
                return Found(_sticks())
            if isinstance(message, Open):
                return self._open(message)
            return self._look(message)
        except Declined as error:
            return Refusal(str(error))

    def _open(self, wanted: Open) -> Opened:
        runtime = _runtime()
        try:
            with _hushed() if wanted.device == "cpu" else contextlib.nullcontext():
                self._interpreter = _interpreter(runtime.module, wanted)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError, OSError, MemoryError) as error:
            raise Declined(_reason(error)) from error
        given = self._interpreter.get_input_details()
        answers = self._interpreter.get_output_details()
        self._input, self._outputs = given[0], [int(each["index"]) for each in answers]
        return Opened(runtime.name, [_tensor(each) for each in given], [_tensor(each) for each in answers])

    def _look(self, wanted: Look) -> Seen:
        shape, kind = self._input["shape"], self._input["dtype"]
        try:
            self._interpreter.set_tensor(
                self._input["index"], np.frombuffer(wanted.tensor, kind).reshape(shape)
            )
            self._interpreter.invoke()
            return Seen([self._interpreter.get_tensor(index).tobytes() for index in self._outputs])
        except (ValueError, RuntimeError) as error:
            raise Declined(_reason(error)) from error


def edge_tpu_library_missing() -> str:
    """Why the Edge TPU's library cannot be used; "" when it is there (the device may still be unplugged)."""
    try:
        # Asked of the loader itself, since the runtime's own attempt leaves a half-made object behind.
        ctypes.CDLL(_EDGE_TPU_LIBRARY)
    except OSError as error:
        return str(error)[:200]
    return ""


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Without what the runtime tells everybody about its CPU kernels; what fails is raised, not printed."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


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
    raise Declined(NO_RUNTIME)


def _interpreter(runtime: Any, wanted: Open) -> Any:
    if wanted.device == "cpu":
        return runtime.Interpreter(model_path=wanted.path, num_threads=wanted.threads)
    if pycoral := _pycoral():
        return pycoral.make_interpreter(wanted.path, device=wanted.device)
    if why := edge_tpu_library_missing():
        raise Declined(why)
    try:
        delegate = runtime.load_delegate(_EDGE_TPU_LIBRARY, {"device": wanted.device})
    except ValueError as error:  # in the second line of its message, what the library said: mostly nothing
        said = _reason(error).partition(_EDGE_TPU_LIBRARY)[2].strip()
        raise Declined(said or "it does not open: unplugged, in use, or not ours to use") from error
    return runtime.Interpreter(
        model_path=wanted.path, num_threads=wanted.threads, experimental_delegates=[delegate]
    )


def _pycoral() -> Any:
    """Google's library; the `pycoral` on the public index is another project and has no such module."""
    try:
        return import_module("pycoral.utils.edgetpu")
    except ImportError:
        return None


def _sticks() -> list[str]:
    pycoral = _pycoral()
    if pycoral is None:
        return plugged()
    kinds = [str(each["type"]) for each in pycoral.list_edge_tpus()]
    return [f"{kind}:{n}" for kind in ("usb", "pci") for n in range(kinds.count(kind))]


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _tensor(details: dict[str, Any]) -> Tensor:
    shape = [int(side) for side in details["shape"]]
    return Tensor(str(details["name"]), shape, np.dtype(details["dtype"]).name)


def serve(asked: BinaryIO, out: BinaryIO) -> None:
    """Answer until the parent is gone."""
    session = Session()
    while True:
        message = to_process.decode(receive(asked))
        # A thread of C ends us when native code hangs: `load_delegate` holds Python's lock all the while.
        faulthandler.dump_traceback_later(message.limit * _GUARD, exit=True)
        answer = session.answer(message)
        faulthandler.cancel_dump_traceback_later()
        send(out, answer)


def main() -> None:
    """Serve the parent over stdin and stdout; what libraries print goes to stderr."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    faulthandler.enable()
    # Ctrl-C reaches us too, and the parent says what is to be said.
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        serve(sys.stdin.buffer, out)
    # Letting go of a device may hang as well.
    faulthandler.dump_traceback_later(5, exit=True)


if __name__ == "__main__":
    main()
