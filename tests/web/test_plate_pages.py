"""Search as one types, a plate's page, known plates, the watchlist: in a real browser."""

import re

import httpx
import pytest

from tests.web.looking import PHONE, look

expect = pytest.importorskip("playwright.sync_api", reason="needs the package playwright").expect

TAGS = re.compile(r"\s+")


@pytest.fixture
def plates(site):
    """The plates that were read, the surest first."""
    found = site.house.get("/webui/plates?expand=confirmed&limit=100")
    return list(dict.fromkeys(each["plate_text"] for each in sorted(found, key=lambda e: -e["confidence"])))


@pytest.fixture
def fresh_plates(fresh):
    """The plates of a server of one's own, with how often each was seen."""
    found = fresh.house.get("/webui/plates?limit=1000")
    counts = {}
    for each in found:
        counts[each["plate_text"]] = counts.get(each["plate_text"], 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: -pair[1]))


def shown(tab):
    """The plates on the page, in order."""
    return [link.inner_text() for link in tab.page.query_selector_all("#found a.plate")]


def test_everybody_can_use_them(tab, plates):
    """axe-core finds nothing serious, nothing is wider than the screen, nothing moves while it loads."""
    for path in (
        "/plates", f"/plates?q={plates[0][:3]}", "/plates?q=NOSUCH1", f"/plates/{plates[0]}", "/known", "/watchlist",
    ):  # fmt: skip
        if "NOSUCH" in path:
            tab.pardon("404")
        look(tab, path)


def test_search_while_typing(tab, plates):
    """Each keystroke narrows; the address follows; only the last answer is shown; hits say why they fit."""
    tab.open("/plates")
    part = plates[0][1:4]
    tab.page.keyboard.press("/")
    tab.page.keyboard.type(part.lower(), delay=20)
    tab.page.wait_for_url(f"**/plates?q={part.lower()}")
    tab.page.wait_for_selector('#found[aria-busy="false"]')
    assert all(part in plate for plate in shown(tab))
    assert plates[0] in shown(tab)
    assert tab.page.inner_text("#found a.plate mark") == part
    wild = f"{plates[0][0]}?{plates[0][2]}*"
    tab.page.fill("[data-search]", wild)
    expect(tab.page.locator("#found .why").first).to_contain_text(f"fits {wild}")
    assert plates[0] in shown(tab)


def test_a_wrong_character_is_found_and_said(tab, plates):
    """Nothing holds it: similar ones are offered, each with what is different."""
    plate = next(each for each in plates if len(each) >= 6)
    wrong = plate[:2] + ("X" if plate[2] != "X" else "Y") + plate[3:]
    tab.open(f"/plates?q={wrong}")
    assert plate in shown(tab)
    assert f"{plate[2]} instead of" in tab.page.inner_text("#found")


def test_results_without_script_are_the_same(chromium, site, plates):
    """The form works by itself."""
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/plates")
    page.fill("input[name=q]", plates[0])
    page.click("button.main")
    assert page.url.startswith(f"{site.url}/plates?q={plates[0]}")
    assert plates[0] in page.inner_text("#found")
    context.close()


def test_from_a_hit_to_the_right_second(tab, site, plates):
    """A hit leads into the clip at its moment, and to the page of its plate."""
    tab.open(f"/plates?q={plates[0]}&match=exact")
    seen = site.house.get(f"/webui/plates?plate_query={plates[0]}&match=exact&expand=first_seconds")[0]
    link = tab.page.locator("#found .hit").first.locator(f'a[href^="/videos/{seen["video_id"]}"]')
    assert link.get_attribute("href").endswith(f"?t={seen['first_seconds']:.1f}")
    tab.page.locator("#found a.plate").first.click()
    tab.page.wait_for_selector(".portrait")
    assert plates[0] in tab.page.inner_text("h1")
    tab.page.wait_for_selector("#map canvas, #nowhere:not([hidden])", state="attached")
    assert tab.page.query_selector_all(".month a")


