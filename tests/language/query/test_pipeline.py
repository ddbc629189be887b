"""Whole queries: what they answer on the engine, what is refused and in which words, what a value may change."""

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hedgerow.kit.errors import InvalidInput
from hedgerow.language.query.pipeline import CompiledQuery, CompileOptions, compile_query, find_variables, parse, rebind
from tests.language.query.cases import cases
from tests.language.query.project import Project, catalog

CATALOG = catalog()


@pytest.mark.parametrize(("query", "expected"), cases("answers.sql"))
def test_answer(project: Project, query: str, expected: str) -> None:
    compiled = project.compiled(query, look_ahead=False)
    rows = project.run(compiled)
    columns, _, values = expected.partition("] [")
    assert list(compiled.columns) == orjson.loads(columns + "]")
    if "order by" in query.lower():
        assert rows == orjson.loads("[" + values)
    else:
        assert sorted(map(str, rows)) == sorted(map(str, orjson.loads("[" + values)))


@pytest.mark.parametrize(("query", "expected"), cases("refused.sql"))
def test_refusal(query: str, expected: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        compile_query(query, CATALOG, CompileOptions())
    assert caught.value.detail == expected


def test_an_empty_query_is_refused() -> None:
    with pytest.raises(InvalidInput, match="Empty query"):
        compile_query(" \n", CATALOG, CompileOptions())


def test_compiling_leaves_the_tree_as_it_was(project: Project) -> None:
    tree = parse("select event, n from events where n in {variables.n} order by n limit 2")
    first = compile_query(tree, CATALOG, CompileOptions(variables={"n": [1]}))
    assert tree == parse("select event, n from events where n in {variables.n} order by n limit 2")
    assert compile_query(tree, CATALOG, CompileOptions(variables={"n": [1]})) == first


def test_variables_are_found_in_order() -> None:
    assert find_variables(parse("select {variables.b} where {variables.a} = {variables.b} limit {variables.c}")) == [
        "b",
        "a",
        "c",
    ]


def test_lineage_names_the_columns_behind_views() -> None:
    compiled = compile_query("select m + 1 as more, event from known_twice", CATALOG, CompileOptions())
    assert compiled.lineage == {"more": (("events", "n"),), "event": (("events", "event"),)}
    assert compiled.tables == ("events", "known", "known_twice")


SCALARS = st.one_of(
    st.text(), st.integers(-(2**63), 2**64 - 1), st.floats(), st.booleans(), st.none(),
    st.sampled_from(["' OR 1=1 --", "\\", "'", "{v0:String}", "`", "\0", "*/", "\\'); DROP", "\n", "%"]),
)  # fmt: skip
VALUES = st.one_of(
    SCALARS, st.lists(st.text(), max_size=4), st.lists(st.one_of(st.integers(-9, 9), st.none()), max_size=4)
)
PLACES = (
    "select who from events where event = {variables.x} order by who",
    "select who from events where event != {variables.x} order by who",
    "select who from events where event in {variables.x}",
    "select who from events where properties[{variables.x}] is null",
    "select who, {variables.x} as given from events",
    "select if(toString({variables.x}) = event, 1, 2) as a, count() from events group by a",
    "select arrayMap(i -> {variables.x}, [1, 2]) as a",
    "select e.who from events e join people p on p.id = toString({variables.x})",
    "with {variables.x} as given select given as a, event from events where event = toString(given)",
)
_QUICK = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@_QUICK
@given(st.sampled_from(PLACES), VALUES, VALUES)
def test_a_value_never_changes_the_text(query: str, value: object, other: object) -> None:
    """Two values of one type have one text: only the parameters differ."""
    try:
        one = compile_query(query, CATALOG, CompileOptions(variables={"x": value}))  # type: ignore[dict-item]
        two = compile_query(query, CATALOG, CompileOptions(variables={"x": other}))  # type: ignore[dict-item]
    except InvalidInput:
        return
    if {b.type for b in one.parameters.values()} == {b.type for b in two.parameters.values()}:
        assert one.sql == two.sql


@_QUICK
@given(st.sampled_from(PLACES), VALUES, VALUES)
def test_binding_anew_equals_compiling_anew(query: str, value: object, other: object) -> None:
    try:
        first = compile_query(query, CATALOG, CompileOptions(variables={"x": value}))  # type: ignore[dict-item]
        wanted = compile_query(query, CATALOG, CompileOptions(variables={"x": other}))  # type: ignore[dict-item]
    except InvalidInput:
        return
    bound = rebind(first, {"x": other})  # type: ignore[dict-item]
    assert bound is None or repr(bound) == repr(wanted)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])) | st.sampled_from(["buy", "' OR 1", "\\", "\0'\\n"]))
def test_a_text_selects_what_equals_it(project: Project, value: str) -> None:
    rows = project.rows(
        "select who, {variables.x} as x from events where event = {variables.x} order by who", variables={"x": value}
    )
    assert rows == [[who, value] for who, event in (("ann", "buy"), ("bob", "sell"), ("cat", "buy")) if event == value]
    assert project.rows("select {variables.x} as x", variables={"x": value}) == [[value]]


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("select {variables.x}", "a"),
        ("select * from (select {variables.x})", "a"),
        ("select event from events limit {variables.x}", 1),
        ("select * from (select event from events limit {variables.x})", 1),
        ("select event from events limit {variables.x} by event", 1),
        ("select doc[{variables.x}] as d from people", "a"),
    ],
)
def test_a_value_that_is_part_of_the_text_is_not_bound_anew(query: str, value: object) -> None:
    compiled = compile_query(query, CATALOG, CompileOptions(variables={"x": value}))  # type: ignore[dict-item]
    assert rebind(compiled, {"x": value}) is None  # type: ignore[dict-item]


def test_the_text_told_holds_the_values_of_this_run_only() -> None:
    query = "select event from events where event = {variables.x}"
    first = compile_query(query, CATALOG, CompileOptions(variables={"x": "mine"}))
    second = rebind(first, {"x": "yours"})
    assert second is not None
    assert first.hogql.endswith("equals(event, 'mine')")
    assert second.hogql.endswith("equals(event, 'yours')")
    assert "mine" not in repr(second)


@pytest.mark.parametrize("value", [{"a": 1}, [[1]], [{"a": 1}], ["a", 1], object()])
def test_values_that_cannot_be_bound_are_refused(value: object) -> None:
    query = "select event from events where event = {variables.x}"
    with pytest.raises(InvalidInput):
        compile_query(query, CATALOG, CompileOptions(variables={"x": value}))  # type: ignore[dict-item]
    compiled = compile_query(query, CATALOG, CompileOptions(variables={"x": "a"}))
    assert _bound_or_refused(compiled, value) is None


def _bound_or_refused(compiled: CompiledQuery, value: object) -> CompiledQuery | None:
    try:
        return rebind(compiled, {"x": value})  # type: ignore[dict-item]
    except InvalidInput:
        return None
