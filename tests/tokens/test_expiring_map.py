from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.tokens.expiring_map import ExpiringMap

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "get", "discard", "wait"]), st.integers(0, 5), st.floats(-1, 10, allow_nan=False)
    ),
    max_size=60,
)


@given(steps=STEPS, limit=st.integers(1, 4))
def test_it_never_holds_too_much_nor_gives_out_what_has_ended(steps: list[tuple[str, int, float]], limit: int) -> None:
    now = 0.0
    held: ExpiringMap[int, int] = ExpiringMap(limit, lambda: now)
    ends: dict[int, float] = {}
    for number, (action, key, seconds) in enumerate(steps):
        match action:
            case "put":
                held.put(key, number, seconds)
                ends[key] = now + seconds
            case "get":
                assert held.get(key) is None or ends[key] > now
            case "discard":
                held.discard(key)
                assert held.get(key) is None
            case _:
                now += abs(seconds)
        assert len(held) <= limit


def test_the_least_recently_used_makes_room() -> None:
    held: ExpiringMap[str, int] = ExpiringMap(2)
    held.put("a", 1, 60)
    held.put("b", 2, 60)
    assert held.get("a") == 1
    held.put("c", 3, 60)
    assert (held.get("a"), held.get("b"), held.get("c")) == (1, None, 3)
