"""Nothing a caller writes reaches another project, a file, the network, the server's state, or time without end."""

import asyncio
import re
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hedgerow.engine.chdb import ChdbEngine
from hedgerow.engine.errors import EngineError
from hedgerow.engine.result import Query
from hedgerow.kit.errors import HedgerowError, InvalidInput
from hedgerow.language.query import functions
from hedgerow.language.query.catalog import Catalog, FunctionTable, PhysicalTable, Table, TableColumn
from hedgerow.language.query.errors import QueryFault, UnguardedTable
from hedgerow.language.query.passes.guard import guard
from hedgerow.language.query.passes.resolve import resolve
from hedgerow.language.query.pipeline import CompiledQuery, CompileOptions, compile_query, parse
from hedgerow.language.query.print_clickhouse import ClickHousePrinter
from tests.language.query.cases import cases
from tests.language.query.project import FOREIGN, OWN, SECRET, Project, catalog

CATALOG = catalog()
HOSTILE = [query for query, _ in cases("hostile.sql")]
_QUICK = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))

# What the printer writes of its own, beside the functions of the table.
_OWN_CALLS = frozenset(
    """
accurateCastOrNull arrayMap arraySort arrayReverseSort tupleElement arrayElement toDecimal64OrNull
parseDateTime64BestEffortOrNull toDateTime toDate toDateOrNull CAST JSONExtractRaw JSONExtractString numbers zeros
generateSeries generate_series exists toJSONString AND WITH OVER AS IN BY USING ON ROLLUP CUBE SETS FROM JOIN WHERE
HAVING ALL UNION EXCEPT INTERSECT DISTINCT SELECT INTERPOLATE LIMIT VALUES OR STEP TO BETWEEN
""".split()
)
_NAME = re.compile(r"`(?:[^`\\]|\\.)*`", re.DOTALL)
_PARAMETER = re.compile(r"\{(?:v|variable_)\d+:[A-Za-z0-9(), ]+\}")
_LITERAL = re.compile(r"'(?:[^'\\]|\\.)*'", re.DOTALL)


def check_confined(compiled: CompiledQuery) -> None:
    """By means of its own: what is left of the text without names, parameters and type names is known in full."""
    sql = compiled.sql
    for one, other in re.findall(r"(`(?:[^`\\]|\\.)*`)\.(`(?:[^`\\]|\\.)*`)", sql):
        assert one != f"`{FOREIGN}`" or not other.startswith("`t_"), (one, other)
    bare = _LITERAL.sub("''", _PARAMETER.sub("?", _NAME.sub("name", sql)))
    assert not set(bare) & set("`'\"{};#@\\") - {"'"}, bare
    assert not re.search(r"--|/\*", bare), bare
    for called in re.findall(r"(\w+)\s*\(", bare):
        function = functions.find(called)
        known = called in _OWN_CALLS or called == "name" or function is not None or _is_target(called)
        assert known, (called, bare)
    assert not re.search(r"\b(SETTINGS|FORMAT|INTO|OUTFILE|INSERT|DROP|ALTER|CREATE|SYSTEM)\b", bare), bare


def _is_target(name: str) -> bool:
    return any((function := functions.find(known)) and function.target == name for known in functions.names())


@pytest.mark.parametrize("query", HOSTILE)
def test_hostile_query_is_refused_or_confined(project: Project, query: str) -> None:
    try:
        compiled = compile_query(query, CATALOG, CompileOptions())
    except InvalidInput:
        return
    check_confined(compiled)
    try:
        rows = project.run(compiled)
    except HedgerowError:
        return
    assert SECRET not in str(rows)


def test_most_hostile_queries_are_refused() -> None:
    def refused(query: str) -> bool:
        try:
            compile_query(query, CATALOG, CompileOptions())
        except InvalidInput:
            return True
        return False

    assert sum(map(refused, HOSTILE)) > 250


