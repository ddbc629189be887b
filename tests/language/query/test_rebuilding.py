"""Trees are rebuilt: some nodes replaced, and nothing of the first tree is in its copy."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from hedgerow.language.query.rebuilding import rebuild
from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.format import format_tree
from hedgerow.language.syntax.parser import parse_select
from hedgerow.language.syntax.visitor import walk
from tests.language.syntax import strategies

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

QUERY = "with x as (select 1) select a, f(b) as c from t join u on t.a = u.a where d in (select e from v) limit {n}"


def _containers(node: nodes.Node) -> set[int]:
    """The identities of all nodes and lists in a tree."""
    found: set[int] = set()

    def collect(value: Any) -> None:
        if isinstance(value, nodes.Node):
            found.add(id(value))
            for name in value.__dataclass_fields__:
                collect(getattr(value, name) if name != "span" else None)
        elif isinstance(value, list | dict):
            found.add(id(value))
            for item in value.values() if isinstance(value, dict) else value:
                collect(item)
        elif isinstance(value, tuple):
            for item in value:
                collect(item)

    collect(node)
    return found


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(strategies.exprs() | strategies.queries() | strategies.programs())
def test_a_copy_is_equal_and_shares_nothing(tree: nodes.Node) -> None:
    copy = rebuild(tree, lambda _node: None)
    assert repr(copy) == repr(tree)
    assert not _containers(tree) & _containers(copy)


def test_a_copy_keeps_places_in_the_text() -> None:
    tree = parse_select(QUERY)
    assert [node.span for node in walk(rebuild(tree, lambda _node: None))] == [node.span for node in walk(tree)]


def test_nodes_are_replaced_wherever_they_stand() -> None:
    def wrapped(node: nodes.Node) -> nodes.Node | None:
        return nodes.Call("wrapped", [nodes.Field(list(node.chain))]) if isinstance(node, nodes.Field) else None

    tree = parse_select("with x as (select a) select b, {'k': c} from (select d) as t order by e desc")
    made = format_tree(rebuild(tree, wrapped))
    expected = "wrapped(a) wrapped(b) wrapped(c) wrapped(d) wrapped(e)".split()
    assert [part for part in expected if part in made] == expected
    assert "wrapped" not in format_tree(tree)
