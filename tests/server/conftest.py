"""A real server for tests: in process for most, as a process where it must be killed."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from config.loader import ConfigurationLoader
from config.settings import Settings
from server.app import create_app
from server.services import DATABASE
from tests.tables import put_tables


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the homes of one test after the other are."""
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(scope="session")
def app_of() -> Callable[[Settings], Litestar]:
    """An app of some settings, made once: putting its routes together takes longer than most tests.

    Everything that an app knows begins when it starts, so that each test may start the same one anew.
    So do tables: a home without a database gets one that has them.
    """
    made: dict[bytes, Litestar] = {}

    def app(settings: Settings) -> Litestar:
        key = msgspec.json.encode(settings)
        if key not in made:
            made[key] = create_app(settings)
        put_tables(Path(settings.home) / DATABASE)
        return made[key]

    return app


@pytest.fixture
def settings(homes: Path) -> Iterator[Settings]:
    """Settings with a home in which nothing is yet; what a test puts beside it goes as well."""
    yield ConfigurationLoader({"DASHCAM_HOME": str(homes / "home")}).load()
    for each in homes.iterdir():
        shutil.rmtree(each)


@pytest.fixture
def client(settings: Settings, app_of: Callable[[Settings], Litestar]) -> Iterator[TestClient]:
    """A client of a running app over a real, new database file."""
    with TestClient(app_of(settings)) as running:
        yield running


@pytest.fixture
def api(client: TestClient) -> Callable[..., httpx.Response]:
    """Call `api("POST", "/tasks", {...})` below /api/v1."""

    def call(method: str, path: str, body: object = None, **more: object) -> httpx.Response:
        if body is not None:
            more["json"] = body
        return client.request(method, f"/api/v1{path}", **more)

    return call
