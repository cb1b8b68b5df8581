"""`dashcam models`: only whole and right files get their names, whatever the line and the sender do."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random

import httpx
import msgspec
import pytest

from dashcam_cli import platform
from dashcam_cli.models_fetch import Shelf, Web, origin
from dashcam_cli.models_pull import bring, chosen, open_source
from stages.errors import BadInput, NotFound, PlaceFull, Refused, SettingsError, Unreachable
from stages.vision.models import Model, known, matching
from tests.fake_origin import Origin, serving
from tests.house import House

pytestmark = pytest.mark.slow  # real sockets, and processes

BYTES = Random(7).randbytes(300_000)
MODEL = Model(
    name="made", use="plate", family="yolox", runtime="onnx", size=64, bytes=len(BYTES),
    sha256=hashlib.sha256(BYTES).hexdigest(), licence="MIT", repository="some/where",
    path="deep/a model.onnx", commit="0" * 40, labels="plate",
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies of the machine have no part in this."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def web() -> Iterator[Origin]:
    """An origin without TLS that has the model."""
    with serving() as it:
        it.files = {"/made.onnx": BYTES}
        yield it


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A certificate for localhost that clients of this test trust."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def fetched(
    url: str, folder: Path, model: Model = MODEL, timeout: float = 5.0, slept: list[float] | None = None
) -> Path:
    """Bring the model from a mirror; pauses are noted instead of waited for."""
    source = Web(url, timeout=timeout, sleep=(slept if slept is not None else []).append)
    try:
        return bring(model, folder, source, lambda _: None)
    finally:
        source.close()


def left(folder: Path) -> list[str]:
    """What lies in a models folder, but for the lock."""
    return sorted(path.name for path in folder.iterdir() if path.name != ".pull.lock")


def test_addresses_name_repository_commit_and_path() -> None:
    """A model's address is made of the facts in the list, with strange characters escaped."""
    where = "raw.githubusercontent.com/some/where/"
    assert origin(MODEL) == f"https://{where}{'0' * 40}/deep/a%20model.onnx"


def test_a_whole_file_gets_its_name(web: Origin, tmp_path: Path) -> None:
    """What comes is there under the model's name, and nothing else is."""
    said: list[int] = []
    source = Web(web.url)
    path = bring(MODEL, tmp_path / "new" / "models", source, said.append)
    source.close()
    assert path.read_bytes() == BYTES
    assert left(path.parent) == ["made.onnx"]
    assert said == sorted(said)
    assert said[-1] == len(BYTES)


def test_a_mirror_may_keep_the_original_names(web: Origin, tmp_path: Path) -> None:
    """Files side by side under the name of their repository are found too."""
    web.files = {"/a%20model.onnx": BYTES}
    assert fetched(web.url + "/", tmp_path).read_bytes() == BYTES


def test_a_line_that_breaks_is_gone_on_with(web: Origin, tmp_path: Path) -> None:
    """Each next request asks for what is missing, and no byte comes twice."""
    web.cuts = [100_000, 90_000, 80_000]
    slept: list[float] = []
    assert fetched(web.url, tmp_path, slept=slept).read_bytes() == BYTES
    assert [wanted for _, wanted in web.asked] == ["", "bytes=100000-", "bytes=190000-", "bytes=270000-"]
    assert len(slept) == 3


def test_a_later_pull_goes_on_where_one_ended(web: Origin, tmp_path: Path) -> None:
    """A line that stays dead ends the pull with a sentence; the next one asks for the rest alone."""
    web.cuts = [120_000] + [0] * 9
    with pytest.raises(Unreachable, match="goes on where it broke off"):
        fetched(web.url, tmp_path)
    assert left(tmp_path) == ["made.onnx.part"]
    web.cuts, web.asked = [], []
    assert fetched(web.url, tmp_path).read_bytes() == BYTES
    assert [wanted for _, wanted in web.asked] == ["bytes=120000-"]
    assert left(tmp_path) == ["made.onnx"]


def test_a_server_without_ranges_starts_anew(web: Origin, tmp_path: Path) -> None:
    """An answer that begins at the beginning is written there, not behind what came before."""
    web.ranges, web.cuts = False, [200_000]
    assert fetched(web.url, tmp_path).read_bytes() == BYTES
    assert [wanted for _, wanted in web.asked] == ["", "bytes=200000-"]


@pytest.mark.parametrize("rest", [BYTES[:1000][::-1], BYTES + b"more", BYTES[::-1]])
def test_a_bad_part_is_thrown_away(web: Origin, tmp_path: Path, rest: bytes) -> None:
    """What an earlier run left and is wrong, too long, or as long and wrong, costs one more request."""
    (tmp_path / "made.onnx.part").write_bytes(rest)
    assert fetched(web.url, tmp_path).read_bytes() == BYTES
    assert left(tmp_path) == ["made.onnx"]


