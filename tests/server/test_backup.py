"""Backups: whole or not there, and a way back that a cut in the middle does not hurt."""

import asyncio
import base64
import errno
import os
import shutil
import sqlite3
import time
from pathlib import Path

import pytest
from litestar.testing import TestClient

from config.loader import ConfigurationLoader
from server import backup, opening, schema
from server.app import create_app
from server.backup import examine, restore, save
from server.opening import DATABASE, open_database
from server.sqlite import Database
from server.upkeep import Upkeep
from stages.errors import BadInput, Conflict, DatabaseDamaged, SettingsError, Unavailable
from tests.kept import JPEG

CLIP = "20240115T123456-F-1a2b3c4d"


@pytest.fixture
def filled(api, settings):
    """A home whose server runs: one clip with a plate, its picture, a route, and a task under lease."""
    made = api("POST", "/tasks", {"task_type": "HEAVY_PROCESS_VIDEO", "video_id": CLIP}).json()
    seen = {"plate": "1234BCD", "confidence": 0.9, "confirmed": True, "crop": base64.b64encode(JPEG).decode()}
    body = {"results": [{"type": "sightings", "sightings": [seen]}]}
    assert api("POST", f"/tasks/{made['task_id']}/complete", body).status_code == 200
    api("POST", "/tasks", {"task_type": "INGEST_VIDEO", "video_id": CLIP, "metadata": {"filename": "a.mp4"}})
    claimed = api("POST", "/tasks/pending?worker=w&session=s", {"device_capabilities": {}}).json()
    return Path(settings.home), claimed[0]


def test_a_live_home_is_saved_with_its_pictures(filled, tmp_path):
    """The copy is one checked file without a journal, and holds what the catalogue names."""
    home, _ = filled
    made = save(home / DATABASE, tmp_path / "b.sqlite", home / "media")
    assert (made.clips, made.sightings, made.tasks, made.pictures) == (1, 1, 2, 1)
    assert [each.name for each in tmp_path.iterdir()] == ["b.sqlite"]
    assert examine(tmp_path / "b.sqlite").made_at == made.made_at


def test_restored_home_answers_as_the_saved_one(filled, api, settings, tmp_path):
    """Clips, plates and pictures come back on another home, byte by byte."""
    home, _ = filled
    wanted = [api("GET", path).json() for path in ("/webui/plates?expand=media", f"/webui/videos/{CLIP}")]
    save(home / DATABASE, tmp_path / "b.sqlite", home / "media")
    done = restore(tmp_path / "b.sqlite", tmp_path / "new", DATABASE)
    assert done.former is None
    other = ConfigurationLoader({"DASHCAM_HOME": str(tmp_path / "new")}).load()
    with TestClient(create_app(other)) as client:
        found = [
            client.get(f"/api/v1{path}").json()
            for path in ("/webui/plates?expand=media", f"/webui/videos/{CLIP}")
        ]
        assert found == wanted
        assert client.get(found[0][0]["media"]).content == JPEG


def test_what_a_worker_still_holds_fits_nothing_after_a_restore(filled, tmp_path):
    """Leases and numbers of tasks from the time after a backup are refused, and never taken for new ones."""
    home, held = filled
    save(home / DATABASE, tmp_path / "b.sqlite", None)
    restore(tmp_path / "b.sqlite", tmp_path / "new", DATABASE)
    other = ConfigurationLoader({"DASHCAM_HOME": str(tmp_path / "new")}).load()
    with TestClient(create_app(other)) as client:
        late = client.post(f"/api/v1/tasks/{held['task_id']}/complete", json={"lease": held["lease"]})
        assert late.status_code == 409
        made = client.post("/api/v1/tasks", json={"task_type": "INGEST_VIDEO"}).json()
        assert made["task_id"] > 1_000_000


