"""Tasks are kept, changed behind the fence, and found again by what is to be done with them."""

import msgspec

from server.store import STATE_OF, Store
from stages.errors import StaleLease
from stages.task import Phase
from tests.contract.kit import change, do, new, put, read, refused


def test_a_new_task_is_as_it_was_given(store: Store):
    """Every column of the entry comes back, and the rest begins at nothing."""
    parent = new(store)
    row = new(
        store,
        task_type="HEAVY_PROCESS_VIDEO",
        phase=Phase.NO_INPUT,
        created_at=1_700_000_000_000_000,
        video_id="clip-1",
        inputs='[{"device":"nas","path":"a"}]',
        outputs='[{"device":"nas","path":"b/"}]',
        metadata='{"k":1}',
        needs='{"gpu":1}',
        resolved='[{"device":"nas","path":"c"}]',
        priority=1,
        parent_id=parent.task_id,
        root_id=parent.task_id,
    )
    assert row == read(store.get(row.task_id)) == do(store, lambda tx: tx.get(row.task_id))
    assert (row.task_type, row.phase, row.state) == ("HEAVY_PROCESS_VIDEO", "no_input", "pending")
    assert (row.created_at, row.video_id, row.priority) == (1_700_000_000_000_000, "clip-1", 1)
    assert (row.inputs, row.outputs) == ('[{"device":"nas","path":"a"}]', '[{"device":"nas","path":"b/"}]')
    assert (row.metadata, row.needs, row.resolved) == (
        '{"k":1}',
        '{"gpu":1}',
        '[{"device":"nas","path":"c"}]',
    )
    assert (row.parent_id, row.root_id) == (parent.task_id, parent.task_id)
    assert (row.lease, row.failures, row.crashes, row.lost, row.delays, row.vanished) == (0, 0, 0, 0, 0, "[]")
    empty = (row.completed_at, row.device, row.session, row.run_at, row.error, row.answer, row.published)
    assert empty == (None,) * 7


def test_a_task_without_a_root_is_its_own(store: Store):
    """The root of a task that has none is the task itself, also of the second and third one."""
    rows = do(store, lambda tx: [put(tx), put(tx), put(tx)])
    assert [row.root_id for row in rows] == [row.task_id for row in rows]


def test_numbers_rise(store: Store):
    """A later task has a higher number."""
    numbers = [new(store).task_id for _ in range(5)]
    assert numbers == sorted(set(numbers))
    assert numbers[0] > 0


def test_an_unknown_number_is_no_task(store: Store):
    """Asking for a task that never was finds nothing."""
    assert read(store.get(1)) is None
    assert do(store, lambda tx: tx.get(1)) is None


def test_a_parent_must_be_there(store: Store):
    """A task of a parent that was never kept is refused."""
    refused(store, lambda tx: put(tx, parent_id=77))
    assert read(store.get(1)) is None


def test_needs_must_be_there(store: Store):
    """A task with a number of needs that nobody interned is refused."""
    refused(store, lambda tx: put(tx, needs_id=77))


def test_a_change_changes_what_it_names(store: Store):
    """The columns that were named have the new values, the others the old ones."""
    other, row = new(store), new(store, metadata='{"a":1}')
    changed = change(store, row, metadata='{"a":2}', failures=1)
    assert changed == msgspec.structs.replace(row, metadata='{"a":2}', failures=1)
    assert read(store.get(row.task_id)) == changed
    assert read(store.get(other.task_id)) == other


def test_the_state_follows_the_phase(store: Store):
    """Whatever phase a task enters, its state is the one that belongs to it."""
    row = new(store)
    for phase in (*Phase, Phase.READY):
        row = change(store, row, phase=phase)
        assert (row.phase, row.state) == (phase, STATE_OF[phase])


def test_a_change_behind_another_lease_is_refused(store: Store):
    """Who read the task before it was leased anew changes nothing: the fence."""
    row = new(store)
    first = change(store, row, phase=Phase.LEASED, lease=1)
    second = change(store, first, lease=2)
    assert isinstance(
        refused(store, lambda tx: tx.update(first, phase=Phase.DONE, answer="mine")), StaleLease
    )
    assert read(store.get(row.task_id)) == second


def test_a_change_behind_another_phase_is_refused(store: Store):
    """Who read the task in an earlier phase changes nothing."""
    row = new(store)
    done = change(store, row, phase=Phase.DONE)
    assert isinstance(refused(store, lambda tx: tx.update(row, phase=Phase.LEASED, lease=1)), StaleLease)
    assert read(store.get(row.task_id)) == done


