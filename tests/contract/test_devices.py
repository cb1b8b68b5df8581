"""Devices, and the keys of requests that were answered before."""

from server.store import Store
from tests.contract.kit import do, read, refused


def heard(store: Store, name: str, capabilities: str | None = "{}", now: int = 1, status: str = "idle"):
    """A device speaks."""
    return do(store, lambda tx: tx.put_device(name, "worker", status, capabilities, now))


def test_a_device_is_as_it_last_spoke(store: Store):
    """It keeps its number; all else is what it said last."""
    first = heard(store, "a", '{"gpu":1}', 5)
    assert (first.hostname, first.device_type, first.status) == ("a", "worker", "idle")
    assert (first.capabilities, first.last_heartbeat) == ('{"gpu":1}', 5)
    again = do(store, lambda tx: tx.put_device("a", "other", "busy", '{"gpu":2}', 9))
    assert again == read(store.device("a"))
    assert (again.device_id, again.device_type, again.status) == (first.device_id, "other", "busy")
    assert (again.capabilities, again.last_heartbeat) == ('{"gpu":2}', 9)


def test_capabilities_that_are_not_mentioned_stay(store: Store):
    """None keeps the earlier ones; a device that never said any has none."""
    heard(store, "a", '{"gpu":1}')
    assert heard(store, "a", None).capabilities == '{"gpu":1}'
    assert heard(store, "b", None).capabilities == "{}"


def test_speaking_often_uses_up_no_numbers(store: Store):
    """The next new device has the next number."""
    first = heard(store, "a")
    for now in range(10):
        heard(store, "a", now=now)
    assert heard(store, "b").device_id == first.device_id + 1


def test_a_forgotten_device_is_gone(store: Store):
    """It is no longer listed; forgetting it again says that it was not known; back again it is a new one."""
    first = heard(store, "a")
    assert do(store, lambda tx: tx.delete_device("a")) is True
    assert read(store.device("a")) is None
    assert read(store.devices(10, 0)) == []
    assert do(store, lambda tx: tx.delete_device("a")) is False
    assert heard(store, "a", None).capabilities == "{}"
    assert read(store.device("a")).device_id > first.device_id


def test_devices_are_listed_by_number(store: Store):
    """In the order in which they first spoke, page by page."""
    for name in ("c", "a", "b", "d"):
        heard(store, name)
    heard(store, "a", now=7)
    assert [each.hostname for each in read(store.devices(10, 0))] == ["c", "a", "b", "d"]
    assert [each.hostname for each in read(store.devices(2, 1))] == ["a", "b"]
    assert read(store.devices(10, 4)) == []


def test_names_are_compared_exactly(store: Store):
    """Case, blanks and accents tell devices apart."""
    for name in ("a", "A", "a ", "á", "a\u0301"):
        heard(store, name)
    assert len(read(store.devices(10, 0))) == 5


def test_the_places_that_devices_state(store: Store):
    """All of them together; what is not a list of names is not a place."""
    heard(store, "a", '{"places":["nas","card"]}')
    heard(store, "b", '{"places":["nas","shed"]}')
    for number, odd in enumerate(('{"places":"x"}', '{"places":[1,null,["y"]]}', '{"places":null}', "{}")):
        heard(store, f"odd{number}", odd)
    assert do(store, lambda tx: tx.places()) == {"nas", "card", "shed"}


def test_a_key_is_remembered_with_its_answer(store: Store):
    """Body and tasks come back, in order; an unknown key is None."""
    do(store, lambda tx: tx.remember("k", '{"a": 1}', [3, 1, 2], 100, 0))
    assert do(store, lambda tx: (tx.recall("k"), tx.recall("K"))) == (('{"a": 1}', [3, 1, 2]), None)


def test_a_key_is_taken_once(store: Store):
    """Remembering it anew is refused, and the first answer stays."""
    do(store, lambda tx: tx.remember("k", "first", [1], 100, 0))
    refused(store, lambda tx: tx.remember("k", "second", [2], 101, 0))
    assert do(store, lambda tx: tx.recall("k")) == ("first", [1])


def test_old_keys_are_forgotten(store: Store):
    """Those from before the given moment, not those of it."""
    for key, now in (("old", 99), ("edge", 100), ("young", 101)):
        do(store, lambda tx, k=key, n=now: tx.remember(k, "{}", [], n, 0))
    do(store, lambda tx: tx.remember("new", "{}", [], 200, 100))
    found = do(store, lambda tx: [tx.recall(key) is not None for key in ("old", "edge", "young", "new")])
    assert found == [False, True, True, True]
