"""The list of videos in a browser: trips are joined and cut, and that is taken back; clips by channels and state."""

import sqlite3

import httpx
import pytest

from tests.web.looking import look
from tests.web.test_sign_in import closed, closed_tab, sign_in, token  # noqa: F401

expect = pytest.importorskip("playwright.sync_api", reason="needs the package playwright").expect


def trips(site):
    """How many clips each trip has, newest first."""
    return [each["clips_count"] for each in site.house.get("/trips")]


def test_everybody_can_edit_trips(own_tab, fresh):
    """axe-core finds nothing serious, nothing is wider than the screen, nothing moves; with edits to be undone, too."""
    named = [each["trip_id"] for each in fresh.house.get("/trips")]
    httpx.post(f"{fresh.url}/api/v1/trips/merge", json={"trip_ids": named}).raise_for_status()
    look(own_tab, "/videos?edit=1")


def test_trips_are_joined_cut_and_that_is_taken_back(own_tab, fresh):
    """By keys alone: two trips become one, a clip begins another, and undo leads back each time."""
    press = own_tab.page.keyboard.press
    assert trips(fresh) == [1, 2]
    own_tab.open("/videos")
    own_tab.page.locator("#edit").press("Enter")
    own_tab.wait_for_url("**/videos?edit=1")
    join = own_tab.page.locator("#join-them")
    expect(join).to_be_disabled()
    assert own_tab.locator("[data-act$='/split']").count() == 0
    for box in own_tab.page.locator("input.choose").all():
        box.press("Space")
    expect(own_tab.page.locator("#chosen")).to_have_text("2 trips are chosen")
    join.press("Enter")
    expect(own_tab.page.locator("#edits .undo")).to_have_count(1)
    assert trips(fresh) == [3]
    assert own_tab.page.locator("h3:has-text('Lately')").count() == 1
    own_tab.page.locator("[data-act$='/split']").press("Enter")
    expect(own_tab.page.locator("#edits .undo")).to_have_count(2)
    assert trips(fresh) == [1, 2]
    expect(own_tab.page.locator("#edits .undo").first).to_be_focused()
    press("Enter")
    expect(own_tab.page.locator("#edits .undo")).to_have_count(1)
    assert trips(fresh) == [3]
    own_tab.page.locator("#edits .undo").press("Enter")
    expect(own_tab.page.locator("#edits .undo")).to_have_count(0)
    assert trips(fresh) == [1, 2]


def test_what_cannot_be_joined_is_said(own_tab, fresh):
    """The server's sentence stands beside the button, and what was chosen stays chosen."""
    own_tab.pardon("400")
    own_tab.open("/videos?edit=1")
    for box in own_tab.page.locator("input.choose").all():
        box.check()
    named = [each["trip_id"] for each in fresh.house.get("/trips")]
    httpx.post(f"{fresh.url}/api/v1/trips/merge", json={"trip_ids": named}).raise_for_status()
    own_tab.click("#join-them")
    expect(own_tab.page.locator("#join-trouble")).to_contain_text("name at least two different trips")
    expect(own_tab.page.locator("#chosen")).to_have_text("2 trips are chosen")


def test_a_viewer_edits_no_trips(closed_tab, closed):  # noqa: F811
    """Neither the way to it nor its address is offered."""
    sign_in(closed_tab, token(closed.house, "viewer"), "/videos?edit=1")
    closed_tab.wait_for_selector(".clip")
    assert closed_tab.locator("#edit, #edits, .choose, [data-act]").count() == 0


def test_several_channels_at_once(tab):
    """Each is ticked by itself, the page that comes goes on there, and the next page of the list keeps them."""
    tab.open("/videos")
    tab.page.locator("input[name=channel][value=rear]").press("Space")
    tab.wait_for_url("**channel=rear")
    assert tab.locator(".clip").count() == 1
    box = tab.page.locator("input[name=channel][value=rear]")
    expect(box).to_be_focused()
    tab.check("input[name=channel][value=front]")
    tab.wait_for_url(lambda url: "channel=front" in url and "channel=rear" in url)
    assert tab.locator(".clip").count() == 2


def test_clips_by_their_state(own_tab, fresh):
    """What is archived, what gave up and what is still to be done, each by itself."""
    with sqlite3.connect(fresh.house.folder / "hosts" / "server" / "dashcam.sqlite") as database:
        database.execute("UPDATE clip SET archived = 0 WHERE video_id IN (?, ?)", (fresh.video, fresh.rear))
        database.execute(
            "UPDATE task SET state = 'failed', phase = 'gave_up' WHERE video_id = ?", (fresh.rear,)
        )
    database.close()
    own_tab.open("/videos")
    for state, clips in (("processed", 1), ("failed", 1), ("processing", 1), ("queued", 0)):
        own_tab.select_option("select[name=status]", state)
        own_tab.wait_for_url(f"**status={state}")
        assert own_tab.locator(".clip").count() == clips, state
        if clips and state != "processed":
            assert own_tab.inner_text(".clip").count(state) == 1
