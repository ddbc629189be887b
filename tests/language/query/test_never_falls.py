"""Whatever is written, compiling answers or says what is wrong: nothing else is raised, and nothing hangs."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hedgerow.kit.errors import InvalidInput
from hedgerow.language.query.passes.relative_dates import instant
from hedgerow.language.query.pipeline import CompileOptions, compile_query, rebind
from hedgerow.language.query.print_hogql import filled, print_hogql
from hedgerow.language.query.types import api_type, cast_type
from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.errors import SyntaxFault
from hedgerow.language.syntax.parser import parse_select
from tests.language.query.cases import cases
from tests.language.query.project import catalog
from tests.language.query.test_security import check_confined
from tests.language.syntax import strategies
from tests.language.syntax.corpus import CORPUS

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")
CATALOG = catalog()
SELECTS = [text for kind, text in CORPUS if kind == "select"] + [query for query, _ in cases("answers.sql")]
_QUICK = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
_TREES = settings(_QUICK, max_examples=40, phases=[Phase.explicit, Phase.reuse, Phase.generate])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def compiles(query: str | nodes.AnySelect, **options: Any) -> bool:
    try:
        compiled = compile_query(query, CATALOG, CompileOptions(**options))
    except InvalidInput:
        return False
    check_confined(compiled)
    rebind(compiled, options.get("variables", {}))
    return True


@pytest.mark.parametrize("query", SELECTS)
def test_the_corpus(query: str) -> None:
    compiles(query, variables={"x": 1, "a": "b", "name": None}, filters={})


@_TREES
@given(strategies.queries())
def test_any_tree(tree: nodes.AnySelect) -> None:
    compiles(tree)


@_QUICK
@given(
    st.text(max_size=60) | st.sampled_from(SELECTS).flatmap(lambda text: st.permutations(text.split()).map(" ".join))
)
def test_any_text(query: str) -> None:
    compiles(query)


@_QUICK
@given(
    st.sampled_from(SELECTS),
    st.sampled_from(["events", "people", "known", "event", "tags", "doc", "properties"]),
    st.data(),
)
def test_names_of_the_project_in_any_place(query: str, name: str, data: st.DataObject) -> None:
    """The corpus, with one of its words replaced by a name that means something here."""
    words = query.split()
    words[data.draw(st.integers(0, len(words) - 1))] = name
    compiles(" ".join(words))


_PROPERTY = st.fixed_dictionaries(
    {},
    optional={
        "key": st.sampled_from(["plan", "n", "n > 3", "{filters}", "1) or (1"]) | _JSON,
        "type": st.sampled_from(["event", "person", "hogql", "cohort", "data_warehouse"]) | _JSON,
        "operator": st.sampled_from(["exact", "is_not", "between", "gt", "icontains", "regex", "is_date_before", "in"])
        | _JSON,
        "value": _JSON,
    },
)
_FILTERS = _JSON.filter(lambda value: isinstance(value, dict)) | st.fixed_dictionaries(
    {},
    optional={
        "properties": st.lists(_PROPERTY | _JSON, max_size=3) | _JSON,
        "dateRange": _JSON
        | st.fixed_dictionaries({"date_from": _JSON | st.from_regex(r"-?\d{0,12}[hdwmqy](Start|End)?\Z")}),
    },
)  # fmt: skip


@_QUICK
@given(_FILTERS)
def test_any_filters(filters: dict[str, Any]) -> None:
    compiles("select event from events where {filters} and timestamp > {filters.dateRange.from}", filters=filters)


NOW = datetime(2020, 3, 31, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("-7d", "2020-03-24T00:00:00"),
        ("-24h", "2020-03-30T10:30:00"),
        ("-1m", "2020-02-29T00:00:00"),
        ("-1q", "2019-12-31T00:00:00"),
        ("-1y", "2019-03-31T00:00:00"),
        ("dStart", "2020-03-31T00:00:00"),
        ("-1dStart", "2020-03-30T00:00:00"),
        ("-1dEnd", "2020-03-30T23:59:59.999999"),
        ("mStart", "2020-03-01T00:00:00"),
        ("-1mEnd", "2020-02-29T23:59:59.999999"),
        ("qStart", "2020-01-01T00:00:00"),
        ("wStart", "2020-03-30T00:00:00"),
        ("yStart", "2020-01-01T00:00:00"),
        ("yEnd", "2020-12-31T23:59:59.999999"),
        ("hEnd", "2020-03-31T10:59:59.999999"),
        ("2020-01-02", "2020-01-02T00:00:00"),
        ("2020-01-02T03:04:05Z", "2020-01-02T03:04:05"),
        ("2020-01-02T03:04:05+02:00", "2020-01-02T01:04:05"),
    ],
)
def test_relative_date(text: str, wanted: str) -> None:
    assert instant(text, NOW) == datetime.fromisoformat(wanted + "+00:00")


def test_a_date_that_ends_a_range_is_the_end_of_its_day() -> None:
    assert instant("2020-01-02", NOW, end=True) == datetime(2020, 1, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["-999999999y", "-999999y", "-99999999999h", "9999-12-31", "0001-01-01", "x", "5", "-d-"]
)
def test_impossible_dates_are_refused_or_answered_at_once(text: str) -> None:
    found: object = None
    try:
        found = instant(text, NOW, end=True)
    except InvalidInput as fault:
        found = fault.detail
    assert isinstance(found, datetime) or "is not a date" in str(found)


@pytest.mark.parametrize("query", SELECTS)
def test_what_is_printed_parses_and_prints_the_same(query: str) -> None:
    try:
        tree = parse_select(query)
    except SyntaxFault:
        return
    text = filled(print_hogql(tree), {})
    assert filled(print_hogql(parse_select(text)), {}) == text


@_QUICK
@given(st.text(alphabet="Arayint64Nulbe(), 'UTC)0123", max_size=60))
def test_a_cast_names_known_types_only(text: str) -> None:
    kind = cast_type(text)
    assert kind is None or not set(kind) - set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789(), '_+/-"
    )


@pytest.mark.parametrize(
    ("engine", "api"),
    [
        ("Int64", "integer"), ("Nullable(UInt8)", "integer"), ("Int256", "integer"), ("Float32", "float"),
        ("Decimal(10, 2)", "decimal"), ("Bool", "boolean"), ("Date", "date"), ("Date32", "date"),
        ("DateTime('UTC')", "datetime"), ("Nullable(DateTime64(6, 'UTC'))", "datetime"),
        ("String", "string"),
        ("LowCardinality(Nullable(String))", "string"), ("FixedString(3)", "string"), ("Enum8('a' = 1)", "string"),
        ("UUID", "string"), ("Array(Nullable(Int64))", "array"), ("Map(String, Int64)", "json"),
        ("Tuple(a Int64)", "json"),
        ("JSON", "json"), ("Nothing", "unknown"), ("Nullable(Nothing)", "unknown"), ("", "unknown"),
    ],
)  # fmt: skip
def test_type_of_the_api(engine: str, api: str) -> None:
    assert api_type(engine) == api
