"""The request log: what is in it, and what never is."""

import re

from tests.house import wait_for


def test_requests_are_logged_without_secrets(house):
    """Each request has a line, failed ones their reason; tokens, queries and line breaks are not in it."""
    import httpx

    server = house.server()
    headers = {"Authorization": "Bearer hidden-token"}
    httpx.get(f"{house.url}/api/v1/tasks?token=hidden-query", headers=headers)
    httpx.post(f"{house.url}/api/v1/tasks", json={"task_type": "NO"}, headers=headers)
    httpx.get(f"{house.url}/api/v1/tasks/%0d%0aFAKE%20line")
    log = house.folder / "hosts" / "server" / "server.log"
    wait_for(lambda: log.exists() and "FAKE" in log.read_text(), server)
    text = log.read_text()
    assert re.search(r"INFO 127.0.0.1 GET /api/v1/tasks 200 [\d.]+ms", text)
    assert re.search(r"WARNING 127.0.0.1 POST /api/v1/tasks 400 [\d.]+ms task_type must be one of", text)
    assert "hidden" not in text
    assert not re.search(r"^FAKE", text, re.MULTILINE)
    assert server.stop() == 0


def test_log_file_can_be_named(house, tmp_path):
    """`--log-file` puts it elsewhere."""
    server = house.start("s", "server", "--port", "0", "--log-file", str(tmp_path / "logs" / "d.log"))
    wait_for(lambda: (tmp_path / "logs" / "d.log").exists(), server)
    assert server.stop() == 0


def test_end_of_v1_is_announced_when_set(settings):
    """Once a date is set, v1's answers carry it and name v2; before that they do not."""
    import msgspec
    from litestar.testing import TestClient

    from server.app import create_app

    announced = msgspec.structs.replace(settings.server, v1_ends="2030-01-31")
    with TestClient(create_app(msgspec.structs.replace(settings, server=announced))) as client:
        headers = client.get("/api/v1/tasks").headers
        assert headers["Deprecation"] == "@1896048000"
        assert headers["Sunset"] == "Thu, 31 Jan 2030 00:00:00 GMT"
        assert "/api/v2/" in headers["Link"]
        assert "Deprecation" not in client.get("/health").headers
