"""Watches: what is told, to whom, how often, and that it arrives."""

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from contextlib import closing, contextmanager

import msgspec
import pytest
from litestar.testing import TestClient

from server import webhooks
from server.notifier import Notifier
from server.sql import SQL
from server.sqlite_watches import SqliteWatches
from server.watches import watched_text
from server.webhooks import Refused
from stages.errors import BadInput
from tests.house import wait_for
from tests.server.receivers import MOSQUITTO, MqttReceiver, WebReceiver, mosquitto

HEAVY = "HEAVY_PROCESS_VIDEO"


@pytest.fixture
def hook():
    """A receiver of webhooks."""
    with WebReceiver().serving() as receiver:
        yield receiver


@pytest.fixture
def house(settings, app_of):
    """Open a server: `house(retry_seconds=0.01)` as a context; what it yields calls below /api/v1."""

    @contextmanager
    def run(**notify):
        rules = {"webhook_hosts": ("127.0.0.1",), "retry_seconds": 0.05, "timeout_seconds": 2.0} | notify
        changed = msgspec.structs.replace(
            settings,
            notify=msgspec.structs.replace(settings.notify, **rules),
            limits=msgspec.structs.replace(settings.limits, requests_per_minute=0),
        )
        with TestClient(app_of(changed)) as client:
            yield lambda method, path, body=None, **more: client.request(
                method, f"/api/v1{path}", **({} if body is None else {"json": body}), **more
            )

    return run


def tell(api, video_id, *plates, **more):
    """A clip was processed, and these plates were read in it."""
    made = api("POST", "/tasks", {"task_type": HEAVY, "video_id": video_id}).json()
    sightings = [
        {"plate": plate, "confidence": 0.9, "first_seconds": n * 5.0, **more}
        for n, plate in enumerate(plates)
    ]
    body = {"results": [{"type": "sightings", "sightings": sightings}]}
    assert api("POST", f"/tasks/{made['task_id']}/complete", body).status_code == 200


def told(api, event="plate.seen"):
    """What was told, newest first: plate and clip."""
    return [(d["plate_text"], d["video_id"]) for d in api("GET", "/deliveries").json() if d["event"] == event]


def delivered(api, count):
    """Wait until so many notifications arrived."""
    wait_for(
        lambda: sum(d["state"] == "delivered" for d in api("GET", "/deliveries").json()) == count, seconds=20
    )


# -- what is told ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("watch", "seen", "matches"),
    [
        ({"text": "ABC123"}, "ABC123", True),
        ({"text": "abc-123"}, "ABC123", True),
        ({"text": "ABC123"}, "ABC1234", False),
        ({"text": "ABC*"}, "ABC1234", True),
        ({"text": "AB?12*"}, "ABX129", True),
        ({"text": "AB?12*"}, "AB129", False),
        ({"text": "C12", "match": "partial"}, "ABC123", True),
        ({"text": "ABC123", "match": "similar"}, "A8C1Z3", True),
        ({"text": "ABC123", "match": "similar"}, "ABD123", True),
        ({"text": "ABC123", "match": "similar"}, "XYZ789", False),
        ({"text": "ABC123", "active": False}, "ABC123", False),
    ],
)
def test_which_plates_a_watch_is_for(api, watch, seen, matches):
    """A plate, a pattern, a fragment, or what is like it; none while it is off."""
    assert api("POST", "/watches", watch).status_code == 201
    tell(api, "clip-1", seen)
    assert told(api) == ([(seen, "clip-1")] if matches else [])


def test_told_once_for_each_clip(api):
    """Several sightings in a clip, and a clip processed again, are no news; another clip is."""
    api("POST", "/watches", {"text": "ABC123"})
    tell(api, "clip-1", "ABC123", "ABC123")
    tell(api, "clip-1", "ABC123")
    assert told(api) == [("ABC123", "clip-1")]
    tell(api, "clip-2", "ABC123")
    assert told(api) == [("ABC123", "clip-2"), ("ABC123", "clip-1")]


