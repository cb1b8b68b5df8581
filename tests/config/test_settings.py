"""Settings: where they come from, and what is said of wrong ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.loader import ConfigurationLoader
from stages.errors import SettingsError


def load(tmp_path, text="", environ=None, flags=None):
    """Settings from a file's text, an environment and flags."""
    (tmp_path / "dashcam.toml").write_text(text, encoding="utf-8")
    return ConfigurationLoader({"DASHCAM_HOME": str(tmp_path), **(environ or {})}).load(flags)


def test_flags_over_environment_over_file_over_defaults(tmp_path):
    """The nearer word wins, key by key."""
    text = "[server]\nport = 1\nhost = 'a'\nurl = 'http://file'\n"
    environ = {"DASHCAM_SERVER__PORT": "2", "DASHCAM_SERVER": "http://env"}
    found = load(tmp_path, text, environ, {"server": {"port": 3}}).server
    assert (found.port, found.host, found.url, found.body_mib) == (3, "a", "http://env", 32)
    assert load(tmp_path, text, environ).server.port == 2
    assert load(tmp_path, text).server.port == 1
    assert load(tmp_path).server.port == 8000


def test_limits_from_the_environment(tmp_path):
    """The documented names switch the limits off."""
    environ = {"DASHCAM_LIMITS__REQUESTS_PER_MINUTE": "0", "DASHCAM_LIMITS__CONNECTIONS": "0"}
    found = load(tmp_path, "", environ).limits
    assert (found.requests_per_minute, found.connections) == (0, 0)


def test_places_long_and_short(tmp_path):
    """A place is a folder, or a table with more about it."""
    text = "[places]\nnas = '/mnt/nas'\n[places.shed]\nroot = '/mnt/shed'\nprefix = '//shed-nas/'\n"
    places = load(tmp_path, text, {"DASHCAM_PLACES__CARD": "/media/card"}).places
    assert {name: place.root for name, place in places.items()} == {
        "nas": "/mnt/nas",
        "shed": "/mnt/shed",
        "card": "/media/card",
    }
    assert places["shed"].prefix == "//shed-nas/"


def test_lists_and_tables_from_the_environment(tmp_path):
    """Worker types may be plain words, capabilities JSON."""
    environ = {
        "DASHCAM_WORKER__TYPES": "INGEST_VIDEO, ARCHIVE_VIDEO",
        "DASHCAM_WORKER__CAPABILITIES": '{"gpu_vram_gb": 24}',
        "DASHCAM_STAGE__HEAVY__THOROUGH": "true",
    }
    found = load(tmp_path, "", environ)
    assert found.worker.types == ("INGEST_VIDEO", "ARCHIVE_VIDEO")
    assert found.worker.capabilities == {"gpu_vram_gb": 24}
    assert found.stage.heavy.thorough


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[limits]\nconections = 0", "did you mean limits.connections?"),
        ("[limmits]\nx = 0", "did you mean limits?"),
        ("[stage.heavy]\nlooks_per_secnd = 1", "did you mean stage.heavy.looks_per_second?"),
        ("[limits]\nconnections = 'many'", "limits.connections"),
        ("[limits]\nconnections = -1", "limits.connections"),
        ("[server]\nport = 70000", "server.port"),
        ("[places]\n'a b' = '/x'", "places"),
        ("x = [", "not valid TOML"),
        ("[places.nas]\nremovable = true", "root"),
    ],
)
def test_wrong_settings_are_refused_by_name(tmp_path, text, said):
    """A wrong setting stops the start, and says which one and what is meant."""
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, text)
    assert said in str(refused.value)


def test_third_party_stage_settings_pass_through(tmp_path):
    """`[stage.NAME]` of a stage that is not ours is its own business."""
    found = load(tmp_path, "[stage.mine]\nanything = [1, 2]\n[stage.heavy]\nthorough = true\n")
    assert found.plugins == {"mine": {"anything": [1, 2]}}
    assert found.stage.heavy.thorough


def test_validate_config_takes_tasks_and_settings():
    """The reference's use: a list of plain sentences, empty when fine."""
    loader = ConfigurationLoader({})
    assert loader.validate_config({"task_type": "INGEST_VIDEO", "video_id": "a"}) == []
    assert "task_type" in loader.validate_config({"task_type": "INGEST", "video_id": "a"})[0]
    assert "task_type is missing" in loader.validate_config({"video_id": "a"})[0]
    assert loader.validate_config({"limits": {"connections": 0}}) == []
    assert loader.validate_config({"limit": {}})
    assert loader.validate_config([1])


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.slow
@given(
    JSON
    | st.dictionaries(st.sampled_from(["task_type", "limits", "stage", "places", "worker", "home"]), JSON)
)
def test_validate_config_never_raises(data):
    """Whatever it is given, it answers with a list of sentences."""
    found = ConfigurationLoader({}).validate_config(data)
    assert isinstance(found, list)
    assert all(isinstance(each, str) and each for each in found)


def test_empty_variables_count_as_unset_and_home_is_expanded(tmp_path, monkeypatch):
    """`DASHCAM_SERVER=` is as good as none; `~` in the home is the user's."""
    monkeypatch.setenv("HOME", str(tmp_path))
    found = ConfigurationLoader({"DASHCAM_HOME": "~/d", "DASHCAM_SERVER": "", "DASHCAM_CONFIG": ""}).load()
    assert (found.home, found.server.url) == (str(tmp_path / "d"), "http://127.0.0.1:8000")


def test_free_tables_take_numbers_and_booleans(tmp_path):
    """Below a table of anything, 8 is a number and true a boolean."""
    environ = {
        "DASHCAM_WORKER__CAPABILITIES__GPU_VRAM_GB": "8",
        "DASHCAM_STAGE__INGEST__NEXT_NEEDS__HAS_CORAL_TPU": "true",
        "DASHCAM_WORKER__CAPABILITIES__OS": "linux",
    }
    found = load(tmp_path, "", environ)
    assert found.worker.capabilities == {"gpu_vram_gb": 8, "os": "linux"}
    assert found.stage.ingest.next_needs == {"has_coral_tpu": True}


def test_cameras_and_trips():
    """`[cameras.NAME]` and `[trips]`: what is set, and what is refused by name."""
    cameras = {"golf": {"folder": "cars/*", "time_zone": "Europe/Madrid"}}
    loader = ConfigurationLoader({})
    assert loader.validate_config({"cameras": cameras, "trips": {"gap_minutes": 0.5}}) == []
    (wrong,) = loader.validate_config({"cameras": {"golf": {"timezone": "UTC"}}})
    assert "cameras" in wrong
    assert "timezone" in wrong
    for minutes in (0.4, 61, "long"):
        (wrong,) = loader.validate_config({"trips": {"gap_minutes": minutes}})
        assert "trips.gap_minutes" in wrong
