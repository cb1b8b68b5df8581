"""Whatever a card holds, describing it ends, in bounded memory, with facts or one of two errors."""

import random
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.footage.alone import log_alone
from stages.footage.clip import describe
from tests.fuzz.targets import TARGETS, Seed, attempt, made_seeds, mutated, shared_seeds

#: Bytes that a target may hold at once, and may read, for a file of at most 400 kB.
MEMORY, READS = 128 << 20, 1 << 30


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[Seed]:
    """Small right files of many kinds."""
    return made_seeds(tmp_path_factory.mktemp("seeds"))


@pytest.fixture(autouse=True)
def _no_exiftool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own readers are asked."""
    monkeypatch.setenv("PATH", "")


def _bytes_read() -> int:
    """Bytes that this process has read; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/io").read_text().split("rchar: ")[1].split()[0])
    except OSError:
        return 0


def _bounded(target: str, folder: Path, seed: Seed, seeds: list[Seed], number: int) -> None:
    data = mutated(seed, seeds, random.Random(number))
    tracemalloc.start()
    begun = _bytes_read()
    try:
        attempt(target, folder, seed.name, data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MEMORY
    assert _bytes_read() - begun < READS


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(TARGETS)), st.integers(0, 1 << 32), st.data())
def test_mutated_files(
    tmp_path_factory: pytest.TempPathFactory,
    seeds: list[Seed],
    target: str,
    number: int,
    data: st.DataObject,
) -> None:
    """A right file with bits flipped, pieces doubled, cut or spliced in and sizes changed harms nobody."""
    seed = data.draw(st.sampled_from(seeds))
    _bounded(target, tmp_path_factory.mktemp("case"), seed, seeds, number)


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.usefixtures("shared")
@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(TARGETS)), st.integers(0, 1 << 32))
def test_mutated_real_files(tmp_path_factory: pytest.TempPathFactory, target: str, number: int) -> None:
    """The same with real and anonymised files of many makers."""
    seeds = shared_seeds()
    seed = seeds[number % len(seeds)]
    _bounded(target, tmp_path_factory.mktemp("case"), seed, seeds, number)


def test_seeds_are_right(tmp_path: Path, seeds: list[Seed]) -> None:
    """The files that are mutated are read in full: else the fuzzing would stop at their door."""
    with_route = 0
    for seed in seeds:
        path = tmp_path / seed.name
        path.write_bytes(seed.data)
        log = log_alone(path)
        with_route += bool(log[1] if log else describe(path).route)
        path.unlink()
    assert with_route >= 12
