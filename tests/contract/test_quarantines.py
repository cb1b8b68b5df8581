"""What is held against devices."""

from server.store import Store
from tests.contract.kit import do, read


def strikes(store: Store, task_type: str = "A") -> list[tuple[str, int, bool]]:
    """Device, task and whether others did such tasks since."""
    found = do(store, lambda tx: tx.strikes(task_type))
    return [(each.device, each.task_id, each.others_did) for each in found]


def test_strikes_are_kept_by_type_in_their_order(store: Store):
    """Each type has its own; what others did is noted on all that stand at that time."""
    for device, task_type, task_id in (("x", "A", 3), ("y", "A", 1), ("x", "B", 2)):
        do(store, lambda tx, d=device, k=task_type, n=task_id: tx.put_strike(d, k, n, "no", 5))
    do(store, lambda tx: tx.tell_strikes("A"))
    do(store, lambda tx: tx.put_strike("x", "A", 4, "no", 6))
    assert strikes(store) == [("x", 3, True), ("y", 1, True), ("x", 4, False)]
    assert strikes(store, "B") == [("x", 2, False)]


def test_strikes_of_a_device_are_forgotten_by_type(store: Store):
    """Those of others and of other types stay."""
    for device, task_type in (("x", "A"), ("y", "A"), ("x", "B")):
        do(store, lambda tx, d=device, k=task_type: tx.put_strike(d, k, 1, "no", 5))
    do(store, lambda tx: tx.drop_strikes("x", "A"))
    assert [each[0] for each in strikes(store)] == ["y"]
    assert [each[0] for each in strikes(store, "B")] == ["x"]


def test_a_number_of_a_quarantine_never_comes_again(store: Store):
    """Ended and begun anew it is another one: a self-test of before says nothing of it."""
    do(store, lambda tx: tx.put_quarantine("x", "A", 5, "why"))
    (first,) = read(store.quarantines())
    assert (first.device, first.task_type, first.since, first.why) == ("x", "A", 5, "why")
    do(store, lambda tx: tx.drop_quarantine("x", "A"))
    assert read(store.quarantines()) == []
    do(store, lambda tx: tx.put_quarantine("x", "A", 6, "again"))
    (second,) = read(store.quarantines())
    assert second.quarantine_id > first.quarantine_id


def test_a_forgotten_device_leaves_nothing(store: Store):
    """What was held against it goes with it."""
    do(store, lambda tx: tx.put_device("x", "gpu", "online", "{}", 1))
    assert do(store, lambda tx: (tx.knows_device("x"), tx.knows_device("y"))) == (True, False)
    for device in ("x", "y"):
        do(store, lambda tx, d=device: tx.put_strike(d, "A", 1, "no", 5))
        do(store, lambda tx, d=device: tx.put_quarantine(d, "A", 5, "why"))
    assert do(store, lambda tx: [each.device for each in tx.quarantines("x")]) == ["x"]
    do(store, lambda tx: tx.delete_device("x"))
    assert [each[0] for each in strikes(store)] == ["y"]
    assert [each.device for each in read(store.quarantines())] == ["y"]
