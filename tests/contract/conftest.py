"""Every test of the contract runs once for each backend, on a store of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.store import Store
from tests.contract.backends import BACKENDS


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each backend."""
    with BACKENDS[request.param](tmp_path) as opened:
        yield opened
