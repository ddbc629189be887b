"""Which events tell of a row's newest state, whatever order they come in and however they are parted."""

import itertools
import json
import random
from collections.abc import Sequence

from hedgerow.kit.clock import now
from hedgerow.sources.events.deciding import decide
from hedgerow.sources.events.records import KeptEvent, Newest, covered, cursor, digest


def event(number: int, at: int, state: str | None, key: str = "a", *, sure: bool = True) -> KeptEvent:
    row = None if state is None else {"id": key, "state": state}
    body = json.dumps({"key": {"id": key}, "row": row})
    return KeptEvent(number, at, digest({"id": key}), row is None, sure, body, digest(row), now())


def ids(events: Sequence[KeptEvent]) -> list[int]:
    return [each.id for each in events]


def test_the_newest_of_each_row_is_put_or_taken_away() -> None:
    found = decide([event(1, 5, "x"), event(2, 4, "w"), event(3, 6, None, "b"), event(4, 5, "y", "b")], {}, 0)
    assert (ids(found.put), ids(found.gone), ids(found.asked), sorted(found.passed)) == ([1], [3], [], [2, 4])


def test_what_a_whole_read_covers_is_passed_over() -> None:
    since = covered(cursor(1000))
    assert since == 700
    found = decide([event(1, since - 1, "x"), event(2, since, "y", "b")], {}, since)
    assert (ids(found.put), found.passed) == ([2], [1])
    assert covered(None) is None
    assert covered({"kind": "int", "value": "7"}) is None


def test_what_is_in_the_table_is_not_put_again_nor_overtaken() -> None:
    row = event(1, 5, "x")
    known = {row.row_key: Newest(5, row.digest)}
    found = decide([row, event(2, 4, "w")], known, 0)
    assert (found.put, found.asked, sorted(found.passed)) == ([], [], [1, 2])
    assert ids(decide([event(3, 6, "y")], known, 0).put) == [3]


def test_two_states_of_one_moment_and_strange_shapes_are_asked_for() -> None:
    one, other = event(1, 5, "x"), event(2, 5, "y")
    assert ids(decide([one, other], {}, 0).asked) == [2]
    assert ids(decide([one, event(2, 5, "x")], {}, 0).put) == [2]
    assert ids(decide([other], {one.row_key: Newest(5, one.digest)}, 0).asked) == [2]
    assert ids(decide([event(3, 5, None), one], {}, 0).asked) == [1]
    assert ids(decide([event(4, 5, "z", sure=False)], {}, 0).asked) == [4]
    assert ids(decide([event(4, 5, "z", sure=False), event(5, 6, "z")], {}, 0).put) == [5]


def test_any_order_in_any_portions_ends_with_the_newest() -> None:
    chance = random.Random(7)
    told = [event(number, number, chance.choice("xyz"), chance.choice("ab")) for number in range(1, 7)]
    last = {
        key: max((e for e in told if e.row_key == key), key=lambda e: e.at).digest for key in {e.row_key for e in told}
    }
    for order in itertools.permutations(told):
        table: dict[str, Newest] = {}
        place = 0
        while place < len(order):
            size = chance.randint(1, 3)
            found = decide(order[place : place + size], table, 0)
            assert not found.asked
            for each in (*found.put, *found.gone):
                table[each.row_key] = Newest(each.at, each.digest)
            place += size
        assert {key: newest.digest for key, newest in table.items()} == last
