"""What may be removed: the decision, without a file."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.retention import YOUNGEST, Holding, Kind, Policy, Room, Rule, decide, why_not

GB = 10**9


def holding(name="v", kind=Kind.RAW, age=40.0, **more):
    """Something in `nas`."""
    return Holding(
        video_id=name, kind=kind, device=more.pop("device", "nas"), path=f"/{kind}/{name}", age=age, **more
    )


ROOMS = {"nas": Room(1000 * GB, 500 * GB)}
MONTH = Policy(rules={Kind.RAW: Rule(days=30)})


def gone(plan):
    """Names of what goes, in order."""
    return [verdict.holding.video_id for verdict in plan.going]


def test_nothing_goes_without_a_rule():
    """As it comes, the policy lets nothing go, however old and however full."""
    everything = [holding(kind=kind, age=9999, size=GB) for kind in Kind]
    assert decide(everything, Policy(free_share=1.0), ROOMS).going == []


def test_age_oldest_first_and_spared_last():
    """What is older than its days goes; locked clips only when the owner says so, and last."""
    some = [
        holding("a", age=31),
        holding("b", age=90, spared=True),
        holding("c", age=60),
        holding("d", age=29),
    ]
    assert gone(decide(some, MONTH, ROOMS)) == ["c", "a"]
    assert gone(decide(some, msgspec.structs.replace(MONTH, locked=True), ROOMS)) == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"protected": True}, "protected"),
        ({"age": 0.99}, "younger than a day"),
        ({"age": float("nan")}, "younger than a day"),
        ({"age": -5.0}, "younger than a day"),
        ({"spared": True}, "locked"),
        ({"held": "task 4 still waits"}, "task 4 still waits"),
    ],
)
def test_what_has_to_stay_says_why(more, why):
    """Each thing that keeps a file has a sentence; it stays for every rule."""
    one = holding(**({"age": 40.0, "size": GB} | more))
    full = Policy(rules={Kind.RAW: Rule(days=0.5, quota=1, when_full=True)}, free_share=1.0)
    plan = decide([one], full, ROOMS)
    assert plan.going == []
    assert why in why_not(one, full)
    assert all(why in verdict.reason for verdict in plan.staying)


def test_other_places_are_left_alone():
    """Only places that were looked at count: an absent or removable one is in no list."""
    assert gone(decide([holding("a", device="card"), holding("b")], MONTH, ROOMS)) == ["b"]


def test_quota_takes_the_oldest_and_no_more():
    """Over its quota a class loses its oldest until it fits; what age took counts."""
    some = [holding(str(n), age=10 + n, size=GB) for n in range(5)]
    rules = {Kind.RAW: Rule(quota=int(2.5 * GB))}
    assert gone(decide(some, Policy(rules=rules), ROOMS)) == ["4", "3", "2"]
    rules = {Kind.RAW: Rule(quota=3 * GB, days=14)}
    plan = decide(some, Policy(rules=rules), ROOMS)
    assert gone(plan) == ["4", "3"]
    stuck = [holding(str(n), size=GB, protected=True) for n in range(5)]
    plan = decide(stuck, Policy(rules={Kind.RAW: Rule(quota=3 * GB)}), ROOMS)
    assert plan.going == []
    assert "2.0 GB too much has to stay" in plan.short[0]


def test_room_is_made_in_the_order_of_classes():
    """In a full place thumbnails go before crops, crops before clips, clips before archives, all locked ones last."""
    some = [holding(f"{kind}{n}", kind, age=10 + n, size=GB) for kind in Kind for n in range(2)]
    some += [holding("old", Kind.PREPROC, age=900, size=GB, spared=True)]
    rules = {kind: Rule(when_full=True) for kind in Kind}
    rooms = {"nas": Room(100 * GB, 10 * GB)}

    def freed(free):
        policy = Policy(rules=rules, locked=True, free_bytes=int(free * GB))
        return gone(decide(some, policy, rooms))

    assert freed(10) == []
    assert freed(12.5) == ["preproc1", "preproc0", "heavy1"]
    assert freed(18) == ["preproc1", "preproc0", "heavy1", "heavy0", "raw1", "raw0", "archive1", "archive0"]
    assert freed(19)[-1] == "old"
    assert gone(decide(some, Policy(rules=rules, free_share=0.11), rooms)) == ["preproc1"]
    some_rules = {Kind.RAW: Rule(when_full=True)}
    assert gone(decide(some, Policy(rules=some_rules, free_bytes=11 * GB), rooms)) == ["raw1"]


HOLDINGS = st.lists(
    st.builds(
        Holding,
        video_id=st.sampled_from(["a", "b", "c", "d", "e", "f"]),
        kind=st.sampled_from(list(Kind)),
        device=st.sampled_from(["nas", "shed", "card"]),
        path=st.sampled_from(["/1", "/2", "/3"]),
        age=st.floats(min_value=-10, max_value=5000) | st.just(float("nan")),
        size=st.integers(0, 50) | st.just(0),
        protected=st.booleans(),
        spared=st.booleans(),
        held=st.sampled_from(["", "", "busy"]),
    ),
    max_size=25,
    unique_by=lambda each: (each.video_id, each.kind, each.device, each.path),
)
RULES = st.builds(
    Rule, days=st.sampled_from([0.0, 0.5, 30.0]), quota=st.integers(0, 200), when_full=st.booleans()
)
POLICIES = st.builds(
    Policy,
    rules=st.dictionaries(st.sampled_from(list(Kind)), RULES),
    locked=st.booleans(),
    free_bytes=st.integers(0, 300),
    free_share=st.floats(0, 1),
)
PLACES = st.fixed_dictionaries(
    {"nas": st.builds(Room, total=st.integers(1, 500), free=st.integers(0, 500))},
    optional={"shed": st.builds(Room, total=st.integers(1, 500), free=st.integers(0, 500))},
)


@pytest.mark.slow
@given(HOLDINGS, POLICIES, PLACES, st.randoms())
def test_whatever_is_decided(holdings, policy, rooms, dice):
    """Nothing goes that must stay, nothing twice, no more than is needed; the order of the facts does not matter."""
    plan = decide(holdings, policy, rooms)
    going = [verdict.holding for verdict in plan.going]
    assert len({id(each) for each in going}) == len(going)
    for each in going:
        assert not each.protected
        assert each.age >= YOUNGEST
        assert each.device in rooms
        assert not each.held
        assert policy.locked or not each.spared
        assert policy.rule(each.kind).set
    for first, second in itertools.pairwise(going):
        assert (first.spared, list(Kind).index(first.kind), -first.age) <= (
            second.spared, list(Kind).index(second.kind), -second.age,
        )  # fmt: skip
    kept = {id(each) for each in holdings} - {id(each) for each in going}
    for each in holdings:
        rule = policy.rule(each.kind)
        if id(each) in kept and each.device in rooms and not why_not(each, policy):
            assert not 0 < rule.days <= each.age
    _no_more_than_needed(plan, policy, rooms, holdings)
    mixed = list(holdings)
    dice.shuffle(mixed)
    assert decide(mixed, policy, rooms) == plan


def _no_more_than_needed(plan, policy, rooms, holdings):
    """Without the last thing that went for room, its place would lack some; so with quotas."""
    for device, room in rooms.items():
        going = [v for v in plan.going if v.holding.device == device]
        for_room = [v for v in going if "should have" in v.reason]
        if for_room:
            freed = sum(v.holding.size for v in going)
            assert freed - for_room[-1].holding.size < policy.lacking(room)
        for kind in Kind:
            for_quota = [v for v in going if v.holding.kind == kind and "more than its" in v.reason]
            if for_quota:
                total = sum(h.size for h in holdings if (h.device, h.kind) == (device, kind))
                went = sum(v.holding.size for v in going if v.holding.kind == kind)
                last = for_quota[-1].holding.size
                for_room_too = sum(v.holding.size for v in for_room if v.holding.kind == kind)
                assert total - (went - for_room_too - last) > policy.rule(kind).quota
