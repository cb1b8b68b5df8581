"""What every test may use."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real clips, photos and models; tests skip where it is missing."""
    data = SHARED / "data"
    if not data.is_dir():
        pytest.skip("needs the real clips and photos in ../shared/data, which are not part of the repository")
    return data
