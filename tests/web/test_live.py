"""Pages that follow a real worker while it finishes a clip, without being loaded again."""

from datetime import datetime

import pytest

from tests.web.looking import until


def test_home_and_queue_follow_a_worker(own_tab, chromium, fresh, tmp_path):
    """A clip is handed in and a worker does it: both pages show it running, then the trip, the plate and the count."""
    render = pytest.importorskip("stages.video.render", reason="needs the stages")
    card = tmp_path / "card"
    card.mkdir()
    start = datetime(2026, 6, 3, 9, 30)  # noqa: DTZ001 - a camera's clock has no zone
    render.render_drive(card, seed=11, seconds=4, width=960, height=540, fps=12, start=start)
    queue = own_tab.context.new_page()
    queue.goto(f"{fresh.url}/queue?state=complete")
    own_tab.open("/")
    for page in (own_tab.page, queue):
        page.wait_for_selector(".live[data-live=yes]")
        page.evaluate("window.loadedOnce = true")
    assert "Wed 3 Jun 2026" not in own_tab.inner_text("main")
    done = "document.querySelectorAll('table.counts tr')[4].cells[3].textContent"
    before = int(queue.evaluate(done))
    house = fresh.house
    for words in (("place", "add", "nas", str(card)), ("submit", str(card))):
        said = house.command("pc", *words)
        assert said.returncode == 0, said.stdout + said.stderr
    own_tab.wait_for_function(
        "document.querySelector('[data-part=waiting]').innerText.includes('INGEST_VIDEO wait')"
    )
    house.start("pc", "worker", "--once")
    own_tab.wait_for_selector("[data-part=now] progress", timeout=120_000)
    own_tab.wait_for_selector("text=Wed 3 Jun 2026", timeout=120_000)
    until(queue, f"Number({done}) === {before + 1}", 240)
    own_tab.wait_for_function(
        "document.querySelector('[data-part=trips] li').innerText.includes('1 plate')", timeout=60_000
    )
    own_tab.wait_for_function(
        "document.querySelector('[data-part=now]').innerText.includes('Nothing just now')", timeout=60_000
    )
    assert own_tab.evaluate("window.loadedOnce")
    assert queue.evaluate("window.loadedOnce")