def test_the_secret_is_there_to_be_found(project: Project) -> None:
    """Else nothing above would prove anything."""
    answer = asyncio.run(project.engine.run(Query(f"SELECT word FROM {FOREIGN}.t_secret")))
    assert SECRET in answer.rows.decode()


DENIED = tuple(
    """
file url s3 remote remoteSecure cluster mysql postgresql mongodb sqlite jdbc odbc executable dictionary dictGet
dictGetOrDefault dictHas joinGet sleep sleepEachRow getSetting getServerSetting getMacro hostName fullHostName fqdn
currentUser user currentDatabase currentRoles version buildId serverUUID tcpPort uptime queryID initialQueryID
connectionId catboostEvaluate evalMLMethod throwIf logTrace demangle addressToLine addressToSymbol
filesystemAvailable filesystemCapacity hasColumnInTable getClientHTTPHeader showCertificate initializeAggregation
runningAccumulate aiGenerate AIClassify encrypt decrypt formatRow formatRowNoNewline structureToProtobufSchema
flameGraph aggThrow globalVariable getOSKernelVersion currentProfiles defaultRoles zookeeperSessionUptime
partitionId CAST _CAST reinterpret __getScalar
""".split()
)


@pytest.mark.parametrize("name", DENIED)
@pytest.mark.parametrize("suffix", ["", "If", "OrNull", "Array"])
def test_dangerous_functions_do_not_exist(name: str, suffix: str) -> None:
    for written in (name, name.lower(), name.upper()):
        assert functions.find(written + suffix) is None


def test_no_function_reads_a_dictionary_a_setting_or_the_server() -> None:
    dangerous = re.compile(
        r"dict|setting|macro|host|server(?!time)|region(?!s)|file|currentuser|sleep|catboost|joinget|^ai[A-Z]|crypt",
        re.I,
    )
    targets = {function.target for name in functions.names() if (function := functions.find(name)) is not None}
    assert not [target for target in targets if dangerous.search(target)]


# --- the guard


def test_the_printer_refuses_a_table_that_was_not_guarded() -> None:
    tree = resolve(parse("select event from events"), CATALOG).tree
    with pytest.raises(UnguardedTable):
        ClickHousePrinter(OWN).query(tree)
    assert "t_events" in ClickHousePrinter(OWN).query(guard(tree, CATALOG))


@pytest.mark.parametrize(
    "backing",
    [
        PhysicalTable(FOREIGN, "t_secret"),
        PhysicalTable("system", "tables"),
        PhysicalTable("", "t_secret"),
        FunctionTable("file", ("/etc/passwd",)),
        FunctionTable("remote", ("127.0.0.1",)),
    ],
)
def test_the_guard_refuses_what_a_catalog_should_not_hold(backing: PhysicalTable | FunctionTable) -> None:
    table = Table("odd", backing, (TableColumn("word", "String"),))
    foul = replace(CATALOG, tables={**CATALOG.tables, "odd": table})
    for query in (
        "select * from odd",
        "select (select word from odd)",
        "with a as (select * from odd) select * from a",
    ):
        with pytest.raises(QueryFault, match="Unknown table `odd`"):
            compile_query(query, foul, CompileOptions())


def test_the_guard_refuses_a_table_of_another_catalog() -> None:
    tree = resolve(parse("select event from events"), CATALOG).tree
    other = Catalog(7102, FOREIGN, {"events": Table("events", PhysicalTable(FOREIGN, "t_events"))})
    with pytest.raises(QueryFault):
        guard(tree, other)


# --- names

_ODD = st.text(alphabet=st.sampled_from("ab`\\'\"{}:%.; \n\t-/*()é\0"), min_size=1, max_size=12)


def _written(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "``") + "`"


@_QUICK
@given(_ODD, _ODD)
def test_odd_names_stay_names(project: Project, alias: str, source: str) -> None:
    query = f"select event as {_written(alias)} from events as {_written(source)} where who = 'ann'"
    try:
        compiled = compile_query(query, CATALOG, CompileOptions())
    except InvalidInput:
        return
    check_confined(compiled)
    assert compiled.columns == (alias,)
    assert project.run(compiled) == [["buy"]]


