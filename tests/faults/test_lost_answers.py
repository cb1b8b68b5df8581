"""Answers that are lost on the way back: what was asked happened once, and the asker goes on."""

import re

import pytest

from stages.video.render import render_drive
from tests.faults.lossy import losing
from tests.house import wait_for

pytestmark = pytest.mark.slow

TYPES = ["INGEST_VIDEO", "PREPROCESS_VIDEO", "HEAVY_PROCESS_VIDEO", "ARCHIVE_VIDEO"]


class Losses:
    """Loses the first answers of each kind that carry something."""

    def __init__(self, times):
        self.left = {"claim": times, "complete": times, "create": times}
        self.lost = []

    def __call__(self, request, answer):
        line = request.split(b"\r\n", 1)[0].decode()
        body = answer.partition(b"\r\n\r\n")[2]
        kinds = {
            "claim": r"POST \S+/tasks/pending",
            "complete": r"POST \S+/complete",
            "create": r"POST \S+/tasks/batch",
        }
        for kind, pattern in kinds.items():
            if re.match(pattern, line) and body != b"[]" and self.left[kind]:
                self.left[kind] -= 1
                self.lost.append(kind)
                return True
        return False


def test_whole_pipeline_over_a_lossy_network(house, tmp_path, tell):
    """Two answers each to creating, claiming and completing are lost: every task is done once, under its first lease."""
    card, nas, shed = (tmp_path / name for name in ("card", "nas", "shed"))
    for each in (card, nas, shed):
        each.mkdir()
    render_drive(card, seed=3, seconds=2, width=320, height=180, fps=10)
    house.server(DASHCAM_QUEUE__HEARTBEAT_SECONDS="1")
    losses = Losses(2)
    with losing(house.url, losses) as way:
        handed = house.command(
            "laptop", "submit", str(card), "--place", f"dashcam={card}", DASHCAM_SERVER=way
        )
        assert handed.returncode == 0, handed.stderr
        places = [
            word
            for place in (f"dashcam={card}", f"indoor_nas={nas}", f"shed_nas={shed}")
            for word in ("--place", place)
        ]
        worker = house.start("w", "worker", "--name", "w", *places, DASHCAM_SERVER=way)

        def finished():
            found = house.get("/tasks?expand=phase,lease,failures,lost,crashes")
            return found if len(found) == 4 and all(each["state"] == "complete" for each in found) else None

        found = wait_for(finished, worker)
        assert worker.stop() == 0
    assert [each["task_type"] for each in found] == TYPES
    assert [(each["lease"], each["failures"], each["lost"]) for each in found] == [(1, 0, 0)] * 4
    assert sorted(losses.lost) == ["claim"] * 2 + ["complete"] * 2 + ["create"] * 2
    tell(f"answers lost on the way ({', '.join(losses.lost)}): four tasks, each done once under lease 1")
