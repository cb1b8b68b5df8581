"""A real browser before a real server with really processed clips."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from tests.house import House, wait_for
from tests.web import looking
from tests.web.looking import CHROMIUM, FLAGS, Tab

HERE = Path(__file__).parent


class Site(NamedTuple):
    """A server over processed clips. `video`: the front clip of a drive; `rear`: the other channel's."""

    house: House
    url: str
    video: str
    rear: str


@pytest.fixture(scope="session")
def axe() -> None:
    """axe-core, brought from npm once, as the build hook brings the browser parts."""
    if looking.AXE.is_file():
        return
    sys.path.insert(0, str(HERE.parents[1]))
    try:
        hatch_build = pytest.importorskip(
            "hatch_build", reason="needs the build requirements of make install"
        )
    finally:
        sys.path.pop(0)
    with tempfile.TemporaryDirectory() as made:
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(HERE / name, Path(made) / name)
        try:
            hatch_build.install(Path(made))
        except SystemExit as error:
            pytest.skip(f"axe-core could not be brought: {error}")
        looking.AXE.parent.mkdir(parents=True, exist_ok=True)
        for name in ("axe.min.js", "LICENSE"):
            shutil.copyfile(Path(made, "node_modules", "axe-core", name), looking.AXE.with_name(name))


@pytest.fixture(scope="session")
def processed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a server whose two drives went through every stage: front and rear, then front alone.

    Making it takes most of a minute. DASHCAM_WEB_FOOTAGE names a folder in which it is kept for the next run.
    """
    if CHROMIUM is None:
        pytest.skip("needs Chromium, which is not installed here")
    render = pytest.importorskip("stages.video.render", reason="needs the stages")
    if kept := os.environ.get("DASHCAM_WEB_FOOTAGE"):
        folder = Path(kept)
    elif "PYTEST_XDIST_WORKER" in os.environ:  # one for all workers of a run
        folder = tmp_path_factory.getbasetemp().parent / "web"
    else:
        folder = tmp_path_factory.mktemp("web")
    try:
        (folder / "card").mkdir(parents=True)
    except FileExistsError:
        wait_for(lambda: (folder / "done").exists() or (folder / "failed").exists(), seconds=900)
        assert (folder / "done").exists(), "another worker could not make it"
    else:
        with made_or_failed(folder):
            make(render, folder)
    return folder / "hosts" / "server"


@contextlib.contextmanager
def made_or_failed(folder: Path) -> Iterator[None]:
    """Say to those who wait how it ended."""
    try:
        yield
    except BaseException:
        (folder / "failed").touch()
        raise
    (folder / "done").touch()


def make(render: ModuleType, folder: Path) -> None:
    """Render the drives and run them through every stage."""
    card = folder / "card"
    size = {"width": 960, "height": 540, "fps": 12}
    render.render_drive(card, seed=7, seconds=8, **size)
    render.render_drive(card, seed=8, seconds=8, channel="R", **size)
    later = datetime(2026, 6, 2, 8, 5)  # noqa: DTZ001 - a camera's clock has no zone
    render.render_drive(card, seed=9, seconds=4, start=later, **size)
    done = House(folder).command("server", "run", str(card))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def site(processed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that the tests of a module look at, and leave as it is."""
    yield from served(processed, tmp_path_factory.mktemp("site"))


@pytest.fixture
def fresh(processed: Path, tmp_path: Path) -> Iterator[Site]:
    """A server of one's own, to be changed."""
    yield from served(processed, tmp_path)


def served(processed: Path, folder: Path, settings: str = "") -> Iterator[Site]:
    """A server over a copy of the processed clips, with these settings, until the end."""
    house = House(folder)
    home = folder / "hosts" / "server"
    shutil.copytree(processed, home)
    with sqlite3.connect(home / "dashcam.sqlite") as database:
        videos = [{"video_id": row[0]} for row in database.execute("SELECT video_id FROM clip")]
    database.close()
    if settings:
        (home / "dashcam.toml").write_text(settings)
    try:
        house.server()
        front, rear = (
            next(
                each["video_id"]
                for each in videos
                if f"-{channel}-" in each["video_id"] and "0601" in each["video_id"]
            )
            for channel in "FR"
        )
        yield Site(house, house.url, front, rear)
    finally:
        for running in house.running:
            running.kill()


@pytest.fixture(scope="module")
def chromium():
    """The browser. One per module: while its loop stands, no test of this process could start another loop."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    if CHROMIUM is None:
        pytest.skip("needs Chromium, which is not installed here")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium, site: Site, axe: None) -> Iterator[Tab]:
    """A tab before `site`; at the end nothing may have failed, gone elsewhere or been complained of."""
    yield from watched(chromium, site.url)


@pytest.fixture
def own_tab(chromium, fresh: Site) -> Iterator[Tab]:
    """A tab before `fresh`."""
    yield from watched(chromium, fresh.url)


def watched(chromium, url: str) -> Iterator[Tab]:
    """A tab before a server; at the end nothing may have gone wrong in it."""
    tab = Tab(chromium, url)
    yield tab
    tab.context.close()
    assert tab.faults() == []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They take seconds, and one process makes what they look at for all of them."""
    for item in items:
        if "processed" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.xdist_group("pages"))
