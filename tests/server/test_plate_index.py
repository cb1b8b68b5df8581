"""Which distinct plates fit what is looked for, from bitmaps in memory, against looking at each plate."""

import asyncio
import random
import sqlite3
import sys
import threading
from fnmatch import fnmatchcase

import pytest
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from server import plate_bits, plate_index
from server.folding import far, fold, normal, pattern
from server.plate_bits import Block, Plates
from server.plate_index import PlateIndex
from server.schema import migrate
from server.services import Services

# Few characters, so that they meet often; look-alikes, letters from elsewhere, digits that are none of ours.
CHARACTERS = "AB10O8QÄЖ٣"
texts = st.text(CHARACTERS, max_size=7) | st.text(st.characters(codec="utf-8"), max_size=9)
patterns = st.text(CHARACTERS + "??**", max_size=8) | st.text(st.characters(codec="utf-8"), max_size=5)


def empty():
    """A database with our tables, and no plate."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    migrate(connection)
    return connection


@pytest.fixture(scope="module")
def shared_database():
    """One for all examples: each takes back what it wrote."""
    connection = empty()
    yield connection
    connection.close()


def put(connection, plates, first=1):
    """Insert plates, numbered from `first` on with gaps."""
    numbered = {first + place + place // 3 * 5: text for place, text in enumerate(plates)}
    connection.executemany(
        "INSERT INTO plate VALUES (?, ?, ?)", [(n, text, fold(text)) for n, text in numbered.items()]
    )
    return numbered


def meant(text, plate, match):
    """Whether a search for a text means a plate, by looking at it."""
    if match == "exact":
        return plate == normal(text)
    if match == "similar":
        return bool(normal(text)) and Levenshtein.distance(fold(text), fold(plate)) <= far(fold(text))
    glob = pattern(text)
    if "?" in glob or "*" in glob:
        return fnmatchcase(plate, glob)
    return bool(glob) and glob in plate


@examples(max_examples=120)
@example(["AÄ", "AЖ", "A٣B"], ["Ä", "A?B", "*ЖA", "AЖ1"], 65_533, 4)
@example(["", "A", "AA", "AAA"], ["*", "?", "*?*A", "A*A", "?*?", "A*A*A", "**"], 1, 2)
@given(st.lists(texts, max_size=30), st.lists(patterns, min_size=1, max_size=4), st.sampled_from([1, 65_530]), st.integers(1, 9))  # fmt: skip
def test_found_is_what_looking_at_each_finds(shared_database, plates, asked, first, rows):
    """Whatever plates there are, however they came in, whatever is asked: no plate more, none less."""
    connection, before = shared_database, plate_index._ROWS
    plates = list(dict.fromkeys(map(normal, plates)))
    connection.execute("BEGIN")
    plate_index._ROWS = rows
    try:
        index = PlateIndex()
        numbered = put(connection, plates[::2], first)
        index.load(connection)
        numbered |= put(connection, plates[1::2], first + 100)
        for text in asked:
            for match in ("partial", "exact", "similar"):
                found = index.fitting(connection, text, match)
                wanted = {number for number, plate in numbered.items() if meant(text, plate, match)}
                assert found.numbers == sorted(wanted), (text, match)
                assert found.count() == len(wanted)
    finally:
        plate_index._ROWS = before
        connection.execute("ROLLBACK")


changes = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "change", "ask"]), st.integers(0, 5), texts), max_size=25
)


@given(changes)
@example([("add", 0, "A1"), ("ask", 0, "A1"), ("remove", 0, ""), ("add", 0, "B1"), ("ask", 0, "A1")])
def test_plates_that_come_and_go(shared_database, changes):
    """A number that is given again belongs to its new plate at once, whoever removed the old one."""
    connection, index = shared_database, PlateIndex()
    connection.execute("BEGIN")
    try:
        for what, place, text in changes:
            kept = connection.execute("SELECT plate_id FROM plate ORDER BY plate_id DESC").fetchall()
            text, which = normal(text), kept[place % len(kept)] if kept else (0,)
            if what == "add":
                connection.execute(
                    "INSERT OR IGNORE INTO plate (text, folded) VALUES (?, ?)", (text, fold(text))
                )
            elif what == "remove":
                connection.execute("DELETE FROM plate WHERE plate_id = ?", which)
            elif what == "change":
                connection.execute(
                    "UPDATE OR IGNORE plate SET text = ?, folded = ? WHERE plate_id = ?",
                    (text, fold(text), *which),
                )
            else:
                found = index.fitting(connection, text, "partial").numbers
                asked = "SELECT plate_id FROM plate WHERE ? <> '' AND instr(text, ?) ORDER BY plate_id"
                assert found == [n for (n,) in connection.execute(asked, (text, text))]
                assert index.fitting(connection, "*", "partial").count() == len(kept)
    finally:
        connection.execute("ROLLBACK")


@examples(max_examples=25)
@given(st.sets(st.integers(1, 200_000)))
def test_plates_of_numbers_are_these_numbers(numbers):
    """What is kept as bits comes out as numbers and as flags again."""
    plates = Plates.of(numbers)
    assert plates.numbers == sorted(numbers)
    assert plates.count() == len(numbers)
    assert {at for at, flag in enumerate(plates.flags) if flag == ord("1")} == numbers


def test_the_nearest_are_taken_first(shared_database, monkeypatch):
    """Of too many similar plates those with fewer errors are kept, also where a letter shares its code."""
    monkeypatch.setattr(plate_index, "MOST_SIMILAR", 3)
    connection = shared_database
    for asked, other in (("AB1234", "AB12"), ("ÄB1234", "ÄB12")):
        connection.execute("BEGIN")
        put(connection, [f"{other}{n}" for n in range(90, 94)] + [asked, asked + "5", asked + "6"])
        found = PlateIndex().similar(connection, asked)
        kept = [
            connection.execute("SELECT text FROM plate WHERE plate_id = ?", (n,)).fetchone()[0] for n in found
        ]
        assert kept == [asked, asked + "5", asked + "6"]
        connection.execute("ROLLBACK")


def test_a_hostile_pattern_takes_no_longer_than_a_plain_one():
    """Stars and repeats are never gone back over: the bitmaps are asked a bounded number of times."""
    dice = random.Random(5)
    rows = [(n, "".join(dice.choices("AB", k=32))) for n in range(1, 20_000)]
    block, asked = Block.of(0, rows), 0

    def count(frame, event, _):
        nonlocal asked
        asked += event == "call" and frame.f_code.co_name == "_has"

    for glob in ("*A*B*A*B*A*B*A*B*A*B*A*B*A*B*A*B*A*B*A*B", "*AAAA?AAAA*BBBB?BBBBC*", "*" + "?*" * 31 + "C"):
        asked = 0
        sys.setprofile(count)
        found = block.fitting(glob.split("*"))
        sys.setprofile(None)
        assert found.bit_count() == sum(fnmatchcase(text, glob) for _, text in rows)
        assert asked <= 32 * len(glob)


def test_searches_at_once_see_every_plate_that_was_there_before(tmp_path):
    """Four threads search while plates come and go: what was committed before a search is in what it finds."""
    path = tmp_path / "plates.sqlite"
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute("PRAGMA synchronous=OFF")
    migrate(writer)
    index, wrong, done, committed = PlateIndex(), [], threading.Event(), 0

    def search():
        reader = sqlite3.connect(path, isolation_level=None)
        while not done.is_set():
            before = committed
            with plate_index.one_state(reader):
                found = index.fitting(reader, "N?*", "partial").numbers
                texts = dict(reader.execute("SELECT plate_id, text FROM plate WHERE text LIKE 'N_%'"))
            if not set(texts) <= set(found) or len(texts) < before:
                wrong.append((before, texts, found))
        reader.close()

    threads = [threading.Thread(target=search) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(1, 100):
        writer.execute("INSERT INTO plate (text, folded) VALUES (?, '')", (f"N{number}",))
        committed = number
        writer.execute("INSERT INTO plate (text, folded) VALUES ('GONE', '')")
        writer.execute("DELETE FROM plate WHERE text = 'GONE'")
    done.set()
    for thread in threads:
        thread.join()
    writer.close()
    assert wrong == []


def test_an_archive_of_an_older_program_is_searched_too():
    """A file that is only read and has no count of removals."""
    connection = empty()
    put(connection, ["AB123"])
    connection.execute("DROP TABLE plate_removal")
    assert PlateIndex().fitting(connection, "B1", "partial").numbers == [1]
    connection.close()


def test_a_server_reads_the_plates_when_it_starts(settings):
    """The first search finds them read."""

    async def start():
        services = Services(settings)
        await services.database.awrite(lambda c: put(c, ["AB123", "XY9"]))
        await services.start()
        await services._reading
        kept = services.library.index._last
        await services.stop()
        return kept

    assert asyncio.run(start()) == 2


def test_plates_take_little_memory():
    """Eight bytes for each, or less, as plates are."""
    dice = random.Random(2)
    rows = [
        (n, "".join(dice.choices("ABCDEFGH12345678", k=dice.choice((6, 7, 7, 8)))))
        for n in range(1, plate_bits.SIZE // 4)
    ]
    block = Block.of(0, rows)
    size = sum(map(sys.getsizeof, block.lengths.values())) + sum(
        sys.getsizeof(bits) for place in block.places for bits in place
    )
    assert size < 8 * len(rows)
