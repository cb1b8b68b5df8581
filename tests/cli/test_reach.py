"""Which places can be reached: a dead mount hangs only the thread that asks it."""

import os

from dashcam_cli.reach import Reach
from stages.files import MARKER, Place
from tests.stages.work import kept_place


def test_hung_place_is_absent_and_holds_nobody_up(tmp_path):
    """A marker that never answers (as on a dead mount) leaves the other places reachable at once."""
    good = kept_place(tmp_path / "good", "good")
    (tmp_path / "hung").mkdir()
    os.mkfifo(tmp_path / "hung" / MARKER)
    reach = Reach([good, Place(name="hung", root=str(tmp_path / "hung"))])
    reach.settle(0.5)
    assert reach.names() == ["good"]
    reach.stop()
    with (tmp_path / "hung" / MARKER).open("w") as pipe:  # let the hung thread go
        pipe.write("hung")


def test_answer_that_is_too_old_no_longer_counts(tmp_path):
    """A place that answered once and then no more is absent after a while."""
    now = [100.0]
    reach = Reach([kept_place(tmp_path / "nas", "nas")], clock=lambda: now[0])
    reach.settle(5)
    assert reach.names() == ["nas"]
    reach.stop()
    now[0] += 60
    assert reach.names() == []