def test_a_box_drawn_on_the_map_narrows(tab):
    """The field holds the box; what lies outside of it is gone; Anywhere takes it away."""
    tab.open("/plates")
    before = len(shown(tab))
    tab.page.click("#filters summary")
    tab.page.click("#draw")
    box = tab.page.locator("#area").bounding_box()
    tab.page.mouse.move(box["x"] + 100, box["y"] + 60)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + 160, box["y"] + 110)
    tab.page.mouse.up()
    tab.page.wait_for_url("**bbox=**")
    assert len(tab.page.input_value("input[name=bbox]").split(",")) == 4
    tab.page.click("#anywhere")
    expect(tab.page.locator("#found a.plate")).to_have_count(before)


def test_correct_and_undo(own_tab, fresh, fresh_plates):
    """A plate becomes another one, its old page says so, and undo brings it back."""
    plate, count = next(iter(fresh_plates.items()))
    own_tab.open(f"/plates/{plate}")
    form = own_tab.page.locator('form[data-send$="/correct"][data-moves]')
    form.locator("input").fill("NEW 123")
    form.locator("button").click()
    own_tab.page.wait_for_url("**/plates/NEW123")
    assert f"{plate} is NEW123 ({count} sighting" in TAGS.sub(" ", own_tab.page.inner_text("main"))
    assert fresh.house.get(f"/webui/plates?plate_query={plate}&match=exact") == []
    own_tab.open(f"/plates/{plate}")
    assert "shown as NEW123" in TAGS.sub(" ", own_tab.page.inner_text(".portrait"))
    own_tab.page.click('button[aria-label^="Undo"]')
    own_tab.page.wait_for_selector("text=Say what it is")
    own_tab.page.wait_for_selector(".portrait .facts")
    assert len(fresh.house.get(f"/webui/plates?plate_query={plate}&match=exact&limit=1000")) == count


def test_what_is_refused_is_said_in_its_form(own_tab, fresh_plates):
    """The server's sentence stands where it was typed."""
    own_tab.pardon("404")
    own_tab.open(f"/plates/{next(iter(fresh_plates))}")
    form = own_tab.page.locator('form[data-send$="/merge"]')
    form.locator("input").fill("NOWHERE1")
    form.locator("button").click()
    form.locator(".trouble").wait_for()
    assert "NOWHERE1 not found" in form.locator(".trouble").inner_text()


def test_dismiss_merge_and_one_sighting(own_tab, fresh, fresh_plates):
    """No plate, another plate, and one sighting only: each shows, each is taken back."""
    first, second = list(fresh_plates)[:2]
    own_tab.page.on("dialog", lambda dialog: dialog.accept())
    own_tab.open(f"/plates/{first}")
    own_tab.page.click('button[data-act$="/dismiss"] >> nth=0')
    own_tab.page.wait_for_selector("text=somebody said that it is no plate")
    own_tab.page.click('button[aria-label^="Undo"]')
    own_tab.page.wait_for_selector(".portrait .facts")
    own_tab.page.locator('form[data-send$="/merge"] input').fill(second)
    own_tab.page.locator('form[data-send$="/merge"] button').click()
    own_tab.page.wait_for_url(f"**/plates/{second}")
    own_tab.page.click('button[aria-label^="Undo"]')
    expect(own_tab.page.locator('button[aria-label^="Undo"]')).to_have_count(0)
    own_tab.page.locator("details summary").first.click()
    own_tab.page.locator('form[data-send^="POST /api/v1/sightings/"] input').first.fill("ONLY1")
    own_tab.page.locator('form[data-send^="POST /api/v1/sightings/"] button').first.click()
    own_tab.page.wait_for_selector('button[aria-label^="Undo"]')
    assert [each["plate_text"] for each in fresh.house.get("/webui/plates?plate_query=ONLY1")] == ["ONLY1"]


def test_a_known_plate_is_named_and_left_out_of_lists(own_tab, fresh_plates):
    """Its name is shown; the list has it no more; a search still finds it."""
    plate = next(iter(fresh_plates))
    own_tab.open(f"/plates/{plate}")
    own_tab.page.fill("input[name=name]", "<b>Anna's</b> Golf")
    own_tab.page.fill("textarea[name=text]", "parks in the drive")
    own_tab.page.click('form[data-send$="/name"] button >> nth=0')
    own_tab.page.wait_for_selector("h1 .mark.now")
    assert "<b>Anna's</b> Golf" in own_tab.page.inner_text("h1")
    own_tab.open("/plates")
    assert plate not in shown(own_tab)
    own_tab.open(f"/plates?q={plate}")
    assert "<b>Anna's</b> Golf" in own_tab.page.inner_text("#found")
    own_tab.open("/known")
    assert plate in own_tab.page.inner_text("main")