@_QUICK
@given(st.text(max_size=20))
def test_any_text_stays_a_text(project: Project, text: str) -> None:
    written = "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    compiled = compile_query(f"select {written} as a", CATALOG, CompileOptions())
    check_confined(compiled)
    assert [bound.value for bound in compiled.parameters.values()] == [text]
    if text.encode("utf-8", "ignore").decode() == text:
        assert project.run(compiled) == [[text]]


@_QUICK
@given(st.lists(st.sampled_from(HOSTILE), min_size=2, max_size=2), st.data())
def test_hostile_pieces_stay_confined(pair: list[str], data: st.DataObject) -> None:
    """Two hostile queries cut and glued: what still compiles names nothing foreign."""
    one, other = pair
    cut = data.draw(st.integers(0, len(one)))
    glued = one[:cut] + other[data.draw(st.integers(0, len(other))) :]
    try:
        compiled = compile_query(glued, CATALOG, CompileOptions(variables={"x": FOREIGN}))
    except InvalidInput:
        return
    check_confined(compiled)


# --- size

LONG = [
    "select " + ", ".join(["1"] * 20_000),
    "select " + ", ".join(["event"] * 20_000) + " from events",
    "select " + "x" * 500_000 + "(1)",
    "select {variables." + "x" * 500_000 + "}",
    "select 1 as " + "x" * 500_000,
    "select accurateCast(1, '" + "Array(" * 50_000 + "')",
    "select cast(1 as " + "Array(" * 2_000 + "Int64" + ")" * 2_000 + ")",
    "select event from events where " + " or ".join(["n = 1"] * 5_000),
    "select event from events where n in (" + ", ".join(["1"] * 50_000) + ")",
    "with " + ", ".join(f"a{i} as (select 1 as x)" for i in range(2_000)) + " select x from a1",
    "with a0 as (select 1 as v), "
    + ", ".join(f"a{i} as (select x.v from a{i - 1} x join a{i - 1} y on 1)" for i in range(1, 30))
    + " select count() from a29",
    "select * from " + ", ".join(f"events e{i}" for i in range(1_000)),
    "select " + "[" * 5_000 + "]" * 5_000,
    "select " + "-" * 5_000 + "1",
    "select " + "not " * 5_000 + "1",
]


@pytest.mark.parametrize("query", LONG, ids=range(len(LONG)))
def test_long_queries_take_time_by_their_length(query: str) -> None:
    begin = time.perf_counter()
    with suppress(InvalidInput):
        compile_query(query, CATALOG, CompileOptions(variables={"y": 1}))
    assert time.perf_counter() - begin < 5, "seconds for a text under a megabyte"


def test_files_of_the_server_stay_unread(chdb_engine: ChdbEngine, tmp_path: Path) -> None:
    """The same functions, asked of the engine directly, do read: so it is the compiler that keeps them away."""
    (tmp_path / "key").write_text(SECRET)
    path = str(tmp_path / "key").replace("'", "")
    try:
        answer = asyncio.run(chdb_engine.run(Query(f"SELECT * FROM file('{path}', 'LineAsString')")))
        assert SECRET in answer.rows.decode()
    except EngineError:
        pytest.skip("the engine itself keeps files away")
    for query in (f"select file('{path}')", f"select * from file('{path}', 'LineAsString')", f"select * from `{path}`"):
        with pytest.raises(InvalidInput):
            compile_query(query, CATALOG, CompileOptions())


def test_names_that_double_at_each_step_are_refused() -> None:
    """The engine spreads them out before it looks at its clock: a kilobyte of text would take it most of a minute."""
    steps = ", ".join(f"a{i} as (select x.v from a{i - 1} x join a{i - 1} y on 1)" for i in range(1, 30))
    with pytest.raises(QueryFault, match="reads tables more than"):
        compile_query(f"with a0 as (select 1 as v), {steps} select count() from a29", CATALOG, CompileOptions())
