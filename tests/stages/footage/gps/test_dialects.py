"""What the bytes of one `freeGPS ` block mean."""

import json
import struct
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.footage.fix import Fix
from stages.footage.gps.dialects import DIALECTS, REXING, Dialect

REFUSED = 1965  # the line of the vector whose coordinates are encrypted


def _vectors(shared: Path) -> list[dict[str, Any]]:
    vectors: list[dict[str, Any]] = json.loads((shared / "gps/freegps_vectors.json").read_text())["vectors"]
    return vectors


def _read(block: bytes) -> tuple[Dialect, list[Fix]] | None:
    for row in DIALECTS:
        if (found := row.read(block)) is not None:
            return row, list(found)
    return None


def _time(text: str) -> datetime:
    return datetime.strptime(text[:19], "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007


@pytest.mark.shared
@pytest.mark.parametrize("padding", [0, 0x2000])
def test_device_vectors(shared: Path, padding: int) -> None:
    """Bytes of real devices give what ExifTool reads from them, cut short or in a block of full size."""
    vectors = _vectors(shared)
    assert len(vectors) == 13
    for vector in vectors:
        line, expected = vector["exiftool_source_line"], vector["expected"]
        found = _read(bytes.fromhex(vector["hex"]) + bytes(padding))
        assert found is not None, line
        row, fixes = found
        assert bool(row.refused) == (line == REFUSED), line
        if row.refused:
            assert fixes == []
            continue
        if row.settle:
            fixes = row.settle(fixes)
        fix = fixes[0]
        if "GPSLatitude" not in expected:
            assert not fix.valid, line
            continue
        assert fix.lat == pytest.approx(expected["GPSLatitude"], abs=1e-6), line
        assert fix.lon == pytest.approx(expected["GPSLongitude"], abs=1e-6), line
        assert fix.speed_kmh == pytest.approx(expected["GPSSpeed"], abs=1e-4), line
        if "GPSTrack" in expected:
            assert fix.course == pytest.approx(expected["GPSTrack"], abs=1e-3), line
        assert fix.altitude == pytest.approx(expected.get("GPSAltitude"), abs=1e-3), line
        if "GPSDateTime" in expected:
            assert fix.time == _time(expected["GPSDateTime"]), line


def _hex(size: str, text: str) -> bytes:
    return bytes.fromhex(size) + b"freeGPS " + bytes.fromhex(text)


def _masked(head: str, text: bytes) -> bytes:
    return bytes.fromhex(head) + bytes(byte ^ 0xAA for byte in text)


#: More device bytes that ExifTool's source prints, and what they say by its description of the layout.
PRINTED: dict[str, tuple[bytes, str, tuple[str | None, float, float, float | None, float | None]]] = {
    "T1 Azdome": (
        _masked(
            "000080006672656547505320050100000103",
            b"\0\0XKZD\xfe\xfe20180924224928\x0c5567GP   \0\0\0\0\0\x03N40464350W00704030800000007" + bytes(80),
        ),
        "freeGPS T1 (Azdome)",
        ("2018:09:24 22:49:28", 40.7739167, -7.0671800, 7, None),
    ),
    "T1 EEEkit": (
        _masked(
            "000004006672656547505320f00300000103",
            b"\0\0XKZD\xfe\xfe20200519162335\x0c002005191"
            b"62336\x03N37452416W122255009+0175011+014+002+026+01",
        ),
        "freeGPS T1 (Azdome)",
        ("2020:05:19 16:23:35", 37.7540267, -122.4250150, 11, None),
    ),
    "T2 Nextbase 512GW": (
        _hex(
            "00008000",
            "40010000" + "00" * 36 + "3230313830393139313030393539" + "00001c01000006000000efffffff"
            "202447"
            "50524d432c3038303935312e3030302c412c353230372e393039372c4e2c30303530352e353137352c452c35352e"
            "31312c3132352e35382c3139303931382c2c2c412a35390d0a",
        ),
        "freeGPS T2 (NMEA)",
        ("2018:09:19 08:09:51", 52.131828, 5.091958, 102.06372, 125.58),
    ),
    "T6 Anticlock": (
        _hex(
            "00008000",
            "680000003230313330333235410000000000000041707220203620323031362c2031363a"
            "0e0000003800000022000000410000008a63244553000000"
            "9fe642454500000059c0043f52b84241140000000b0000001900000006000000",
        ),
        "freeGPS T6 (Akaso)",
        ("2020:11:25 14:56:34", -26.5036865, 31.3068970, 0.518560, 12.17),
    ),
    "T9 EACHPAI": (
        _hex(
            "00008000",
            "ac000000" + "00" * 44 + "345760625d533c4147454542423e4040403c513c444244403e484643453c5e3c40484341"
            "423e464247483c673c403e40423c433e43413c4042404642403c3c3c513a47460000",
        ),
        "freeGPS T7",
        ("2020:06:02 17:55:22", 42.6810583, -83.2104633, 0.03704, 3.31),
    ),
    "T15 Vantrue N4": (
        _hex(
            "00004000",
            "f00300000d000000160000001e000000410000002cb7b41a5a71b2404e00000000000000fbae08fe77f68940"
            "4500000000000000be9f1a2fdd8436405c8fc2f528fc6840160000000c0000000e000000f2fbffff4200000002000000"
            "2024474e524d432c3133323233302e3030302c412c343732312e33353139372c4e2c30303833302e38303835392c452c"
            "32322e3531392c3139392e38382c3134313232322c2c2c412a37350d0a",
        ),
        "freeGPS T2 (NMEA)",
        ("2022:12:14 13:22:30", 47.3558662, 8.5134765, 41.705188, 199.88),
    ),
    "T20 Nextbase 512G": (
        _hex(
            "00008000",
            "78010000782e7878" + "00" * 12 + "3030303030" + "00" * 11
            + "24530279d48507e20a08062a01d102201498ffff21679710" + "00" * 8
            + "245302a2d44207e20a08062a01d202201498e3ff21673b10" + "00" * 8,
        ),
        "freeGPS T20 (Nextbase)",
        ("2018:10:08 06:42:46", 53.8220799, -1.4588009, 22.788, 248.69),
    ),
    "Kenwood": (
        _hex(
            "00004000",
            "f00300004d4e3a4452562d4135313057405631" "2e375f42445a49435a5f43" + "00" * 14 + "3a3a737461727440"
            "0c0000001000000016000000ea070000020000001c000000414e570055e7a545d784524352b8d84148219a43",
        ),
        "freeGPS (Kenwood)",
        ("2026:02:28 12:16:22", 53.1486101, -2.1753134, 50.170683, 308.26),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PRINTED)
def test_printed_bytes(name: str) -> None:
    """Blocks printed in public sources are read, time, place, speed and course."""
    block, dialect, (when, lat, lon, speed, course) = PRINTED[name]
    found = _read(block)
    assert found is not None
    row, fixes = found
    assert row.name == dialect
    fix = fixes[0]
    assert fix.time == (_time(when) if when else None)
    assert (fix.lat, fix.lon) == (pytest.approx(lat, abs=2e-6), pytest.approx(lon, abs=2e-6))
    assert fix.speed_kmh == pytest.approx(speed, abs=1e-3)
    assert fix.course == pytest.approx(course, abs=1e-2)


def test_encrypted_and_scrambled_blocks_are_refused() -> None:
    """RedTiger's hidden coordinates and LigoGPS in blocks give a sentence and no place."""
    redtiger = _hex(
        "00004000",
        "f00100000a" + "00" * 15 + "01000000b05650017b18684517023f46"
        "130000000100000006000000150000000c0000001c000000414e570000000000"
        "80d4264e3611b54074b5157bcd7bf3400ad7a33dcd4c4e43",
    )  # fmt: skip
    ligo = (
        _hex("00004000", "f0030000") + b"LIGOGPSINFO\0\0\0\0\x05\x0a\0\0\0" + b"####\x6a\0\0\0" + bytes(0x70)
    )
    for block in (redtiger, ligo):
        found = _read(block)
        assert found is not None
        assert (bool(found[0].refused), found[1]) == (True, [])


def test_rexing_vector() -> None:
    """The block of a Rexing V1-4K that ExifTool's source prints lies in Arizona."""
    block = _hex(
        "00008000",
        "4c000000" + "00" * 32 + "0e000000220000002800000014000000"
        "0200000016000000414e5700e97e9043487617450c024842146e8543",
    )  # fmt: skip
    (fix,) = REXING.read(block) or []
    assert fix.time == datetime(2020, 2, 22, 14, 34, 40)  # noqa: DTZ001
    assert (fix.lat, fix.lon) == (pytest.approx(33.6698, abs=1e-4), pytest.approx(-112.0969, abs=1e-4))
    assert fix.speed_kmh == pytest.approx(92.6037, abs=1e-3)
    assert REXING.read(block.replace(b"ANW", b"VNW")) == [Fix(time=fix.time)]


def test_ten_a_second_of_one_block() -> None:
    """XBHT packs a second's records into one block: all come out, in order."""
    block = _hex(
        "00004000",
        "f0030000001705110d251800414e4564833f0000443dc502486dff07df0300006b0000000000000000"
        "1705110d251801414e45648b3f0000303dc502506dff07df0300006b000000",
    )
    found = _read(block)
    assert found is not None
    assert [(round(fix.lat or 0, 6), fix.speed_kmh) for fix in found[1]] == [
        (46.80118, 107),
        (46.801147, 107),
    ]


def test_youqing() -> None:
    """RedTiger F7NP: a banner, the place before the clock; without a fix the clock alone."""
    block = bytearray(_hex("00004000", "9c000000") + b"YOUQINGGPS" + bytes(110))
    struct.pack_into("<2f6I", block, 0x28, 3713.5, 12224.5, 19, 1, 6, 21, 12, 28)
    block[0x48:0x4B] = b"ANW"
    struct.pack_into("<2f", block, 0x60, 20.0, 204.8)
    found = _read(bytes(block))
    assert found is not None
    row, (fix,) = found
    assert row.name == "freeGPS (YOUQING)"
    assert (fix.lat, fix.lon) == (pytest.approx(37.225), pytest.approx(-122.408333))
    assert fix.time == datetime(2021, 12, 28, 19, 1, 6)  # noqa: DTZ001
    assert (fix.speed_kmh, fix.course) == (pytest.approx(37.04), pytest.approx(204.8))
    block[0x48:0x4B] = b"V\0\0"
    found = _read(bytes(block))
    assert found is not None
    assert found[1] == [Fix(time=fix.time)]


def test_iqs_and_doubles() -> None:
    """T16 writes degrees and cm/s where T17 has floats; T12 writes doubles."""
    iqs = bytearray(_hex("00008000", "4c000000") + b"IQS_A7_20150417\0" + bytes(80))
    struct.pack_into("<6I", iqs, 0x30, 16, 5, 4, 17, 3, 29)
    iqs[0x48:0x4C] = b"ASW\0"
    struct.pack_into("<3i", iqs, 0x4C, -345678901, 701234567, 2500)
    found = _read(bytes(iqs))
    assert found is not None
    assert found[0].name == "freeGPS T16 (IQS)"
    assert found[1][0][1:4] == pytest.approx((-34.5678901, -70.1234567, 90.0))
    doubles = bytearray(_hex("00008000", "08010000") + b"20130815.01" + bytes(120))
    struct.pack_into("<3I", doubles, 0x30, 9, 8, 7)
    doubles[0x3C] = ord("A")
    struct.pack_into(
        "<d4sxxxxd4sxxxxdd3I", doubles, 0x40, 3351.5, b"S", 15112.25, b"E", 10.0, 45.0, 17, 6, 10
    )
    found = _read(bytes(doubles))
    assert found is not None
    assert found[0].name == "freeGPS T12"
    assert found[1][0][:5] == (
        datetime(2017, 6, 10, 9, 8, 7),  # noqa: DTZ001
        pytest.approx(-33.8583333),
        pytest.approx(151.2041667),
        pytest.approx(18.52),
        45.0,
    )


def test_atc_gives_the_newest_of_its_ring() -> None:
    """ATC repeats its last records in each block, each under its own keys: the newest is the block's."""

    def one(second: int, lat: float, keys: tuple[int, int]) -> bytes:
        data = bytearray(52)
        data[0x0D:0x10] = bytes((18, 5, second))  # an hour early
        struct.pack_into("<i", data, 0x10, round(lat * 1e7))
        struct.pack_into("<i", data, 0x18, round(-3.7 * 1e7))
        struct.pack_into("<ihh", data, 0x20, 1000, -9000, 0)
        struct.pack_into("<iHBB", data, 0x28, 650_000, 2015, 5, 15)
        for place in (*range(0x15), *range(0x18, 0x1C)):
            data[place] ^= keys[0]
        for place in (0x1C, *range(0x20, 0x33)):
            data[place] ^= keys[1]
        data[0x15:0x18], data[0x1D:0x20] = b"ATC", b"001"
        return bytes(data)

    head = _hex("00008000", "38060000") + b"IQS20130306B" + bytes(20)
    found = _read(
        head + one(8, 40.1, (0x5A, 0x33)) + one(9, 40.2, (0x11, 0xF0)) + one(7, 40.0, (3, 4)) + bytes(60)
    )
    assert found is not None
    (fix,) = found[1]
    assert fix.time == datetime(2015, 5, 15, 19, 5, 9)  # noqa: DTZ001
    assert fix[1:6] == (pytest.approx(40.2), pytest.approx(-3.7), pytest.approx(36.0), 270.0, 650.0)


@pytest.mark.parametrize("sides", [b"V\0\0\0", b"VNE\0", b"V00\0", b" 00\0"])
@pytest.mark.parametrize("at", [0x10, 0x14, 0x30, 0x40])
def test_void_records(at: int, sides: bytes) -> None:
    """A record without a fix gives its clock and no place, however it writes that."""
    block = _hex("00004000", "f0030000") + bytes(at - 0x10) + struct.pack("<6I", 11, 22, 4, 26, 5, 13) + sides
    found = _read(block + struct.pack("<4f", 4000.0, 300.0, 1.0, 2.0) + bytes(64))
    assert found is not None
    assert found[1] == [Fix(time=datetime(2026, 5, 13, 11, 22, 4))]  # noqa: DTZ001


@pytest.mark.parametrize(
    ("lat", "lon"),
    [
        (9100.0, 100.0),
        (4070.0, 100.0),
        (-4000.0, 100.0),
        (4000.0, 18100.0),
        (float("nan"), 1.0),
        (1.0, float("inf")),
    ],
)
def test_places_off_the_earth_are_none(lat: float, lon: float) -> None:
    """Coordinates that cannot be give no place."""
    block = _hex("00008000", "4c000000") + bytes(32) + struct.pack("<6I", 1, 2, 3, 24, 5, 6) + b"ANE\0"
    found = _read(block + struct.pack("<4f", lat, lon, 1.0, 2.0) + bytes(64))
    assert found is not None
    assert not any(fix.valid for fix in found[1])


@pytest.mark.slow
@pytest.mark.shared
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damaged_vectors(shared: Path, data: st.DataObject) -> None:
    """Real blocks, cut and changed anywhere, never raise and never lie off the earth."""
    block = bytearray.fromhex(data.draw(st.sampled_from(_vectors(shared)))["hex"])
    for _ in range(data.draw(st.integers(0, 4))):
        block[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.integers(0, 255))
    _check_all(bytes(block[: data.draw(st.integers(0, len(block)))]))


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damaged_printed_bytes(data: st.DataObject) -> None:
    """So do the other printed blocks."""
    block = bytearray(PRINTED[data.draw(st.sampled_from(sorted(PRINTED)))][0])
    for _ in range(data.draw(st.integers(0, 4))):
        block[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.integers(0, 255))
    _check_all(bytes(block[: data.draw(st.integers(0, len(block)))]))


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=300), st.integers(0, 100), st.sampled_from([b"ANE\0", b"LIGOGPSINFO\0", b"$S", b"ATC"])
)
def test_arbitrary_blocks(data: bytes, at: int, mark: bytes) -> None:
    """Any bytes with a layout's marks anywhere in them never raise."""
    _check_all(data)
    _check_all(data[:at] + mark + data[at:])


def _check_all(block: bytes) -> None:
    for row in (*DIALECTS, REXING):
        fixes = row.read(block) or []
        if row.local:
            row.local(block)
        for fix in row.settle(fixes) if row.settle else fixes:
            if fix.lat is not None:
                assert abs(fix.lat) <= 90
                assert fix.lon is not None
                assert abs(fix.lon) <= 180
