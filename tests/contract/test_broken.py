"""The contract is worth something: a store that breaks one of its rules fails the test of that rule."""

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest

from server.store import Store
from tests.contract.backends import BACKENDS, Backend
from tests.contract.broken import BROKEN


def contract() -> dict[str, Callable[[Store], None]]:
    """Every test of the contract by its name."""
    tests = {}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        if path.stem != Path(__file__).stem:
            found = vars(importlib.import_module(f"tests.contract.{path.stem}"))
            tests |= {name: test for name, test in found.items() if name.startswith("test_")}
    return tests


def failing(open_store: Backend, folder: Path) -> set[str]:
    """The names of the tests that a backend fails."""
    failed = set()
    for name, test in contract().items():
        (folder / name).mkdir()
        with open_store(folder / name) as store:
            try:
                test(store)
            except Exception:  # noqa: BLE001  # a broken store may fail in any way
                failed.add(name)
    return failed


def test_the_whole_contract_is_run():
    """The tests are found as pytest finds them: one argument, some of every part."""
    tests = contract()
    assert len(tests) > 50
    assert {test.__code__.co_argcount for test in tests.values()} == {1}


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKENDS)
def test_a_whole_store_passes(name: str, tmp_path: Path):
    """Run in this way too, a backend that breaks no rule fails no test."""
    assert failing(BACKENDS[name], tmp_path) == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_store_is_caught(name: str, tmp_path: Path):
    """Each broken store fails the tests of the rule that it breaks."""
    open_store, named = BROKEN[name]
    assert named <= contract().keys()
    assert named - failing(open_store, tmp_path) == set()
