"""A page of a search by box, on two ways."""

from server.area_page import area_page
from server.catalogue import Area, PlateFilter
from server.plate_index import PlateIndex
from server.schema import migrate
from server.search import plate_conditions
from server.sql import SQL
from server.sqlite import Database
from server.sqlite_catalogue import found as found_by


def test_a_box_finds_the_same_however_it_is_looked_up(tmp_path):
    """Dense boxes are walked, others looked up: page by page the same sightings, whatever else is asked."""
    database = Database(tmp_path / "c.sqlite")
    database.write(migrate).result()

    def fill(connection):
        connection.execute("INSERT INTO clip (video_id, created_at) VALUES ('one', 1)")
        for number in range(40):
            connection.execute(
                "INSERT INTO plate (text, folded) VALUES (?, ?)", (f"AB{number}", f"A8{number}")
            )
        connection.executemany(
            "INSERT INTO sighting (video_id, plate_id, confidence, confirmed, frame_number, timestamp, lat, lon, "
            "candidates, reads, agreeing) VALUES ('one', ?, ?, ?, 0, ?, ?, 13.4, '[]', 1, 1)",
            (
                (
                    1 + n % 40,
                    (n % 100) / 100,
                    n % 2,
                    f"2024-01-{1 + n // 500:02d}T{n % 24:02d}:00:00",
                    50 + n % 7,
                )
                for n in range(6000)
            ),
        )

    database.write(fill).result()
    index = PlateIndex()
    for more in (
        {},
        {"confirmed": True},
        {"sure": 0.5},
        {"date_to": "2024-01-05"},
        {"known": "hide"},
        {"offset": 30},
    ):
        which = PlateFilter(area=Area(49, 13, 53, 14), limit=20, **more)

        def both(connection, which=which):
            walked = area_page(connection, which, index)
            assert walked is not None
            conditions, values = plate_conditions(connection, which, index)
            whole = found_by(connection, SQL["plates"].format(conditions=conditions), values)
            return walked, [each.sighting_id for each in whole]

        walked, whole = database.read_now(both)
        assert walked == whole
        assert len(walked) == 20
    few = PlateFilter(area=Area(49, 13, 49.5, 14), limit=20)
    assert database.read_now(lambda connection: area_page(connection, few, index)) is None
    database.close()
