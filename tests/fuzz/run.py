"""Fuzz the readers of clips and logs by hand, for as long as one likes.

    python -m tests.fuzz.run [TARGET ...] --seconds 300          plain Python, nothing to install
    python -m tests.fuzz.run describe --atheris -max_total_time=300   with coverage guidance

The second one needs atheris (`pip install atheris`; Linux and macOS, CPython up to what its wheels cover); what
follows `--atheris` goes to libFuzzer. Targets: describe (the default), container, alone, report.
Seeds are made here, and taken from ../shared/data/gps where that is there. An input that raises anything but
OSError or SettingsError, that takes more than --slow seconds of the processor or --memory MiB (0: not measured, and
four times as fast) is kept in the folder --keep; exit code 1.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
import tracemalloc
from pathlib import Path

#: What stands in targets.py: that is imported later, because atheris must see it being imported.
TARGETS = ("describe", "container", "alone", "report")


def main() -> int:
    """Read the arguments and fuzz; 1 when something was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("targets", nargs="*", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None, help="of the random numbers")
    parser.add_argument("--slow", type=float, default=5.0)
    parser.add_argument("--memory", type=float, default=200.0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--exiftool", action="store_true", help="let ExifTool run too (slow)")
    parser.add_argument("--atheris", nargs=argparse.REMAINDER)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        return guided(given.targets[0], given.work, given.atheris)
    if not given.exiftool:
        os.environ["PATH"] = ""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:  # noqa: S108
        targets = given.targets or ["describe"]
        if unknown := set(targets) - set(TARGETS):
            parser.error(f"no target {', '.join(unknown)}; there are {', '.join(TARGETS)}")
        (Path(folder) / "seeds").mkdir()
        (Path(folder) / "work").mkdir()
        if (
            given.atheris is not None
        ):  # libFuzzer ends its process as it likes: a child's, that we clean up after
            command = [sys.executable, "-m", "tests.fuzz.run", targets[0], "--work", folder, "--atheris"]
            return subprocess.run([*command, *given.atheris]).returncode
        return plain(targets, Path(folder), given)


def plain(targets: list[str], folder: Path, given: argparse.Namespace) -> int:
    """Random mutations in a loop."""
    from tests.fuzz.targets import attempt, cases, made_seeds, shared_seeds

    seeds = made_seeds(folder / "seeds") + shared_seeds()
    number = given.seed if given.seed is not None else random.SystemRandom().randrange(1 << 32)
    rng, work = random.Random(number), folder / "work"
    print(f"{len(seeds)} seeds, random seed {number}, targets {', '.join(targets)}")
    count = found = 0
    slowest, largest = 0.0, 0
    if given.memory:
        tracemalloc.start()
    end = time.monotonic() + given.seconds
    for case in cases(seeds, rng):
        if time.monotonic() > end:
            break
        target = rng.choice(targets)
        count += 1
        if given.memory:
            tracemalloc.reset_peak()
        base, begun = tracemalloc.get_traced_memory()[0], time.process_time()
        try:
            attempt(target, work, case.name, case.data)
            trouble = ""
        except Exception:  # noqa: BLE001  # every kind of fault is what is looked for
            trouble = traceback.format_exc()
        took, used = time.process_time() - begun, tracemalloc.get_traced_memory()[1] - base
        slowest, largest = max(slowest, took), max(largest, used)
        if took > given.slow:
            trouble = trouble or f"it took {took:.1f} s"
        if given.memory and used > given.memory * (1 << 20):
            trouble = trouble or f"it took {used >> 20} MiB"
        if trouble:
            found += 1
            given.keep.mkdir(exist_ok=True)
            (given.keep / f"{target}-{found}-{case.name}").write_bytes(case.data)
            print(f"--- {target}, {case.name}, {len(case.data)} bytes\n{trouble}")
    print(f"{count} cases, {found} findings, slowest {slowest:.2f} s, largest {largest >> 10} KiB")
    return 1 if found else 0


def guided(target: str, folder: Path, arguments: list[str]) -> int:
    """Coverage-guided by atheris: the first byte chooses the name that the rest is tried under."""
    import atheris

    with atheris.instrument_imports(include=["stages"]):
        from tests.fuzz.targets import attempt, made_seeds, shared_seeds
    seeds = made_seeds(folder / "seeds") + shared_seeds()
    names = sorted({Path(seed.name).suffix.lower() or ".mp4": seed.name for seed in seeds}.values())
    corpus, work = folder / "corpus", folder / "work"
    corpus.mkdir()
    for i, seed in enumerate(seeds):
        same = next(
            n
            for n, name in enumerate(names)
            if Path(name).suffix.lower() == (Path(seed.name).suffix.lower() or ".mp4")
        )
        (corpus / str(i)).write_bytes(bytes([same]) + seed.data)

    def one(data: bytes) -> None:
        if data:
            attempt(target, work, names[data[0] % len(names)], data[1:])

    atheris.Setup([sys.argv[0], str(corpus), *arguments], one)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
