"""Our trees against the published parser's over a corpus; limits and errors of the parser itself."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from hedgerow.language.query.rebuilding import rebuild
from hedgerow.language.syntax import nodes, parser
from hedgerow.language.syntax.depth import MAX_LONG_CHAINS, MAX_NESTING, SHORT_CHAIN
from hedgerow.language.syntax.errors import SyntaxFault
from hedgerow.language.syntax.format import format_tree
from tests.language.syntax import strategies
from tests.language.syntax.corpus import CORPUS, DIFFERENT, PARSE
from tests.language.syntax.wire import reduced, wire
from tests.oracles.hogql import Oracle
from tests.support.require import missing

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")


def _ours(kind: str, text: str) -> object:
    try:
        return wire(PARSE[kind](text))
    except SyntaxFault:
        return None


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    if find_spec("hogql_parser") is None:
        missing("published parser", "hogql-parser is not installed")
    asked = Oracle()
    yield asked
    asked.close()


def test_corpus_is_large_enough() -> None:
    assert len(CORPUS) >= 400


@pytest.mark.parametrize(("kind", "text"), CORPUS, ids=[f"{kind}-{i}" for i, (kind, _) in enumerate(CORPUS)])
def test_tree_equals_the_published_one(oracle: Oracle, kind: str, text: str) -> None:
    published = oracle.tree(kind, text)
    agrees = _ours(kind, text) == (None if published is None else reduced(published))
    assert agrees != ((kind, text) in DIFFERENT), text


_AGAINST_ORACLE = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
_LONGEST = 300  # the oracle is slow, and slower still where calls nest


@_AGAINST_ORACLE
@given(strategies.exprs())
def test_any_expression_reads_as_the_oracle_reads_it(oracle: Oracle, tree: nodes.Expr) -> None:
    _compare(oracle, "expr", f"({format_tree(tree)})")


@_AGAINST_ORACLE
@given(strategies.queries(0))
def test_any_query_reads_as_the_oracle_reads_it(oracle: Oracle, tree: nodes.Expr) -> None:
    _compare(oracle, "select", format_tree(tree))


@_AGAINST_ORACLE
@given(strategies.programs())
def test_any_program_reads_as_the_oracle_reads_it(oracle: Oracle, tree: nodes.Program) -> None:
    _compare(oracle, "program", format_tree(tree))


def _compare(oracle: Oracle, kind: str, text: str) -> None:
    assume(len(text) <= _LONGEST)
    published = oracle.tree(kind, text)
    assert published is not None, text
    assert wire(PARSE[kind](text)) == reduced(published), text


@pytest.mark.parametrize(
    "text",
    ["(" * 10_000, "(" * 10_000 + "1" + ")" * 10_000, "f(" * 10_000, "[" * 10_000, "{" * 10_000, "not " * 10_000,
     "- " * 10_000 + "a", "case when " * 10_000, "a ? " * 10_000, "x -> " * 10_000, "(select " * 10_000, "<a>" * 5_000,
     "a" + "[1]" * 10_000, "a" + "::int" * 10_000, "interval " * 10_000, "1" + " + 1" * 10_000, "f'{" * 3_000],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_deep_text_is_refused_quickly(text: str) -> None:
    began = time.process_time()
    with pytest.raises(SyntaxFault):
        parser.parse_expr(text)
    assert time.process_time() - began < 5, "far beyond linear"


_UNCLOSED = [
    "select 1 from " + "(" * 20_000,
    "(with (a) as b, " * 5_000,
    "with 1 as a, (((" * 5_000,
    "not (select " * 5_000,
    "<a x={" * 5_000,
    "f(x -> {a;}, " * 5_000,
    "{a;" * 10_000,
    "cast(a as array(" * 5_000,
    "trim(both 'a' from " * 5_000,
    "'" + "''" * 50_000,
    "/*" * 50_000,
    "<a" + " b" * 50_000,
]


@pytest.mark.parametrize("text", _UNCLOSED, ids=[f"{text[:12]}-{len(text)}" for text in _UNCLOSED])
def test_unclosed_text_is_refused_quickly_whatever_is_read(text: str) -> None:
    for parse in PARSE.values():
        began = time.process_time()
        with suppress(SyntaxFault):
            parse(text)
        assert time.process_time() - began < 5, "far beyond linear"


def test_the_deepest_tree_is_walked_in_a_thread() -> None:
    deep = "a"
    for _ in range(MAX_NESTING - 2):
        deep = f"f({deep}" + " + 1" * (SHORT_CHAIN - 1) + ")"
    chain = " + ".join("a" for _ in range(MAX_LONG_CHAINS - 100))
    done: list[bool] = []

    def use() -> None:
        for text in (deep, chain, f"{deep} + {chain}"):
            tree = parser.parse_expr(text)
            done.append(
                format_tree(rebuild(tree, lambda _node: None)) == format_tree(parser.parse_expr(format_tree(tree)))
            )

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert done == [True, True, True]


_ODD = [
    *[
        "\0",
        "a\0b",
        "\ud800",
        "'\ud800'",
        "`\ud800`",
        "'a",
        '"a',
        "`a",
        "f'a",
        "f'{a",
        "/* a",
        "<a",
        "<a b",
        "<a>",
        "\\",
    ],
    *["'\\q'", "'\\x4'", "0x", "0b2", "0o7", "1e", "1e999999", "9" * 500, "1" * 10_000, "1e-99999", ".e1", "1..2"],
    *["\u00e9", "\u202ea", "a\u0301", "\ufeffselect", "#", "$", "@", "a@b", "&&", "a !b", "{", "}", "{{", "}}", ")"],
    *["]", "*/", "--", ""],
]


@pytest.mark.parametrize("text", _ODD, ids=lambda text: ascii(text[:20]))
@pytest.mark.parametrize("kind", sorted(PARSE))
def test_odd_text_is_parsed_or_refused(kind: str, text: str) -> None:
    fault, tree = None, None
    try:
        tree = PARSE[kind](text)
    except SyntaxFault as caught:
        fault = caught
    if tree is not None:
        format_tree(tree)
        return
    assert fault is not None
    assert 0 <= fault.start <= fault.end <= len(text)
    assert fault.line >= 1
    assert fault.column >= 1


@pytest.mark.parametrize("joiner", [" AND ", " OR ", " || "])
def test_long_flat_chains_are_flat(joiner: str) -> None:
    tree = parser.parse_expr(joiner.join(f"a{i}" for i in range(5_000)))
    assert isinstance(tree, nodes.And | nodes.Or | nodes.Call)


def test_two_hundred_nested_calls_parse() -> None:
    assert isinstance(parser.parse_expr("f(" * 200 + "x" + ")" * 200), nodes.Call)


@pytest.mark.parametrize(
    ("text", "line", "column", "expected"),
    [
        ("select 1 +", 1, 11, "Expected an expression, found the end of the text"),
        ("select a\nfrom t\nwhere )", 3, 7, "Expected an expression, found ')'"),
        ("select 'a", 1, 8, "A quote is not closed"),
        ("select a from t limit 1 2", 1, 25, "Expected the end, found '2'"),
        ("select a from t left join u", 1, 28, "Expected ON or USING"),
        ("select a from t group a", 1, 23, "Expected BY, found 'a'"),
        ("select cast(a as )", 1, 18, "Expected a type"),
    ],
)
def test_errors_say_where_and_what(text: str, line: int, column: int, expected: str) -> None:
    with pytest.raises(SyntaxFault) as caught:
        parser.parse_select(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert caught.value.detail.startswith(expected)
    assert f"(line {line}, column {column})" in caught.value.detail


def test_spans_point_into_the_text() -> None:
    text = "select  a.b ,  count( c )  from t"
    tree = parser.parse_select(text)
    assert isinstance(tree, nodes.SelectQuery)
    spans = [expr.span for expr in tree.select]
    assert [text[span[0] : span[1]] for span in spans if span] == ["a.b", "count( c )"]


_PIECES = st.sampled_from(
    "select from where group by order limit a b t 1 2.5 'x' ( ) [ ] { } , . + - * / % = < > <= ?? || ? : :: -> := ; "
    "and or not in like is null case when then else end as join on using union all with f( f' ' ` \" <a /> </ "
    "interval day cast( over( distinct \\ \n -- /* */ # $ \0 é 🦔 let return if fn try catch".split(" ")
)


@settings(max_examples=400, deadline=None)
@given(st.lists(_PIECES, max_size=40), st.sampled_from(sorted(PARSE)))
def test_nothing_but_a_syntax_fault_is_ever_raised(pieces: list[str], kind: str) -> None:
    _ours(kind, " ".join(pieces))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200), st.sampled_from(sorted(PARSE)))
def test_any_text_is_parsed_or_refused(text: str, kind: str) -> None:
    _ours(kind, text)
