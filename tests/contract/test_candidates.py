"""What may be claimed: all of it, nothing else, in the one order."""

import pytest

from server.store import Needs, Store
from stages.errors import NotFound
from stages.task import Phase
from tests.contract.kit import candidates, change, do, new, put, read, refused, want


def test_priority_goes_first(store: Store):
    """The smaller number is the more urgent."""
    low, urgent, normal = (new(store, priority=priority).task_id for priority in (3, 0, 2))
    assert candidates(store) == [urgent, normal, low]


def test_then_the_oldest_root(store: Store):
    """Finish before you begin: a late child of an early task goes before a task in between."""
    root, between = new(store), new(store)
    child = new(store, parent_id=root.task_id, root_id=root.task_id)
    change(store, root, phase=Phase.DONE)
    assert candidates(store) == [child.task_id, between.task_id]


def test_then_the_number(store: Store):
    """Of one root, the older task goes first."""
    root = new(store)
    children = [new(store, root_id=root.task_id).task_id for _ in range(3)]
    assert candidates(store) == [root.task_id, *children]


def test_the_order_is_one_over_all_kinds(store: Store):
    """Types, needs and phases are not done one kind after the other."""
    kinds = ["INGEST_VIDEO", "ARCHIVE_VIDEO", "PREPROCESS_VIDEO", "HEAVY_PROCESS_VIDEO"] * 3
    rows = [
        new(
            store,
            task_type=kind,
            needs=f'{{"n":{number % 5}}}',
            phase=Phase.NO_INPUT if number % 3 else Phase.READY,
            priority=number % 2,
        )
        for number, kind in enumerate(kinds)
    ]
    expected = [row.task_id for row in sorted(rows, key=lambda row: (row.priority, row.task_id))]
    assert candidates(store, want(phases=(Phase.READY, Phase.NO_INPUT))) == expected
    assert candidates(store, want(limit=4, phases=(Phase.READY, Phase.NO_INPUT))) == expected[:4]


def test_only_what_is_ready(store: Store):
    """No other phase is given, unless tasks without input are asked for too."""
    numbers = {phase: change(store, new(store), phase=phase).task_id for phase in Phase}
    assert candidates(store) == [numbers[Phase.READY]]
    both = want(phases=(Phase.READY, Phase.NO_INPUT))
    assert candidates(store, both) == [numbers[Phase.READY], numbers[Phase.NO_INPUT]]


def test_only_the_types_asked_for(store: Store):
    """Named types and no others; none named: every one."""
    numbers = {kind: new(store, task_type=kind).task_id for kind in ("INGEST_VIDEO", "ARCHIVE_VIDEO")}
    assert candidates(store, want(types=("ARCHIVE_VIDEO",))) == [numbers["ARCHIVE_VIDEO"]]
    assert candidates(store, want(types=("HEAVY_PROCESS_VIDEO",))) == []
    assert candidates(store) == list(numbers.values())


def test_only_what_is_satisfied(store: Store):
    """Tasks whose needs the caller does not choose stay, though they come first."""
    big = new(store, needs='{"gpu":8}')
    small = new(store, needs='{"gpu":1}')

    def small_only(needs):
        return [each.needs_id for each in needs if each.needs == {"gpu": 1}]

    assert candidates(store, want(satisfied=small_only)) == [small.task_id]
    assert candidates(store, want(satisfied=lambda needs: [])) == []
    assert candidates(store) == [big.task_id, small.task_id]


def test_every_set_of_needs_is_shown(store: Store):
    """The caller chooses among all sets, as they were given, each once, also those of the last moment."""
    seen: list[list[Needs]] = []

    def look(needs):
        seen.append(list(needs))
        return []

    first = do(store, lambda tx: tx.intern('{"a":1}', "[]"))
    candidates(store, want(satisfied=look))
    second = do(store, lambda tx: tx.intern('{"a":1}', '["nas"]'))
    candidates(store, want(satisfied=look))
    one, two = Needs(first, {"a": 1}, []), Needs(second, {"a": 1}, ["nas"])
    assert seen == [[one], [one], [one, two], [one, two]]


def test_needs_of_this_very_transaction_count(store: Store):
    """A task with new needs may be claimed in the transaction that made it."""

    def both(tx):
        row = put(tx, needs='{"brand":"new"}')
        return [row], tx.candidates(want())

    made, found = do(store, both)
    assert found == made


def test_no_more_than_asked_for(store: Store):
    """The limit holds over all needs together."""
    rows = [new(store, needs=f'{{"n":{number}}}').task_id for number in range(5)]
    assert candidates(store, want(limit=1)) == rows[:1]
    assert candidates(store, want(limit=3)) == rows[:3]


def test_what_is_leased_is_not_given_again(store: Store):
    """Neither in the same transaction nor in a later one."""
    row = new(store)

    def claim(tx):
        return [tx.update(each, phase=Phase.LEASED, lease=each.lease + 1) for each in tx.candidates(want())]

    taken, again = do(store, lambda tx: (claim(tx), claim(tx)))
    assert [each.task_id for each in taken] == [row.task_id]
    assert again == []
    assert candidates(store) == []


def test_looking_leases_nothing(store: Store):
    """A peek changes no task, however often."""
    row = new(store)
    assert read(store.peek(want())) == read(store.peek(want())) == [row]
    assert read(store.get(row.task_id)) == row


def test_the_same_needs_have_one_number(store: Store):
    """Interning again gives the number that was given before; other needs or places another one."""
    pairs = [("{}", "[]"), ('{"a":1}', "[]"), ("{}", '["nas"]'), ('{"a":1.0}', "[]"), ('{"A":1}', "[]")]
    numbers = [do(store, lambda tx, p=pair: tx.intern(*p)) for pair in pairs]
    assert len(set(numbers)) == len(pairs)
    assert do(store, lambda tx: [tx.intern(*pair) for pair in pairs]) == numbers


def test_needs_are_found_by_their_number(store: Store):
    """As they were given, decoded; a number that none has is not found."""
    number = do(store, lambda tx: tx.intern('{"gpu":8,"os":"linux"}', '["card","nas"]'))
    assert read(store.needs(number)) == Needs(number, {"gpu": 8, "os": "linux"}, ["card", "nas"])
    with pytest.raises(NotFound):
        read(store.needs(number + 1))


def test_needs_that_were_rolled_back_are_new_again(store: Store):
    """A set whose transaction failed is not remembered: the next one interns it and finds its tasks."""
    refused(store, lambda tx: (tx.intern('{"x":1}', "[]"), tx.candidates(want()), 1 / 0))
    other = new(store, needs='{"y":1}')
    row = new(store, needs='{"x":1}')
    assert candidates(store) == [other.task_id, row.task_id]

    def x_only(needs):
        return [each.needs_id for each in needs if each.needs == {"x": 1}]

    assert candidates(store, want(satisfied=x_only)) == [row.task_id]
