"""The state machine behind `dashcam watch`: by example, and against every order of events."""

from __future__ import annotations

from collections import Counter

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dashcam_cli.watcher import Away, Back, Examine, Look, Report, State, Take, Watcher

STABLE, PATIENCE = 5.0, 600.0
CLIP = "DCIM/a.mp4"


def make(settled: set[tuple[str, Look]] | None = None) -> Watcher:
    """A watcher for which what is in `settled` was dealt with earlier."""
    known = settled if settled is not None else set()
    return Watcher(STABLE, PATIENCE, lambda path, look: (path, look) in known)


def test_file_at_rest_is_looked_into_once_and_taken():
    """Seen, unchanged for a while, whole: taken; and never again while it stays as it is."""
    watcher, look = make(), Look(100, 1)
    assert watcher.step(0, {CLIP: look}) == []
    assert watcher.step(4.9, {CLIP: look}) == []
    assert watcher.step(5, {CLIP: look}) == [Examine(CLIP, look)]
    assert watcher.step(6, {CLIP: look}) == []
    assert watcher.answer(6, CLIP, look, State.WHOLE) == [Take(CLIP, look)]
    assert watcher.step(1000, {CLIP: look}) == []
    assert watcher.open() == 0


def test_growing_file_is_left_alone():
    """As long as size or time change it is not looked into, however long that takes."""
    watcher = make()
    for second in range(0, 1000, 4):
        assert watcher.step(second, {CLIP: Look(second, second)}) == []
    assert watcher.step(1001, {CLIP: Look(996, 996)}) == [Examine(CLIP, Look(996, 996))]


def test_file_that_changes_while_it_is_looked_into_starts_again():
    """The answer about an older state of a file counts for nothing."""
    watcher, old, new = make(), Look(100, 1), Look(200, 2)
    watcher.step(0, {CLIP: old})
    watcher.step(5, {CLIP: old})
    watcher.step(6, {CLIP: new})
    assert watcher.answer(6, CLIP, old, State.WHOLE) == []
    assert watcher.step(11, {CLIP: new}) == [Examine(CLIP, new)]


def test_empty_file_is_no_clip_yet():
    """Nothing is asked of 0 bytes, and nobody waits for them."""
    watcher = make()
    watcher.step(0, {CLIP: Look(0, 1)})
    assert watcher.step(5000, {CLIP: Look(0, 1)}) == []
    assert watcher.open() == 0


def asked(watcher: Watcher, look: Look, state: State, until: float) -> tuple[list[float], list[object]]:
    """When an unchanging file was looked into, and what followed, with a look each second."""
    times, followed = [], []
    for second in range(int(until)):
        for action in watcher.step(second, {CLIP: look}):
            times.append(second)
            followed += watcher.answer(second, action.path, action.look, state, "no index")
    return times, followed


def test_unfinished_file_is_asked_ever_more_seldom_and_reported_once():
    """A clip without its index gets ten minutes, some ten looks, one report, and peace after that."""
    times, followed = asked(make(), Look(100, 1), State.BROKEN, 5000)
    assert followed == [Report(CLIP, Look(100, 1), "no index")]
    assert 4 <= len(times) <= 10
    assert PATIENCE <= times[-1] <= 2 * PATIENCE + STABLE


def test_cut_file_is_taken_with_a_warning_when_nothing_more_comes():
    """A clip that breaks off waits as long, then it is taken up to its end."""
    _, followed = asked(make(), Look(100, 1), State.CUT, 5000)
    assert followed == [Take(CLIP, Look(100, 1), "no index")]


def test_old_broken_file_is_reported_at_once():
    """What was last changed a week ago will not be finished in ten minutes."""
    watcher, look = make(), Look(100, 1)
    watcher.step(0, {CLIP: look})
    watcher.step(5, {CLIP: look})
    found = watcher.answer(5, CLIP, look, State.BROKEN, "no index", age=7 * 86400)
    assert found == [Report(CLIP, look, "no index")]


def test_what_was_dealt_with_before_is_left_alone():
    """After a restart nothing is looked into twice, unless it has changed."""
    old, new = Look(100, 1), Look(200, 2)
    watcher = make({(CLIP, old)})
    assert watcher.step(0, {CLIP: old}) == []
    assert watcher.step(100, {CLIP: old}) == []
    watcher.step(101, {CLIP: new})
    assert watcher.step(106, {CLIP: new}) == [Examine(CLIP, new)]


