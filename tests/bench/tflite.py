"""What it costs that a TFLite model runs in a process of its own: one look there, and in this process.

Run: `python tests/bench/tflite.py MODEL.tflite [LOOKS]`. Prints the least and the median of milliseconds; the two
take turns, so that what else the machine does hits both alike. Then the exchange alone, without the inference.
"""

import contextlib
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from stages.vision import tflite
from stages.vision.tflite_process import Declined, TfliteProcess
from stages.vision.tflite_words import Look, Open


def main() -> None:
    """Print a line for each way, and their ratio."""
    path, count = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 300
    began = time.perf_counter()
    detector = tflite.load(path)
    print(f"loaded, and warm, after {time.perf_counter() - began:.2f} s")
    here = Interpreter(model_path=str(path), num_threads=2)
    here.allocate_tensors()
    given = here.get_input_details()[0]
    answers = [each["index"] for each in here.get_output_details()]
    picture = np.random.default_rng(0).integers(0, 256, given["shape"], np.uint8)

    def in_this_process() -> None:
        here.set_tensor(given["index"], picture)
        here.invoke()
        for index in answers:
            here.get_tensor(index)

    def in_its_own() -> None:
        detector.detect(picture)

    spent: dict[str, list[float]] = {}
    for _ in range(count):
        for way in (in_this_process, in_its_own):
            began = time.perf_counter()
            way()
            spent.setdefault(way.__name__, []).append((time.perf_counter() - began) * 1000)
    for name, each in spent.items():
        print(f"{name:16} least {min(each):6.2f} ms  median {statistics.median(each):6.2f} ms")
    least, median = (f(spent["in_its_own"]) / f(spent["in_this_process"]) for f in (min, statistics.median))
    print(f"{'ratio':16} least {least:6.2f}     median {median:6.2f}")
    alone = exchange(path, picture.nbytes)
    print(f"{'exchange':16} least {min(alone):6.2f} ms  median {statistics.median(alone):6.2f} ms")


def exchange(path: Path, size: int) -> list[float]:
    """Milliseconds to send a picture and to get an answer: one that is a byte too long is refused at once."""
    process = TfliteProcess()
    process.ask(Open(path=str(path), device="cpu", threads=2, limit=20))
    spent = []
    for _ in range(1000):
        began = time.perf_counter()
        with contextlib.suppress(Declined):
            process.ask(Look(tensor=bytes(size + 1), limit=10))
        spent.append((time.perf_counter() - began) * 1000)
    process.close()
    return spent


if __name__ == "__main__":
    main()
