"""Tiny ONNX models, written byte by byte: constants as outputs, with the shapes and names of real exports."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_TYPES = {"float32": 1, "uint8": 2, "int32": 6, "int64": 7, "float16": 10, "float64": 11}
_OPSET, _IR = 17, 8


class Port(NamedTuple):
    """An input or output: a name for an axis leaves it open."""

    name: str
    shape: Sequence[int | str]
    type: str = "float32"


def varint(number: int) -> bytes:
    """A protocol buffers integer; negative ones take ten bytes."""
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: int | float | str | bytes) -> bytes:
    """One field of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def tensor(name: str, value: NDArray[Any]) -> bytes:
    """A TensorProto."""
    dims = b"".join(field(1, int(n)) for n in value.shape)
    kind = field(2, _TYPES[value.dtype.name])
    return dims + kind + field(8, name) + field(9, np.ascontiguousarray(value).tobytes())


def node(op: str, given: Sequence[str], out: str, **attributes: int | Sequence[int]) -> bytes:
    """A NodeProto with one output; attributes are integers or lists of them."""
    body = b"".join(field(1, name) for name in given) + field(2, out) + field(4, op)
    for name, value in attributes.items():
        if isinstance(value, int):
            body += field(5, field(1, name) + field(3, value) + field(20, 2))
        else:
            ints = b"".join(field(8, n) for n in value)
            body += field(5, field(1, name) + ints + field(20, 7))
    return body


def _port(port: Port) -> bytes:
    dims = b"".join(field(1, field(1 if isinstance(n, int) else 2, n)) for n in port.shape)
    return field(1, port.name) + field(2, field(1, field(1, _TYPES[port.type]) + field(2, dims)))


def model(
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    nodes: Sequence[bytes],
    constants: Mapping[str, NDArray[Any]],
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """A ModelProto."""
    graph = b"".join(field(1, each) for each in nodes) + field(2, "made")
    graph += b"".join(field(5, tensor(name, value)) for name, value in constants.items())
    graph += b"".join(field(11, _port(port)) for port in inputs)
    graph += b"".join(field(12, _port(port)) for port in outputs)
    told = b"".join(field(14, field(1, key) + field(2, value)) for key, value in (metadata or {}).items())
    return field(1, _IR) + field(7, graph) + field(8, field(1, "") + field(2, _OPSET)) + told


def constant(
    path: Path,
    outputs: Mapping[str, NDArray[Any]],
    *,
    size: tuple[int, int] = (160, 160),
    inputs: Sequence[Port] = (),
    metadata: Mapping[str, str] | None = None,
    dtype: str = "float32",
) -> Path:
    """A model that answers every picture (1×3×height×width unless `inputs` say otherwise) with `outputs`."""
    given = inputs or [Port("images", (1, 3, size[1], size[0]), dtype)]
    ports = [Port(name, value.shape, value.dtype.name) for name, value in outputs.items()]
    nodes = [node("Identity", [f"{name}_value"], name) for name in outputs]
    constants = {f"{name}_value": value for name, value in outputs.items()}
    path.write_bytes(model(given, ports, nodes, constants, metadata))
    return path
