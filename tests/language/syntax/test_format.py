"""What is formatted parses to the tree it came from, by our parser and by the published one."""

import pytest
from hypothesis import HealthCheck, given, settings

from hedgerow.language.syntax import nodes, parser
from hedgerow.language.syntax.errors import SyntaxFault
from hedgerow.language.syntax.format import format_tree
from tests.language.syntax import strategies
from tests.language.syntax.corpus import CORPUS, PARSE

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

_PROPERTY = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.mark.parametrize(("kind", "text"), CORPUS, ids=[f"{kind}-{i}" for i, (kind, _) in enumerate(CORPUS)])
def test_formatted_text_parses_to_the_same_tree(kind: str, text: str) -> None:
    try:
        tree = PARSE[kind](text)
    except SyntaxFault:
        return
    formatted = format_tree(tree)
    if kind in {"expr", "template"}:
        formatted = f"({formatted})" if isinstance(tree, nodes.SelectQuery | nodes.SelectSetQuery) else formatted
        kind = "expr"
    assert repr(PARSE[kind](formatted)) == repr(tree), formatted


@_PROPERTY
@given(strategies.exprs())
def test_any_expression_survives(tree: nodes.Expr) -> None:
    text = f"({format_tree(tree)})"
    assert repr(parser.parse_expr(text)) == repr(tree), text


@_PROPERTY
@given(strategies.queries())
def test_any_query_survives(tree: nodes.Expr) -> None:
    text = format_tree(tree)
    assert repr(parser.parse_select(text)) == repr(tree), text


@_PROPERTY
@given(strategies.programs())
def test_any_program_survives(tree: nodes.Program) -> None:
    text = format_tree(tree)
    assert repr(parser.parse_program(text)) == repr(tree), text
