"""A real server for tests: in process for most, as a process where it must be killed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from litestar.testing import TestClient

from config.loader import ConfigurationLoader
from config.settings import Settings
from server.app import create_app


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a home of its own."""
    return ConfigurationLoader({"DASHCAM_HOME": str(tmp_path / "home")}).load()


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """A client of a running app over a real database file."""
    with TestClient(create_app(settings)) as running:
        yield running


@pytest.fixture
def api(client: TestClient) -> Callable[..., httpx.Response]:
    """Call `api("POST", "/tasks", {...})` below /api/v1."""

    def call(method: str, path: str, body: object = None, **more: object) -> httpx.Response:
        if body is not None:
            more["json"] = body
        return client.request(method, f"/api/v1{path}", **more)

    return call
