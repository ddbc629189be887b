"""What a test of an endpoint expects, and what is told when it does not come."""

from typing import Any

import pytest

from hedgerow.gitops.endpoints.checking import compared
from hedgerow.gitops.endpoints.fields import Expectation

_ANSWER = {"columns": ["day", "n", "ok"], "results": [["mon", 1, True], ["tue", 2.0, False]], "hasMore": False}


def _faults(said: dict[str, Any], **answer: Any) -> list[str]:
    return compared(Expectation.model_validate(said), {**_ANSWER, **answer})


@pytest.mark.parametrize(
    "said",
    [
        {"columns": ["day", "n", "ok"]},
        {"rows": [["mon", 1, True], ["tue", 2, False]]},
        {"rows": [["mon", 1.0000000001, True], {"n": 2}]},
        {"rows": [{}, {"day": "tue", "ok": False}]},
        {"row_count": 2, "min_rows": 2},
        {"min_rows": 0},
        {"contains": [["tue", 2, False]]},
        {"contains": [{"n": 2}, {"day": "mon", "ok": True}]},
    ],
)
def test_what_holds(said: dict[str, Any]) -> None:
    assert _faults(said) == []


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"columns": ["day", "n"]}, "columns differ\n  day\n  n\n+ ok"),
        ({"rows": []}, 'rows differ\n+ ["mon", 1, true]\n+ ["tue", 2.0, false]'),
        (
            {"rows": [["mon", 1, True], ["tue", 3, False]]},
            '  ["mon", 1, true]\n- ["tue", 3, false]\n+ ["tue", 2.0, false]',
        ),
        ({"rows": [["mon", 1, True]]}, '  ["mon", 1, true]\n+ ["tue", 2.0, false]'),
        ({"rows": [["tue", 2, False], ["mon", 1, True]]}, "rows differ"),
        ({"rows": [{"n": 1}, {"n": 5}]}, '  {"n": 1}\n- {"n": 5}\n+ {"n": 2.0}'),
        ({"rows": [["mon", True, True], {}]}, '- ["mon", true, true]'),
        ({"rows": [["mon", 1.001, True], {}]}, '- ["mon", 1.001, true]'),
        ({"rows": [["mon", "1", True], {}]}, '- ["mon", "1", true]'),
        ({"rows": [["mon", 1], {}]}, '- ["mon", 1]'),
        ({"rows": [{"other": 1}, {}]}, '- {"other": 1}\n+ {"other": null}'),
        ({"row_count": 3}, "3 rows expected, 2 came"),
        ({"min_rows": 3}, "at least 3 rows expected, 2 came"),
        ({"contains": [{"n": 7}]}, 'no row is {"n": 7}'),
    ],
)
def test_what_does_not(said: dict[str, Any], words: str) -> None:
    faults = _faults(said)
    assert len(faults) == 1
    assert words in faults[0]


def test_an_answer_that_was_cut_off_is_not_counted() -> None:
    assert _faults({"row_count": 2}, hasMore=True) == [
        "2 rows expected, 2 came (the answer was cut off: give the test a limit)"
    ]
    assert _faults({"min_rows": 2}, hasMore=True) == []


def test_columns_of_one_name_are_each_compared() -> None:
    answer = {"columns": ["a", "a"], "results": [[1, 2]]}
    assert _faults({"rows": [[1, 2]]}, **answer) == []
    assert _faults({"rows": [[2, 2]]}, **answer) != []


def test_a_long_difference_is_shown_in_part() -> None:
    fault = _faults({"rows": []}, results=[[str(n), n, True] for n in range(100)])[0]
    assert fault.splitlines()[-1] == "  … 60 more lines"