def test_wrong_bytes_are_not_kept(web: Origin, tmp_path: Path) -> None:
    """A file of the right size with one other byte is refused, and no trace of it stays."""
    web.files["/made.onnx"] = BYTES[:-1] + bytes([BYTES[-1] ^ 1])
    with pytest.raises(Refused, match="not the model that was checked"):
        fetched(web.url, tmp_path)
    assert left(tmp_path) == []


def test_another_size_is_refused_before_it_comes(web: Origin, tmp_path: Path) -> None:
    """A server that announces another size is believed, and not read."""
    web.files["/made.onnx"] = BYTES * 2
    with pytest.raises(Refused, match="600000 bytes instead of 300000"):
        fetched(web.url, tmp_path)
    assert left(tmp_path) == []


def test_more_than_promised_is_cut_off(web: Origin, tmp_path: Path) -> None:
    """A server that names no size and goes on sending is left, and what it sent goes."""
    web.length, web.extra = False, b"x" * 5_000_000
    with pytest.raises(Refused, match="sends more than the 300000 bytes"):
        fetched(web.url, tmp_path)
    assert left(tmp_path) == []


def test_packed_answers_are_refused(web: Origin, tmp_path: Path) -> None:
    """Nobody asked for gzip: unpacking could grow without end."""
    web.packed = "gzip"
    with pytest.raises(Refused, match="packed"):
        fetched(web.url, tmp_path)


def test_a_missing_file_says_what_helps(web: Origin, tmp_path: Path) -> None:
    """404 names the address and the way around."""
    web.files = {}
    with pytest.raises(NotFound, match=r"404.*--from DIR"):
        fetched(web.url, tmp_path)


def test_a_busy_server_is_asked_again(web: Origin, tmp_path: Path) -> None:
    """503 is waited out a few times; 403 is not."""
    web.status = {"/made.onnx": 503}
    slept: list[float] = []
    with pytest.raises(Unreachable, match="503"):
        fetched(web.url, tmp_path, slept=slept)
    assert len(slept) == 3
    web.status = {"/made.onnx": 403}
    with pytest.raises(Refused, match="403"):
        fetched(web.url, tmp_path)


def test_a_server_that_stalls_is_gone_on_with(web: Origin, tmp_path: Path) -> None:
    """Silence longer than the setting ends a request; what came before it stays."""
    web.stalls = 1
    assert fetched(web.url, tmp_path, timeout=0.5).read_bytes() == BYTES
    assert [wanted for _, wanted in web.asked] == ["", "bytes=150000-"]


def test_nobody_there_is_unreachable(tmp_path: Path) -> None:
    """No connection: one sentence, at once, with what helps on a host without internet."""
    slept: list[float] = []
    with pytest.raises(Unreachable, match="--from with a folder"):
        fetched("http://127.0.0.1:9", tmp_path, slept=slept)
    assert slept == []


def test_redirects_stay_on_https(tls: ssl.SSLContext, web: Origin, tmp_path: Path) -> None:
    """A redirect to https is followed; one to http is refused, also from an http mirror, and so is a circle."""
    with serving(tls) as safe:
        safe.leads = {"/made.onnx": f"{safe.url}/elsewhere"}
        safe.files = {"/elsewhere": BYTES}
        assert fetched(safe.url, tmp_path / "a").read_bytes() == BYTES
        safe.leads = {"/made.onnx": f"{web.url}/made.onnx"}
        with pytest.raises(Refused, match="not https"):
            fetched(safe.url, tmp_path / "b")
        safe.leads = {"/made.onnx": "/made.onnx"}
        with pytest.raises(Refused, match="redirects"):
            fetched(safe.url, tmp_path / "b")
        safe.leads = {"/made.onnx": "file:///etc/passwd"}
        with pytest.raises(Refused, match="not https"):
            fetched(safe.url, tmp_path / "b")
    web.leads = {"/made.onnx": f"{web.url}/again"}
    with pytest.raises(Refused, match="not https"):
        fetched(web.url, tmp_path / "b")
    assert web.asked == [("/made.onnx", "")]


