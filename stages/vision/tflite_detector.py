"""The detector of TFLite models: on an Edge TPU while one lasts, else on the CPU, and it says so."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from stages.errors import DetectorFailed, StageFailed
from stages.files import hash_file
from stages.vision.detector import Detections, Images
from stages.vision.tflite_model import TfliteModel, open_model
from stages.vision.tflite_process import Declined, Lost
from stages.vision.tflite_words import NO_RUNTIME

log = logging.getLogger("dashcam.tflite")


class Times(NamedTuple):
    """How long things may take, and how long is waited (seconds).

    `start`: loading, with the first look. `look`: one look. `wait`: before the first restart; each further
    one waits twice as long. `calm`: losses older than this are forgotten. `again`: until an Edge TPU that
    failed is tried again; doubles with each failure up to `longest`. `tries`: restarts before it is given up.
    """

    start: float = 20.0
    look: float = 10.0
    wait: float = 0.5
    calm: float = 60.0
    again: float = 300.0
    longest: float = 3600.0
    tries: int = 3


class Way(NamedTuple):
    """A model file and where it runs: "cpu", or which Edge TPU is wished for."""

    path: Path
    wish: str

    def sentence(self, why: str) -> str:
        """Why the model cannot run in this way, and what to do."""
        if why == NO_RUNTIME:
            return why
        if self.wish == "cpu":
            return f"the model {self.path.name} cannot be loaded ({why}); fetch it again"
        return (
            f"the model {self.path.name} is compiled for the Edge TPU (it needs edgetpu-custom-op), which "
            f"cannot be used here: {why}; plug one in and install libedgetpu, or use a CPU model"
        )


class TfliteDetector:
    """A `stages.vision.detector.Detector`; the model runs in a process of its own.

    `notice` is what a person should know about how it runs (None: as wished).
    """

    def __init__(
        self,
        way: Way,
        spare: Way | None = None,
        *,
        notice: str | None = None,
        score: float = 0.4,
        threads: int = 2,
        times: Times = Times(),  # noqa: B008 (immutable)
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """Load `way`, else `spare`. Raises `StageFailed` when neither runs."""
        self._own_notice = notice
        self._wished, self._spare = way, spare
        self._score, self._threads, self._times = score, threads, times
        self._clock, self._wait = clock, wait
        self._losses: list[float] = []
        self._pause = times.again
        self._again_at = 0.0
        self._way = way
        try:
            self._take(way, self._open(way), notice)
        except Declined as error:
            self._give_way(way.sentence(str(error)))

    @property
    def device(self) -> str:
        """Where it runs now: "cpu", or an Edge TPU's name."""
        return self._model.device

    @property
    def pid(self) -> int:
        """The number of the process that it runs in now."""
        return self._model.pid

    def describe(self) -> dict[str, Any]:
        """Model file, its hash, runtime with version, and "edge-tpu" or "cpu". Changes when it gives way."""
        return dict(self._about)

    def detect(self, images: Images) -> list[Detections]:
        """One `Detections` per image of an N×H×W×3 RGB batch; the model takes them one by one.

        A lost process is started again, and an Edge TPU that fails for good gives way to the spare model.
        Raises `DetectorFailed` when nothing is left.
        """
        return [self._one(image) for image in images]

    def settle(self) -> None:
        """Between two clips: go back to the Edge TPU when it is time to try it again."""
        if self._way == self._wished or self._clock() < self._again_at:
            return
        try:
            model = self._open(self._wished)
        except (Declined, StageFailed) as error:
            self._pause = min(2 * self._pause, self._times.longest)
            self._again_at = self._clock() + self._pause
            log.warning("%s cannot run yet: %s", self._wished.path.name, error)
            return
        self._model.close()
        self._take(self._wished, model, self._own_notice)
        self._pause, self._losses = self._times.again, []
        log.warning("%s runs on the Edge TPU again (%s)", self._way.path.name, model.device)

    def close(self) -> None:
        """End the process."""
        self._model.close()

    def _one(self, image: Any) -> Detections:
        while True:
            try:
                return self._model.look(image, self._times.look)
            except (Lost, Declined) as error:
                self._recover(str(error))

    def _recover(self, why: str) -> None:
        """Start again, waiting longer each time; in the end the spare model takes over."""
        where = f"{self._way.path.name} on {self._model.device}"
        self._model.close()
        while True:
            now = self._clock()
            self._losses = [at for at in self._losses if now - at < self._times.calm] + [now]
            log.warning("%s: %s", where, why)
            if len(self._losses) > self._times.tries:
                return self._give_way(f"{where} failed {len(self._losses)} times ({why})")
            self._wait(self._times.wait * 2 ** (len(self._losses) - 1))
            try:
                return self._take(self._way, self._open(self._way), self.notice)
            except Declined as error:
                why = f"{why.partition('; then')[0]}; then {error}"

    def _give_way(self, why: str) -> None:
        lost, self._losses = bool(self._losses), []
        if self._spare is None or self._way == self._spare or why == NO_RUNTIME:
            raise DetectorFailed(why, retry=True) if lost else StageFailed(why)
        try:
            model = self._open(self._spare)
        except Declined as error:
            why = f"{why}; {self._spare.sentence(str(error))}"
            raise DetectorFailed(why, retry=True) if lost else StageFailed(why) from error
        self._take(self._spare, model, f"{why}; {self._spare.path.name} runs instead, on the CPU")
        self._again_at = self._clock() + self._pause
        log.warning("%s", self.notice)

    def _open(self, way: Way) -> TfliteModel:
        return open_model(
            way.path,
            way.wish,
            score=self._score,
            threads=self._threads,
            start=self._times.start,
            look=self._times.look,
        )

    def _take(self, way: Way, model: TfliteModel, notice: str | None) -> None:
        self._way, self._model, self.notice = way, model, notice
        self._about = {
            "model": way.path.name,
            "blake2": hash_file(way.path),
            "runtime": model.runtime,
            "device": "cpu" if way.wish == "cpu" else "edge-tpu",
        }
