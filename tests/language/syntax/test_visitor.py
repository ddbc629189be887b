"""Trees are walked and dispatched on."""

import pytest

from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.parser import parse_expr, parse_program, parse_select
from hedgerow.language.syntax.visitor import Dispatcher, children, walk

QUERY = "with x as (select 1) select a, f(b) as c from t join u on t.a = u.a where d in (select e from v) limit {n}"


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


def test_a_class_without_a_method_uses_its_bases() -> None:
    class Special(nodes.Field):
        """A field of a pass."""

    class Named(Dispatcher[str]):
        def visit_field(self, node: nodes.Field) -> str:
            return f"field {node.chain[0]}"

    assert Named().visit(Special(["a"])) == "field a"
    with pytest.raises(NotImplementedError, match="Named does not know Constant"):
        Named().visit(nodes.Constant(1))
