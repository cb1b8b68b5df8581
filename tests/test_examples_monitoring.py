"""The monitoring examples fit the server: they parse, and every metric and label that they name is there."""

import json
import re
from pathlib import Path

import pytest
from litestar.testing import TestClient

from config.loader import ConfigurationLoader
from server.app import create_app

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "monitoring"
NAME = re.compile(r"\b(?:dashcam|process)_\w+")
SELECTOR = re.compile(r"\b(dashcam_\w+)\{([^}]*)\}")
MATCHER = re.compile(r'(\w+)=~?"([^"]*)"')


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What `/metrics` shows after a little of everything, as {metric: {label: values}}."""
    home = tmp_path_factory.mktemp("home")
    with TestClient(create_app(ConfigurationLoader({"DASHCAM_HOME": str(home)}).load())) as client:
        client.get("/api/v1/tasks")
        client.post("/api/v1/tasks", json={"task_type": "INGEST_VIDEO"})
        text = client.get("/metrics").text
    found = {}
    for name, labels in re.findall(r"^([a-z_]+)(?:\{(.*)\})? ", text, re.MULTILINE):
        values = found.setdefault(name, {})
        for label, value in MATCHER.findall(labels):
            values.setdefault(label, set()).add(value)
    return found


def rules():
    """Every alert rule."""
    yaml = pytest.importorskip("yaml")
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def dashboard():
    """The dashboard."""
    return json.loads((FOLDER / "grafana-dashboard.json").read_text(encoding="utf-8"))


def expressions():
    """Every query of the dashboard."""
    return [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]


def check(expression, shown):
    """A query names only what the server shows, and balances its brackets."""
    names = NAME.findall(expression)
    assert names, expression
    assert set(names) <= shown.keys(), expression
    for name, selector in SELECTOR.findall(expression):
        for label, value in MATCHER.findall(selector):
            if label in ("instance", "job"):
                continue  # Prometheus adds them
            assert label in shown[name], expression
            if label == "event":
                assert set(value.split("|")) <= shown[name][label], expression
    for pair in ("()", "{}", "[]"):
        assert expression.count(pair[0]) == expression.count(pair[1]), expression


def test_scrape_config_finds_the_metrics():
    """The scrape configuration loads the rules that lie beside it, and asks the address that is there."""
    yaml = pytest.importorskip("yaml")
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    assert all((FOLDER / name).is_file() for name in config["rule_files"])
    [job] = config["scrape_configs"]
    assert (job["job_name"], job["metrics_path"]) == ("dashcam", "/metrics")
    assert job["static_configs"][0]["targets"] == ["main-server:8000"]


@pytest.mark.parametrize(
    ("name", "threshold"),
    [
        ("DashcamRequestRate", "* 60 > 1000"),
        ("DashcamErrorRate", "> 0.05"),
        ("DashcamLatency", "> 2"),
        ("DashcamConnections", "> 100"),
    ],
)
def test_alerts_carry_the_references_thresholds(name, threshold):
    """Requests a minute, share of 5xx, 95th percentile and connections: as section 14 prints them."""
    assert rules()[name]["expr"].endswith(threshold)


def test_alerts_name_what_is_there(shown):
    """Every rule has a query that can be answered and a sentence for the person who gets it."""
    for name, rule in rules().items():
        if not rule["expr"].startswith("up{"):
            check(rule["expr"], shown)
        assert rule["labels"]["severity"] in ("critical", "warning", "info"), name
        assert rule["annotations"]["summary"], name
        labels = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) - {"instance"}
        assert all(label in rule["expr"] or "dashcam_oldest" in rule["expr"] for label in labels), name


def test_latency_alert_lies_on_a_bucket(shown):
    """The threshold of two seconds is an edge of the histogram, so that it is exact."""
    assert "2.0" in shown["dashcam_http_request_seconds_bucket"]["le"]


def test_dashboard_names_what_is_there(shown):
    """Every panel asks for metrics that exist, from the data source that the person chooses."""
    for expression in expressions():
        check(expression.replace("$instance", ".*"), shown)
    board = dashboard()
    variables = {each["name"] for each in board["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(board))) - {"__all"} <= variables
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(numbers) == len(set(numbers))


def test_dashboard_panels_do_not_overlap():
    """Each panel has a place of its own on the 24 columns."""
    taken = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def test_every_metric_of_ours_is_explained_in_the_guide(shown):
    """The monitoring guide names each metric that the server shows."""
    guide = (FOLDER.parents[1] / "docs" / "how-to" / "monitoring.md").read_text(encoding="utf-8")
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown if name.startswith("dashcam_")}
    assert families - set(NAME.findall(guide)) == set()