def test_restore_keeps_the_former_database(filled, tmp_path):
    """What stood there has another name afterwards, and is whole."""
    home, _ = filled
    save(home / DATABASE, tmp_path / "b.sqlite", None)
    restore(tmp_path / "b.sqlite", tmp_path / "new", DATABASE)
    done = restore(tmp_path / "b.sqlite", tmp_path / "new", DATABASE)
    assert examine(Path(done.former)).clips == 1
    assert examine(tmp_path / "new" / DATABASE).clips == 1


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM _sqlite_migrations",
        "ALTER TABLE task RENAME COLUMN lease TO least",
        "DROP TABLE strike",
        "UPDATE sqlite_sequence SET seq = 'x'",
        "UPDATE sqlite_sequence SET seq = 9223372036854775807",
        "UPDATE backup_made SET made_at = 9223372036854775807",
        "UPDATE task SET metadata = '{'",
        "UPDATE needs SET needs = '" + '{"a":' * 1500 + "1" + "}" * 1500 + "'",
        "DROP TABLE backup_made; CREATE TABLE backup_made (made_at, pictures)",
        "DROP TABLE backup_picture; CREATE TABLE backup_picture (hash, jpeg);"
        " INSERT INTO backup_picture VALUES ('../../x', 'text')",
    ],
)
def test_a_file_of_other_tables_is_refused_in_a_sentence(filled, tmp_path, change):
    """Whoever made it: nothing of it comes into a home."""
    home, _ = filled
    save(home / DATABASE, tmp_path / "b.sqlite", home / "media")
    connection = sqlite3.connect(tmp_path / "b.sqlite")
    connection.executescript(change)
    connection.close()
    with pytest.raises(BadInput, match=r"is damaged: |is not a dashcam database"):
        restore(tmp_path / "b.sqlite", tmp_path / "new", DATABASE)
    assert not (tmp_path / "new" / DATABASE).exists()


def test_triggers_of_others_are_not_restored(filled, tmp_path):
    """What a file would have our own statements do is left out, and what is missing is put back."""
    home, _ = filled
    save(home / DATABASE, tmp_path / "b.sqlite", None)
    connection = sqlite3.connect(tmp_path / "b.sqlite")
    connection.executescript(
        "CREATE TRIGGER evil AFTER UPDATE ON task BEGIN DELETE FROM sighting; END;"
        "CREATE VIEW other AS SELECT 1; DROP TRIGGER met_added;"
    )
    connection.close()
    assert restore(tmp_path / "b.sqlite", tmp_path / "new", DATABASE).copy.sightings == 1
    active = "SELECT name, sql FROM sqlite_schema WHERE type IN ('trigger', 'view') ORDER BY name"
    found = [
        sqlite3.connect(folder / DATABASE).execute(active).fetchall() for folder in (home, tmp_path / "new")
    ]
    assert found[0] == found[1]
    assert examine(tmp_path / "new" / DATABASE).sightings == 1


def test_restore_is_refused_while_a_server_runs(filled, tmp_path):
    """The sentence says to stop it; nothing is changed."""
    home, _ = filled
    save(home / DATABASE, tmp_path / "b.sqlite", None)
    with pytest.raises(SettingsError, match="stop it, restore"):
        restore(tmp_path / "b.sqlite", home, DATABASE)


def test_backup_never_takes_a_name_that_is_used(filled, tmp_path):
    """A file that exists is not written over."""
    home, _ = filled
    (tmp_path / "b.sqlite").write_text("mine")
    with pytest.raises(Conflict, match="exists"):
        save(home / DATABASE, tmp_path / "b.sqlite", None)
    assert (tmp_path / "b.sqlite").read_text() == "mine"