def test_the_fence_holds_inside_a_transaction(store: Store):
    """The second of two changes that were read together is refused, and with it the first."""
    row = new(store)

    def twice(tx):
        tx.update(row, phase=Phase.LEASED, lease=1, device="a")
        tx.update(row, phase=Phase.LEASED, lease=1, device="b")

    assert isinstance(refused(store, twice), StaleLease)
    assert read(store.get(row.task_id)) == row


def test_a_change_of_nothing_is_refused(store: Store):
    """A task that is not there cannot be changed."""
    ghost = msgspec.structs.replace(new(store), task_id=99)
    assert isinstance(refused(store, lambda tx: tx.update(ghost, failures=1)), StaleLease)


def test_due_is_what_has_backed_off_long_enough(store: Store):
    """The moment itself counts; other phases do not; the longest due comes first."""

    def make(tx):
        rows = [put(tx) for _ in range(4)]
        for row, at in zip(rows, (300, 100, 200, 301), strict=True):
            tx.update(row, phase=Phase.BACKING_OFF, run_at=at)
        tx.update(put(tx), phase=Phase.GAVE_UP, run_at=1)
        return rows

    rows = do(store, make)
    due = do(store, lambda tx: tx.due(300))
    assert [row.task_id for row in due] == [rows[1].task_id, rows[2].task_id, rows[0].task_id]


def test_due_beyond_the_horizon(store: Store):
    """What would wait until after the horizon is due as well; without one it is not."""

    def make(tx):
        return [tx.update(put(tx), phase=Phase.BACKING_OFF, run_at=at).task_id for at in (100, 500, 501, 900)]

    numbers = do(store, make)
    far = do(store, lambda tx: tx.due(99, 500))
    assert [row.task_id for row in far] == numbers[2:]
    assert do(store, lambda tx: tx.due(99)) == []
    assert len(do(store, lambda tx: tx.due(500, 500))) == 4


def test_due_forgets_nobody(store: Store):
    """However many are due, all come, by and by."""

    def make(tx):
        for number in range(1203):
            tx.update(put(tx), phase=Phase.BACKING_OFF, run_at=number)

    do(store, make)
    seen = 0
    while due := do(store, lambda tx: [tx.update(row, phase=Phase.READY) for row in tx.due(5000)]):
        seen += len(due)
    assert seen == 1203


def test_who_waits_for_a_clip(store: Store):
    """Only the clip's tasks that have no input, and all of them."""
    waiting = [new(store, video_id="a", phase=Phase.NO_INPUT).task_id for _ in range(2)]
    new(store, video_id="a")
    new(store, video_id="b", phase=Phase.NO_INPUT)
    new(store, phase=Phase.NO_INPUT)
    assert sorted(row.task_id for row in do(store, lambda tx: tx.waiting_for("a"))) == waiting
    assert do(store, lambda tx: tx.waiting_for("c")) == []


def test_who_is_leased(store: Store):
    """Of one device or of all; nobody's lease counts with all."""
    numbers = []
    for device in ("a", "b", "a", None):
        row = change(store, new(store), phase=Phase.LEASED, lease=1, device=device, session="s")
        numbers.append(row.task_id)
    change(store, new(store), phase=Phase.DONE, device="a")
    assert sorted(row.task_id for row in do(store, lambda tx: tx.leased())) == numbers
    assert sorted(row.task_id for row in do(store, lambda tx: tx.leased("a"))) == [numbers[0], numbers[2]]
    assert do(store, lambda tx: tx.leased("c")) == []


def test_files_of_a_clip(store: Store):
    """The raw clip comes first; what a stage says of its files replaces what it said before."""
    from server.catalogue import Learned

    def ref(path):
        return {"device": "nas", "path": path}

    def learn(task_type, *paths):
        outputs = [ref(path) for path in paths]
        do(store, lambda tx: tx.catalogue.learn("v", task_type, Learned(outputs=outputs), 1))

    learn("PREPROCESS_VIDEO", "p/")
    learn("INGEST_VIDEO", "old.mp4")
    learn("INGEST_VIDEO", "a.mp4", "b.mp4")
    learn("PREPROCESS_VIDEO")
    files = do(store, lambda tx: tx.catalogue.files("v"))
    assert [(kind, file.path) for kind, file in files] == [
        ("INGEST_VIDEO", "a.mp4"),
        ("INGEST_VIDEO", "b.mp4"),
        ("PREPROCESS_VIDEO", "p/"),
    ]
    assert do(store, lambda tx: tx.catalogue.files("w")) == []
