"""Numbers too small for a float's exponent are zero while a model runs, and only then."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

from stages.vision.onnx import Array, Session
from stages.vision.subnormals import SUPPORTED, as_zero
from tests.stages.vision.onnx_made import Port, model, node

needs_switch = pytest.mark.skipif(not SUPPORTED, reason="this host's processor has no switch that we know")
TINY = np.float32(1e-20)


def shrinking(path: Path) -> Session:
    """A model that makes every number 1e20 times smaller."""
    shape = (1, 3, 256, 256)
    nodes = [node("Mul", ["images", "by"], "out")]
    constants = {"by": np.full((1,), TINY, np.float32)}
    path.write_bytes(model([Port("images", shape)], [Port("out", shape)], nodes, constants))
    return Session(path, threads=2)


def smallest() -> float:
    """A subnormal product, computed in this thread."""
    return float((np.full(1, TINY, np.float32) * TINY)[0])


@needs_switch
def test_a_model_yields_no_subnormal_numbers(tmp_path: Path) -> None:
    """In each thread that computes, products below a float's exponent are zero and larger ones are not."""
    session = shrinking(tmp_path / "made.onnx")
    images = np.full((1, 3, 256, 256), TINY, np.float32)
    images[0, 0, 0, :8] = 1.0
    out: list[Array] = []
    for _ in range(2):
        thread = threading.Thread(target=lambda: out.append(session.run(images)[0]))
        thread.start()
        thread.join()
    assert len(out) == 2
    for each in out:
        assert np.count_nonzero(each) == 8
        assert each[0, 0, 0, :8] == pytest.approx(1e-20)


def test_arithmetic_outside_of_a_model_keeps_its_rules(tmp_path: Path) -> None:
    """Neither loading nor running a model changes what the calling thread computes, nor does an error."""
    session = shrinking(tmp_path / "made.onnx")
    assert smallest() > 0
    session.run(np.zeros((1, 3, 256, 256), np.float32))
    with pytest.raises(ZeroDivisionError), as_zero():
        _ = 1 / 0
    assert smallest() > 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.finfo(np.float64).smallest_subnormal > 0


@needs_switch
def test_the_switch_works() -> None:
    """Between its two ends subnormal products are zero."""
    with as_zero():
        assert smallest() == 0
    assert smallest() > 0
