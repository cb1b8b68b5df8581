"""What holds for every page: everybody can use it, by keys too; nothing of it comes from elsewhere or weighs much."""

from urllib.parse import urlsplit

import pytest

from tests.web.looking import PHONE, look

PAGES = ["/", "/videos", "/plates", "/map", "/queue", "/devices", "/settings"]


@pytest.mark.parametrize(
    "path", ["/", "/videos", "/queue", "/devices", "/settings", "/login", "/videos/none", "/no/page"]
)
def test_everybody_can_use_it(tab, path):
    """axe-core finds nothing serious, nothing is wider than the screen, nothing moves while it loads."""
    tab.pardon("404")
    look(tab, path)


def test_a_clips_tasks_can_be_used_by_everybody(tab, site):
    """So is the way of one clip through the queue, and a list of tasks that are done."""
    look(tab, f"/queue?video={site.video}")
    look(tab, "/queue?state=complete")


@pytest.mark.parametrize("path", PAGES)
def test_a_first_visit_is_light(tab, path):
    """Under 500 kB without pictures and media; each file is asked for once, from this server, and packed."""
    tab.open(path)
    tab.wait_for_load_state("networkidle")
    found = tab.evaluate(
        "() => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
        ".map((each) => [each.name, each.initiatorType, each.transferSize, each.decodedBodySize])"
    )
    texts = [each for each in found if not urlsplit(each[0]).path.startswith(("/media/", "/data/"))]
    assert sum(size for _, _, size, _ in texts) < 500_000
    assert len({name for name, *_ in texts}) == len(texts)
    assert sum(size for _, _, size, _ in texts) < 0.6 * sum(whole for *_, whole in texts)


def test_a_second_visit_asks_for_the_page_alone(tab):
    """Styles and scripts are kept for good."""
    tab.open("/queue")
    tab.open("/devices")
    asked = tab.evaluate(
        "() => performance.getEntriesByType('resource').filter((each) => each.transferSize).map((each) => each.name)"
    )
    assert [each for each in asked if "/static/" in each] == []


def test_keys_lead_through_every_page(tab):
    """The first key press offers to skip the bar; ? names the keys, Escape closes; / goes to the search."""
    tab.open("/")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the content"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"
    tab.keyboard.press("?")
    assert "Go to the search field" in tab.inner_text("dialog")
    tab.keyboard.press("/")  # a key of the page, not of the dialog
    tab.keyboard.press("Escape")
    assert tab.locator("dialog").count() == 0
    tab.keyboard.press("/")
    tab.keyboard.type("?b/")
    assert tab.input_value("[data-search]") == "?b/"
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/plates?q=**")


def test_the_bar_leads_everywhere(tab):
    """Each link of the bar, on a phone too; the page that is open is marked."""
    tab.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    tab.open("/")
    for path in PAGES[1:]:
        tab.click(f'nav.pages a[href="{path}"]')
        tab.wait_for_url(f"{tab.url}{path}")
        assert tab.get_attribute("nav.pages [aria-current]", "href") == path


def test_trips_and_clips_lead_to_the_video(tab, site):
    """From the first page to a clip, and from the list of videos to the other channel."""
    tab.open("/")
    tab.click(f'a.over[href="/videos/{site.video}"]')
    tab.wait_for_url(f"**/videos/{site.video}")
    tab.open("/videos?month=2026-06")
    assert tab.locator(".day").count() == 2
    assert tab.locator(".clip").count() == 2
    tab.check("input[name=channel][value=rear]")
    tab.wait_for_url("**channel=rear**")
    assert tab.locator(".clip").count() == 1
    tab.click(f'a.mark[href="/videos/{site.rear}"]')
    tab.wait_for_url(f"**/videos/{site.rear}")


def test_a_place_is_drawn_on_the_map(tab, site):
    """A box that is dragged is the place of the list; away from every route nothing fits; anywhere is all."""
    tab.open("/videos?bbox=52.5,13.3,52.6,13.5")
    fits = tab.locator(".clip").count()
    tab.click("#draw")
    tab.wait_for_selector("#area.leaflet-container")
    box = tab.locator("#area").bounding_box()
    tab.mouse.move(box["x"] + 60, box["y"] + 60)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 90, box["y"] + 90)
    tab.mouse.up()
    tab.wait_for_url(lambda url: "bbox=" in url and "52.5%2C13.3" not in url and "52.5,13.3" not in url)
    assert tab.locator(".clip").count() in (0, fits)
    tab.click("#draw")
    with tab.page.expect_navigation():
        tab.click("#anywhere")
    assert tab.locator(".clip").count() == 2


def test_pictures_are_there(tab):
    """Every picture on the first page and in the list is one, with its size known before it comes."""
    for path in ("/", "/videos"):
        tab.open(path)
        tab.wait_for_load_state("networkidle")
        shown = tab.evaluate(
            "() => [...document.images].map((each) => [each.naturalWidth, each.width, each.hasAttribute('width')])"
        )
        assert shown
        assert all(natural > 0 and width > 0 and said for natural, width, said in shown)


def test_colours_and_units_are_chosen(tab):
    """A choice holds on every page and comes with the page itself; the device's own can be had back."""
    tab.emulate_media(color_scheme="light")
    tab.open("/settings")
    for theme, colour in (("dark", "rgb(14, 17, 21)"), ("", "rgb(245, 246, 248)")):
        with tab.page.expect_navigation():
            tab.select_option("#theme", theme)
        assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == colour
        tab.open("/videos")
        assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == colour
        tab.open("/settings")
    tab.open("/videos")
    assert "352 m" in tab.inner_text("main")
    tab.open("/settings")
    with tab.page.expect_navigation():
        tab.select_option("#units", "imperial")
    tab.open("/videos")
    assert "0.2 mi" in tab.inner_text("main")


def test_an_address_that_is_no_page_leads_home(tab):
    """It says so with the bar of every page, and a way on."""
    tab.pardon("404")
    tab.open("/vidoes/2026")
    assert tab.inner_text("h1") == "Not found"
    assert tab.locator("nav.pages a").count() == len(PAGES)
    tab.click("main >> text=Home")
    tab.wait_for_url(f"{tab.url}/")