def test_what_is_corrected_on_arrival_is_told_as_corrected(api):
    """A reading that a person said is another plate is told as that plate, and not as itself."""
    tell(api, "clip-1", "A8C123")
    api("POST", "/plates/A8C123/correct", {"text": "ABC123"})
    api("POST", "/watches", {"text": "ABC123"})
    api("POST", "/watches", {"text": "A8C123"})
    tell(api, "clip-2", "A8C123")
    assert told(api) == [("ABC123", "clip-2")]


def test_a_new_watch_searches_the_past(house, hook):
    """One notification says how often, and shows the newest; another text is searched for anew."""
    with house() as api:
        tell(api, "clip-1", "ABC123", "XYZ789")
        tell(api, "clip-2", "ABC123")
        watch = api("POST", "/watches", {"text": "ABC123", "webhook": hook.url}).json()
        delivered(api, 1)
        body = json.loads(hook.taken[0][1])
        assert (body["event"], body["count"], body["more"]) == ("plate.past", 2, False)
        assert [each["video_id"] for each in body["sightings"]] == ["clip-2", "clip-1"]
        assert api("GET", f"/watches/{watch['watch_id']}").json()["past_sightings"] == 2
        api("PATCH", f"/watches/{watch['watch_id']}", {"text": "XYZ*"})
        delivered(api, 2)
        assert json.loads(hook.taken[1][1])["count"] == 1
        nobody = api("POST", "/watches", {"text": "NOBODY1", "webhook": hook.url}).json()
        past = lambda: api("GET", f"/watches/{nobody['watch_id']}").json()["past_sightings"]  # noqa: E731
        wait_for(lambda: past() == 0, seconds=10)
        assert len(hook.taken) == 2


# -- that it arrives -------------------------------------------------------------------------------


