"""Signing in and roles, in a browser, before a server that asks everybody for a token."""

import json

import pytest

from tests.house import House
from tests.web.conftest import served, watched
from tests.web.looking import look

REQUIRED = "[auth]\nrequired = true\n"


@pytest.fixture
def closed(processed, tmp_path):
    """A server that asks for tokens."""
    yield from served(processed, tmp_path, settings=REQUIRED)


@pytest.fixture
def closed_tab(chromium, closed, axe):
    """A tab before it. What it is refused is provoked."""
    for tab in watched(chromium, closed.url):
        tab.pardon("401")
        yield tab


def token(house: House, role: str) -> str:
    """A token's text."""
    made = house.command("server", "token", "create", f"a {role}", "--role", role, "--json")
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)["token"]


def sign_in(tab, text, path="/queue"):
    """By the form that stands in the place of a page."""
    tab.open(path)
    tab.fill("#token", text)
    tab.click("text=Sign in >> nth=-1")


def test_the_form_leads_on(closed_tab, closed):
    """A page asks for a token; a wrong one is refused in words; the right one leads to that very page."""
    closed_tab.open("/queue?state=complete")
    assert closed_tab.locator("nav.pages").count() == 0
    closed_tab.fill("#token", "wrong")
    closed_tab.keyboard.press("Enter")
    closed_tab.wait_for_selector("[role=alert]")
    closed_tab.fill("#token", token(closed.house, "viewer"))
    closed_tab.keyboard.press("Enter")
    closed_tab.wait_for_url("**/queue?state=complete")
    assert closed_tab.locator(".task").count() == 12
    closed_tab.wait_for_selector(".live[data-live=yes]")


def test_a_viewer_looks_and_changes_nothing(closed_tab, closed):
    """No button that would be refused is offered; what is open to admins alone is not shown."""
    sign_in(closed_tab, token(closed.house, "viewer"))
    closed_tab.wait_for_selector("table.counts")
    assert closed_tab.locator("[data-act]").count() == 0
    closed_tab.open("/devices")
    assert closed_tab.locator("[data-act]").count() == 0
    closed_tab.open("/settings")
    assert "Signed in as a viewer" in closed_tab.inner_text("main")
    assert "Tokens" not in closed_tab.inner_text("main")
    assert str(closed.house.folder) not in closed_tab.inner_text("main")


def test_an_admin_makes_and_revokes_tokens(closed_tab, closed):
    """A token is shown once and works; revoked it does not; the list shows both."""
    sign_in(closed_tab, token(closed.house, "admin"), "/settings")
    closed_tab.fill("[name=name]", "kitchen tablet")
    closed_tab.fill("[name=days]", "30")
    closed_tab.click("text=Make a token")
    closed_tab.wait_for_selector("#made:not([hidden])")
    made = closed_tab.input_value("#made-token")
    closed_tab.wait_for_selector("td:has-text('kitchen tablet')")
    look(closed_tab, "/settings")
    assert (
        closed_tab.request.get(
            f"{closed.url}/api/v1/tasks", headers={"Authorization": f"Bearer {made}"}
        ).status
        == 200
    )
    closed_tab.once("dialog", lambda dialog: dialog.accept())
    closed_tab.get_by_role("button", name="Revoke kitchen tablet").click()
    closed_tab.wait_for_selector("tr:has-text('kitchen tablet') >> text=revoked")
    assert (
        closed_tab.request.get(
            f"{closed.url}/api/v1/tasks", headers={"Authorization": f"Bearer {made}"}
        ).status
        == 401
    )


def test_an_admin_downloads_a_backup(closed_tab, closed, tmp_path):
    """One press; what comes is a database."""
    sign_in(closed_tab, token(closed.house, "admin"), "/settings")
    with closed_tab.page.expect_download() as coming:
        closed_tab.click("text=Download a backup")
    coming.value.save_as(tmp_path / "got.sqlite")
    assert coming.value.suggested_filename == "dashcam-backup.sqlite"
    assert (tmp_path / "got.sqlite").read_bytes().startswith(b"SQLite format 3\0")


def test_signing_out_ends_it(closed_tab, closed):
    """Also for a page that is open: its next press leads to the form."""
    sign_in(closed_tab, token(closed.house, "admin"))
    closed_tab.wait_for_selector("table.counts")
    other = closed_tab.context.new_page()
    other.goto(f"{closed.url}/devices")
    closed_tab.open("/settings")
    closed_tab.click("text=Sign out")
    closed_tab.wait_for_url("**/login")
    other.get_by_role("button", name="Drain").first.click()
    other.wait_for_url("**/login?next=%2Fdevices")


def test_what_a_viewer_may_not_see_is_refused_as_a_page(closed_tab, closed):
    """An admin's page is refused in the site's look, with a way to sign in as somebody else."""
    closed_tab.pardon("403")
    sign_in(closed_tab, token(closed.house, "viewer"))
    closed_tab.wait_for_selector("table.counts")
    look(closed_tab, "/watchlist")
    assert "role admin" in closed_tab.inner_text("main")
    closed_tab.click("text=Sign in with another token")
    closed_tab.wait_for_url("**/login?next=/watchlist")