def test_a_certificate_that_nobody_vouches_for_is_refused(
    tls: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS is checked: without the authority there is no connection."""
    monkeypatch.delenv("SSL_CERT_FILE")
    with serving(tls) as safe, pytest.raises(Unreachable, match=r"(?i)certificate"):
        fetched(safe.url, tmp_path)
    assert safe.asked == []


def test_proxies_come_from_the_environment(
    tls: ssl.SSLContext, web: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP_PROXY and HTTPS_PROXY are asked instead of the host, NO_PROXY excepts hosts from that."""
    monkeypatch.setenv("HTTP_PROXY", web.url)
    assert fetched("http://models.example", tmp_path / "a").read_bytes() == BYTES
    assert web.asked == [("http://models.example/made.onnx", "")]
    with serving(tls) as safe:
        safe.files = {"/made.onnx": BYTES}
        monkeypatch.setenv("HTTPS_PROXY", web.url)
        web.leads["tunnel"] = safe.url.removeprefix("https://")
        assert fetched(safe.url, tmp_path / "b").read_bytes() == BYTES
        assert web.asked[-1] == (safe.url.removeprefix("https://"), "CONNECT")
        monkeypatch.setenv("NO_PROXY", "localhost")
        asked = len(web.asked)
        assert fetched(safe.url, tmp_path / "c").read_bytes() == BYTES
        assert len(web.asked) == asked


def test_a_proxy_that_is_none_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that names no proxy is a setting that is wrong, not a crash."""
    monkeypatch.setenv("HTTPS_PROXY", "gopher://old")
    with pytest.raises(SettingsError, match="proxy"):
        Web()


def test_a_good_file_is_never_replaced_and_a_bad_one_steps_aside(web: Origin, tmp_path: Path) -> None:
    """What has the name and other bytes is kept beside: it may be somebody's."""
    final = tmp_path / "made.onnx"
    final.write_bytes(b"damaged")
    fetched(web.url, tmp_path)
    assert final.read_bytes() == BYTES
    assert (tmp_path / "made.onnx.damaged").read_bytes() == b"damaged"
    number = final.stat().st_ino
    fetched(web.url, tmp_path)
    assert final.stat().st_ino == number


def test_two_pulls_at_once_harm_nothing(web: Origin, tmp_path: Path) -> None:
    """While one holds the folder another fetches under a name of its own; both end well, and nothing is left."""
    lock = platform.try_lock(tmp_path / ".pull.lock")
    assert lock is not None
    (tmp_path / "made.onnx.part").write_bytes(BYTES[:1000])  # the other's
    try:
        assert fetched(web.url, tmp_path).read_bytes() == BYTES
    finally:
        lock.release()
    assert left(tmp_path) == ["made.onnx", "made.onnx.part"]
    assert web.asked == [("/made.onnx", "")]
    results: list[Path] = []
    many = [
        threading.Thread(target=lambda: results.append(fetched(web.url, tmp_path / "m"))) for _ in range(5)
    ]
    for each in many:
        each.start()
    for each in many:
        each.join()
    assert results == [tmp_path / "m" / "made.onnx"] * 5
    assert results[0].read_bytes() == BYTES
    assert left(tmp_path / "m") == ["made.onnx"]


def test_a_full_disk_is_said_before_it_is_full(web: Origin, tmp_path: Path) -> None:
    """A model that does not fit is not begun."""
    with pytest.raises(PlaceFull, match="no room"):
        fetched(web.url, tmp_path, msgspec.structs.replace(MODEL, bytes=10**16))
    assert web.asked == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_disk_that_fills_up_is_not_kept_full(web: Origin, tmp_path: Path) -> None:
    """Where another program takes the last bytes, the sentence names the folder, and what came goes."""
    (tmp_path / "made.onnx.part").symlink_to("/dev/full")
    with pytest.raises(PlaceFull, match="No space left"):
        fetched(web.url, tmp_path)
    assert left(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_says_so(web: Origin, tmp_path: Path) -> None:
    """No permission is a sentence about the folder."""
    tmp_path.chmod(0o500)
    with pytest.raises(PlaceFull, match="cannot write"):
        fetched(web.url, tmp_path)


def test_a_file_where_the_folder_should_be(house: House, tmp_path: Path) -> None:
    """A path that is no folder ends with one line, not with a traceback."""
    (tmp_path / "file").write_text("")
    shown = house.command(
        "h", "models", "pull", "--from", str(tmp_path), DASHCAM_MODELS_DIR=str(tmp_path / "file")
    )
    assert shown.returncode in (1, 4)
    assert "Traceback" not in shown.stderr


def test_offline_folders_are_searched_by_hash(tmp_path: Path) -> None:
    """A file of any name and ending counts by its bytes; one that is lacking is named."""
    shelf = tmp_path / "stick" / "deep"
    shelf.mkdir(parents=True)
    (shelf / "x.bin").write_bytes(BYTES)
    (shelf / "made.onnx").write_bytes(b"not it")
    found = matching(tmp_path / "stick", [MODEL])
    assert found == {MODEL.sha256: shelf / "x.bin"}
    path = bring(MODEL, tmp_path / "models", Shelf(shelf, found), lambda _: None)
    assert path.read_bytes() == BYTES
    with pytest.raises(NotFound, match="no file below"):
        bring(MODEL, tmp_path / "m2", Shelf(shelf, {}), lambda _: None)


def test_what_is_meant_is_checked_first(tmp_path: Path) -> None:
    """Unknown names get the nearest one, --from a folder that is there or an address."""
    assert [model.name for model in chosen(["nanodet_m_320"], False)] == ["nanodet_m_320"]
    assert len(chosen([], True)) == len(known()) > len(chosen([], False)) >= 4
    with pytest.raises(BadInput, match="did you mean nanodet_m_320"):
        chosen(["nanodet_m_32"], False)
    with pytest.raises(BadInput, match="or --all"):
        chosen(["nanodet_m_320"], True)
    with pytest.raises(NotFound, match="no folder"):
        open_source(str(tmp_path / "nowhere"), 5, [])
    for bad in ("ftp://nas/models", "https://", "http://nas/models?x=1", "http://[bad"):
        with pytest.raises(BadInput, match="no address of a mirror"):
            open_source(bad, 5, [])


def test_no_network_is_exit_3(house: House) -> None:
    """A pull that reaches nobody says so in its last line, keeps nothing and ends with 3."""
    shown = house.command("h", "models", "pull", "cct_xs_v1_global", HTTPS_PROXY="http://127.0.0.1:9")
    assert shown.returncode == 3, shown.stderr
    assert "MIT" in shown.stderr
    assert "cannot be reached" in shown.stderr.splitlines()[-1]
    folder = Path(house.command("h", "models", "path").stdout.strip())
    assert folder == house.folder / "hosts" / "h" / "models"
    assert left(folder) == []


def test_commands_refuse_with_exit_codes(house: House, tmp_path: Path) -> None:
    """A wrong name is 2, a folder without the file 4; the JSON says which failed."""
    assert house.command("h", "models", "pull", "nonsense").returncode == 2
    shown = house.command("h", "models", "pull", "fastestdet_352", "--from", str(tmp_path), "--json")
    assert shown.returncode == 4
    (row,) = json.loads(shown.stdout)
    assert (row["name"], row["state"], row["path"]) == ("fastestdet_352", "failed", None)


@pytest.mark.shared
def test_pull_list_and_verify(house: House, shared: Path, tmp_path: Path) -> None:
    """From a mirror and from a folder to a list that is whole; a damaged file is named, refused and mended."""
    folder = tmp_path / "models"
    env = {"DASHCAM_MODELS_DIR": str(folder)}
    with serving() as mirror:
        mirror.files = {f"/m/{path.name}": path.read_bytes() for path in (shared / "models").glob("*.onnx")}
        names = ["cct_xs_v1_global", "fastestdet_352"]
        mirror.files["/m/cct_xs_v1_global.onnx"] = (shared / "models/cct_xs_v1_global.onnx").read_bytes()
        shown = house.command("h", "models", "pull", *names, "--from", f"{mirror.url}/m", "--json", **env)
        assert shown.returncode == 0, shown.stderr
        assert [row["state"] for row in json.loads(shown.stdout)] == ["pulled", "pulled"]
        again = house.command("h", "models", "pull", *names, "--from", mirror.url, "--json", **env)
        assert [row["state"] for row in json.loads(again.stdout)] == ["there", "there"]
    shown = house.command("h", "models", "pull", "--from", str(shared / "models"), **env)
    assert shown.returncode == 0, shown.stderr
    (folder / "mine.onnx").write_bytes(b"something else")
    listed = json.loads(house.command("h", "models", "list", "--json", **env).stdout)
    state = {row["name"]: row["state"] for row in listed["models"]}
    assert state == {model.name: "missing" if model.name == "nanodet_m_320" else "there" for model in known()}
    used = {row["name"]: row["used_for"] for row in listed["models"]}
    assert used["cct_xs_v1_global"]
    assert used["fastestdet_352"] == []
    assert listed["unknown"] == [str(folder / "mine.onnx")]
    assert house.command("h", "models", "verify", **env).returncode == 0
    damaged = folder / "cct_xs_v1_global.onnx"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    shown = house.command("h", "models", "verify", **env)
    assert shown.returncode == 1
    assert "dashcam models pull cct_xs_v1_global" in shown.stderr
    state = json.loads(house.command("h", "models", "list", "--json", **env).stdout)["models"]
    assert [row["name"] for row in state if row["state"] == "damaged"] == ["cct_xs_v1_global"]
    mended = house.command("h", "models", "pull", "--from", str(shared / "models"), **env)
    assert mended.returncode == 0, mended.stderr
    assert house.command("h", "models", "verify", **env).returncode == 0


def test_a_script_can_have_a_mirror_of_a_folder(tmp_path: Path, web: Origin) -> None:
    """A password in the mirror's address is sent and never shown."""
    web.files = {}
    with pytest.raises(NotFound) as caught:
        fetched(web.url.replace("://", "://me:secret@"), tmp_path)
    assert "secret" not in str(caught.value)
    assert httpx.URL(web.url).host in str(caught.value)
