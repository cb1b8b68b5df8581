"""What a stage's process prints: it goes on to our log, and the last of it is kept for who asks why a task failed."""

import pytest

from dashcam_cli.child import ChildDied, StageChild


def test_what_a_child_prints_is_kept_and_goes_on(capfd):
    """A child that cannot even begin: its last words are there when it is found dead, and in our own log."""
    child = StageChild("NO_SUCH_TYPE")
    with pytest.raises(ChildDied):
        while True:
            child.event(10)
    said = child.printed()
    child.kill()
    assert "NO_SUCH_TYPE" in said
    assert said in capfd.readouterr().err
