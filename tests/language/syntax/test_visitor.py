"""Trees are walked, dispatched on and copied; nothing of the first tree is in its copy."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.format import format_tree
from hedgerow.language.syntax.parser import parse_expr, parse_program, parse_select
from hedgerow.language.syntax.visitor import CloningTransformer, Dispatcher, Visitor, children, cloned, walk
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
    copy = cloned(tree)
    assert repr(copy) == repr(tree)
    assert not _containers(tree) & _containers(copy)


def test_a_copy_keeps_places_in_the_text() -> None:
    tree = parse_select(QUERY)
    assert [node.span for node in walk(cloned(tree))] == [node.span for node in walk(tree)]


def test_walking_sees_all_parents_first() -> None:
    names = [node.chain[-1] for node in walk(parse_select(QUERY)) if isinstance(node, nodes.Field)]
    assert sorted(map(str, names)) == ["a", "a", "a", "b", "d", "e", "n", "t", "u", "v"]
    seen: set[int] = set()
    for node in walk(parse_select(QUERY)):
        assert not seen & {id(child) for child in children(node)}
        seen.add(id(node))


def test_children_are_found_in_dictionaries_pairs_and_catches() -> None:
    assert len(children(parse_expr("{'a': b, 'c': d}"))) == 4
    (tried,) = children(parse_program("try { a } catch (e) { b } finally { c }"))
    assert [type(child) for child in children(tried)] == [nodes.Block] * 3


class _Names(Visitor):
    def __init__(self) -> None:
        self.found: list[str] = []

    def visit_field(self, node: nodes.Field) -> None:
        self.found.append(str(node.chain[0]))

    def visit_call(self, node: nodes.Call) -> None:
        self.found.append(f"{node.name}()")
        self.visit_children(node)


def test_a_visitor_goes_below_what_it_does_not_know() -> None:
    names = _Names()
    names.visit(parse_expr("f(a, [b, g(c)]) + d.e"))
    assert names.found == ["f()", "a", "b", "g()", "c", "d"]


class _Renamed(CloningTransformer):
    def visit_field(self, node: nodes.Field) -> nodes.Node:
        return nodes.Call("wrapped", [self.rebuilt(node)])


def test_a_transformer_replaces_nodes_wherever_they_stand() -> None:
    tree = parse_select("with x as (select a) select b, {'k': c} from (select d) as t order by e desc")
    made = format_tree(_Renamed().visit(tree))
    expected = "wrapped(a) wrapped(b) wrapped(c) wrapped(d) wrapped(e)".split()
    assert [part for part in expected if part in made] == expected
    assert "wrapped" not in format_tree(tree)


def test_a_class_without_a_method_uses_its_bases() -> None:
    class Special(nodes.Field):
        """A field of a pass."""

    class Named(Dispatcher[str]):
        def visit_field(self, node: nodes.Field) -> str:
            return f"field {node.chain[0]}"

    assert Named().visit(Special(["a"])) == "field a"
    with pytest.raises(NotImplementedError, match="Named does not know Constant"):
        Named().visit(nodes.Constant(1))
