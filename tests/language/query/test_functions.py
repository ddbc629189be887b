"""The table of functions against the engine's own list, and an example call of every function."""

import asyncio
import json
from pathlib import Path

import pytest

from hedgerow.engine.chdb import ChdbEngine
from hedgerow.engine.result import Answer, Query
from hedgerow.kit.errors import InvalidInput
from hedgerow.language.query import functions
from hedgerow.language.query.pipeline import CompileOptions, compile_query
from tests.language.query.catalogs import CATALOG, Asker

EXAMPLES = [
    line.split(" ;; ")
    for line in (Path(__file__).parents[2] / "fixtures" / "query" / "functions.txt").read_text().splitlines()
    if line and not line.startswith("#")
]
# What reads files, other tables, other servers or the server itself, waits, or writes.
FORBIDDEN = """
file url s3 remote remoteSecure cluster mysql postgresql mongodb sqlite jdbc odbc hdfs executable dictionary input merge
sleep sleepEachRow hostName hostname fqdn currentUser user currentDatabase currentSchemas currentRoles currentProfiles
defaultRoles enabledRoles version buildId serverUUID uptime tcpPort getServerPort getSetting getSettingOrDefault
getServerSetting getMergeTreeSetting getMacro getOSKernelVersion getClientHTTPHeader queryID initialQueryID
connectionId displayName showCertificate filesystemAvailable filesystemCapacity filesystemUnreserved
dictGet dictGetOrDefault dictGetOrNull dictHas dictGetHierarchy dictIsIn joinGet joinGetOrNull hasColumnInTable
throwIf aggThrow logTrace demangle addressToLine addressToSymbol addressToLineWithInlines tid trap globalVariable
encrypt decrypt tryDecrypt aes_encrypt_mysql aes_decrypt_mysql initializeAggregation runningAccumulate
catboostEvaluate evalMLMethod modelEvaluate structureToProtobufSchema structureToCapnProtoSchema
generateRandomStructure formatQuery formatQuerySingleLine formatRow formatRowNoNewline regionToName partitionId
zookeeperSessionUptime transactionID transactionLatestSnapshot flameGraph lowCardinalityIndices shardNum shardCount
rowNumberInAllBlocks_ _partition_id __bitBoolMaskOr __actionName
""".split()


@pytest.fixture(scope="module")
def engines_own(chdb_engine: ChdbEngine) -> dict[str, int]:
    """The engine's functions, by name and by name in lower case where that works too, and whether each aggregates."""
    answer = asyncio.run(chdb_engine.run(Query("SELECT name, is_aggregate, case_insensitive FROM system.functions")))
    found: dict[str, int] = {}
    for name, aggregates, any_case in json.loads(answer.json_rows()):
        found[name] = aggregates
        if any_case:
            found.setdefault(name.lower(), aggregates)
    return found


def test_every_target_exists_and_is_what_the_table_says(engines_own: dict[str, int]) -> None:
    wrong = []
    for name in functions.names():
        function = functions.find(name)
        assert function is not None
        if not function.target:
            continue
        kind = engines_own.get(function.target, engines_own.get(function.target.lower()))
        wanted = function.aggregate or function.window_only
        if kind is None or (bool(kind) != wanted):
            wrong.append(f"{name} → {function.target}: {kind}")
    assert not wrong


@pytest.mark.parametrize("name", FORBIDDEN)
def test_cannot_be_called(name: str) -> None:
    assert functions.find(name) is None
    with pytest.raises(InvalidInput, match="Unsupported function call"):
        compile_query(f"select {name}('x')", CATALOG, CompileOptions())
    for suffix in ("If", "Merge", "State", "OrNull"):
        assert functions.find(name + suffix) is None


def test_every_function_has_an_example() -> None:
    called = {example[0].partition("(")[0] for example in EXAMPLES}
    assert sorted(set(functions.names()) - called) == []


def test_examples_answer_what_they_should(ask: Asker) -> None:
    compiled = [compile_query(f"select {call}", CATALOG, CompileOptions()) for call, *_ in EXAMPLES]

    async def answers() -> list[Answer | BaseException]:
        runs = (ask.engine.run(Query(made.sql, made.parameters)) for made in compiled)
        return await asyncio.gather(*runs, return_exceptions=True)

    wrong = []
    for (call, *expected), answer in zip(EXAMPLES, asyncio.run(answers()), strict=True):
        if isinstance(answer, BaseException):
            wrong.append(f"{call}: {answer}")
        elif expected and (value := json.loads(answer.json_rows())[0][0]) != json.loads(expected[0]):
            wrong.append(f"{call}: {value}")
    assert not wrong


@pytest.mark.parametrize(
    ("name", "target", "least", "most"),
    [
        ("sumIf", "sumIf", 2, 2),
        ("countIf", "countIf", 1, 2),
        ("uniqMerge", "uniqMerge", 1, 1),
        ("uniqState", "uniqState", 1, None),
        ("avgOrNullIf", "avgOrNullIf", 2, 2),
        ("quantileIf", "quantileIf", 2, 2),
        ("sumArray", "sumArray", 1, 1),
        ("argMaxIf", "argMaxIf", 3, 3),
        ("countDistinctIf", "uniqExactIf", 2, None),
    ],
)
def test_combinators(name: str, target: str, least: int, most: int | None) -> None:
    function = functions.find(name)
    assert function is not None
    assert function.aggregate
    assert (function.target, function.least, function.most) == (target, least, most)


@pytest.mark.parametrize("name", ["lowerIf", "sumIfIf", "sumMergeMergeMerge", "sumNope", "OrNullOrNull", ""])
def test_no_combinators(name: str) -> None:
    assert functions.find(name) is None


@pytest.mark.parametrize(("name", "found"), [("COUNT", "count"), ("Lower", "lower"), ("TODATE", "toDate")])
def test_case_does_not_matter(name: str, found: str) -> None:
    function = functions.find(name)
    assert function is not None
    assert function.name == found


@pytest.mark.parametrize(
    ("written", "meant"), [("cout", "count"), ("lowr", "lower"), ("toStartofDy", "toStartOfDay"), ("qzx", None)]
)
def test_near_names(written: str, meant: str | None) -> None:
    assert functions.near(written) == meant
