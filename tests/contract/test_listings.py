"""Listings, pages and counts agree with the rows."""

from server.store import Count, Filter, Needs, Store
from stages.task import Phase
from tests.contract.kit import change, listed, new, read


def test_tasks_are_listed_by_number(store: Store):
    """Page by page, each task once; beyond the end there is nothing."""
    numbers = [new(store, priority=9 - n).task_id for n in range(7)]
    assert listed(store) == numbers
    assert [listed(store, limit=3, offset=offset) for offset in (0, 3, 6, 9)] == [
        numbers[:3],
        numbers[3:6],
        numbers[6:],
        [],
    ]


def test_a_listing_may_be_narrowed(store: Store):
    """By type, state and clip, alone and together; the count is that of all pages."""
    kinds, phases, clips = ("INGEST_VIDEO", "ARCHIVE_VIDEO"), tuple(Phase), ("a", "b", None)
    rows = [
        change(store, new(store, task_type=kind, video_id=clip), phase=phase)
        for kind in kinds
        for phase in phases
        for clip in clips
    ]
    for kind in (None, *kinds):
        for state in (None, "pending", "complete", "failed"):
            for clip in (None, "a", "zz"):
                which = {"task_type": kind, "state": state, "video_id": clip}
                expected = [
                    row.task_id
                    for row in rows
                    if kind in (None, row.task_type)
                    and state in (None, row.state)
                    and clip in (None, row.video_id)
                ]
                assert listed(store, **which) == expected
                assert listed(store, limit=2, offset=1, **which) == expected[1:3]
                assert read(store.count(Filter(limit=1, **which))) == len(expected)


def test_an_empty_store_counts_nothing(store: Store):
    """No tasks, no needs, no failures, no devices."""
    assert read(store.counts()) == ([], [])
    assert read(store.count(Filter())) == 0
    assert read(store.failures(5)) == []
    assert read(store.devices(5, 0)) == []


def test_counts_agree_with_the_rows(store: Store):
    """What waits is counted by type, phase and needs; what ended by type and phase; each with its oldest."""
    for number in range(24):
        row = new(
            store,
            task_type=("INGEST_VIDEO", "ARCHIVE_VIDEO")[number % 2],
            needs=('{"a":1}', '{"b":2}', "{}")[number % 3],
            created_at=1000 - number,
        )
        change(store, row, phase=tuple(Phase)[number % 7])
    rows = read(store.page(Filter()))
    expected: dict[tuple[str, str, int], list[int]] = {}
    for row in rows:
        group = (row.task_type, row.phase, row.needs_id if row.state == "pending" else 0)
        expected.setdefault(group, []).append(row.created_at)
    counts, needs = read(store.counts())
    assert sorted(counts, key=str) == sorted(
        (Count(*group, len(at), min(at)) for group, at in expected.items()), key=str
    )
    of = {row.needs: row.needs_id for row in rows}
    assert needs == sorted(
        [Needs(of['{"a":1}'], {"a": 1}, []), Needs(of['{"b":2}'], {"b": 2}, []), Needs(of["{}"], {}, [])],
        key=lambda each: each.needs_id,
    )


def test_what_failed_is_shown_newest_first(store: Store):
    """Given up and cancelled tasks, and no others; not more than asked for."""
    numbers = []
    for phase in (Phase.GAVE_UP, Phase.DONE, Phase.CANCELLED, Phase.READY, Phase.GAVE_UP):
        row = change(store, new(store), phase=phase)
        if phase in (Phase.GAVE_UP, Phase.CANCELLED):
            numbers.insert(0, row.task_id)
    assert [row.task_id for row in read(store.failures(10))] == numbers
    assert [row.task_id for row in read(store.failures(2))] == numbers[:2]