def test_a_long_name_fits_a_phone(own_tab, fresh, fresh_plates):
    """It is broken into lines, and no page that shows it is wider than the screen."""
    plate = next(iter(fresh_plates))
    named = {"name": "Grandmother's old car " * 2 + "x" * 36}
    assert httpx.post(f"{fresh.url}/api/v1/plates/{plate}/name", json=named, timeout=30).status_code == 200
    clip = fresh.house.get(f"/webui/plates?plate_query={plate}")[0]["video_id"]
    own_tab.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    for path in ("/plates?known=only", f"/plates/{plate}", f"/videos/{clip}", "/known"):
        own_tab.open(path)
        name = own_tab.page.locator("main >> text=Grandmother").first
        name.wait_for()
        assert own_tab.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0], path
        box = name.bounding_box()
        assert box["x"] + box["width"] <= PHONE[0], path


def test_a_watch_is_made_tested_and_tells(own_tab, fresh, fresh_plates):
    """From the plate's page to the watchlist; the past is counted; a test says what became of it."""
    plate = next(iter(fresh_plates))
    own_tab.open(f"/plates/{plate}")
    own_tab.page.click("text=Watch for it")
    own_tab.page.wait_for_selector("#watch")
    assert own_tab.page.input_value("#watch input[name=text]") == plate
    own_tab.page.fill("#watch input[name=webhook]", "http://127.0.0.1:9/hook")
    own_tab.page.click("#watch button.main")
    own_tab.page.wait_for_selector("#secret:not([hidden]) code:has-text('whsec_')")
    own_tab.page.wait_for_selector("#watch-1")
    assert f"{fresh_plates[plate]} sighting" in own_tab.page.inner_text("#watch-1")
    own_tab.page.click("#test-1")
    own_tab.page.wait_for_selector("text=notify.webhook_hosts")
    own_tab.page.click("#on-1")
    own_tab.page.wait_for_selector("#watch-1 .mark:text-is('off')")
    assert fresh.house.get("/watches")[0]["active"] is False


def test_texts_of_others_stay_text(own_tab, fresh):
    """A hostile search, and a plate of odd letters, are shown and nothing more."""
    own_tab.open("/plates?q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&bbox=%22%3E")
    assert own_tab.page.query_selector("img[src=x]") is None
    assert "bbox must be" in own_tab.page.inner_text("#found")


def test_what_was_nearly_read_is_found_where_it_is_asked_for(own_tab, fresh):
    """A tick finds a sighting by its candidate and says so; the address holds it; without it nothing fits."""
    url = f"{fresh.url}/api/v1/tasks"
    made = httpx.post(url, json={"task_type": "HEAVY_PROCESS_VIDEO", "video_id": fresh.rear}).json()
    seen = {"plate": "QXW123", "confidence": 0.9, "candidates": [{"plate": "QXW128", "confidence": 0.31}]}
    body = {"results": [{"type": "sightings", "sightings": [seen]}]}
    httpx.post(f"{url}/{made['task_id']}/complete", json=body).raise_for_status()
    own_tab.open("/plates")
    own_tab.page.fill("[data-search]", "xw128")
    expect(own_tab.page.locator("#count")).to_have_text("No sighting fits")
    tick = own_tab.page.get_by_label("also what was nearly read")
    tick.press("Space")
    expect(own_tab.page.locator("#found .why")).to_have_text("candidate QXW128, 31 % of its votes")
    assert shown(own_tab) == ["QXW123"]
    own_tab.wait_for_url("**/plates?q=xw128&candidates=true")
    expect(tick).to_be_focused()
    look(own_tab, "/plates?q=xw128&candidates=true")
    tick.uncheck()
    expect(own_tab.page.locator("#count")).to_have_text("No sighting fits")
