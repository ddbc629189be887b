"""Tables that grow with the one they are made of: what is filled of the rows beyond those that are in already.

It can be done where a table is made of one table's rows alone, each by itself: then the rows that are added there are
added here, as rows or as further states, which are merged at read as all states are.
"""

import re
from dataclasses import dataclass

from hedgerow.language.query.catalog import PhysicalTable
from hedgerow.language.query.materializing.cores import clauses
from hedgerow.language.query.materializing.shapes import conjunction, sub_queries
from hedgerow.language.query.rebuilding import rebuild
from hedgerow.language.query.resolved import ColumnRef, TableRef, VariableValue
from hedgerow.language.query.types import bare
from hedgerow.language.syntax import nodes

AFTER = "%after"
"""The variable of our own that says where the rows that are in already end."""
_PLAIN = re.compile(r"U?Int(8|16|32)\Z|Int64\Z|Date\Z|Date32\Z|DateTime(\('[^']*'\))?\Z")
_FINE = re.compile(r"DateTime64\([0-6](, ?'[^']*')?\)\Z")
_BEGINNING = -(2**63)


@dataclass(frozen=True, slots=True)
class Growth:
    """`fill`: the rows after `AFTER`; `probe`: how many rows there are, how many have the column, its last value, and
    how many are not after `AFTER`, with a sum over their values. All values are whole numbers."""

    table: str
    fill: nodes.SelectQuery
    probe: nodes.SelectQuery


def growth(fill: nodes.SelectQuery, column: str) -> Growth | None:
    """How the table that `fill` makes can grow by a column of the only table it reads; `None` where it cannot."""
    source = fill.select_from
    if source is None or not isinstance(source.table, TableRef) or source.next_join or source.sample or fill.ctes:
        return None
    table = source.table.table
    if not isinstance(table.backing, PhysicalTable) or next(sub_queries(clauses(fill)), None) is not None:
        return None
    found = next((one for one in table.columns if one.name == column), None)
    if found is None:
        return None
    order = _order(ColumnRef(source.alias or table.name, found.physical or found.name, found.type))
    if order is None:
        return None
    later = nodes.CompareOperation(">", order, VariableValue(_BEGINNING, variable=AFTER))
    more: nodes.SelectQuery = rebuild(fill, lambda _node: None)
    more.where = conjunction([*([more.where] if more.where is not None else []), later])
    return Growth(table.name, more, _probe(source, order))


def _order(column: ColumnRef) -> nodes.Expr | None:
    """The column as a whole number that grows as it does."""
    plain = bare(column.type)
    if _PLAIN.match(plain):
        return nodes.Call("toInt64", [column])
    if plain == "UInt64":
        return nodes.Call("toInt128", [column])
    if _FINE.match(plain):
        return nodes.Call("toUnixTimestamp64Micro", [nodes.Call("toDateTime64", [column, nodes.Constant(6)])])
    return None


def _probe(source: nodes.JoinExpr, order: nodes.Expr) -> nodes.SelectQuery:
    earlier = nodes.CompareOperation("<=", order, VariableValue(_BEGINNING, variable=AFTER))
    hashed = nodes.Call("cityHash64", [order])
    asked: dict[str, nodes.Expr] = {
        "every": nodes.Call("count", []),
        "counted": nodes.Call("count", [order]),
        "last": nodes.Call("toString", [nodes.Call("max", [order])]),
        "sum": nodes.Call("toString", [nodes.Call("sum", [hashed])]),
        "earlier": nodes.Call("countIf", [earlier]),
        "earlier_sum": nodes.Call("toString", [nodes.Call("sumIf", [hashed, earlier])]),
    }
    made = nodes.SelectQuery([nodes.Alias(name, expr) for name, expr in asked.items()], select_from=source)
    copy: nodes.SelectQuery = rebuild(made, lambda _node: None)
    return copy
