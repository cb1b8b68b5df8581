"""What a TFLite process and its parent say to each other: MessagePack, each message after its length."""

from __future__ import annotations

import struct
from typing import BinaryIO

import msgspec

_LENGTH = struct.Struct("<I")
#: A picture of the largest input that is taken (2048 x 2048, float) and some room.
_MOST = 64 << 20

NO_RUNTIME = "no TFLite runtime is installed; install the extra `cpu` (ai-edge-litert) or `coral`"


class Sticks(msgspec.Struct, frozen=True, tag="sticks"):
    """To the process: which Edge TPUs are there? `limit`: seconds after which it ends by itself."""

    limit: float


class Open(msgspec.Struct, frozen=True, kw_only=True, tag="open"):
    """To the process: load this model. `device`: "cpu", or an Edge TPU's name."""

    path: str
    device: str
    threads: int
    limit: float


class Look(msgspec.Struct, frozen=True, kw_only=True, tag="look"):
    """To the process: run the model on a tensor, as its input has it."""

    tensor: bytes
    limit: float


class Found(msgspec.Struct, frozen=True, tag="found"):
    """From the process: the names of the Edge TPUs that are known to be there."""

    names: list[str]


class Tensor(msgspec.Struct, frozen=True):
    """One input or output of a model; `dtype` by NumPy's name."""

    name: str
    shape: list[int]
    dtype: str


class Opened(msgspec.Struct, frozen=True, tag="opened"):
    """From the process: it is loaded. `runtime` with its version."""

    runtime: str
    inputs: list[Tensor]
    outputs: list[Tensor]


class Seen(msgspec.Struct, frozen=True, tag="seen"):
    """From the process: the outputs' bytes, in the order of `Opened.outputs`."""

    tensors: list[bytes]


class Refusal(msgspec.Struct, frozen=True, tag="refusal"):
    """From the process: it cannot, and why."""

    why: str


ToProcess = Sticks | Open | Look
FromProcess = Found | Opened | Seen | Refusal

to_process = msgspec.msgpack.Decoder(ToProcess)
from_process = msgspec.msgpack.Decoder(FromProcess)


def send(stream: BinaryIO, message: ToProcess | FromProcess) -> None:
    """Write one message. Raises `OSError` when nobody reads any more."""
    data = msgspec.msgpack.encode(message)
    stream.write(_LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()


def receive(stream: BinaryIO) -> bytes:
    """The next message's bytes. Raises `EOFError` at the end, or when what comes is no message."""
    head = stream.read(_LENGTH.size)
    length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else _MOST + 1
    if length > _MOST:
        raise EOFError
    data = stream.read(length)
    if len(data) != length:
        raise EOFError
    return data
