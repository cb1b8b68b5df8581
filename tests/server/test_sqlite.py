"""The database: durability, exclusion, migrations."""

import sqlite3

import pytest

from server.network_disks import refuse_network_disk
from server.schema import migrate
from server.sqlite import Database
from stages.errors import BadInput, SettingsError, Unavailable


@pytest.fixture
def database(tmp_path):
    """An open database with one table."""
    opened = Database(tmp_path / "d.sqlite")
    opened.write(lambda c: c.execute("CREATE TABLE t (x INTEGER PRIMARY KEY) STRICT")).result()
    yield opened
    opened.close()


def test_one_bad_operation_fails_alone(database):
    """Operations of one commit are independent: a failing one takes nothing with it."""

    def bad(connection):
        connection.execute("INSERT INTO t VALUES (2)")
        raise BadInput("no")

    futures = [
        database.write(
            lambda c, n=n: bad(c) if n == 2 else c.execute("INSERT INTO t VALUES (?)", (n,)).rowcount
        )
        for n in (1, 2, 3)
    ]
    assert futures[0].result() == futures[2].result() == 1
    with pytest.raises(BadInput):
        futures[1].result()
    assert database.read_now(lambda c: [row[0] for row in c.execute("SELECT x FROM t ORDER BY x")]) == [1, 3]


def test_unexpected_errors_reach_the_caller_and_the_writer_lives(database):
    """A bug in one operation is its caller's to see."""
    with pytest.raises(ZeroDivisionError):
        database.write(lambda c: 1 // 0).result()
    assert database.write(lambda c: c.execute("SELECT 1").fetchone()[0]).result() == 1


def test_readers_cannot_write(database):
    """A read connection refuses to change anything."""
    with pytest.raises(Unavailable, match="readonly"):
        database.read_now(lambda c: c.execute("INSERT INTO t VALUES (9)"))


def test_second_server_on_one_file_is_refused(tmp_path, database):
    """Two writers never meet: the second says what to do."""
    with pytest.raises(SettingsError, match="another dashcam server"):
        Database(tmp_path / "d.sqlite")


def test_closed_database_refuses_work(tmp_path):
    """After closing, callers are told to come back."""
    database = Database(tmp_path / "c.sqlite")
    database.close()
    with pytest.raises(Unavailable, match="stopping"):
        database.write(lambda c: None).result()


def test_migrations_run_once_and_newer_files_are_refused(tmp_path):
    """Opening twice changes nothing; a file of a newer program is left alone with a sentence."""
    path = tmp_path / "m.sqlite"
    for _ in range(2):
        database = Database(path)
        database.write(migrate).result()
        database.close()
    connection = sqlite3.connect(path)
    connection.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('dashcam', '9999_later', '')"
    )
    connection.commit()
    connection.close()
    database = Database(path)
    with pytest.raises(SettingsError, match="newer dashcam"):
        database.write(migrate).result()
    database.close()


def test_network_disks_are_refused(tmp_path):
    """A database on NFS or SMB is refused with a sentence; a local disk below is fine."""
    mounts = tmp_path / "mounts"
    mounts.write_text("root / ext4 rw\nnas:/x /mnt/na\\040s nfs4 rw\n/dev/sdb /mnt/na\\040s/local ext4 rw\n")
    with pytest.raises(SettingsError, match="network disk"):
        refuse_network_disk(tmp_path.__class__("/mnt/na s/dashcam.sqlite"), mounts)
    refuse_network_disk(tmp_path.__class__("/mnt/na s/local/dashcam.sqlite"), mounts)


def test_network_disks_behind_links_and_fuse_are_refused(tmp_path):
    """A link that leads to a mount, the mounts of FUSE that are another host's, a folder bound from one."""
    (tmp_path / "nas").mkdir()
    (tmp_path / "home").symlink_to(tmp_path / "nas")
    mounts = tmp_path / "mounts"
    for kind in ("cifs", "fuse.sshfs", "fuse.rclone", "9p", "davfs"):
        mounts.write_text(f"root / ext4 rw\nx {tmp_path}/nas {kind} rw\n")
        with pytest.raises(SettingsError, match=f"is {kind}"):
            refuse_network_disk(tmp_path / "home" / "dashcam.sqlite", mounts)
    for kind in ("fuseblk", "fuse.mergerfs", "fuse.gocryptfs", "btrfs", "zfs", "overlay"):
        mounts.write_text(f"x / nfs4 rw\nx {tmp_path}/nas {kind} rw\n")
        refuse_network_disk(tmp_path / "home" / "dashcam.sqlite", mounts)
