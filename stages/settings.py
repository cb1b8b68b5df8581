"""Settings of the four stages. A stage's settings are a noun too: `config` composes them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Positive = Annotated[float, Meta(gt=0)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
TextReaderName = Literal["auto", "rapidocr", "fast-plate-ocr", "rapidocr-onnxruntime"]


class CameraSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[cameras.NAME]`: one of the owner's cameras. A clip is from the first whose every given mark fits."""

    #: What people are shown; "" = NAME.
    name: str = ""
    #: Mark: its clips come from this place, for example the name of its card.
    place: str = ""
    #: Mark: its clips lie below this folder of the place; `*` stands for anything: "cars/golf", "*/golf".
    folder: str = ""
    #: Mark: its clips are of this family, as `camera.family` has it: "viofo".
    family: str = ""
    #: Zone that its clock is set to: an IANA name (summer time is known), or "+01:00" if it never changes.
    time_zone: str = ""


class IngestSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[stage.ingest]`."""

    #: Where clips from cards are copied to; "" = `indoor_nas`, else the first kept place.
    place: str = ""
    #: A file must keep its size and time this long before it is taken (seconds).
    stable_seconds: Annotated[float, Meta(ge=0)] = 2.0
    #: Time zone of the cameras (IANA name, or "+01:00") that `[cameras.NAME]` gives none; "" = this host's.
    time_zone: str = ""
    #: Filled from `[cameras.NAME]`.
    cameras: dict[str, CameraSettings] = {}
    #: Needs of the task that follows, for example { has_coral_tpu = true }.
    next_needs: dict[str, Any] = {}


class PreprocessSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[stage.preprocess]`."""

    #: Cheap looks per second of video.
    looks_per_second: Positive = 2.0
    #: Width of the cheap look in pixels.
    look_width: Annotated[int, Meta(ge=64, le=1920)] = 320
    #: Mean absolute difference (0..255) below which two looks show the same thing.
    still_below: Annotated[float, Meta(ge=0)] = 1.5
    #: Variance of the Laplacian below which a look shows nothing (covered or blurred lens).
    blur_below: Annotated[float, Meta(ge=0)] = 2.0
    #: Brightness (0..255) that the brightest hundredth of a look must reach to show anything.
    dark_below: Annotated[float, Meta(ge=0)] = 20.0
    #: Thumbnails per clip at most.
    thumbnails: Annotated[int, Meta(ge=1, le=1000)] = 24
    #: Score from which a detection counts.
    score: Fraction = 0.4
    #: Look for vehicles with a TFLite model when one is there.
    detect: bool = True
    #: File name of that model in the models folder (one compiled for the Edge TPU, say); "" = a known one.
    model: str = ""
    #: The Edge TPU for such a model: "auto" = the first free one; "usb", "pci", "usb:1" = that; "off" = none.
    tpu: Annotated[str, Meta(pattern=r"^(auto|off|(usb|pci)(:[0-9]{1,2})?)$")] = "auto"
    #: Needs of the task that follows, for example { gpu_vram_gb = 8 }.
    next_needs: dict[str, Any] = {}


class HeavySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[stage.heavy]`."""

    #: Full-resolution looks per second of a moment that matters.
    looks_per_second: Positive = 4.0
    #: Look at every frame, and do not trust the preprocess filter.
    thorough: bool = False
    #: Channels in which no plate is sought.
    skip_channels: tuple[str, ...] = ("interior",)
    #: Plate height in pixels below which no read is tried.
    min_plate_height: Annotated[int, Meta(ge=4)] = 10
    #: Countries whose plate formats count (none = any): for example ["ES", "FR"].
    regions: tuple[str, ...] = ()
    #: Threads for inference; 0 = as many as the machine has.
    threads: Annotated[int, Meta(ge=0, le=256)] = 0
    #: Second reader of frames: "av" or "decord".
    reader: str = "av"
    #: Who decodes: "cpu", "cuda" (NVDEC), or "auto" = CUDA where it is; what CUDA cannot, the CPU does.
    decoder: Literal["auto", "cpu", "cuda"] = "auto"
    #: File name in the models folder of an ONNX model that finds vehicles; "" = a known one, by hash.
    vehicle_model: str = ""
    #: Score from which a vehicle counts; 0 = as suits the model.
    vehicle_score: Fraction = 0.0
    #: Side of its input in pixels, where the model leaves that open; 0 = as its file says, else 640.
    vehicle_size: Annotated[int, Meta(ge=0, le=4096)] = 0
    #: Names of its classes in order, where its file does not say them: ["car", "bus", "truck"].
    vehicle_labels: tuple[str, ...] = ()
    #: File name in the models folder of an ONNX model that finds plates; "" = a known one, by hash.
    plate_model: str = ""
    #: Score from which a plate counts; 0 = as suits the model.
    plate_score: Fraction = 0.0
    #: Side of its input in pixels, where the model leaves that open; 0 = as its file says, else 640.
    plate_size: Annotated[int, Meta(ge=0, le=4096)] = 0
    #: Names of its classes in order, where its file does not say them; those with "plate" in them count.
    plate_labels: tuple[str, ...] = ()
    #: What reads plates: "rapidocr", "fast-plate-ocr", "rapidocr-onnxruntime"; "auto" = the best there.
    text_reader: TextReaderName = "auto"
    #: File name in the models folder of a reader's ONNX model; "" = a known one, or the one in the package.
    reader_model: str = ""
    #: Let TensorRT compute in 16 bits.
    half_precision: bool = False
    #: Seconds of a track that may lie between two reads of one plate.
    track_gap_seconds: Positive = 1.5
    #: Needs of the task that follows.
    next_needs: dict[str, Any] = {}


class ArchiveSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[stage.archive]`."""

    #: Where archives go; "" = `shed_nas` where this host has it, else the raw clip's place.
    place: str = ""
    #: Height of the low-resolution video in pixels.
    height: Annotated[int, Meta(ge=120, le=2160)] = 720
    #: x264 constant rate factor: lower is better and larger.
    crf: Annotated[int, Meta(ge=0, le=51)] = 26
    #: x264 preset: faster ones make larger files.
    preset: str = "veryfast"
