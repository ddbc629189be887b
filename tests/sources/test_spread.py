"""Where the keys that come lie in the table: side by side, or everywhere."""

from typing import Any

import pyarrow as pa
import pytest

from hedgerow.sources.sync.spread import Spread

_MILLION = 1_000_000


def _spread(*batches: list[list[Any]]) -> Spread:
    spread = Spread()
    for columns in batches:
        spread.take([pa.array(column) for column in columns])
    return spread


@pytest.mark.parametrize(
    ("keys", "rows", "everywhere"),
    [
        pytest.param([list(range(990_000, _MILLION))], _MILLION, False, id="the latest"),
        pytest.param([list(range(0, _MILLION, 100))], _MILLION, True, id="every hundredth"),
        pytest.param([list(range(0, _MILLION, 10_000))], _MILLION, False, id="a few: most of it has none of them"),
        pytest.param([list(range(0, 9 * _MILLION, 100))], 9 * _MILLION, False, id="of a large table"),
        pytest.param([[f"key {n}" for n in range(10_000)]], _MILLION, True, id="text"),
        pytest.param([[1] * 10_000, list(range(10_000))], _MILLION, True, id="of two columns"),
        pytest.param([[1, 2]], 0, True, id="of an empty table"),
    ],
)
def test_keys_lie_everywhere_or_side_by_side(keys: list[list[Any]], rows: int, everywhere: bool) -> None:
    assert _spread(keys).everywhere(rows) is everywhere


def test_what_has_no_key_lies_nowhere() -> None:
    spread = Spread()
    spread.take([pa.array([None, None], pa.int64())])
    spread.take([pa.array([7], pa.int64())])
    assert spread == Spread(3, 7, 7)


def test_batches_are_seen_together() -> None:
    near, far = [list(range(300))], [list(range(999_700, _MILLION))]
    assert _spread(near, [[]], far) == Spread(600, 0, 999_999)
    assert [_spread(near).everywhere(_MILLION), _spread(near, far).everywhere(_MILLION)] == [False, True]
