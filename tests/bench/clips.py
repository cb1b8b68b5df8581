"""How many plates of whole clips come out of the product, from the clip to the sightings.

Run: `python tests/bench/clips.py FOLDER [--models DIR] [--only WORD] [--thorough] [--json]`. Each clip of the folder goes
through `dashcam run` with default settings, in a home of its own. The plates that are to be found are read from
`clips.toml` beside this file, by the clip's name; where FOLDER has a `NAME.frames.tsv` (frame, file: photos put together
as a clip), from the table `labels.tsv` of those photos (file, text, legibility, ...), given with `--labels`.

Columns: `plates` that a person can read, `confirmed` of them, `found` of them as a sighting or as a candidate,
`false` confirmed ones that are none of the clip's, `per 100` the same per hundred frames, `s` wall time of all stages.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import av
from plates import SHARED, need

from stages.vision.grammar import fold

HERE = Path(__file__).resolve().parent
CLIPS = (".mp4", ".ts", ".mkv", ".mov", ".avi")


class Truth(NamedTuple):
    """`plates`: each must be found. `allowed`: true as well, but hard to read: no false ones, and not missed."""

    plates: list[str]
    allowed: list[str]


def truth_of(clip: Path, labels: Path | None) -> Truth | None:
    """What is to be found in a clip; None where nobody has said so."""
    frames = clip.with_suffix(".frames.tsv")
    if frames.exists():
        return _from_labels(frames, labels) if labels else None
    known = tomllib.loads((HERE / "clips.toml").read_text())
    row = known.get(clip.stem)
    return None if row is None else Truth(row["plates"], row.get("allowed", []))


def _from_labels(frames: Path, labels: Path) -> Truth:
    head, *rows = (line.split("\t") for line in labels.read_text().splitlines())
    shown = {line.split("\t")[1] for line in frames.read_text().splitlines()[1:]}
    told = [dict(zip(head, row, strict=True)) for row in rows]
    here = [each for each in told if each["file"] in shown]
    good = sorted({each["text"] for each in here if each["legibility"] == "good"})
    return Truth(good, sorted({each["text"] for each in here} - set(good) - {""}))


def run(clip: Path, models: Path | None, *, thorough: bool) -> dict[str, Any]:
    """`dashcam run` on one clip; the entry of its JSON. Raises `CalledProcessError` when it fails."""
    with tempfile.TemporaryDirectory() as home:
        given = {name: value for name, value in os.environ.items() if not name.startswith("DASHCAM_")}
        given["DASHCAM_HOME"] = home
        given["DASHCAM_MODELS_DIR"] = str(models.resolve()) if models else str(Path(home, "none"))
        if thorough:
            (Path(home) / "config.toml").write_text("[stage.heavy]\nthorough = true\n")
            given["DASHCAM_CONFIG"] = str(Path(home) / "config.toml")
        command = [sys.executable, "-m", "dashcam_cli.main", "run", str(clip.resolve()), "--json"]
        out = subprocess.run(command, env=given, check=True, capture_output=True, text=True).stdout
    entry: dict[str, Any] = json.loads(out)["videos"][0]
    return entry


def row_of(clip: Path, truth: Truth, entry: dict[str, Any]) -> dict[str, Any]:
    """The figures of one clip."""
    sightings = entry["sightings"]
    confirmed = {s["plate"] for s in sightings if s["confirmed"]}
    told = {s["plate"] for s in sightings} | {c["plate"] for s in sightings for c in s["candidates"]}
    false = sorted(confirmed - set(truth.plates) - set(truth.allowed))
    frames = frames_of(clip)
    return {
        "plates": len(truth.plates),
        "confirmed": len(confirmed & set(truth.plates)),
        "found": len(told & set(truth.plates)),
        "false": len(false),
        "per 100": round(100 * len(false) / frames, 2),
        "frames": frames,
        "s": round(sum(stage["seconds"] for stage in entry["stages"].values()), 1),
        "stages": {name: stage["seconds"] for name, stage in entry["stages"].items()},
        "missed": sorted(set(truth.plates) - told),
        "missed, but for look-alikes": sorted(
            p for p in set(truth.plates) - told if fold(p) not in map(fold, told)
        ),
        "false ones": false,
        "unconfirmed": sorted(s["plate"] for s in sightings if not s["confirmed"]),
    }


def frames_of(clip: Path) -> int:
    """Pictures in a clip, counted by its packets."""
    with av.open(str(clip)) as container:
        return sum(1 for packet in container.demux(container.streams.video[0]) if packet.size)


def main() -> None:
    """Run each clip, count, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=SHARED / "clips")
    parser.add_argument("--models", type=Path, help="folder of downloaded models; none without")
    table = SHARED / "plates-dashcam" / "labels.tsv"
    of_photos = "table of the plates on the photos that a clip is made of"
    parser.add_argument("--labels", type=Path, default=table if table.exists() else None, help=of_photos)
    parser.add_argument("--only", help="only clips with this in their name")
    parser.add_argument("--thorough", action="store_true", help="look at every frame")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    need([asked.folder])
    rows: dict[str, Any] = {}
    for clip in sorted(
        p for p in asked.folder.iterdir() if p.suffix in CLIPS and (asked.only or "") in p.name
    ):
        truth = truth_of(clip, asked.labels)
        if truth is None:
            print(f"{clip.name}: no truth is known, left out", file=sys.stderr)
            continue
        rows[clip.name] = row_of(clip, truth, run(clip, asked.models, thorough=asked.thorough))
        if not asked.json:
            _show(clip.name, rows[clip.name], first=len(rows) == 1)
    if asked.json:
        print(json.dumps(rows, indent=1))


def _show(name: str, row: dict[str, Any], *, first: bool) -> None:
    columns = ["plates", "confirmed", "found", "false", "per 100", "s"]
    if first:
        print(f"{'clip':<26}" + "".join(f"{column:>10}" for column in columns))
    print(f"{name:<26}" + "".join(f"{row[column]!s:>10}" for column in columns))
    for what in ("missed", "false ones", "unconfirmed"):
        if row[what]:
            print(f"  {what}: {', '.join(row[what])}")


if __name__ == "__main__":
    main()