def test_a_webhook_is_signed_and_says_what_was_seen(house, hook):
    """The signature is that of Standard Webhooks; links lead to this server where its address is known."""
    with house(public_url="https://cam.example/") as api:
        watch = api("POST", "/watches", {"text": "ABC123", "name": "Stolen", "webhook": hook.url}).json()
        api("POST", "/plates/ABC123/name", {"name": "Anna's Golf", "group": "neighbours"})
        tell(api, "clip-1", "ABC123", timestamp="2024-01-15T10:30:00", location={"lat": 52.5, "lon": 13.4})
        delivered(api, 1)
    headers, body = hook.taken[0]
    key = base64.b64decode(watch["secret"].removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    said = json.loads(body)
    assert said["id"] == headers["webhook-id"]
    assert said["watch"] == {"watch_id": 1, "name": "Stolen", "text": "ABC123", "match": "exact"}
    assert said["sighting"] == {
        "plate_text": "ABC123", "name": "Anna's Golf", "group": "neighbours", "read_as": None, "video_id": "clip-1",
        "timestamp": "2024-01-15T10:30:00", "utc_offset_seconds": None, "location": {"lat": 52.5, "lon": 13.4},
        "confidence": 0.9, "confirmed": False, "first_seconds": 0.0,
        "page": "https://cam.example/videos/clip-1?t=0.0", "media": None,
    }  # fmt: skip


def test_what_fails_is_tried_again_with_the_same_id(house, hook):
    """A receiver's errors cost attempts, each visible, until it takes it; a redirect is not followed."""
    hook.statuses = [500, 302]
    with house() as api:
        api("POST", "/watches", {"text": "ABC123", "webhook": hook.url})
        tell(api, "clip-1", "ABC123")
        delivered(api, 1)
        found = api("GET", "/deliveries").json()[0]
        assert (found["attempts"], found["answer"], found["next_at"]) == (3, "answered 204", None)
    assert len({headers["webhook-id"] for headers, _ in hook.taken}) == 1
    assert [headers[":path"] for headers, _ in hook.taken] == ["/hook"] * 3


def test_what_was_not_delivered_survives_a_restart(house, hook):
    """Written with the sighting: a server that ends before it could tell goes on afterwards."""
    hook.statuses = [503]
    with house(retry_seconds=1.0) as api:
        api("POST", "/watches", {"text": "ABC123", "webhook": hook.url})
        tell(api, "clip-1", "ABC123")
        wait_for(lambda: api("GET", "/deliveries").json()[0]["attempts"] == 1, seconds=10)
        assert api("GET", "/deliveries").json()[0]["answer"] == "answered 503"
    with house() as api:
        delivered(api, 1)
    assert len(hook.taken) == 2


def test_given_up_is_said_and_can_be_sent_again(house, hook):
    """After the time is over it is listed as such; a person may have it sent once more."""
    hook.statuses = [404]
    with house(give_up_hours=1e-6) as api:
        api("POST", "/watches", {"text": "ABC123", "webhook": hook.url})
        tell(api, "clip-1", "ABC123")
        wait_for(lambda: api("GET", "/deliveries").json()[0]["state"] == "gave_up", seconds=10)
        found = api("GET", "/deliveries").json()[0]
        assert found["answer"] == "answered 404"
        again = api("POST", f"/deliveries/{found['delivery_id']}/retry").json()
        assert again["state"] == "waiting"
        delivered(api, 1)


def test_sending_again_does_not_wait_for_the_pause(house, hook):
    """A receiver that failed is left alone for a while; a person's word ends that at once."""
    hook.statuses = [500]
    with house(retry_seconds=600.0) as api:
        api("POST", "/watches", {"text": "ABC123", "webhook": hook.url})
        tell(api, "clip-1", "ABC123")
        wait_for(lambda: api("GET", "/deliveries").json()[0]["attempts"] == 1, seconds=10)
        tell(api, "clip-2", "ABC123")
        time.sleep(1.5)
        assert len(hook.taken) == 1
        api("POST", "/deliveries/1/retry")
        delivered(api, 2)


def test_a_receiver_that_is_away_is_tried_more_and_more_rarely(settings, app_of, hook):
    """However much waits for it: what was never tried is no reason to ask at once again."""
    hook.statuses = [503] * 100
    rules = {"webhook_hosts": ("127.0.0.1",), "retry_seconds": 10.0, "give_up_hours": 1000.0}
    notify = msgspec.structs.replace(settings.notify, **rules)

    async def tries(services):
        now = [services.notifier.now() / 1e6 + 5]
        notifier = Notifier(services.database, services.library, notify, clock=lambda: now[0])
        for _ in range(60):  # ten minutes
            await notifier.send_due()
            await asyncio.gather(*notifier._serving.values())
            now[0] += 10
        return len(hook.taken)

    with TestClient(app_of(settings)) as client:
        services = client.app.state.services
        client.blocking_portal.call(services._telling.cancel)  # its clock is the real one
        call = lambda method, path, body: client.request(method, f"/api/v1{path}", json=body)  # noqa: E731
        call("POST", "/watches", {"text": "ABC123", "webhook": hook.url})
        for number in range(20):
            tell(call, f"clip-{number}", "ABC123")
        # After 10, 20, 40, 80, 160 and 320 seconds, and no two of them are of one notification.
        assert 4 <= client.blocking_portal.call(tries, services) <= 8


def test_what_waits_is_not_looked_through_for_what_is_due(settings, app_of):
    """What a receiver gets next is found by an index, whether ten notifications wait for it or a million."""
    with TestClient(app_of(settings)) as client:
        asked = f"EXPLAIN QUERY PLAN {SQL['due_deliveries']}"
        values = {"now": 1, "event_id": None}
        plan = client.app.state.services.database.read_now(lambda c: c.execute(asked, values).fetchall())
    about = [row[3] for row in plan if "delivery" in row[3]]
    assert about == ["SEARCH delivery USING INDEX delivery_due (watch_id=? AND way=? AND next_at<?)"], plan


def test_a_text_that_was_changed_during_the_search_is_searched_for(api, client):
    """What the past has of the old text is told of no more, and the new one counts as not searched."""
    tell(api, "clip-1", "ABC123", "XYZ789", "XYZ788")
    database = client.app.state.services.database
    number = api("POST", "/watches", {"text": "ABC123"}).json()["watch_id"]
    old = database.read_now(lambda c: SqliteWatches(c).get(number))
    api("PATCH", f"/watches/{number}", {"text": "XYZ*"})

    def late(connection):
        connection.execute("UPDATE watch SET past_at = NULL, past_count = NULL")  # as before its search
        SqliteWatches(connection).tell_past(old, 1, 1000, [], 1)
        return SqliteWatches(connection).get(number)

    assert database.write(late).result().past_at is None
    wait_for(lambda: api("GET", f"/watches/{number}").json()["past_sightings"] == 2, seconds=10)


def test_a_receiver_that_hangs_delays_nobody(house, hook):
    """Neither the queue nor another watch waits for it; what it did not answer in time is tried again."""
    with WebReceiver().serving() as other, house(timeout_seconds=1.0) as api:
        hook.hold.clear()
        api("POST", "/watches", {"text": "ABC123", "webhook": hook.url})
        api("POST", "/watches", {"text": "ABC*", "webhook": other.url})
        tell(api, "clip-1", "ABC123")
        wait_for(lambda: len(other.taken) == 1, seconds=10)
        tell(api, "clip-2", "XYZ789")
        wait_for(
            lambda: "within 1 s" in str([d["answer"] for d in api("GET", "/deliveries").json()]), seconds=10
        )
        hook.hold.set()
        delivered(api, 2)


def test_mqtt_waits_for_its_broker(house):
    """While the broker is away or refuses, the message waits and says so; then it comes as it is."""
    with MqttReceiver().serving() as receiver, house(mqtt_host="127.0.0.1", mqtt_port=receiver.port) as api:
        receiver.refuse = 5
        api("POST", "/watches", {"text": "ABC123", "topic": "dashcam/watched"})
        tell(api, "clip-1", "ABC123")
        wait_for(lambda: api("GET", "/deliveries").json()[0]["attempts"] > 0, seconds=10)
        assert "refused" in api("GET", "/deliveries").json()[0]["answer"]
        receiver.refuse = 0
        delivered(api, 1)
    topic, body = receiver.taken[0]
    said = json.loads(body)
    assert (topic, said["event"], said["sighting"]["plate_text"]) == (
        "dashcam/watched",
        "plate.seen",
        "ABC123",
    )


@pytest.mark.slow
@pytest.mark.skipif(MOSQUITTO is None, reason="needs the broker mosquitto, which is not installed here")
def test_mqtt_through_a_real_broker(house, tmp_path):
    """Mosquitto hands the message on to whoever listens, with quality of service 1."""
    from paho.mqtt import client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with house(mqtt_host="127.0.0.1", mqtt_port=port) as api:
        api("POST", "/watches", {"text": "ABC123", "topic": "dashcam/watched"})
        tell(api, "clip-1", "ABC123")
        wait_for(lambda: api("GET", "/deliveries").json()[0]["attempts"] > 0, seconds=10)
        assert "could not be reached" in api("GET", "/deliveries").json()[0]["answer"]
        api("PATCH", "/watches/1", {"active": False})
        with mosquitto(port, tmp_path):
            got, ready = [], threading.Event()
            listener = paho.Client(CallbackAPIVersion.VERSION2)
            listener.on_message = lambda _c, _u, message: got.append(message)
            listener.on_connect = lambda client, *_: client.subscribe("dashcam/#", qos=1)
            listener.on_subscribe = lambda *_: ready.set()
            listener.connect_async("127.0.0.1", port)
            listener.loop_start()
            assert ready.wait(20)
            api("POST", "/watches/1/test")
            wait_for(lambda: got, seconds=20)
            listener.disconnect()
            listener.loop_stop()
    assert (got[-1].topic, got[-1].qos) == ("dashcam/watched", 1)


def test_a_test_says_at_once_what_became_of_it(house, hook):
    """Each way is tried once, and a failure is not tried again."""
    with house() as api:
        watch = api("POST", "/watches", {"text": "ABC123", "webhook": hook.url, "topic": "dashcam/x"}).json()
        sent = api("POST", f"/watches/{watch['watch_id']}/test").json()
        assert [(each["way"], each["state"], each["event"]) for each in sent] == [
            ("webhook", "delivered", "test"), ("mqtt", "gave_up", "test"),
        ]  # fmt: skip
        assert "no broker is set" in sent[1]["answer"]
    assert json.loads(hook.taken[0][1])["event"] == "test"


# -- what may be called ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "169.254.169.254",
        "0.0.0.0",  # noqa: S104
        "[fe80::1]",
        "[::ffff:127.0.0.1]",
        "224.0.0.1",
    ],
)
def test_this_host_and_link_local_are_refused(host):
    """Unless a setting names them; the look-up happens once, so that no second answer can differ."""
    with pytest.raises(Refused, match="webhook_hosts"):
        asyncio.run(webhooks.address(f"http://{host}/x", ()))


