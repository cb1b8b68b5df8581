"""Texts come back as they were given, whatever is in them; what is no text is refused whole."""

from server.store import Store
from tests.contract.kit import candidates, change, do, listed, new, put, read, refused

#: JSON texts that a decode and encode would change, or that a careless backend reads.
JSON_TEXTS = [
    '{ "b" : 1 , "a":2 }',
    '{"a":1,"a":2}',
    '{"n":1e400,"m":1.0,"i":123456789012345678901234567890}',
    r'{"nul":"\u0000","pair":"\ud83d\ude00","slash":"\/"}',
    '{"é":"e\u0301 😀 \u202e \u2028 \x7f"}',
    '{"%s":"?1 :name $1 @x {0} \\\\ \'; DROP TABLE task; --"}',
    '{"deep":' + "[" * 500 + "]" * 500 + "}",
    '""',
    "null",
]
#: Names that reach a store by way of a URL, a header or a form.
NAMES = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "a\x00c",
    "'",
    '"',
    "%",
    "_",
    "\\",
    "\n",
    "ｆｕｌｌ",
    "\U0010ffff",
    "\ufffe",
    "x" * 5000,
]
LONG = '{"long":"' + "é" * 2_000_000 + '"}'


def test_json_comes_back_exactly(store: Store):
    """Blanks, order, doubled keys, numbers and escapes of a JSON text are as they were sent."""
    for text in JSON_TEXTS:
        row = new(store, inputs=text, outputs=text, metadata=text, resolved=text)
        row = change(store, row, answer=text, published=text, error=text, vanished=text)
        kept = read(store.get(row.task_id))
        assert {
            kept.inputs, kept.outputs, kept.metadata, kept.resolved,
            kept.answer, kept.published, kept.error, kept.vanished,
        } == {text}  # fmt: skip


def test_needs_come_back_exactly(store: Store):
    """The text of needs stays on the task as it was sent."""
    for text in JSON_TEXTS[:1] + JSON_TEXTS[3:6]:
        row = new(store, needs=text)
        assert read(store.get(row.task_id)).needs == text


def test_names_are_told_apart(store: Store):
    """Clips, devices, sessions and keys of odd names are found by exactly these names."""

    def work(tx):
        for number, name in enumerate(NAMES):
            row = put(tx, video_id=name)
            tx.update(row, phase="leased", lease=1, device=name, session=name)
            tx.put_device(name, name, name, "{}", number)
            tx.remember(name, name, [number], 1, 0)

    do(store, work)
    for number, name in enumerate(NAMES):
        found = read(store.device(name))
        assert (found.hostname, found.device_type, found.status) == (name, name, name)
        assert found.last_heartbeat == number
        assert do(store, lambda tx, n=name: tx.recall(n)) == (name, [number])
        (row,) = do(store, lambda tx, n=name: tx.leased(n))
        assert (row.video_id, row.device, row.session) == (name, name, name)
        assert listed(store, video_id=name) == [row.task_id]


def test_long_texts_come_back_whole(store: Store):
    """Megabytes in one column are not cut."""
    row = new(store, metadata=LONG)
    assert read(store.get(row.task_id)).metadata == LONG
    assert do(store, lambda tx: tx.put_device("d", "t", "s", LONG, 1)).capabilities == LONG


def test_what_is_no_text_is_refused_whole(store: Store):
    """Half of a surrogate pair cannot be written: nothing of that transaction stays, the store works on."""
    row = new(store)
    half = "\ud800"
    for spoil in (
        lambda tx: put(tx, metadata=half),
        lambda tx: put(tx, video_id=half),
        lambda tx: tx.update(row, phase="done", error=half),
        lambda tx: tx.put_device(half, "t", "s", "{}", 1),
        lambda tx: tx.put_device("d", "t", "s", half, 1),
        lambda tx: tx.remember(half, "{}", [], 1, 0),
        lambda tx: tx.remember("k", half, [], 1, 0),
        lambda tx: tx.intern(half, "[]"),
    ):
        refused(store, lambda tx, spoil=spoil: (put(tx), tx.put_device("e", "t", "s", "{}", 1), spoil(tx)))
    assert listed(store) == [row.task_id]
    assert read(store.get(row.task_id)) == row
    assert read(store.devices(10, 0)) == []
    assert candidates(store) == [row.task_id, new(store).task_id][:1]
    assert len(candidates(store)) == 2


def test_great_numbers_come_back_exactly(store: Store):
    """Times, leases and roots to the end of 64 bits."""
    most = (1 << 63) - 1
    row = new(store, created_at=most, root_id=most, priority=most)
    row = change(store, row, lease=most, run_at=-most, completed_at=0, failures=1 << 53)
    kept = read(store.get(row.task_id))
    assert (kept.created_at, kept.root_id, kept.priority, kept.lease) == (most,) * 4
    assert (kept.run_at, kept.completed_at, kept.failures) == (-most, 0, 1 << 53)