def test_vanished_folder_is_said_once_and_comes_back():
    """A mount that goes is no deletion; when it returns its files rest again before they are taken."""
    watcher, look = make(), Look(100, 1)
    watcher.step(0, {CLIP: look})
    assert watcher.step(4, None, "not mounted") == [Away("not mounted")]
    assert watcher.step(9, None, "not mounted") == []
    assert watcher.away
    assert watcher.step(10, {CLIP: look}) == [Back()]
    assert watcher.step(14, {CLIP: look}) == []
    assert watcher.step(15, {CLIP: look}) == [Examine(CLIP, look)]


def test_suddenly_empty_folder_counts_as_vanished():
    """An empty folder is one thing at the start, and another where clips were."""
    watcher = make()
    assert watcher.step(0, {}) == []
    assert not watcher.away
    watcher.step(1, {CLIP: Look(1, 1)})
    assert [type(action) for action in watcher.step(2, {})] == [Away]
    assert watcher.step(3, {"b.mp4": Look(1, 1)}) == [Back()]


def test_failed_take_is_tried_again_after_a_pause():
    """What could not be handed over comes up again, not before."""
    watcher, look = make(), Look(100, 1)
    watcher.step(0, {CLIP: look})
    watcher.step(5, {CLIP: look})
    watcher.answer(5, CLIP, look, State.WHOLE)
    watcher.again(5, CLIP, look, 60)
    assert watcher.open() == 1
    assert watcher.step(64, {CLIP: look}) == []
    assert watcher.step(65, {CLIP: look}) == [Examine(CLIP, look)]


def test_file_that_is_gone_when_it_is_looked_into():
    """A sync tool took it away: no word about it; as a new file it starts again."""
    watcher, look = make(), Look(100, 1)
    watcher.step(0, {CLIP: look})
    watcher.step(5, {CLIP: look})
    assert watcher.answer(5, CLIP, look, State.GONE) == []
    assert watcher.open() == 0
    watcher.step(6, {CLIP: look})
    assert watcher.step(11, {CLIP: look}) == [Examine(CLIP, look)]


class Folder(RuleBasedStateMachine):
    """A folder in which everything happens, a watcher that is restarted, and what it must never do."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.files: dict[str, tuple[Look, State]] = {}
        self.changed: dict[str, float] = {}
        self.mounted = True
        self.settled: set[tuple[str, Look]] = set()
        self.ended: Counter[tuple[str, Look]] = Counter()
        self.version = 0
        self.away_said = 0
        self.watcher = self._fresh()

    def _fresh(self) -> Watcher:
        return Watcher(STABLE, PATIENCE, lambda path, look: (path, look) in self.settled)

    @rule(
        name=st.sampled_from(["a", "b", "c"]),
        size=st.integers(0, 3),
        state=st.sampled_from([State.WHOLE, State.CUT, State.BROKEN]),
    )
    def write(self, name: str, size: int, state: State) -> None:
        self.version += 1
        self.files[name] = Look(size, self.version), state
        self.changed[name] = self.now

    @rule(name=st.sampled_from(["a", "b", "c"]))
    def delete(self, name: str) -> None:
        self.files.pop(name, None)

    @rule(mounted=st.booleans())
    def mount(self, mounted: bool) -> None:
        self.mounted = mounted

    @rule()
    def restart(self) -> None:
        self.watcher = self._fresh()

    @rule(seconds=st.sampled_from([0.5, 4.0, 5.0, 30.0, 700.0]))
    def look(self, seconds: float) -> None:
        self.now += seconds
        self._look()

    def _look(self) -> None:
        listing = {name: look for name, (look, _) in self.files.items()} if self.mounted else None
        was_away = self.watcher.away
        for action in self.watcher.step(self.now, listing, "gone"):
            if isinstance(action, Away):
                assert not was_away
                self.away_said += 1
            elif isinstance(action, Examine):
                look, state = self.files[action.path]
                assert action.look == look
                assert look.size > 0
                assert self.now - self.changed[action.path] >= STABLE
                for end in self.watcher.answer(self.now, action.path, look, state, "why"):
                    assert isinstance(end, (Take, Report))
                    assert isinstance(end, Report) == (state is State.BROKEN)
                    self.ended[end.path, end.look] += 1
                    self.settled.add((end.path, end.look))

    @invariant()
    def nothing_is_taken_or_reported_twice(self) -> None:
        assert all(count == 1 for count in self.ended.values())

    def teardown(self) -> None:
        """Whatever happened, what stands there at the end and stays is dealt with."""
        self.mounted = True
        for _ in range(40):
            self.now += 120
            self._look()
        for name, (look, _) in self.files.items():
            assert look.size == 0 or (name, look) in self.settled, (name, look)


TestFolder = Folder.TestCase
TestFolder.pytestmark = [pytest.mark.slow]