@pytest.mark.parametrize("name", ["cut", "torn", "text", "foreign", "newer", "orphans"])
def test_what_is_no_whole_backup_is_refused_and_changes_nothing(filled, tmp_path, name):
    """Cut, damaged, foreign and newer files: one sentence, and the home is as it was."""
    home, _ = filled
    good = tmp_path / "good.sqlite"
    save(home / DATABASE, good, home / "media")
    bad = tmp_path / "bad.sqlite"
    data = good.read_bytes()
    bad.write_bytes({"cut": data[: len(data) // 2], "torn": torn(data), "text": b"hello"}.get(name, data))
    if name == "foreign":
        bad.unlink()
    statement = {
        "foreign": "CREATE TABLE recipe (x)",
        "newer": "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('dashcam', '9999_x', '')",
        "orphans": "UPDATE task SET needs_id = 4711",
    }.get(name)
    if statement:
        with sqlite3.connect(bad) as connection:
            connection.execute(statement)
        connection.close()
    restore(good, tmp_path / "new", DATABASE)
    before = (tmp_path / "new" / DATABASE).read_bytes()
    with pytest.raises(BadInput, match="newer dashcam" if name == "newer" else "bad.sqlite"):
        restore(bad, tmp_path / "new", DATABASE)
    assert (tmp_path / "new" / DATABASE).read_bytes() == before
    assert not list((tmp_path / "new").glob("*.part"))


def torn(data):
    """A database of which a page in the middle was overwritten."""
    middle = len(data) // 2 // 4096 * 4096
    return data[:middle] + b"\xa5" * 8192 + data[middle + 8192 :]


def test_full_disk_leaves_no_half_backup(filled, tmp_path, monkeypatch):
    """Not enough room: nothing is begun. The room ends while it is written: nothing is left."""
    home, _ = filled
    usage = shutil.disk_usage(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(backup.shutil, "disk_usage", lambda _: usage._replace(free=1000))
        with pytest.raises(Unavailable, match="not enough room"):
            save(home / DATABASE, tmp_path / "b.sqlite", None)

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(backup, "flush", full)
    with pytest.raises(Unavailable, match="nothing of it was kept"):
        save(home / DATABASE, tmp_path / "b.sqlite", None)
    assert list(tmp_path.iterdir()) == []


def test_scheduled_backups_are_made_and_thinned_out(tmp_path):
    """One when the newest is too old, or from the future; the newest are kept, others' files are not touched."""
    wanted = {"DASHCAM_HOME": str(tmp_path), "DASHCAM_BACKUP__KEEP": "2", "DASHCAM_BACKUP__EVERY_HOURS": "24"}
    settings = ConfigurationLoader(wanted).load()
    database = open_database(tmp_path, tmp_path / "backups")
    try:
        now = [1_800_000_000.0]
        upkeep = Upkeep(database, settings, clock=lambda: now[0], monotonic=lambda: now[0])
        assert upkeep.due()
        for day in range(4):
            asyncio.run(upkeep.look())
            assert not upkeep.due()
            newest = max((tmp_path / "backups").iterdir())
            assert examine(newest).tasks == 0
            os.utime(newest, (now[0], now[0]))
            now[0] += 86_400
            assert upkeep.due(), day
        (tmp_path / "backups" / "mine.sqlite").write_text("x")
        asyncio.run(upkeep.look())
        assert len(list((tmp_path / "backups").glob("dashcam-*"))) == 2
        assert (tmp_path / "backups" / "mine.sqlite").exists()
        now[0] -= 10 * 86_400
        assert upkeep.due()
    finally:
        database.close()


def test_what_else_lies_in_the_folder_is_left_alone(tmp_path, caplog):
    """Links that lead nowhere end nothing; a former database of a restore has a like name and stays."""
    env = {
        "DASHCAM_HOME": str(tmp_path),
        "DASHCAM_BACKUP__FOLDER": str(tmp_path),
        "DASHCAM_BACKUP__KEEP": "1",
    }
    settings = ConfigurationLoader(env).load()
    database = open_database(tmp_path, tmp_path / "backups")
    former = tmp_path / "dashcam-before-restore-20240101T000000Z.sqlite"
    former.touch()
    (tmp_path / "dashcam-20240101T000000Z.sqlite").symlink_to("nowhere")
    upkeep = Upkeep(database, settings)
    asyncio.run(upkeep.look())
    assert former.exists()
    assert not (tmp_path / "dashcam-20240101T000000Z.sqlite").is_symlink()
    assert "no backup was made" not in caplog.text
    assert opening.newest(tmp_path) != tmp_path / DATABASE
    database.close()


def test_trouble_with_a_scheduled_backup_is_said_and_tried_again(tmp_path, caplog):
    """A folder that cannot be written: an error in the log, another try an hour later, the server lives."""
    (tmp_path / "file").write_text("in the way")
    wanted = {"DASHCAM_HOME": str(tmp_path), "DASHCAM_BACKUP__FOLDER": str(tmp_path / "file")}
    settings = ConfigurationLoader(wanted).load()
    database = open_database(tmp_path, tmp_path / "backups")
    try:
        now = [1_800_000_000.0]
        upkeep = Upkeep(database, settings, clock=lambda: now[0], monotonic=lambda: now[0])
        for wait, told in ((0, 1), (60, 1), (3600, 2)):
            now[0] += wait
            asyncio.run(upkeep.look())
            assert len([each for each in caplog.records if "no backup was made" in each.message]) == told
    finally:
        database.close()


def test_a_backup_disk_that_is_away_is_not_made_up(tmp_path, caplog, monkeypatch):
    """Its folder is not made on the disk below its mount point: the log says that it is away."""
    away = tmp_path / "mnt" / "other"
    env = {"DASHCAM_HOME": str(tmp_path / "home"), "DASHCAM_BACKUP__FOLDER": str(away)}
    settings = ConfigurationLoader(env).load()
    monkeypatch.setattr(schema, "STEPS", schema.STEPS[:-1])
    open_database(tmp_path / "home", away).close()
    monkeypatch.undo()
    database = open_database(tmp_path / "home", away)
    assert len(list((tmp_path / "home" / "backups").glob("before-*.sqlite"))) == 1
    upkeep = Upkeep(database, settings)
    asyncio.run(upkeep.look())
    assert f"{away} is not there; mount its disk, or make it" in caplog.text
    assert not away.exists()
    away.mkdir(parents=True)
    assert asyncio.run(upkeep.scheduled()).file.startswith(str(away))
    database.close()


def test_a_hard_stop_is_looked_through(filled, tmp_path, caplog):
    """A journal that is still there: the file is checked before anybody works with it."""
    caplog.set_level("INFO")
    home, _ = filled
    new = tmp_path / "new"
    new.mkdir()
    for name in (DATABASE, f"{DATABASE}-wal"):  # as a power cut leaves them
        shutil.copyfile(home / name, new / name)
    open_database(new, new / "backups").close()
    assert "the last stop was not an orderly one" in caplog.text
    caplog.clear()
    open_database(new, new / "backups").close()
    assert "orderly" not in caplog.text


@pytest.mark.parametrize("kind", ["torn", "header", "empty-pages"])
def test_a_damaged_database_names_the_newest_backup(filled, tmp_path, kind):
    """The server does not start on it; the sentence has the command that puts it right, and that works."""
    home, _ = filled
    new = tmp_path / "new"
    (new / "backups").mkdir(parents=True)
    save(home / DATABASE, new / "backups" / "dashcam-20240101T000000Z.sqlite", None)
    shutil.copyfile(new / "backups" / "dashcam-20240101T000000Z.sqlite", new / DATABASE)
    data = (new / DATABASE).read_bytes()
    whole = {
        "torn": torn(data),
        "header": b"x" * 100 + data[100:],
        "empty-pages": data[:4096] + bytes(len(data) - 4096),
    }
    (new / DATABASE).write_bytes(whole[kind])
    Path(f"{new / DATABASE}-wal").touch()
    with pytest.raises(DatabaseDamaged, match=r"damaged.*dashcam restore .*dashcam-20240101T000000Z\.sqlite"):
        open_database(new, new / "backups")
    with pytest.raises(DatabaseDamaged, match=r"no backup.*dashcam rebuild"):
        open_database(new, tmp_path / "nothing")
    done = restore(new / "backups" / "dashcam-20240101T000000Z.sqlite", new, DATABASE)
    assert Path(done.former).exists()
    open_database(new, new / "backups").close()


def test_an_upgrade_is_preceded_by_a_backup(tmp_path, monkeypatch):
    """A database of an earlier release is saved, then brought up; one that cannot be saved stays as it is."""
    monkeypatch.setattr(schema, "STEPS", (steps := schema.STEPS)[:-1])
    open_database(tmp_path, tmp_path / "backups").close()
    assert not (tmp_path / "backups").exists()
    monkeypatch.setattr(schema, "STEPS", steps)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SettingsError, match="not upgraded"):
        open_database(tmp_path, tmp_path / "file")
    database = open_database(tmp_path, tmp_path / "backups")
    assert database.read_now(schema.missing_steps) == []
    database.close()
    saved = list((tmp_path / "backups").iterdir())
    assert [each.name.startswith(f"before-{steps[-1][0]}-") for each in saved] == [True]
    assert examine(saved[0]).clips == 0
    monkeypatch.setattr(schema, "STEPS", steps[:-1])
    with pytest.raises(SettingsError, match=r"newer dashcam.*dashcam restore"):
        open_database(tmp_path, tmp_path / "backups")


def test_a_refused_database_is_let_go_of(tmp_path, monkeypatch):
    """After a refusal nothing holds the home."""
    open_database(tmp_path, tmp_path / "backups").close()
    monkeypatch.setattr(schema, "STEPS", schema.STEPS[:-1])
    for _ in range(2):
        with pytest.raises(SettingsError, match="newer dashcam"):
            open_database(tmp_path, tmp_path / "backups")


def test_only_an_admins_token_gets_a_backup_over_http(client, settings):
    """Also in open mode: it holds everything."""
    assert client.post("/api/v1/backup", json={}).status_code == 401


def test_newest_is_by_time(tmp_path):
    """The file that was written last, whatever its name."""
    for number, name in enumerate(("b.sqlite", "a.sqlite")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() + number, time.time() + number))
    assert opening.newest(tmp_path).name == "a.sqlite"
    assert opening.newest(tmp_path / "missing") is None


def test_a_second_writer_is_not_needed_for_a_backup(tmp_path):
    """What is committed while the copy is made does not begin it anew, and is not in it by halves."""
    database = Database(tmp_path / "d.sqlite")
    try:
        database.write(schema.migrate).result()
        futures = [
            database.write(
                lambda c, n=n: c.execute("INSERT INTO clip (video_id, created_at) VALUES (?, 1)", (f"v{n}",))
            )
            for n in range(2000)
        ]
        made = save(database.path, tmp_path / "b.sqlite", None)
        for each in futures:
            each.result()
        assert 0 <= made.clips <= 2000
    finally:
        database.close()
