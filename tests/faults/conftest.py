"""What the fault tests share."""

from collections.abc import Callable

import pytest


@pytest.fixture
def tell(record_property) -> Callable[[str], None]:
    """Say what was broken and what was checked; printed at the end of the run."""
    return lambda sentence: record_property("fault", sentence)