def test_home_networks_are_let_through():
    """That is where a home's receivers are."""
    for host in ("192.168.1.5", "10.0.0.2", "[fd00::5]", "93.184.216.34"):
        assert asyncio.run(webhooks.address(f"http://{host}:8123/x", ()))[0] == host.strip("[]")
    assert asyncio.run(webhooks.address("http://127.0.0.1/x", ("127.0.0.1",)))[0] == "127.0.0.1"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "text is missing"),
        ({"text": "*"}, "letters or digits"),
        ({"text": "A"}, "letters or digits"),
        ({"text": "A" * 70}, "letters or digits"),
        ({"text": "ABC", "match": "regex"}, "match"),
        ({"text": "ABC", "webhook": "file:///etc/passwd"}, "https://"),
        ({"text": "ABC", "webhook": "http://user:pass@host/"}, "user"),
        ({"text": "ABC", "webhook": "http://host/a b"}, "https://"),
        ({"text": "ABC", "webhook": "http://host/", "secret": "short"}, "secret"),
        ({"text": "ABC", "topic": "a/#"}, "topic"),
        ({"text": "ABC", "topic": "$SYS/x"}, "topic"),
        ({"text": "ABC", "name": "x" * 100}, "name"),
        ({"text": "ABC", "active": "yes"}, "active"),
    ],
)
def test_what_is_refused(api, body, says):
    """In one sentence; nothing is kept."""
    answer = api("POST", "/watches", body)
    assert (answer.status_code, says in answer.json()["detail"]) == (400, True), answer.text
    assert api("GET", "/watches").json() == []


