"""What holds whatever the values are, asked of the engine: pages, NULL, joins, values bound anew."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hedgerow.language.query.pipeline import CompileOptions, compile_query, rebind
from tests.language.query.catalogs import CATALOG, Asker

_SOME = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
COLUMNS = ("origin", "carrier", "month", "dep_delay", "ts", "props.n", "props.a.b", "airline.name")
OPPOSITES = (("=", "!="), ("in", "not in"), ("like", "not like"), ("=~", "!~"))
SCALARS = st.one_of(st.text(max_size=8), st.integers(-5, 12), st.floats(-5, 12), st.booleans(), st.none())
PLACES = (
    "select id from flights where origin = {variables.x} order by id",
    "select id from flights where props.n = {variables.x} order by id",
    "select id from flights where props.n != {variables.x} order by id",
    "select id, toString({variables.x}) from flights where airline.name != toString({variables.x}) order by id",
    "select id from flights where props.n in [{variables.x}] order by id",
)


@_SOME
@given(st.none() | st.integers(0, 12), st.integers(0, 4), st.integers(1, 5))
def test_pages_put_together_are_the_query(ask: Asker, own: int | None, skip: int, size: int) -> None:
    text = f"select number from numbers(10) order by number desc{'' if own is None else f' limit {own} offset {skip}'}"
    wanted = [[9 - i] for i in range(10)][0 if own is None else skip :][:own]
    found: list[list[Any]] = []
    for _ in range(12):
        compiled = compile_query(text, CATALOG, CompileOptions(limit=size, offset=len(found)))
        rows = ask.run(compiled)
        assert compiled.row_limit is not None
        found += rows[: compiled.row_limit]
        if len(rows) <= compiled.row_limit:
            break
    assert found == wanted


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize(("positive", "negative"), OPPOSITES)
def test_a_comparison_and_its_opposite_part_the_rows(ask: Asker, column: str, positive: str, negative: str) -> None:
    """No row is lost between them, and none is in both: NULL is on one side."""
    value = {"month": "1", "dep_delay": "5.5", "ts": "toDateTime64('2020-01-01', 3)"}.get(column, "'JFK'")
    left = f"toString({column})" if positive in {"like", "=~"} else column
    right = f"({value})" if positive == "in" else f"toString({value})" if positive in {"like", "=~"} else value
    one = ask(f"select id from flights where {left} {positive} {right}")
    other = ask(f"select id from flights where {left} {negative} {right}")
    denied = ask(f"select id from flights where not ({left} {positive} {right})")
    assert sorted(one + other) == [[1], [2], [3], [4]]
    assert sorted(other) == sorted(denied)


@_SOME
@given(st.sampled_from(PLACES), SCALARS, SCALARS)
def test_other_values_bound_anew_answer_as_if_compiled(ask: Asker, text: str, first: Any, second: Any) -> None:
    compiled = compile_query(text, CATALOG, CompileOptions(variables={"x": first}))
    wanted = compile_query(text, CATALOG, CompileOptions(variables={"x": second}))
    bound = rebind(compiled, {"x": second})
    if bound is not None:
        assert (bound.sql, bound.parameters) == (wanted.sql, wanted.parameters)
    if second is None or isinstance(second, str):
        ask.run(wanted)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("select * from (select carrier as c, id + 1 from flights)", ("c", "plus(id, 1)")),
        ("select * from renamed", ("name",)),
        ("select * from (select f.carrier, a.carrier from flights f join airlines a on 1 = 1)", ("carrier", "carrier")),
        ("select a.*, 1 as one from airlines a", ("carrier", "name", "one")),
        ("select count(), sum(id) as s, f.origin, airline.name from flights f", ("count()", "s", "origin", "name")),
    ],
)
def test_columns_are_called(text: str, columns: tuple[str, ...]) -> None:
    assert compile_query(text, CATALOG, CompileOptions()).columns == columns


def test_lineage_goes_through_saved_joins() -> None:
    compiled = compile_query("select airline.name as n from flights", CATALOG, CompileOptions())
    assert compiled.lineage == {"n": (("airlines", "name"),)}
    assert compiled.tables == ("airlines", "flights")
