"""What every test may use."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.house import House

# No test asserts wall time: an example may take as long as a busy machine makes it.
settings.register_profile("untimed", parent=settings(), deadline=None)
settings.load_profile("untimed")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real clips, photos and models; tests skip where it is missing."""
    data = SHARED / "data"
    if not data.is_dir():
        pytest.skip("needs the real clips and photos in ../shared/data, which are not part of the repository")
    return data


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Hosts below one folder, each with a home of its own; whatever still runs at the end is killed."""
    made = House(tmp_path)
    yield made
    for running in made.running:
        if running.process.poll() is None:
            running.kill()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that start processes of ours take seconds each: they are slow without saying so."""
    for item in items:
        if "house" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


def pytest_terminal_summary(terminalreporter) -> None:
    """What the fault tests broke, and what held."""
    reports = [report for each in ("passed", "failed") for report in terminalreporter.stats.get(each, [])]
    told = [
        text for report in reports for name, text in getattr(report, "user_properties", []) if name == "fault"
    ]
    if told:
        terminalreporter.section("faults")
        for sentence in sorted(set(told)):
            terminalreporter.write_line(sentence)
