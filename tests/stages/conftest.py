"""What every test of a stage may use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.stages.work import TestWork, kept_place


@pytest.fixture
def make_work(tmp_path: Path) -> Callable[..., TestWork]:
    """`make_work(settings, {"indoor_nas": folder, ...}, models=..., cancel_after=...)` makes a `Work`.

    Each folder is made and marked as a kept place. Without places there is one, `indoor_nas`,
    at `tmp_path/indoor_nas`.
    """
    made = 0

    def make(settings: Any, places: dict[str, Path] | None = None, **more: Any) -> TestWork:
        nonlocal made
        made += 1
        roots = places if places is not None else {"indoor_nas": tmp_path / "indoor_nas"}
        kept = {name: kept_place(root, name) for name, root in roots.items()}
        return TestWork(settings, kept, tmp_path / f"scratch-{made}", **more)

    return make