def test_a_watch_is_changed_and_removed(api):
    """Its secret is shown when it is made, and never again; a removed one takes its list along."""
    made = api("POST", "/watches", {"text": "ABC123", "webhook": "https://receiver.example/x"}).json()
    assert made["secret"].startswith("whsec_")
    number = made["watch_id"]
    shown = api("GET", f"/watches/{number}").json()
    assert "secret" not in shown
    assert api("PATCH", f"/watches/{number}", {"name": "Other", "active": False}).json()["secret"] is None
    changed = api("PATCH", f"/watches/{number}", {"webhook": None}).json()
    assert (changed["name"], changed["active"], changed["webhook"]) == ("Other", False, None)
    anew = api("PATCH", f"/watches/{number}", {"webhook": "https://receiver.example/y"}).json()
    assert anew["secret"].startswith("whsec_")
    assert anew["secret"] != made["secret"]
    assert api("DELETE", f"/watches/{number}").status_code == 200
    assert api("GET", f"/watches/{number}").status_code == 404
    assert api("GET", "/deliveries").json() == []


def test_what_is_kept_of_a_text():
    """Letters, digits and wildcards; a run of stars is one."""
    assert watched_text("ab-c**1", "partial") == ("ABC*1", "ABC*1")
    assert watched_text("b8o", "similar") == ("B8O", "880")
    assert watched_text("BC1", "partial") == ("BC1", "*BC1*")
    with pytest.raises(BadInput):
        watched_text("?*", "partial")
